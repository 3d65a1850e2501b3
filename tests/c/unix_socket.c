/* Unix sockets in both roles: permissions as asked, a file that is gone after, errors that name the cause. */
#include "check.h"
#include <sys/stat.h>

static int opened, received, failed;
static wsrs_result failure;

static void on_open(wsrs_conn conn, void *user_data)
{
    opened++;
    if (user_data != NULL)
        CHECK_OK(wsrs_conn_send_text(conn, "through a file"));
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    const char *path;
    size_t len;
    CHECK(message->len == 14);
    CHECK_OK(wsrs_conn_path(conn, &path, &len));
    CHECK(len == 5 && memcmp(path, "/room", 5) == 0);
    received++;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    failure = error->result;
    failed++;
}

int main(void)
{
    char folder[] = "/tmp/wsrs-test-XXXXXX";
    char address[64], expected[64], url[64];
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_listen_options listen_options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_listener listener, second;
    wsrs_context context;
    struct stat status;
    size_t len;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_error = on_error;
    options.callbacks = &callbacks;
    options.user_data = &opened;
    listen_options.unix_mode = 0600;
    listen_options.keep_request = 1;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(expected, sizeof expected, "unix:%s/socket", folder);
    snprintf(url, sizeof url, "ws+unix:%s/socket:/room", folder);

    context = check_context(&callbacks);
    CHECK_OK(wsrs_context_listen(context, expected, &listen_options, &listener));
    CHECK_OK(wsrs_listener_address(listener, address, sizeof address, &len));
    CHECK(strcmp(address, expected) == 0 && len == strlen(expected));
    CHECK(stat(expected + 5, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK_IS(wsrs_context_listen(context, expected, NULL, &second), WSRS_ERR_IN_USE);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    POLL_UNTIL(context, received, 1);
    CHECK(opened == 2 && failed == 0);

    CHECK_OK(wsrs_listener_close(listener));
    check_poll_for(context, 10);
    CHECK(stat(expected + 5, &status) != 0);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    POLL_UNTIL(context, failed, 1);
    CHECK(failure < 0);
    CHECK_OK(wsrs_context_free(context));
    rmdir(folder);
    return 0;
}
