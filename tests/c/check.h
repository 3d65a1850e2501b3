/* What the C tests share. A test checks, prints the first thing that is wrong and exits with 1; it listens on loopback
 * with a port that the system chooses, and an alarm ends it when it hangs. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <wsrs.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* The result of a call is the expected one. */
#define CHECK_IS(call, expected) check_is((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_IS(call, WSRS_OK)

static inline void check_is(wsrs_result result, wsrs_result expected, const char *call, const char *file, int line)
{
    if (result != expected) {
        fprintf(stderr, "%s:%d: %s gives %d (%s), not %d (%s)\n", file, line, call, (int)result, wsrs_strerror(result),
                (int)expected, wsrs_strerror(expected));
        exit(1);
    }
}

static inline long check_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static inline void check_sleep_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

/* Turns the loop until *flag is at least `least`; 20 seconds are too long. */
static inline void check_poll_until(wsrs_context context, const volatile int *flag, int least, const char *what)
{
    long end = check_now_ms() + 20000;
    while (*flag < least) {
        if (check_now_ms() > end) {
            fprintf(stderr, "waited in vain: %s is %d, not %d\n", what, *flag, least);
            exit(1);
        }
        CHECK_OK(wsrs_context_poll(context, 10));
    }
}
#define POLL_UNTIL(context, flag, least) check_poll_until(context, &(flag), least, #flag)

/* Turns the loop for a while, for what must not happen. */
static inline void check_poll_for(wsrs_context context, long ms)
{
    long end = check_now_ms() + ms;
    while (check_now_ms() < end)
        CHECK_OK(wsrs_context_poll(context, 5));
}

static inline wsrs_context check_context(const wsrs_callbacks *callbacks)
{
    wsrs_context context;
    alarm(240); /* valgrind is slow */
    CHECK_OK(wsrs_context_new(NULL, callbacks, NULL, &context));
    return context;
}

static inline uint16_t check_listen(wsrs_context context, const wsrs_listen_options *options)
{
    wsrs_listener listener;
    uint16_t port = 0;
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", options, &listener));
    CHECK_OK(wsrs_listener_port(listener, &port));
    CHECK(port != 0);
    return port;
}

static inline wsrs_conn check_connect_path(wsrs_context context, uint16_t port, const char *path, const wsrs_callbacks *callbacks,
                                           void *user_data)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_conn conn = {0};
    char url[256];
    options.callbacks = callbacks;
    options.user_data = user_data;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", (unsigned)port, path);
    CHECK_OK(wsrs_context_connect(context, url, &options, &conn));
    CHECK(conn.id != 0);
    return conn;
}

static inline wsrs_conn check_connect(wsrs_context context, uint16_t port, const wsrs_callbacks *callbacks)
{
    return check_connect_path(context, port, "/", callbacks, NULL);
}

/* A peer that is no library: a plain TCP connection. */
static inline int raw_connect(uint16_t port)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static inline void raw_write(int fd, const void *data, size_t len)
{
    CHECK(send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Reads what has come so far; 0 when nothing, -1 at the end of the connection. */
static inline ssize_t raw_read(int fd, char *buffer, size_t capacity)
{
    ssize_t got = recv(fd, buffer, capacity, MSG_DONTWAIT);
    return got > 0 ? got : got == 0 ? -1 : 0;
}

/* Turns the loop until the answer to the peer has `end` in it (NULL: until the connection ends); gives the answer. */
static inline size_t raw_answer(wsrs_context context, int fd, const char *end, char *answer, size_t capacity)
{
    size_t len = 0;
    long deadline = check_now_ms() + 20000;
    for (;;) {
        ssize_t got = raw_read(fd, answer + len, capacity - 1 - len);
        if (got > 0)
            len += (size_t)got;
        answer[len] = '\0';
        if (end == NULL ? got < 0 : strstr(answer, end) != NULL)
            return len;
        CHECK(got >= 0 && len + 1 < capacity && check_now_ms() < deadline);
        CHECK_OK(wsrs_context_poll(context, 5));
    }
}

/* The opening handshake of a client that is no library. */
static inline void raw_handshake(wsrs_context context, int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    char answer[1024];
    raw_write(fd, request, sizeof request - 1);
    raw_answer(context, fd, "\r\n\r\n", answer, sizeof answer);
    CHECK(strncmp(answer, "HTTP/1.1 101 ", 13) == 0);
}

/* A plain TCP connection with the opening handshake done. */
static inline int raw_upgrade(wsrs_context context, uint16_t port)
{
    int fd = raw_connect(port);
    raw_handshake(context, fd);
    return fd;
}

/* Ends a child of fork well. Another program takes its place, since a search for leaks in the child would find all that
 * its parent has. */
static inline void check_leave(void)
{
    execl("/bin/true", "true", (char *)NULL);
    _exit(1);
}

#endif
