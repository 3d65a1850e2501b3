/* A stop closes every connection with 1001; peers that do not answer are dropped after the grace time; then run ends. In a
 * loop of one's own it is over when no connection is left, and the context sleeps then. */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>

static int opened, closed, going_away;
static wsrs_context context;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    closed++;
    going_away += close->code == 1001;
}

static void stop_from_signal(int number) { wsrs_context_stop(context); }

static void *stop_later(void *argument)
{
    check_sleep_ms(50);
    CHECK_OK(wsrs_context_stop(context));
    return NULL;
}

static void start(const wsrs_callbacks *callbacks, uint16_t *port)
{
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    limits.stop_grace_ms = 300;
    limits.close_timeout_ms = 10000;
    options.limits = &limits;
    opened = closed = going_away = 0;
    CHECK_OK(wsrs_context_new(&options, callbacks, NULL, &context));
    *port = check_listen(context, NULL);
}

static uint16_t again;

/* A client that always wants its connection back. */
static void reconnect(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    char url[64];
    closed++;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)again);
    CHECK_IS(wsrs_context_connect(context, url, NULL, NULL), WSRS_ERR_STATE);
    CHECK_IS(wsrs_context_listen(context, "127.0.0.1:0", NULL, NULL), WSRS_ERR_STATE);
}

static int turns_of_own_loop(int ms)
{
    struct pollfd ready = {-1, POLLIN, 0};
    long end = check_now_ms() + ms;
    int turns = 0;
    int32_t wait;
    CHECK_OK(wsrs_context_fd(context, &ready.fd));
    for (; check_now_ms() < end; turns++) {
        CHECK_OK(wsrs_context_timeout_ms(context, &wait));
        (void)poll(&ready, 1, wait < 0 || wait > ms ? ms : (int)wait);
        CHECK_OK(wsrs_context_poll(context, 0));
    }
    return turns;
}

static void in_own_loop(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_conn left = {0};
    callbacks.on_open = on_open;
    callbacks.on_close = reconnect;
    start(&callbacks, &again);
    check_connect(context, again, &callbacks);
    POLL_UNTIL(context, opened, 2);
    CHECK_OK(wsrs_context_stop(context));
    POLL_UNTIL(context, closed, 2);
    CHECK_OK(wsrs_context_next_conn(context, left, &left));
    CHECK(left.id == 0);
    CHECK(turns_of_own_loop(700) < 50); /* beyond the grace time: asleep */

    /* The context goes on, and what is new is not dropped. */
    again = check_listen(context, NULL);
    check_connect(context, again, &callbacks);
    POLL_UNTIL(context, opened, 4);
    check_poll_for(context, 500);
    CHECK(closed == 2);
    CHECK_OK(wsrs_context_stop(context));
    CHECK_OK(wsrs_context_run(context));
    POLL_UNTIL(context, closed, 4);
    CHECK_OK(wsrs_context_free(context));
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    struct sigaction action;
    char frame[256];
    ssize_t got;
    pthread_t thread;
    uint16_t port;
    long begin;
    int fd, i;
    alarm(240);
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;

    /* From another thread: both ends of three connections. */
    start(&callbacks, &port);
    for (i = 0; i < 3; i++)
        check_connect(context, port, &callbacks);
    POLL_UNTIL(context, opened, 6);
    CHECK(pthread_create(&thread, NULL, stop_later, NULL) == 0);
    begin = check_now_ms();
    CHECK_OK(wsrs_context_run(context));
    CHECK(check_now_ms() - begin < 5000);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(closed == 6 && going_away == 6);
    CHECK_OK(wsrs_context_free(context));

    /* From a signal handler, with a peer that never answers the Close. */
    start(&callbacks, &port);
    fd = raw_upgrade(context, port);
    POLL_UNTIL(context, opened, 1);
    memset(&action, 0, sizeof action);
    action.sa_handler = stop_from_signal;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    begin = check_now_ms();
    CHECK_OK(wsrs_context_run(context));
    CHECK(check_now_ms() - begin >= 250 && check_now_ms() - begin < 8000);
    CHECK(closed == 1);
    got = raw_read(fd, frame, sizeof frame);
    CHECK(got >= 4 && frame[0] == (char)0x88 && frame[2] == 0x03 && frame[3] == (char)0xe9); /* Close, 1001 */
    CHECK_OK(wsrs_context_free(context));
    close(fd);

    in_own_loop();
    return 0;
}
