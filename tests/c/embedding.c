/* Inside a loop of the program's own: poll(2) on the one descriptor, also for timers, posts and names. */
#include "check.h"
#include <poll.h>
#include <pthread.h>

enum { MESSAGES = 200 };

static wsrs_context context;
static int received, timed, late, posted, closed, failed;

static void on_open(wsrs_conn conn, void *user_data)
{
    int i;
    if (user_data != NULL)
        for (i = 0; i < MESSAGES; i++)
            CHECK_OK(wsrs_conn_send_text(conn, "embedded"));
}

static void echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    if (user_data == NULL)
        CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
    else if (++received == MESSAGES)
        CHECK_OK(wsrs_conn_close(conn, 1000, NULL, 0));
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { closed++; }
static void on_timer(wsrs_timer timer, void *argument) { timed++; }
static void on_late_timer(wsrs_timer timer, void *argument) { late++; }
static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data) { failed++; }
static void on_post(wsrs_context posted_to, void *argument) { posted++; }

static void *post(void *argument)
{
    check_sleep_ms(30);
    CHECK_OK(wsrs_context_post(context, on_post, NULL));
    return NULL;
}

/* Calls between the polls: the descriptor alone tells of what follows from them. */
static void calls_of_the_loop(int fd)
{
    struct pollfd entry = {-1, POLLIN, 0};
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_conn conn;
    entry.fd = fd;
    callbacks.on_error = on_error;
    conn = check_connect(context, 9, &callbacks);
    CHECK_OK(wsrs_conn_abort(conn));
    while (failed == 0) {
        CHECK(poll(&entry, 1, 5000) == 1);
        CHECK_OK(wsrs_context_poll(context, 0));
    }
    CHECK_OK(wsrs_context_timer(context, 60, 0, on_late_timer, NULL, NULL));
    while (late == 0) {
        CHECK(poll(&entry, 1, 5000) == 1);
        CHECK_OK(wsrs_context_poll(context, 0));
    }
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    struct pollfd entry;
    wsrs_timer timer;
    pthread_t thread;
    char url[64];
    int32_t fd, wait;
    int turns;
    long end;
    callbacks.on_open = on_open;
    callbacks.on_message = echo;
    callbacks.on_close = on_close;
    context = check_context(&callbacks);
    options.callbacks = &callbacks;
    options.user_data = &received;
    snprintf(url, sizeof url, "ws://localhost:%u/", (unsigned)check_listen(context, NULL));
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    CHECK_OK(wsrs_context_timer(context, 20, 20, on_timer, NULL, &timer));
    CHECK_OK(wsrs_context_fd(context, &fd));
    CHECK(pthread_create(&thread, NULL, post, NULL) == 0);
    entry.fd = fd;
    entry.events = POLLIN;
    end = check_now_ms() + 20000;
    while (closed < 2 || timed < 3 || posted < 1) {
        CHECK(check_now_ms() < end);
        CHECK_OK(wsrs_context_timeout_ms(context, &wait));
        /* Told to wait for ever, the descriptor must tell of the next timer or post. */
        CHECK(poll(&entry, 1, wait < 0 ? 5000 : wait) > 0 || wait >= 0);
        CHECK_OK(wsrs_context_poll(context, 0));
    }
    CHECK(received == MESSAGES);
    CHECK(pthread_join(thread, NULL) == 0);

    /* With nothing to do but a timer every 20 ms, the descriptor is quiet in between. */
    end = check_now_ms() + 200;
    for (turns = 0; check_now_ms() < end; turns++) {
        CHECK_OK(wsrs_context_timeout_ms(context, &wait));
        CHECK(poll(&entry, 1, wait < 0 ? 5000 : wait) > 0 || wait >= 0);
        CHECK_OK(wsrs_context_poll(context, 0));
    }
    CHECK(turns < 100);
    CHECK_OK(wsrs_timer_cancel(timer));
    calls_of_the_loop(fd);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
