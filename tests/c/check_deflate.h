/* What the tests of compression share: pairs of connections with it, and a peer that is no library. */
#ifndef CHECK_DEFLATE_H
#define CHECK_DEFLATE_H

#include "check.h"

static inline wsrs_stats stats_of(wsrs_conn conn)
{
    wsrs_stats stats = WSRS_STATS_INIT;
    CHECK_OK(wsrs_conn_stats(conn, &stats));
    return stats;
}

/* The opening handshake of a client that is no library, with this offer (NULL: none); `expected` is the answer's
 * Sec-WebSocket-Extensions, NULL that it has none. */
static inline int raw_offer(wsrs_context context, uint16_t port, const char *offer, const char *expected)
{
    char request[512], answer[1024], header[256];
    int fd = raw_connect(port);
    snprintf(request, sizeof request,
             "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s\r\n\r\n",
             offer == NULL ? "X-None: " : "Sec-WebSocket-Extensions: ", offer == NULL ? "" : offer);
    raw_write(fd, request, strlen(request));
    raw_answer(context, fd, "\r\n\r\n", answer, sizeof answer);
    CHECK(strncmp(answer, "HTTP/1.1 101 ", 13) == 0);
    if (expected == NULL) {
        CHECK(strstr(answer, "Extensions") == NULL);
    } else {
        snprintf(header, sizeof header, "\r\nSec-WebSocket-Extensions: %s\r\n", expected);
        CHECK(strstr(answer, header) != NULL);
    }
    return fd;
}

/* Exactly these bytes come next. */
static inline void raw_expect(wsrs_context context, int fd, const void *expected, size_t len)
{
    char got[4096];
    size_t had = 0;
    long end = check_now_ms() + 20000;
    CHECK(len <= sizeof got);
    while (had < len) {
        ssize_t more = raw_read(fd, got + had, len - had);
        CHECK(more >= 0 && check_now_ms() < end);
        had += (size_t)more;
        CHECK(memcmp(got, expected, had) == 0);
        CHECK_OK(wsrs_context_poll(context, 5));
    }
}

/* A short frame comes next that begins so; the length of its payload. */
static inline size_t raw_frame(wsrs_context context, int fd, int first)
{
    unsigned char got[2 + 125];
    size_t had = 0, need = 2;
    long end = check_now_ms() + 20000;
    while (had < need) {
        ssize_t more = raw_read(fd, (char *)got + had, need - had);
        CHECK(more >= 0 && check_now_ms() < end);
        had += (size_t)more;
        if (had >= 2) {
            CHECK(got[0] == first && got[1] <= 125);
            need = 2 + (size_t)got[1];
        }
        CHECK_OK(wsrs_context_poll(context, 5));
    }
    return need - 2;
}

/* A literal without its NUL. */
#define RAW_EXPECT(context, fd, bytes) raw_expect(context, fd, bytes, sizeof bytes - 1)
#define RAW_WRITE(fd, bytes) raw_write(fd, bytes, sizeof bytes - 1)

#endif
