/* An echo server inside libuv: embed_libuv PORT listens on ws://127.0.0.1:PORT/ (0: any free port; it prints which)
 * until SIGINT or SIGTERM. A timer of libuv's publishes a count to clients of /ticks, ten times a second. */
#define _XOPEN_SOURCE 700 /* uv.h wants POSIX */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <wsrs.h>

static wsrs_context context;
static uv_poll_t watcher;   /* readable: wsrs has something to do */
static uv_timer_t due;      /* what wsrs_context_timeout_ms says */
static uv_prepare_t before; /* runs before each wait of libuv's */
static uv_timer_t ticks;
static uv_signal_t signals[2];
static int stopping;

static void turn(void)
{
    wsrs_conn conn = WSRS_CONN_NONE;
    wsrs_context_poll(context, 0);
    if (stopping && wsrs_context_next_conn(context, conn, &conn) == WSRS_OK && conn.id == 0)
        uv_stop(uv_default_loop());
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)handle, (void)status, (void)events;
    turn();
}

static void on_due(uv_timer_t *timer)
{
    (void)timer;
    turn();
}

/* Whatever called the library in this turn of libuv's, the timeout asked for now is the right one. */
static void on_prepare(uv_prepare_t *prepare)
{
    int32_t timeout;
    (void)prepare;
    if (wsrs_context_timeout_ms(context, &timeout) == WSRS_OK && timeout >= 0)
        uv_timer_start(&due, on_due, (uint64_t)timeout, 0);
    else
        uv_timer_stop(&due);
}

/* Ten times a second: libuv's thread is the loop's thread, so the library can be called from any of its callbacks. */
static void on_tick(uv_timer_t *timer)
{
    static unsigned count;
    wsrs_conn conn = WSRS_CONN_NONE;
    char text[16];
    void *subscribed;
    (void)timer;
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

static void on_signal(uv_signal_t *handle, int number)
{
    (void)handle, (void)number;
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

static void close_handle(uv_handle_t *handle, void *argument)
{
    (void)argument;
    uv_close(handle, NULL);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uint16_t port;
    int32_t fd;
    wsrs_result result = listen_on(argc == 2 ? argv[1] : "9001", &port);
    if (result != WSRS_OK || (result = wsrs_context_fd(context, &fd)) != WSRS_OK) {
        fprintf(stderr, "embed_libuv: %s\n", wsrs_strerror(result));
        return 1;
    }
    uv_poll_init(loop, &watcher, fd);
    uv_poll_start(&watcher, UV_READABLE, on_readable);
    uv_timer_init(loop, &due);
    uv_prepare_init(loop, &before);
    uv_prepare_start(&before, on_prepare);
    uv_timer_init(loop, &ticks);
    uv_timer_start(&ticks, on_tick, 100, 100);
    uv_signal_init(loop, &signals[0]);
    uv_signal_start(&signals[0], on_signal, SIGINT);
    uv_signal_init(loop, &signals[1]);
    uv_signal_start(&signals[1], on_signal, SIGTERM);
    printf("listening on ws://127.0.0.1:%u/\n", (unsigned)port);
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    /* libuv lets go of the descriptor before the library closes it. */
    uv_walk(loop, close_handle, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    wsrs_context_free(context);
    return 0;
}
