/* Streaming: a message comes in pieces, with marks on the first and the last, before it is complete. */
#include "check.h"

enum { SIZE = 700000 };

static unsigned char sample[SIZE];
static int opened, pieces, messages;
static size_t at;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->type == WSRS_BINARY);
    CHECK(!!message->first == (at == 0 && pieces == 0));
    CHECK(at + message->len <= SIZE && (message->len == 0 || memcmp(message->data, sample + at, message->len) == 0));
    at += message->len;
    pieces++;
    if (message->last) {
        CHECK(at == SIZE);
        messages++;
        at = 0;
        pieces = 0;
    }
}

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    size_t i;
    server.on_message = on_message;
    client.on_open = on_open;
    options.streaming = 1;
    for (i = 0; i < SIZE; i++)
        sample[i] = (unsigned char)(i * 31 % 251);
    context = check_context(&server);
    conn = check_connect(context, check_listen(context, &options), &client);
    POLL_UNTIL(context, opened, 1);

    CHECK_OK(wsrs_conn_send(conn, WSRS_BINARY, sample, SIZE));
    POLL_UNTIL(context, messages, 1);

    /* The first fragment comes through while the last was not sent yet. */
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_BINARY, sample, 1000, 0));
    POLL_UNTIL(context, pieces, 1);
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_BINARY, sample + 1000, SIZE - 1000, 0));
    CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_BINARY, NULL, 0, 1));
    POLL_UNTIL(context, messages, 2);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
