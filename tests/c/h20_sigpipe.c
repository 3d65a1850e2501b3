/* H20: SIGPIPE at its default: a program survives peers that reset or go, whatever is sent to them by whichever way, over
 * TCP and Unix sockets.
 *
 * Checked by: without SendFlags::NOSIGNAL in send() or in send_gathered() of net/transport.rs this ends by SIGPIPE. */
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/un.h>

static int opened, closed, asked, answered;
static wsrs_conn conn;
static wsrs_context context;
static unsigned char large[1 << 20];

static void on_request(wsrs_conn asking, const wsrs_request *request, void *user_data)
{
    conn = asking;
    asked++;
    CHECK_OK(wsrs_conn_defer(conn));
}

static void on_open(wsrs_conn opened_conn, void *user_data)
{
    conn = opened_conn;
    opened++;
}

static void on_close(wsrs_conn closed_conn, const wsrs_close *close, void *user_data)
{
    if (close->code == 0)
        answered++;
    else
        CHECK(!close->clean);
    closed++;
}

static void on_error(wsrs_conn failed, const wsrs_error *error, void *user_data) { closed++; }

/* ---- ways to send: each result depends on what the system knows by then ---- */

static void send_text(void) { wsrs_conn_send_text(conn, "small"); }
static void send_large(void) { wsrs_conn_send(conn, WSRS_BINARY, large, sizeof large); }
static void ping(void) { wsrs_conn_ping(conn, NULL, 0); }
static void pong(void) { wsrs_conn_pong(conn, NULL, 0); }
static void say_close(void) { wsrs_conn_close(conn, 1000, NULL, 0); }
static void broadcast(void) { wsrs_context_broadcast(context, WSRS_BINARY, large, sizeof large, NULL); }
static void send_many(void) { wsrs_context_send_many(context, &conn, 1, WSRS_TEXT, "many", 4, NULL); }

static void send_gathered(void)
{
    wsrs_slice parts[2] = {{large, 70000}, {large, sizeof large / 2}};
    wsrs_conn_send_gathered(conn, WSRS_BINARY, parts, 2);
}

static void send_fragments(void)
{
    wsrs_conn_send_fragment(conn, WSRS_BINARY, large, 10, 0);
    wsrs_conn_send_fragment(conn, WSRS_BINARY, large, sizeof large, 1);
}

static void *in_a_thread(void *argument)
{
    send_text();
    send_large();
    ping();
    return NULL;
}

static void send_elsewhere(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, in_a_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void (*const ways[])(void) = {send_text, send_large, send_gathered, send_fragments, ping,
                                     pong,      broadcast,  send_many,     send_elsewhere, say_close};
enum { WAYS = sizeof ways / sizeof *ways };

static int unix_connect(const char *path)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* A reset on TCP; on a Unix socket the end of the peer is EPIPE at once. */
static void vanish(int fd)
{
    struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

/* The peer goes; the loop has not heard of it when `way` is tried, twice: the first time may be what brings the news. */
static void try_way(int fd, void (*way)(void), int queued_before)
{
    int before = closed;
    POLL_UNTIL(context, opened, 1);
    opened = 0;
    if (queued_before)
        wsrs_conn_send(conn, WSRS_BINARY, large, sizeof large);
    vanish(fd);
    way();
    way();
    POLL_UNTIL(context, closed, before + 1);
}

/* An answer to a request, of either kind, to who did not wait for it. */
static void answer(uint16_t port, int accepts)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    int before = closed, before_asked = asked, fd = raw_connect(port);
    raw_write(fd, request, sizeof request - 1);
    POLL_UNTIL(context, asked, before_asked + 1);
    vanish(fd);
    if (accepts)
        wsrs_conn_accept(conn, NULL, NULL, 0);
    else
        wsrs_conn_respond(conn, 200, NULL, 0, large, sizeof large);
    POLL_UNTIL(context, closed, before + 1);
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT, asking = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    char path[64], address[80];
    uint16_t port;
    int i, fd;
    signal(SIGPIPE, SIG_DFL);
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    asking = callbacks;
    asking.on_request = on_request;
    context = check_context(&callbacks);
    port = check_listen(context, NULL);
    snprintf(path, sizeof path, "/tmp/wsrs-sigpipe-%ld", (long)getpid());
    snprintf(address, sizeof address, "unix:%s", path);
    CHECK_OK(wsrs_context_listen(context, address, NULL, NULL));
    for (i = 0; i < 2 * WAYS; i++) {
        try_way(raw_upgrade(context, port), ways[i / 2], i % 2);
        fd = unix_connect(path);
        raw_handshake(context, fd);
        try_way(fd, ways[i / 2], i % 2);
    }
    options.callbacks = &asking;
    port = check_listen(context, &options);
    answer(port, 1);
    answer(port, 0);
    CHECK(closed == 4 * WAYS + 2 && answered <= 1);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
