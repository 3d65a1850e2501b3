/* Where a client connects from is what the server sees; how long each part took can be asked from on_open on and in
 * on_error; a user name in the address becomes an Authorization header. */
#include "check.h"

static int opened, failed, asked;
static char source[WSRS_ADDRESS_MAX];

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    const char *value;
    size_t len;
    wsrs_timings timings = WSRS_TIMINGS_INIT;
    CHECK_OK(wsrs_conn_peer_address(conn, source, sizeof source, NULL));
    CHECK_OK(wsrs_conn_header(conn, "Authorization", &value, &len));
    CHECK(len == 34 && memcmp(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", len) == 0);
    CHECK_IS(wsrs_conn_timings(conn, &timings), WSRS_ERR_NOT_FOUND);
    CHECK(timings.total == 0);
    asked++;
}

static void on_open(wsrs_conn conn, void *user_data)
{
    wsrs_timings timings = WSRS_TIMINGS_INIT;
    CHECK_OK(wsrs_conn_timings(conn, &timings));
    CHECK(timings.connect > 0 && timings.upgrade > 0 && timings.proxy == 0 && timings.tls == 0);
    CHECK(timings.total >= timings.resolve + timings.connect + timings.upgrade && timings.total < 20000000);
    opened++;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    wsrs_timings timings = WSRS_TIMINGS_INIT;
    CHECK(error->stage == WSRS_STAGE_CONNECT && strstr(error->text, "secret") == NULL);
    CHECK_OK(wsrs_conn_timings(conn, &timings));
    CHECK(timings.connect > 0 && timings.upgrade == 0 && timings.total >= timings.connect);
    failed++;
}

/* A server's side is no client's. */
static void on_open_server(wsrs_conn conn, void *user_data) { opened++; }

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_socket_options sockets = WSRS_SOCKET_OPTIONS_INIT;
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_context context;
    wsrs_listener gone;
    uint16_t port;
    char url[64];
    server.on_request = on_request;
    server.on_open = on_open_server;
    client.on_open = on_open;
    client.on_error = on_error;
    sockets.keepalive_ms = 30000;
    sockets.user_timeout_ms = 30000;
    sockets.send_buffer = sockets.receive_buffer = 65536;
    sockets.dscp = 46;
    listen.socket = options.socket = &sockets;
    options.callbacks = &client;
    options.source = "127.0.0.9";
    options.interface = "lo";
    context = check_context(&server);
    snprintf(url, sizeof url, "ws://Aladdin:open%%20sesame@127.0.0.1:%u/", (unsigned)check_listen(context, &listen));
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    POLL_UNTIL(context, opened, 2);
    CHECK(asked == 1 && strncmp(source, "127.0.0.9:", 10) == 0);

    /* A port that was just given back. */
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", NULL, &gone));
    CHECK_OK(wsrs_listener_port(gone, &port));
    CHECK_OK(wsrs_listener_close(gone));
    snprintf(url, sizeof url, "ws://user:secret@127.0.0.1:%u/", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    POLL_UNTIL(context, failed, 1);

    /* What can be known before is said by the call, and no callback comes. */
    options.interface = "nowhere0";
    CHECK_IS(wsrs_context_connect(context, url, &options, NULL), WSRS_ERR_ADDRESS);
    CHECK(strstr(wsrs_last_error(), "interface \"nowhere0\": No such device") != NULL);
    options.source = "here";
    CHECK_IS(wsrs_context_connect(context, url, &options, NULL), WSRS_ERR_ADDRESS);
    CHECK(strstr(wsrs_last_error(), "source \"here\": not an IP address, with or without a port") != NULL);
    CHECK_IS(wsrs_context_connect(context, "ws://user:secret@127.0.0.1:0/", NULL, NULL), WSRS_ERR_URL);
    CHECK(strstr(wsrs_last_error(), "ws://***@127.0.0.1:0/") != NULL && strstr(wsrs_last_error(), "secret") == NULL);
    check_poll_for(context, 20);
    CHECK(failed == 1);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
