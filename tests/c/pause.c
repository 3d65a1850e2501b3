/* A paused connection delivers nothing, not even what was received with the message before; resumed, it goes on in order. */
#include "check.h"

enum { MESSAGES = 100 };

static int opened, received, closed;
static wsrs_conn server_conn;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->len == 1 && message->data[0] == (unsigned char)received);
    received++;
    server_conn = conn;
    if (received % 10 == 1)
        CHECK_OK(wsrs_conn_pause(conn));
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    CHECK(close->clean && close->code == 1000);
    closed++;
}

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    int i;
    server.on_message = on_message;
    server.on_close = client.on_close = on_close;
    client.on_open = on_open;
    context = check_context(&server);
    conn = check_connect(context, check_listen(context, NULL), &client);
    POLL_UNTIL(context, opened, 1);
    for (i = 0; i < MESSAGES; i++) {
        unsigned char byte = (unsigned char)i;
        CHECK_OK(wsrs_conn_send(conn, WSRS_BINARY, &byte, 1));
    }
    for (i = 0; i < MESSAGES / 10; i++) {
        POLL_UNTIL(context, received, i * 10 + 1);
        check_poll_for(context, 10);
        CHECK(received == i * 10 + 1);
        CHECK_OK(wsrs_conn_resume(server_conn));
        CHECK_OK(wsrs_conn_resume(server_conn));
    }
    POLL_UNTIL(context, received, MESSAGES);

    /* It can be closed while it is paused, and then hears the peer's Close: no deadline has to end it. */
    CHECK_OK(wsrs_conn_pause(server_conn));
    CHECK_OK(wsrs_conn_close(server_conn, 1000, NULL, 0));
    POLL_UNTIL(context, closed, 2);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
