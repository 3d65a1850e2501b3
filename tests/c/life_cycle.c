/* Contexts come and go: values that never dangle, a free that closes what is open, a second free that does nothing. */
#include "check.h"

static int opened, closed, failed;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    CHECK(close->size >= sizeof *close);
    closed++;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data) { failed++; }

static void versions_agree(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", WSRS_VERSION_MAJOR, WSRS_VERSION_MINOR, WSRS_VERSION_PATCH);
    CHECK(wsrs_version() == WSRS_VERSION);
    CHECK(strcmp(wsrs_version_text(), text) == 0);
}

static void free_closes_what_is_open(const wsrs_callbacks *callbacks)
{
    wsrs_context context = check_context(callbacks);
    uint16_t port = check_listen(context, NULL);
    wsrs_conn conns[3];
    int i;
    for (i = 0; i < 3; i++)
        conns[i] = check_connect(context, port, callbacks);
    POLL_UNTIL(context, opened, 6); /* both ends of each */
    CHECK_OK(wsrs_context_free(context));
    CHECK(closed == 6 && failed == 0);
    for (i = 0; i < 3; i++) {
        CHECK_IS(wsrs_conn_send_text(conns[i], "x"), WSRS_ERR_CLOSED);
        CHECK(wsrs_conn_state(conns[i]) == WSRS_STATE_CLOSED);
    }
    CHECK_OK(wsrs_context_free(context));
    CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_CLOSED);
    CHECK(closed == 6);
}

static void free_ends_attempts(const wsrs_callbacks *callbacks)
{
    wsrs_context context = check_context(callbacks);
    uint16_t port = check_listen(context, NULL);
    check_connect(context, port, callbacks);
    opened = closed = failed = 0;
    CHECK_OK(wsrs_context_free(context)); /* the loop never turned */
    CHECK(opened == 0 && closed == 0 && failed <= 1);
}

static void ids_are_never_used_again(void)
{
    wsrs_callbacks none = WSRS_CALLBACKS_INIT;
    uint64_t seen[200];
    int i, j;
    for (i = 0; i < 200; i++) {
        wsrs_context context = check_context(&none);
        seen[i] = context.id;
        for (j = 0; j < i; j++)
            CHECK(seen[j] != context.id);
        CHECK_OK(wsrs_context_free(context));
    }
}

static void many_contexts(const wsrs_callbacks *callbacks)
{
    wsrs_context servers[8], clients[8];
    int i;
    opened = closed = failed = 0;
    for (i = 0; i < 8; i++) {
        servers[i] = check_context(callbacks);
        clients[i] = check_context(callbacks);
        check_connect(clients[i], check_listen(servers[i], NULL), callbacks);
    }
    while (opened < 16)
        for (i = 0; i < 8; i++) {
            CHECK_OK(wsrs_context_poll(servers[i], 1));
            CHECK_OK(wsrs_context_poll(clients[i], 1));
        }
    for (i = 0; i < 8; i++) {
        CHECK_OK(wsrs_context_free(clients[i]));
        CHECK_OK(wsrs_context_free(servers[i]));
    }
    CHECK(closed == 16);
}

/* A stop before the loop runs is not lost, and the context may run again after. */
static void run_twice(const wsrs_callbacks *callbacks)
{
    wsrs_context context = check_context(callbacks);
    CHECK_OK(wsrs_context_stop(context));
    CHECK_OK(wsrs_context_run(context));
    CHECK_OK(wsrs_context_stop(context));
    CHECK_OK(wsrs_context_run(context));
    CHECK_OK(wsrs_context_free(context));
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    versions_agree();
    free_closes_what_is_open(&callbacks);
    free_ends_attempts(&callbacks);
    ids_are_never_used_again();
    many_contexts(&callbacks);
    run_twice(&callbacks);
    return 0;
}
