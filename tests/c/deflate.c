/* Compression as a program sees it: options that can't be, what was agreed on, what is on the wire and what is counted, and
 * messages that are not to be compressed. */
#include "check_deflate.h"
#include <pthread.h>

static wsrs_context context;
static wsrs_conn accepted;
static int opened, received, requested, closed, in_pieces;

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    wsrs_deflate_info info = WSRS_DEFLATE_INFO_INIT;
    CHECK_IS(wsrs_conn_deflate(conn, &info), WSRS_ERR_NOT_OPEN);
    requested++;
}

static void on_accepted(wsrs_conn conn, void *user_data)
{
    accepted = conn;
    opened++;
}

static void on_open(wsrs_conn conn, void *user_data) { opened++; }
static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { closed++; }

static void echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    received++;
    if (in_pieces) {
        CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT | WSRS_UNCOMPRESSED, "Hel", 3, 0));
        CHECK_OK(wsrs_conn_send_fragment(conn, WSRS_TEXT, "lo", 2, 1));
    }
    CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
}

/* ---- options ---- */

static void wrong_options(void)
{
    static const struct {
        uint32_t level, memory_level, window_bits, peer_window_bits;
        const char *word;
    } cases[] = {
        {10, 0, 0, 0, "level"},        {UINT32_MAX, 0, 0, 0, "level"}, {0, 10, 0, 0, "memory_level"},
        {0, 0, 7, 0, "window_bits"},   {0, 0, 16, 0, "window_bits"},   {0, 0, 0, 7, "peer_window_bits"},
        {0, 0, 0, 1, "peer_window_bits"}, {0, 0, 0, 256 + 9, "peer_window_bits"},
    };
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_connect_options connect = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_listener listener = {7};
    wsrs_conn conn = {7};
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
        deflate.level = cases[i].level;
        deflate.memory_level = cases[i].memory_level;
        deflate.window_bits = cases[i].window_bits;
        deflate.peer_window_bits = cases[i].peer_window_bits;
        listen.deflate = connect.deflate = &deflate;
        CHECK_IS(wsrs_context_listen(context, "127.0.0.1:0", &listen, &listener), WSRS_ERR_ARGUMENT);
        CHECK(strstr(wsrs_last_error(), cases[i].word) != NULL);
        CHECK_IS(wsrs_context_connect(context, "ws://127.0.0.1:9/", &connect, &conn), WSRS_ERR_ARGUMENT);
        CHECK(strstr(wsrs_last_error(), cases[i].word) != NULL);
        deflate.level = deflate.memory_level = deflate.window_bits = deflate.peer_window_bits = 0;
        deflate.size = 8;
        CHECK_IS(wsrs_context_listen(context, "127.0.0.1:0", &listen, &listener), WSRS_ERR_ARGUMENT);
        CHECK_IS(wsrs_context_connect(context, "ws://127.0.0.1:9/", &connect, &conn), WSRS_ERR_ARGUMENT);
    }
    CHECK(listener.id == 7 && conn.id == 7);
}

/* ---- what is agreed on ---- */

static uint16_t listen_with(const wsrs_deflate_options *deflate)
{
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    options.deflate = deflate;
    return check_listen(context, &options);
}

static wsrs_conn connect_with(uint16_t port, const wsrs_deflate_options *deflate)
{
    static wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_deflate_info info = WSRS_DEFLATE_INFO_INIT;
    wsrs_conn conn;
    char url[64];
    callbacks.on_open = on_open;
    options.callbacks = &callbacks;
    options.deflate = deflate;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, &conn));
    CHECK_IS(wsrs_conn_deflate(conn, &info), WSRS_ERR_NOT_OPEN);
    opened = 0;
    POLL_UNTIL(context, opened, 2);
    return conn;
}

static void info_is(wsrs_conn conn, const int32_t expected[4])
{
    wsrs_deflate_info info = WSRS_DEFLATE_INFO_INIT;
    CHECK_OK(wsrs_conn_deflate(conn, &info));
    CHECK(info.size == sizeof info);
    CHECK(info.server_no_context_takeover == expected[0] && info.client_no_context_takeover == expected[1]);
    CHECK(info.server_max_window_bits == expected[2] && info.client_max_window_bits == expected[3]);
}

