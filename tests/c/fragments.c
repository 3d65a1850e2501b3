/* Fragmented sending: pieces make one message, pings go between, a whole message does not. */
#include "check.h"

static int opened, received, ponged;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    static const char *const expected[] = {"one two three", "", "whole", "split \xc3\xbc"};
    CHECK(message->type == WSRS_TEXT && message->first && message->last);
    CHECK(message->len == strlen(expected[received]) && memcmp(message->data, expected[received], message->len) == 0);
    received++;
}

static void on_pong(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data)
{
    CHECK(len == 3 && memcmp(data, "abc", 3) == 0 && received == 0);
    ponged++;
}

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    server.on_message = on_message;
    client.on_open = on_open;
    client.on_pong = on_pong;
    context = check_context(&server);
    conn = check_connect(context, check_listen(context, NULL), &client);
    POLL_UNTIL(context, opened, 1);

    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, "one ", 4, 0));
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, "two ", 4, 0));
    CHECK_OK(wsrs_conn_ping(conn, "abc", 3));
    POLL_UNTIL(context, ponged, 1);
    CHECK_IS(wsrs_conn_send_text(conn, "in between"), WSRS_ERR_STATE);
    CHECK(wsrs_conn_send_fragment(conn, WSRS_BINARY, "x", 1, 0) != WSRS_OK);
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, "three", 5, 1));
    POLL_UNTIL(context, received, 1);
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, NULL, 0, 0));
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, NULL, 0, 1));
    CHECK_OK(wsrs_conn_send_text(conn, "whole"));
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, "split \xc3", 7, 0)); /* inside a character */
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, "\xbc", 1, 1));
    POLL_UNTIL(context, received, 4);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
