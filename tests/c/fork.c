/* A child of fork gets an error for what its parent opened, and touches nothing of it; its own context works. */
#include "check.h"
#include <sys/wait.h>

static int opened, received;
static wsrs_conn server_conn;

static void on_open(wsrs_conn conn, void *user_data)
{
    if (user_data == NULL)
        server_conn = conn;
    opened++;
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data) { received++; }

static void child(wsrs_context context, wsrs_conn conn)
{
    wsrs_context own;
    CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_FORKED);
    CHECK_IS(wsrs_context_run(context), WSRS_ERR_FORKED);
    CHECK_IS(wsrs_conn_send_text(conn, "from the child"), WSRS_ERR_FORKED);
    CHECK_IS(wsrs_conn_close(conn, 1000, NULL, 0), WSRS_ERR_FORKED);
    CHECK_IS(wsrs_context_stop(context), WSRS_ERR_FORKED);
    CHECK_IS(wsrs_context_free(context), WSRS_ERR_FORKED);
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &own));
    CHECK_OK(wsrs_context_poll(own, 0));
    CHECK_OK(wsrs_context_free(own));
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    pid_t pid;
    int status;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    context = check_context(&callbacks);
    conn = check_connect_path(context, check_listen(context, NULL), "/", &callbacks, &opened);
    POLL_UNTIL(context, opened, 2);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child(context, conn);
        check_leave();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(wsrs_conn_send_text(conn, "from the parent"));
    CHECK_OK(wsrs_conn_send_text(server_conn, "and back"));
    POLL_UNTIL(context, received, 2);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