static void agreements(void)
{
    /* no_takeover, peer_no_takeover, window_bits, peer_window_bits of server and client, and what comes of them. */
    static const struct {
        uint32_t server[4], client[4];
        int32_t expected[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 15, 15}},
        {{1, 0, 0, 0}, {0, 0, 0, 0}, {1, 0, 15, 15}},
        {{0, 1, 0, 0}, {0, 0, 0, 0}, {0, 1, 15, 15}},
        {{0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 15, 15}},
        {{0, 0, 0, 0}, {0, 1, 0, 0}, {1, 0, 15, 15}},
        {{0, 0, 10, 0}, {0, 0, 0, 0}, {0, 0, 10, 15}},
        {{0, 0, 0, 8}, {0, 0, 0, 0}, {0, 0, 15, 8}},
        {{0, 0, 12, 0}, {0, 0, 9, 11}, {0, 0, 11, 9}},
        {{1, 1, 8, 8}, {1, 1, 15, 15}, {1, 1, 8, 8}},
    };
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        wsrs_deflate_options server = WSRS_DEFLATE_OPTIONS_INIT, client = WSRS_DEFLATE_OPTIONS_INIT;
        wsrs_conn conn;
        server.no_takeover = cases[i].server[0];
        server.peer_no_takeover = cases[i].server[1];
        server.window_bits = cases[i].server[2];
        server.peer_window_bits = cases[i].server[3];
        client.no_takeover = cases[i].client[0];
        client.peer_no_takeover = cases[i].client[1];
        client.window_bits = cases[i].client[2];
        client.peer_window_bits = cases[i].client[3];
        conn = connect_with(listen_with(&server), &client);
        info_is(conn, cases[i].expected);
        info_is(accepted, cases[i].expected);
    }
    CHECK(requested == (int)(sizeof cases / sizeof *cases));
}

static void none_agreed(void)
{
    static const wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_deflate_info info = WSRS_DEFLATE_INFO_INIT;
    int i;
    for (i = 0; i < 3; i++) {
        wsrs_conn conn = connect_with(listen_with(i == 1 ? &deflate : NULL), i == 2 ? &deflate : NULL);
        CHECK_IS(wsrs_conn_deflate(conn, &info), WSRS_ERR_NOT_FOUND);
        CHECK_IS(wsrs_conn_deflate(accepted, &info), WSRS_ERR_NOT_FOUND);
        CHECK_OK(wsrs_conn_send(conn, WSRS_TEXT | WSRS_UNCOMPRESSED, "no effect", 9));
        received = 0;
        POLL_UNTIL(context, received, 1);
        CHECK(stats_of(accepted).inflated_from == 0 && stats_of(accepted).deflated_from == 0);
    }
}

/* ---- the wire, and what is counted ---- */

/* RFC 7692 7.2.3.1 and 7.2.3.2: "Hello", and "Hello" again; as a client's frames with a mask of zeros. */
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"
#define AGAIN "\xf2\x00\x11\x00\x00"
#define MASKED "\x00\x00\x00\x00"

static int raw_accepted(uint16_t port)
{
    int fd;
    opened = 0;
    fd = raw_offer(context, port, "permessage-deflate", "permessage-deflate");
    POLL_UNTIL(context, opened, 1);
    return fd;
}

static void counted(uint64_t inflated_from, uint64_t inflated_to, uint64_t deflated_from, uint64_t deflated_to)
{
    wsrs_stats stats = stats_of(accepted);
    CHECK(stats.inflated_from == inflated_from && stats.inflated_to == inflated_to);
    CHECK(stats.deflated_from == deflated_from && stats.deflated_to == deflated_to);
}

static void exact_counters(void)
{
    wsrs_deflate_options all = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_totals before = WSRS_TOTALS_INIT, totals = WSRS_TOTALS_INIT;
    size_t again;
    uint16_t port;
    int fd;
    all.min_size = 1;
    all.level = 6;
    port = listen_with(&all);
    fd = raw_accepted(port);
    CHECK_OK(wsrs_context_totals(context, &before));
    counted(0, 0, 0, 0);
    RAW_WRITE(fd, "\xc1\x87" MASKED HELLO);
    RAW_EXPECT(context, fd, "\xc1\x07" HELLO);
    counted(7, 5, 5, 7);
    RAW_WRITE(fd, "\xc1\x85" MASKED AGAIN);
    again = raw_frame(context, fd, 0xc1);
    CHECK(again < 7); /* it refers to the first one */
    counted(12, 10, 10, 7 + again);
    RAW_WRITE(fd, "\x81\x85" MASKED "Hello"); /* not compressed: what comes does not count, the answer does */
    again += raw_frame(context, fd, 0xc1);
    counted(12, 10, 15, 7 + again);
    CHECK(stats_of(accepted).bytes_received == 15 && stats_of(accepted).bytes_sent == 15);
    CHECK_OK(wsrs_context_totals(context, &totals));
    CHECK(totals.inflated_from - before.inflated_from == 12 && totals.inflated_to - before.inflated_to == 10);
    CHECK(totals.deflated_from - before.deflated_from == 15 && totals.deflated_to - before.deflated_to == 7 + again);

    /* Who comes next into the place begins at 0. */
    closed = 0;
    CHECK_OK(wsrs_conn_abort(accepted));
    POLL_UNTIL(context, closed, 1);
    CHECK(close(fd) == 0);
    fd = raw_accepted(port);
    counted(0, 0, 0, 0);
    CHECK(close(fd) == 0);
}

