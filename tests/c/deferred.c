/* A request decided later: accepted or refused after a while, or never, since the peer went away. */
#include "check.h"

static int opened, refused, vanished, deferred;
static wsrs_conn waiting;

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    CHECK_OK(wsrs_conn_defer(conn));
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CONNECTING);
    waiting = conn;
    deferred++;
}

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void server_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    CHECK(conn.id == waiting.id && error->stage == WSRS_STAGE_HANDSHAKE);
    vanished++;
}

static void client_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    CHECK(error->status == 401);
    refused++;
}

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    uint16_t port;
    long begin;
    server.on_request = on_request;
    server.on_open = on_open;
    server.on_error = server_error;
    client.on_open = on_open;
    client.on_error = client_error;
    context = check_context(&server);
    port = check_listen(context, NULL);

    check_connect(context, port, &client);
    POLL_UNTIL(context, deferred, 1);
    check_poll_for(context, 20);
    CHECK(opened == 0);
    CHECK_OK(wsrs_conn_accept(waiting, NULL, NULL, 0));
    POLL_UNTIL(context, opened, 2);
    CHECK_IS(wsrs_conn_accept(waiting, NULL, NULL, 0), WSRS_ERR_STATE);

    check_connect(context, port, &client);
    POLL_UNTIL(context, deferred, 2);
    CHECK_OK(wsrs_conn_respond(waiting, 401, NULL, 0, NULL, 0));
    POLL_UNTIL(context, refused, 1);

    client.on_error = NULL;
    vanished = 0;
    conn = check_connect(context, port, &client);
    POLL_UNTIL(context, deferred, 3);
    begin = check_now_ms();
    CHECK_OK(wsrs_conn_abort(conn));
    POLL_UNTIL(context, vanished, 1);
    CHECK(check_now_ms() - begin < 5000); /* heard of at once, not at the handshake's deadline */
    CHECK_IS(wsrs_conn_accept(waiting, NULL, NULL, 0), WSRS_ERR_CLOSED);
    CHECK(opened == 2);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
