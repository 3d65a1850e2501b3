/* H24: a peer that does not read: sends are refused at the high-water mark, nothing of a refused message goes out, all that
 * was accepted arrives, and one on_drain follows.
 *
 * Checked by: without the comparison with high_water in net/send.rs this fails. */
#include "check.h"

enum { SIZE = 16000, HIGH_WATER = 64 << 10 };

static int opened, drained;
static wsrs_conn conn;

static void on_open(wsrs_conn opened_conn, void *user_data)
{
    conn = opened_conn;
    opened++;
}

static void on_drain(wsrs_conn drained_conn, void *user_data)
{
    size_t queued;
    CHECK_OK(wsrs_conn_buffered(drained_conn, &queued));
    CHECK(queued < HIGH_WATER);
    drained++;
}

int main(void)
{
    static unsigned char message[SIZE];
    static char buffer[1 << 20];
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_context context;
    int fd, round;
    callbacks.on_open = on_open;
    callbacks.on_drain = on_drain;
    limits.high_water = HIGH_WATER;
    options.limits = &limits;
    context = check_context(&callbacks);
    fd = raw_upgrade(context, check_listen(context, &options));
    POLL_UNTIL(context, opened, 1);

    for (round = 1; round <= 3; round++) {
        size_t sent = 0, arrived = 0, queued;
        wsrs_result result;
        long end = check_now_ms() + 20000;
        for (;;) {
            result = wsrs_conn_send(conn, WSRS_BINARY, message, SIZE);
            if (result != WSRS_OK)
                break;
            sent++;
            CHECK_OK(wsrs_context_poll(context, 0)); /* what was gathered goes out */
            CHECK(sent < 100000);
        }
        CHECK_IS(result, WSRS_ERR_AGAIN);
        CHECK_IS(wsrs_conn_send(conn, WSRS_BINARY, message, SIZE), WSRS_ERR_AGAIN);
        CHECK_OK(wsrs_conn_buffered(conn, &queued));
        CHECK(queued >= HIGH_WATER && queued < HIGH_WATER + 2 * SIZE);
        check_poll_for(context, 20);
        CHECK(drained == round - 1);
        while (arrived < sent * (SIZE + 4)) { /* a header of 4 bytes each */
            ssize_t got = raw_read(fd, buffer, sizeof buffer);
            CHECK(got >= 0 && check_now_ms() < end);
            arrived += (size_t)got;
            CHECK_OK(wsrs_context_poll(context, 0));
        }
        POLL_UNTIL(context, drained, round);
        check_poll_for(context, 20);
        CHECK(drained == round);
        CHECK(raw_read(fd, buffer, sizeof buffer) == 0);
        CHECK_OK(wsrs_conn_buffered(conn, &queued));
        CHECK(queued == 0);
    }

    /* Asked for, without a refused send. */
    CHECK_OK(wsrs_conn_request_drain(conn));
    POLL_UNTIL(context, drained, 4);
    check_poll_for(context, 20);
    CHECK(drained == 4);
    CHECK_OK(wsrs_context_free(context));
    close(fd);
    return 0;
}
