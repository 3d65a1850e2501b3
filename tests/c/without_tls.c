/* A library that was built without TLS says so, and speaks ws:// as ever. */
#include "check.h"

static int opened;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    wsrs_tls tls = {77};
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    uint16_t port;
    callbacks.on_open = on_open;
    context = check_context(&callbacks);
    CHECK_IS(wsrs_tls_new(NULL, &tls), WSRS_ERR_UNSUPPORTED);
    CHECK(tls.id == 77 && strcmp(wsrs_last_error(), "this build has no TLS") == 0);
    CHECK_IS(wsrs_context_connect(context, "wss://localhost:1/", NULL, NULL), WSRS_ERR_UNSUPPORTED);
    port = check_listen(context, NULL);
    conn = check_connect(context, port, NULL);
    POLL_UNTIL(context, opened, 2);
    CHECK_IS(wsrs_conn_tls(conn, &info), WSRS_ERR_NOT_FOUND);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
