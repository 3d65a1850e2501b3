/* Round trips: text, binary, empty, gathered, up to 1 MiB, many at once, and a clean close with code and reason. */
#include "check.h"

enum { MIB = 1 << 20 };

static int opened, received, closed;
static unsigned char *sample;
static int32_t expected_type;
static size_t expected_len;

static void echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->size >= sizeof *message && message->first && message->last);
    CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
}

static void on_open(wsrs_conn conn, void *user_data)
{
    CHECK(user_data == sample);
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_OPEN);
    opened++;
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->type == expected_type && message->len == expected_len);
    CHECK(message->len == 0 || memcmp(message->data, sample, message->len) == 0);
    received++;
}

static void server_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    CHECK(close->code == 4321 && close->clean && close->by == WSRS_BY_REMOTE);
    CHECK(close->reason_len == 7 && memcmp(close->reason, "Gr\xc3\xbc\xc3\x9f""e", 7) == 0);
    closed++;
}

static void client_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    CHECK(close->code == 4321 && close->clean && close->by == WSRS_BY_LOCAL);
    closed++;
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 2, 3, 4, 7, 8, 125, 126, 127, 1000, 65535, 65536, 131071, 131072, 200000, MIB};
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    wsrs_slice parts[3];
    size_t i;
    int round;
    server.on_message = echo;
    server.on_close = server_close;
    client.on_open = on_open;
    client.on_message = on_message;
    client.on_close = client_close;
    sample = malloc(MIB);
    CHECK(sample != NULL);
    for (i = 0; i < MIB; i++)
        sample[i] = (unsigned char)(' ' + i * 7 % 90); /* ASCII, so that it is text too */

    context = check_context(&server);
    conn = check_connect_path(context, check_listen(context, NULL), "/", &client, sample);
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CONNECTING);
    CHECK_IS(wsrs_conn_send_text(conn, "early"), WSRS_ERR_NOT_OPEN);
    POLL_UNTIL(context, opened, 1);
    for (expected_type = WSRS_TEXT; expected_type <= WSRS_BINARY; expected_type++)
        for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            received = 0;
            expected_len = sizes[i];
            CHECK_OK(wsrs_conn_send(conn, expected_type, expected_len ? sample : NULL, expected_len));
            POLL_UNTIL(context, received, 1);
        }

    expected_type = WSRS_BINARY;
    expected_len = 300;
    received = 0;
    parts[0].data = sample, parts[0].len = 100;
    parts[1].data = NULL, parts[1].len = 0;
    parts[2].data = sample + 100, parts[2].len = 200;
    CHECK_OK(wsrs_conn_send_gathered(conn, WSRS_BINARY, parts, 3));
    for (round = 0; round < 1000; round++)
        CHECK_OK(wsrs_conn_send(conn, WSRS_BINARY, sample, 300));
    POLL_UNTIL(context, received, 1001);
    check_poll_for(context, 20);
    CHECK(received == 1001);

    CHECK_IS(wsrs_conn_send(conn, WSRS_TEXT, "\xff", 1), WSRS_ERR_UTF8);
    CHECK_OK(wsrs_conn_close(conn, 4321, "Gr\xc3\xbc\xc3\x9f""e", 7));
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CLOSING);
    CHECK_IS(wsrs_conn_send_text(conn, "late"), WSRS_ERR_CLOSED);
    POLL_UNTIL(context, closed, 2);
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CLOSED);
    CHECK_OK(wsrs_context_free(context));
    free(sample);
    return 0;
}
