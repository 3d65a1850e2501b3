/* Requests: what a server reads of them, and accepts or refuses; what a client learns of a refusal. */
#include "check.h"

static int opened, refused, requests, vanished, answered, closed;

static int is(const char *data, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(data, expected, len) == 0;
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    static const wsrs_header why = {"X-Why", WSRS_NUL_TERMINATED, "closed", 6};
    static const wsrs_header hello = {"X-Hello", 7, "client", WSRS_NUL_TERMINATED};
    const char *value;
    size_t len;
    char peer[64];
    wsrs_result result;
    CHECK(request->size >= sizeof *request);
    CHECK(is(request->method, request->method_len, "GET"));
    CHECK(request->header_count > 0);
    requests++;
    if (!request->upgrade)
        return; /* unanswered: 426 */
    CHECK_OK(wsrs_conn_peer_address(conn, peer, sizeof peer, &len));
    CHECK(strncmp(peer, "127.0.0.1:", 10) == 0 && strlen(peer) == len);
    if (is(request->path, request->path_len, "/refused")) {
        CHECK_OK(wsrs_conn_respond(conn, 403, &why, 1, "not today", 9));
        /* Answered once; the connection may be gone already. */
        result = wsrs_conn_accept(conn, NULL, NULL, 0);
        CHECK(result == WSRS_ERR_STATE || result == WSRS_ERR_CLOSED);
        result = wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0);
        CHECK(result == WSRS_ERR_STATE || result == WSRS_ERR_CLOSED);
        return;
    }
    CHECK(is(request->path, request->path_len, "/room/1") && is(request->query, request->query_len, "a=b&c=d"));
    CHECK_OK(wsrs_conn_header(conn, "x-token", &value, &len)); /* names have no case */
    CHECK(is(value, len, "secret"));
    CHECK_IS(wsrs_conn_header(conn, "X-Other", &value, &len), WSRS_ERR_NOT_FOUND);
    CHECK_OK(wsrs_conn_accept(conn, "b", &hello, 1));
    CHECK_IS(wsrs_conn_accept(conn, "b", &hello, 1), WSRS_ERR_STATE);
    CHECK_IS(wsrs_conn_defer(conn), WSRS_ERR_STATE);
}

static void server_open(wsrs_conn conn, void *user_data)
{
    const char *data;
    size_t len, index = 0;
    wsrs_header header;
    CHECK_OK(wsrs_conn_path(conn, &data, &len));
    CHECK(is(data, len, "/room/1"));
    CHECK_OK(wsrs_conn_query(conn, &data, &len));
    CHECK(is(data, len, "a=b&c=d"));
    CHECK_OK(wsrs_conn_subprotocol(conn, &data, &len));
    CHECK(is(data, len, "b"));
    while (wsrs_conn_header_at(conn, index, &header) == WSRS_OK) {
        CHECK(header.name_len > 0 && header.name != NULL);
        index++;
    }
    CHECK(index >= 6);
    CHECK_IS(wsrs_conn_header_at(conn, index, &header), WSRS_ERR_NOT_FOUND);
    opened++;
}

static void client_open(wsrs_conn conn, void *user_data)
{
    const char *data;
    size_t len;
    CHECK_OK(wsrs_conn_subprotocol(conn, &data, &len));
    CHECK(is(data, len, "b"));
    CHECK_OK(wsrs_conn_header(conn, "X-Hello", &data, &len));
    CHECK(is(data, len, "client"));
    opened++;
}

static void client_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    size_t i;
    int found = 0;
    CHECK_IS(error->result, WSRS_ERR_REJECTED);
    CHECK(error->size >= sizeof *error && error->status == 403 && error->stage == WSRS_STAGE_HANDSHAKE);
    CHECK(error->body_len == 9 && memcmp(error->body, "not today", 9) == 0);
    for (i = 0; i < error->header_count; i++)
        found += is(error->headers[i].name, error->headers[i].name_len, "X-Why")
            && is(error->headers[i].value, error->headers[i].value_len, "closed");
    CHECK(found == 1);
    CHECK(strstr(error->text, "403") != NULL);
    refused++;
}

/* Also for what never opened: a request that was answered with a status ends in code 0. */
static void server_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    CHECK(close->size >= sizeof *close && close->reason_len == 0);
    answered += close->code == 0 && close->by == WSRS_BY_LOCAL;
    closed++;
}

static void server_error(wsrs_conn conn, const wsrs_error *error, void *user_data) { vanished++; }

static char page[4 << 20];

static void serve_page(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    CHECK(!request->upgrade);
    CHECK_OK(wsrs_conn_respond(conn, 200, NULL, 0, page, sizeof page));
}

/* A long answer reaches a slow reader whole, also where the deadline for closing is off. */
static void long_answer(wsrs_context context)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static char answer[sizeof page + 4096];
    wsrs_callbacks server = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    size_t len;
    int fd;
    memset(page, 'x', sizeof page);
    server.on_request = serve_page;
    limits.close_timeout_ms = WSRS_OFF;
    options.callbacks = &server;
    options.limits = &limits;
    fd = raw_connect(check_listen(context, &options));
    raw_write(fd, get, sizeof get - 1);
    check_poll_for(context, 50);
    len = raw_answer(context, fd, NULL, answer, sizeof answer);
    CHECK(len > sizeof page && strncmp(answer, "HTTP/1.1 200 ", 13) == 0);
    close(fd);
}

int main(void)
{
    static const wsrs_header token = {"X-Token", WSRS_NUL_TERMINATED, "secret", WSRS_NUL_TERMINATED};
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_context context;
    char url[64], answer[2048];
    uint16_t port;
    int fd;
    server.on_request = on_request;
    server.on_open = server_open;
    server.on_close = server_close;
    server.on_error = server_error;
    client.on_open = client_open;
    client.on_error = client_error;
    context = check_context(&server);
    port = check_listen(context, NULL);

    options.callbacks = &client;
    options.headers = &token;
    options.header_count = 1;
    options.subprotocols = "a, b";
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/room/1?a=b&c=d", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    POLL_UNTIL(context, opened, 2);

    check_connect_path(context, port, "/refused", &client, NULL);
    POLL_UNTIL(context, refused, 1);

    fd = raw_connect(port);
    raw_write(fd, get, sizeof get - 1);
    raw_answer(context, fd, "\r\n\r\n", answer, sizeof answer);
    CHECK(strncmp(answer, "HTTP/1.1 426 ", 13) == 0);
    CHECK(strstr(answer, "Sec-WebSocket-Version: 13\r\n") != NULL);
    raw_answer(context, fd, NULL, answer, sizeof answer); /* and it closes the connection */
    close(fd);
    CHECK(requests == 3);
    POLL_UNTIL(context, answered, 2); /* the 403 and the 426 */
    long_answer(context);
    CHECK(closed == 2);
    CHECK_OK(wsrs_context_free(context));
    CHECK(closed == 3 && answered == 2 && vanished == 0);
    return 0;
}
