/*
 * What a correct echo costs at least: per readiness one recv, one pass over the bytes, one send. Nothing is checked,
 * nothing assembled, nothing allocated per message; a frame that comes in pieces goes back in pieces of the same frame.
 *
 *   floor PORT
 *
 * It answers every request with the accept value of the key in RFC 6455 1.3, the only one that benches/load sends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

enum { INBOX = 256 * 1024, HEADER = 14, EVENTS = 512, CLOSE = 8 };

struct peer {
    int fd;
    bool upgraded, closing;
    uint32_t mask;          /* turned to where the next byte of payload is */
    uint64_t payload;       /* what is missing of the frame under way */
    unsigned have;          /* bytes of a header whose rest has not come */
    uint8_t header[HEADER];
    uint8_t *late;          /* what the socket did not take */
    size_t late_length;
};

/* A header that was kept is put before the bytes that complete it, hence the room in front. */
static uint8_t memory[HEADER + INBOX];
static uint8_t *const inbox = memory + HEADER;
static int set;

typedef uint8_t block __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint8_t piece __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint32_t block_masks __attribute__((vector_size(64)));
typedef uint32_t piece_masks __attribute__((vector_size(16)));

/* `to` is not behind `from`: each store overwrites only what was loaded before. */
static uint32_t unmask(uint8_t *to, const uint8_t *from, size_t length, uint32_t mask)
{
    block wide = (block)(mask ^ (block_masks){0});
    piece narrow = (piece)(mask ^ (piece_masks){0});
#pragma GCC unroll 8
    for (; length >= sizeof wide; to += sizeof wide, from += sizeof wide, length -= sizeof wide)
        *(block *)to = *(const block *)from ^ wide;
    for (; length >= sizeof narrow; to += sizeof narrow, from += sizeof narrow, length -= sizeof narrow)
        *(piece *)to = *(const piece *)from ^ narrow;
    for (uint32_t word; length >= sizeof word; to += sizeof word, from += sizeof word, length -= sizeof word) {
        memcpy(&word, from, sizeof word);
        word ^= mask;
        memcpy(to, &word, sizeof word);
    }
    for (; length > 0; length--) {
        *to++ = *from++ ^ (uint8_t)mask;
        mask = mask >> 8 | mask << 24;
    }
    return mask;
}

static size_t header_size(const uint8_t *header)
{
    switch (header[1] & 127) {
    case 126: return 8;
    case 127: return 14;
    default: return 6;
    }
}

/* Writes the header of the reply, which is the same without the mask; returns where its payload goes. */
static uint8_t *begin(struct peer *peer, uint8_t *to, const uint8_t *header, size_t size)
{
    uint16_t medium;
    uint64_t large;
    memcpy(&medium, header + 2, sizeof medium);
    memcpy(&large, header + 2, sizeof large);
    memcpy(&peer->mask, header + size - 4, 4);
    peer->payload = size == 6 ? header[1] & 127u : size == 8 ? be16toh(medium) : be64toh(large);
    peer->closing |= (header[0] & 15) == CLOSE;
    memmove(to, header, size - 4);
    to[1] &= 127;
    return to + size - 4;
}

/* Turns the `length` bytes at `from` into what goes back, in place at `memory`; returns its length. */
static size_t turn(struct peer *peer, const uint8_t *from, size_t length)
{
    const uint8_t *end = from + length;
    uint8_t *to = memory;
    for (;;) {
        size_t part = peer->payload < (uint64_t)(end - from) ? peer->payload : (size_t)(end - from);
        peer->mask = unmask(to, from, part, peer->mask);
        peer->payload -= part;
        to += part;
        from += part;
        size_t left = (size_t)(end - from);
        if (left == 0)
            return (size_t)(to - memory);
        size_t size = left < 2 ? HEADER : header_size(from);
        if (left < size) {
            memcpy(peer->header, from, left);
            peer->have = (unsigned)left;
            return (size_t)(to - memory);
        }
        to = begin(peer, to, from, size);
        from += size;
    }
}

static void watch(struct peer *peer, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(set, operation, peer->fd, &event);
}

static void drop(struct peer *peer)
{
    close(peer->fd);
    free(peer->late);
    free(peer);
}

static void give(struct peer *peer, const uint8_t *bytes, size_t length)
{
    ssize_t sent = send(peer->fd, bytes, length, MSG_NOSIGNAL);
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    if (taken == length || (sent < 0 && errno != EAGAIN))
        return;
    peer->late_length = length - taken;
    peer->late = malloc(peer->late_length);
    memcpy(peer->late, bytes + taken, peer->late_length);
    watch(peer, EPOLL_CTL_MOD, EPOLLOUT);
}

/* Nothing is read from a peer that something is kept for. */
static void writable(struct peer *peer)
{
    uint8_t *late = peer->late;
    peer->late = NULL;
    give(peer, late, peer->late_length);
    free(late);
    if (peer->late == NULL)
        watch(peer, EPOLL_CTL_MOD, EPOLLIN);
}

static void readable(struct peer *peer)
{
    ssize_t length = recv(peer->fd, inbox, INBOX, 0);
    if (length <= 0) {
        if (length == 0 || errno != EAGAIN)
            drop(peer);
        return;
    }
    if (!peer->upgraded) {
        peer->upgraded = true;
        give(peer, (const uint8_t *)ANSWER, sizeof ANSWER - 1);
        return;
    }
    uint8_t *from = inbox - peer->have;
    memcpy(from, peer->header, peer->have);
    size_t whole = peer->have + (size_t)length;
    peer->have = 0;
    give(peer, memory, turn(peer, from, whole));
    if (peer->closing && peer->payload == 0)
        drop(peer);
}

static void greet(int listener)
{
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct peer *peer = calloc(1, sizeof *peer);
    peer->fd = fd;
    watch(peer, EPOLL_CTL_ADD, EPOLLIN);
}

static int listen_on(int port)
{
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1024) != 0) {
        perror("floor");
        exit(1);
    }
    return listener;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = listen_on(argc == 2 ? atoi(argv[1]) : 9001);
    set = epoll_create1(0);
    struct epoll_event events[EVENTS] = {{.events = EPOLLIN}};
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &events[0]);
    for (;;) {
        int count = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer == NULL)
                greet(listener);
            else if (peer->late != NULL)
                writable(peer);
            else
                readable(peer);
        }
    }
}
