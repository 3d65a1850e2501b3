/* An echo server inside libevent: embed_libevent PORT listens on ws://127.0.0.1:PORT/ (0: any free port; it prints
 * which) until SIGINT or SIGTERM. A timer of libevent's publishes a count to clients of /ticks, ten times a second. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <wsrs.h>

static wsrs_context context;
static struct event_base *base;
static struct event *watcher, *ticks;
static int stopping;

/* The event of the context's descriptor, with the context's timeout beside it. */
static void wait_again(void)
{
    struct timeval timeout;
    int32_t ms;
    wsrs_context_timeout_ms(context, &ms);
    timeout.tv_sec = ms / 1000;
    timeout.tv_usec = ms % 1000 * 1000;
    event_add(watcher, ms < 0 ? NULL : &timeout);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    wsrs_conn conn = WSRS_CONN_NONE;
    (void)fd, (void)what, (void)argument;
    wsrs_context_poll(context, 0);
    if (stopping && wsrs_context_next_conn(context, conn, &conn) == WSRS_OK && conn.id == 0)
        event_base_loopbreak(base);
    else
        wait_again();
}

/* Ten times a second: libevent's thread is the loop's thread, so the library can be called from any of its callbacks.
 * What such a call leaves to do, a deadline for one, makes the descriptor readable. */
static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    static unsigned count;
    wsrs_conn conn = WSRS_CONN_NONE;
    char text[16];
    void *subscribed;
    (void)fd, (void)what, (void)argument;
    snprintf(text, sizeof text, "%u", ++count);
    while (wsrs_context_next_conn(context, conn, &conn) == WSRS_OK && conn.id != 0)
        if (wsrs_conn_user_data(conn, &subscribed) == WSRS_OK && subscribed != NULL)
            wsrs_conn_send_text(conn, text);
}

static void on_open(wsrs_conn conn, void *user_data)
{
    const char *path;
    size_t len;
    (void)user_data;
    if (wsrs_conn_path(conn, &path, &len) == WSRS_OK && len == 6 && memcmp(path, "/ticks", 6) == 0)
        wsrs_conn_set_user_data(conn, &ticks);
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    (void)user_data;
    if (wsrs_conn_send(conn, message->type, message->data, message->len) == WSRS_ERR_AGAIN)
        wsrs_conn_close(conn, 1008, "reads too slowly", 16);
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
    (void)number, (void)what, (void)argument;
    stopping = 1;
    wsrs_context_stop(context);
}

static wsrs_result listen_on(const char *port_text, uint16_t *port)
{
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_listener listener;
    wsrs_result result;
    char address[32];
    limits.ping_interval_ms = 1000; /* short times, so that one sees: the library's deadlines come, */
    limits.handshake_timeout_ms = 2000; /* though the loop knows nothing of them */
    options.limits = &limits;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    snprintf(address, sizeof address, "127.0.0.1:%s", port_text);
    result = wsrs_context_new(&options, &callbacks, NULL, &context);
    if (result == WSRS_OK)
        result = wsrs_context_listen(context, address, NULL, &listener);
    return result == WSRS_OK ? wsrs_listener_port(listener, port) : result;
}

int main(int argc, char **argv)
{
    const struct timeval tenth = {0, 100000};
    struct event *signals[2];
    uint16_t port;
    int32_t fd;
    wsrs_result result = listen_on(argc == 2 ? argv[1] : "9001", &port);
    if (result != WSRS_OK || (result = wsrs_context_fd(context, &fd)) != WSRS_OK) {
        fprintf(stderr, "embed_libevent: %s\n", wsrs_strerror(result));
        return 1;
    }
    base = event_base_new();
    watcher = event_new(base, fd, EV_READ, on_ready, NULL);
    ticks = event_new(base, -1, EV_PERSIST, on_tick, NULL);
    signals[0] = evsignal_new(base, SIGINT, on_signal, NULL);
    signals[1] = evsignal_new(base, SIGTERM, on_signal, NULL);
    wait_again();
    event_add(ticks, &tenth);
    event_add(signals[0], NULL);
    event_add(signals[1], NULL);
    printf("listening on ws://127.0.0.1:%u/\n", (unsigned)port);
    fflush(stdout);
    event_base_dispatch(base);
    event_free(signals[0]);
    event_free(signals[1]);
    event_free(ticks);
    event_free(watcher); /* before the library closes its descriptor */
    event_base_free(base);
    wsrs_context_free(context);
    return 0;
}
