/* H4: compressed messages that become a thousand times larger, whole and streamed, in one frame and in fragments: the peer
 * is told 1009 at the limit, the program is given no more than the limit allows, and others are served meanwhile.
 *
 * Checked by: with u64::MAX as `most` in whole() or in piece() of proto/deflate/inflating.rs this fails; with u64::MAX for
 * max_ratio in most_inflated() there its last part. */
#include "check_deflate.h"

enum { LIMIT = 1 << 20, BOMB = 900000, PEERS = 20, ROUNDS = 3 };

/* Zeros, compressed: what says how, and from then on 1,032 of them for each byte of 0. */
static const unsigned char begin[] = {0xec, 0xc1, 0x01, 0x01, 0x00, 0x00, 0x00, 0x82, 0x20, 0xff, 0xaf, 0x6e, 0x48, 0x40};
static unsigned char bomb[BOMB];
static int opened, closed, whole, pieces, over;
static size_t delivered;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    if (message->first && message->last)
        whole++;
    else
        pieces++;
    delivered += message->len;
}

static void on_close(wsrs_conn conn, const wsrs_close *how, void *user_data)
{
    CHECK(over || (how->code == 1009 && how->by == WSRS_BY_LOCAL));
    closed++;
}

/* Writes a long frame with a mask of zeros, while the loop turns; what the peer does not take any more is left out. */
static void write_frame(wsrs_context context, int fd, unsigned char first, const unsigned char *data, size_t len)
{
    unsigned char header[14] = {first, 0xff, 0, 0, 0, 0};
    size_t at = 0, i;
    long end = check_now_ms() + 20000;
    for (i = 0; i < 8; i++)
        header[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
    raw_write(fd, header, sizeof header);
    while (at < len && !closed) {
        ssize_t wrote = send(fd, data + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote > 0)
            at += (size_t)wrote;
        CHECK(check_now_ms() < end);
        CHECK_OK(wsrs_context_poll(context, 0));
    }
}

/* A bomb in so many frames ends with 1009; what of it was delivered before. */
static size_t explode(wsrs_context context, uint16_t port, int frames, size_t length)
{
    static const char close_frame[] = "\x88\x11\x03\xf1message too big";
    int fd = raw_offer(context, port, "permessage-deflate", "permessage-deflate");
    size_t piece = length / (size_t)frames;
    int i;
    closed = 0;
    delivered = 0;
    for (i = 0; i < frames && !closed; i++) {
        unsigned char first = (unsigned char)((i == 0 ? 0x42 : 0) | (i + 1 == frames ? 0x80 : 0));
        write_frame(context, fd, first, bomb + piece * (size_t)i, piece);
    }
    RAW_EXPECT(context, fd, close_frame);
    close(fd);
    POLL_UNTIL(context, closed, 1);
    return delivered;
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_context context;
    uint16_t port, streamed, ratio;
    int fd, i;
    memcpy(bomb, begin, sizeof begin);
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    context = check_context(&callbacks);
    limits.max_message = LIMIT;
    options.limits = &limits;
    options.deflate = &deflate;
    port = check_listen(context, &options);
    options.streaming = 1;
    streamed = check_listen(context, &options);
    options.streaming = 0;
    limits.max_message = 1 << 30;
    limits.max_ratio = 50;
    ratio = check_listen(context, &options);

    for (i = 0; i < ROUNDS; i++) {
        size_t before;
        CHECK(explode(context, port, 1, BOMB) == 0);
        CHECK(explode(context, port, 12, BOMB) == 0);
        CHECK(whole == 0 && pieces == 0);
        before = explode(context, streamed, 1, BOMB);
        CHECK(before > 0 && before <= LIMIT);
        before = explode(context, streamed, 12, BOMB);
        CHECK(before > 0 && before <= LIMIT);
        CHECK(whole == 0 && pieces > 0);
        pieces = 0;
        CHECK(explode(context, ratio, 1, 70000) == 0);
        CHECK(explode(context, ratio, 2, 140000) == 0);
    }

    /* Many at once, of which the first is unfinished: it ends as it should when all others have. */
    fd = raw_offer(context, port, "permessage-deflate", "permessage-deflate");
    RAW_WRITE(fd, "\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07");
    for (i = 0; i < PEERS; i++)
        CHECK(explode(context, i % 2 ? port : streamed, 1, 100000) <= LIMIT);
    CHECK(whole == 0);
    delivered = 0;
    RAW_WRITE(fd, "\0");
    POLL_UNTIL(context, whole, 1);
    CHECK(delivered == 5);
    close(fd);
    over = 1;
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
