/* One message to many: all open connections of a context, or some chosen; and the list of connections. */
#include "check.h"

enum { CLIENTS = 20 };

static int opened, received;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->type == WSRS_TEXT && message->len == 3 && memcmp(message->data, "all", 3) == 0);
    received++;
}

static void turn_both(wsrs_context one, wsrs_context other, const int *flag, int least)
{
    long end = check_now_ms() + 20000;
    while (*flag < least) {
        CHECK(check_now_ms() < end);
        CHECK_OK(wsrs_context_poll(one, 1));
        CHECK_OK(wsrs_context_poll(other, 1));
    }
}

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, client = WSRS_CALLBACKS_INIT;
    wsrs_context servers, clients;
    wsrs_conn conns[CLIENTS + 1], conn = {0};
    uint16_t port;
    size_t sent, count = 0;
    int i;
    server.on_open = client.on_open = on_open;
    client.on_message = on_message;
    servers = check_context(&server);
    clients = check_context(&client);
    port = check_listen(servers, NULL);
    CHECK_OK(wsrs_context_broadcast(servers, WSRS_TEXT, "all", 3, &sent));
    CHECK(sent == 0);
    for (i = 0; i < CLIENTS; i++)
        check_connect(clients, port, NULL);
    turn_both(servers, clients, &opened, 2 * CLIENTS);

    CHECK_OK(wsrs_context_broadcast(servers, WSRS_TEXT, "all", 3, &sent));
    CHECK(sent == CLIENTS);
    turn_both(servers, clients, &received, CLIENTS);

    for (;;) {
        CHECK_OK(wsrs_context_next_conn(servers, conn, &conn));
        if (conn.id == 0)
            break;
        CHECK(count < CLIENTS);
        conns[count++] = conn;
    }
    CHECK(count == CLIENTS);

    received = 0;
    CHECK_OK(wsrs_conn_abort(conns[1])); /* one that is gone is left out */
    CHECK_OK(wsrs_context_send_many(servers, conns, 5, WSRS_TEXT, "all", 3, &sent));
    CHECK(sent == 4);
    turn_both(servers, clients, &received, 4);
    CHECK_OK(wsrs_context_send_many(servers, NULL, 0, WSRS_TEXT, "all", 3, &sent));
    CHECK(sent == 0);
    CHECK_OK(wsrs_context_broadcast(servers, WSRS_TEXT, "all", 3, NULL));
    turn_both(servers, clients, &received, 4 + CLIENTS - 1);
    CHECK_OK(wsrs_context_free(servers));
    CHECK_OK(wsrs_context_free(clients));
    return 0;
}