static void *send_elsewhere(void *argument)
{
    wsrs_slice parts[2] = {{"Hel", 3}, {"lo", 2}};
    CHECK_OK(wsrs_conn_send(accepted, WSRS_TEXT, "Hello", 5));
    CHECK_OK(wsrs_conn_send(accepted, WSRS_TEXT | WSRS_UNCOMPRESSED, "Hello", 5));
    CHECK_OK(wsrs_conn_send_gathered(accepted, WSRS_TEXT | WSRS_UNCOMPRESSED, parts, 2));
    CHECK_OK(wsrs_conn_send_fragment(accepted, WSRS_TEXT | WSRS_UNCOMPRESSED, "Hel", 3, 0));
    CHECK_OK(wsrs_conn_send_fragment(accepted, WSRS_TEXT, "lo", 2, 1));
    return NULL;
}

static const char elsewhere[] = "\xc1\x07" HELLO "\x81\x05Hello" "\x81\x05Hello" "\x01\x03Hel" "\x80\x02lo";

static void uncompressed(void)
{
    wsrs_deflate_options all = WSRS_DEFLATE_OPTIONS_INIT, large = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_slice parts[2] = {{"Hel", 3}, {"lo", 2}};
    pthread_t thread;
    size_t sent, again;
    int fd;
    all.min_size = 1;
    all.level = 6;
    all.no_takeover = 1;
    opened = 0;
    fd = raw_offer(context, listen_with(&all), "permessage-deflate", "permessage-deflate; server_no_context_takeover");
    POLL_UNTIL(context, opened, 1);
    /* Without a context what would become longer goes as it is: a fragment can't know. */
    CHECK_OK(wsrs_conn_send(accepted, WSRS_TEXT, "Hello", 5));
    RAW_EXPECT(context, fd, "\x81\x05Hello");
    CHECK_OK(wsrs_conn_send_fragment(accepted, WSRS_TEXT, "Hello", 5, 0));
    CHECK_OK(wsrs_conn_send_fragment(accepted, WSRS_TEXT | WSRS_UNCOMPRESSED, "", 0, 1)); /* too late */
    RAW_EXPECT(context, fd, "\x41\x0b\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff" "\x80\x01\x00");
    CHECK(close(fd) == 0);

    all.no_takeover = 0;
    fd = raw_accepted(listen_with(&all));
    send_elsewhere(NULL);
    RAW_EXPECT(context, fd, elsewhere);
    counted(0, 0, 5, 7);
    CHECK_OK(wsrs_conn_send_gathered(accepted, WSRS_TEXT, parts, 2)); /* after fragments too */
    again = raw_frame(context, fd, 0xc1);
    CHECK_OK(wsrs_context_send_many(context, &accepted, 1, WSRS_BINARY | WSRS_UNCOMPRESSED, "Hello", 5, &sent));
    CHECK(sent == 1);
    RAW_EXPECT(context, fd, "\x82\x05Hello");
    CHECK_OK(wsrs_context_broadcast(context, WSRS_BINARY | WSRS_UNCOMPRESSED, "Hello", 5, NULL));
    RAW_EXPECT(context, fd, "\x82\x05Hello");
    counted(0, 0, 10, 7 + again);
    in_pieces = 1; /* in a callback, after a message in fragments */
    RAW_WRITE(fd, "\x81\x85" MASKED "Hello");
    RAW_EXPECT(context, fd, "\x01\x03Hel" "\x80\x02lo");
    again += raw_frame(context, fd, 0xc1);
    counted(0, 0, 15, 7 + again);
    in_pieces = 0;
    CHECK(close(fd) == 0);

    fd = raw_accepted(listen_with(&all));
    CHECK(pthread_create(&thread, NULL, send_elsewhere, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    RAW_EXPECT(context, fd, elsewhere);
    counted(0, 0, 5, 7);
    CHECK(close(fd) == 0);

    fd = raw_accepted(listen_with(&large)); /* by default, short messages go as they are */
    CHECK_OK(wsrs_conn_send(accepted, WSRS_TEXT, "Hello", 5));
    RAW_EXPECT(context, fd, "\x81\x05Hello");
    counted(0, 0, 0, 0);
    CHECK(close(fd) == 0);
}

/* The limit of ratios counts beyond 64 KiB. */
static void ratios(void)
{
    static uint8_t zeros[1 << 17];
    static const wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_conn conn;
    limits.max_ratio = 100;
    options.limits = &limits;
    options.deflate = &deflate;
    conn = connect_with(check_listen(context, &options), &deflate);
    received = closed = 0;
    CHECK_OK(wsrs_conn_send_binary(conn, zeros, 1 << 16));
    POLL_UNTIL(context, received, 1);
    CHECK_OK(wsrs_conn_send_binary(conn, zeros, sizeof zeros));
    POLL_UNTIL(context, closed, 1);
    CHECK(received == 1);
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_request = on_request;
    callbacks.on_open = on_accepted;
    callbacks.on_message = echo;
    callbacks.on_close = on_close;
    context = check_context(&callbacks);
    wrong_options();
    agreements();
    none_agreed();
    exact_counters();
    uncompressed();
    ratios();
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
