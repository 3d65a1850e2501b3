/* A library that was built without TLS (WSRS_TLS=none): every call that needs it says so, and ws:// works beside it. */
#include "check.h"

static int opened, failed;

static void on_open(wsrs_conn conn, void *user_data)
{
    opened++;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    failed++;
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_tls_options tls_options = WSRS_TLS_OPTIONS_INIT;
    wsrs_listen_options listen_options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    wsrs_tls tls = {77};
    wsrs_conn conn = {77};
    wsrs_listener listener;
    wsrs_context context;
    callbacks.on_open = on_open;
    callbacks.on_error = on_error;
    context = check_context(&callbacks);

    CHECK_IS(wsrs_tls_new(&tls_options, &tls), WSRS_ERR_UNSUPPORTED);
    CHECK_IS(wsrs_tls_new(NULL, &tls), WSRS_ERR_UNSUPPORTED);
    CHECK(tls.id == 77);
    CHECK_IS(wsrs_context_connect(context, "wss://127.0.0.1:1/", NULL, &conn), WSRS_ERR_UNSUPPORTED);
    CHECK(conn.id == 77);
    listen_options.tls = tls;
    CHECK(wsrs_context_listen(context, "127.0.0.1:0", &listen_options, &listener) != WSRS_OK);

    conn = check_connect(context, check_listen(context, NULL), NULL);
    POLL_UNTIL(context, opened, 2);
    CHECK_IS(wsrs_conn_tls(conn, &info), WSRS_ERR_NOT_FOUND);
    CHECK(failed == 0);
    wsrs_context_free(context);
    return 0;
}
