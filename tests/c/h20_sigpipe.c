/* SIGPIPE at its default: a program survives a peer that resets while large and small messages are under way. */
#include "check.h"
#include <signal.h>

static int opened, closed;
static wsrs_conn conn;

static void on_open(wsrs_conn opened_conn, void *user_data)
{
    conn = opened_conn;
    opened++;
}

static void on_close(wsrs_conn closed_conn, const wsrs_close *close, void *user_data)
{
    CHECK(close->code == 1006 && !close->clean && close->by == WSRS_BY_NETWORK);
    closed++;
}

int main(void)
{
    static unsigned char large[1 << 20];
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    uint16_t port;
    int round;
    signal(SIGPIPE, SIG_DFL);
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    context = check_context(&callbacks);
    port = check_listen(context, NULL);
    for (round = 1; round <= 10; round++) {
        struct linger reset = {1, 0};
        wsrs_slice parts[2] = {{large, 70000}, {large, sizeof large / 2}};
        int fd = raw_upgrade(context, port);
        POLL_UNTIL(context, opened, round);
        if (round % 2)
            wsrs_conn_send(conn, WSRS_BINARY, large, sizeof large);
        CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
        close(fd);
        /* The loop has not heard of it yet. */
        wsrs_conn_send_text(conn, "small");
        wsrs_conn_send_gathered(conn, WSRS_BINARY, parts, 2);
        wsrs_conn_send(conn, WSRS_BINARY, large, sizeof large);
        wsrs_conn_ping(conn, NULL, 0);
        POLL_UNTIL(context, closed, round);
    }
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
