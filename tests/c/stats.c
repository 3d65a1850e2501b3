/* What connections and contexts count: exact on the loop's thread, in callbacks too, and readable from another one. */
#include "check.h"
#include <pthread.h>

enum { MESSAGES = 100, SIZE = 1000, LARGE = 300000 };

static wsrs_context context;
static wsrs_conn client, accepted;
static int opened, ponged, received, closed, failed, silent;
static uint64_t count, bytes; /* of the accepted connection */
static wsrs_stats last;
static uint8_t data[LARGE];

static wsrs_stats stats_of(wsrs_conn conn)
{
    wsrs_stats stats = WSRS_STATS_INIT;
    CHECK_OK(wsrs_conn_stats(conn, &stats));
    CHECK(stats.size == sizeof stats);
    return stats;
}

static wsrs_totals totals(void)
{
    wsrs_totals totals = WSRS_TOTALS_INIT;
    CHECK_OK(wsrs_context_totals(context, &totals));
    CHECK(totals.size == sizeof totals);
    return totals;
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    if (request->path_len == 3) /* "/no" */
        CHECK_OK(wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0));
}

static void on_accepted(wsrs_conn conn, void *user_data)
{
    accepted = conn;
    count = bytes = 0;
    opened++;
}

/* The server counts the message that it is told of, and its own answer at once. */
static void echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    wsrs_stats stats;
    size_t buffered;
    count++;
    bytes += message->len;
    stats = stats_of(conn);
    CHECK(stats.messages_received == count && stats.bytes_received == bytes);
    if (silent)
        return;
    CHECK(stats.messages_sent == count - 1 && stats.bytes_sent == bytes - message->len);
    CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
    stats = stats_of(conn);
    CHECK(stats.messages_sent == count && stats.bytes_sent == bytes);
    CHECK_OK(wsrs_conn_buffered(conn, &buffered));
    CHECK(buffered > 0 || message->len > SIZE); /* it leaves after the callback */
    CHECK(stats.queued == buffered && totals().queued == buffered + stats_of(client).queued);
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data) { received++; }
static void on_open(wsrs_conn conn, void *user_data) { opened++; }
static void on_pong(wsrs_conn conn, const uint8_t *bytes, size_t len, void *user_data) { ponged++; }
static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data) { failed++; }

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    last = stats_of(conn);
    closed++;
}

static void messages(void)
{
    wsrs_stats ours, theirs;
    wsrs_totals all;
    int i;
    for (i = 0; i < MESSAGES; i++)
        CHECK_OK(wsrs_conn_send(client, WSRS_BINARY, data, SIZE));
    POLL_UNTIL(context, received, MESSAGES);
    CHECK_OK(wsrs_conn_send(client, WSRS_BINARY, data, LARGE));
    CHECK_OK(wsrs_conn_send_fragment(client, WSRS_BINARY, data, SIZE, 0));
    CHECK(stats_of(client).messages_sent == MESSAGES + 1);
    CHECK_OK(wsrs_conn_send_fragment(client, WSRS_BINARY, data, SIZE, 1));
    POLL_UNTIL(context, received, MESSAGES + 2);
    CHECK_OK(wsrs_context_poll(context, 0));
    ours = stats_of(client), theirs = stats_of(accepted), all = totals();
    CHECK(ours.messages_sent == MESSAGES + 2 && ours.messages_received == MESSAGES + 2);
    CHECK(ours.bytes_sent == (MESSAGES + 2) * SIZE + LARGE && ours.bytes_received == ours.bytes_sent);
    CHECK(theirs.messages_sent == ours.messages_sent && theirs.messages_received == ours.messages_sent);
    CHECK(theirs.bytes_sent == ours.bytes_sent && theirs.bytes_received == ours.bytes_sent);
    CHECK(all.messages_sent == 2 * ours.messages_sent && all.bytes_received == 2 * ours.bytes_sent);
    CHECK(ours.queued == 0 && theirs.queued == 0 && all.queued == 0);
    CHECK(all.opened == 2 && all.closed == 0);
}

static void pings(void)
{
    wsrs_stats ours;
    wsrs_totals all;
    CHECK(stats_of(client).rtt_us == 0);
    CHECK_OK(wsrs_conn_pong(accepted, "unasked", 7));
    POLL_UNTIL(context, ponged, 1);
    CHECK(stats_of(client).rtt_us == 0 && stats_of(client).pongs_received == 1);
    CHECK_OK(wsrs_conn_ping(client, "one", 3));
    POLL_UNTIL(context, ponged, 2);
    ours = stats_of(client);
    CHECK(ours.rtt_us > 0 && ours.rtt_us < 20000000 && ours.rtt_least_us == ours.rtt_us && ours.rtt_mean_us == ours.rtt_us);
    CHECK(ours.pings_sent == 1 && ours.pongs_received == 2 && ours.pings_received == 0);
    CHECK(stats_of(accepted).pings_received == 1);
    all = totals();
    CHECK(all.pings_sent == 1 && all.pings_received == 1 && all.pongs_received == 2);
}

/* Nobody reads: what the system does not take waits, and what the queue does not take is refused. */
static void queue(void)
{
    wsrs_stats ours;
    size_t buffered;
    CHECK_OK(wsrs_conn_pause(accepted));
    silent = 1;
    while (wsrs_conn_send(client, WSRS_BINARY, data, LARGE) == WSRS_OK)
        CHECK_OK(wsrs_context_poll(context, 0));
    ours = stats_of(client);
    CHECK_OK(wsrs_conn_buffered(client, &buffered));
    CHECK(ours.sends_refused == 1 && totals().sends_refused == 1);
    CHECK(ours.queued == buffered && buffered > LARGE && totals().queued == buffered);
    CHECK_OK(wsrs_conn_abort(client));
    CHECK_OK(wsrs_conn_resume(accepted));
    POLL_UNTIL(context, closed, 2);
    CHECK(totals().queued == 0);
    silent = 0;
}

static void *from_outside(void *argument)
{
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals all = totals();
    uint64_t sent = all.messages_sent;
    CHECK(stats_of(client).messages_received == 0);
    CHECK_OK(wsrs_conn_send_text(client, "from another thread"));
    do {
        all = totals();
        CHECK(all.messages_sent >= sent);
        check_sleep_ms(1);
    } while (all.messages_sent < sent + 2);
    while (stats_of(client).messages_received < 1)
        check_sleep_ms(1);
    CHECK_IS(wsrs_conn_stats(*(wsrs_conn *)argument, &stats), WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_context_stop(context));
    return NULL;
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT, server = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals all;
    wsrs_conn gone;
    pthread_t thread;
    uint16_t port;
    int fd;
    callbacks.on_message = on_message;
    callbacks.on_open = on_open;
    callbacks.on_pong = on_pong;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    server = callbacks;
    server.on_request = on_request;
    server.on_open = on_accepted;
    server.on_message = echo;
    options.callbacks = &server;
    context = check_context(&callbacks);
    port = check_listen(context, &options);
    client = gone = check_connect(context, port, NULL);
    POLL_UNTIL(context, opened, 2);
    messages();
    pings();
    queue();
    CHECK_IS(wsrs_conn_stats(gone, &stats), WSRS_ERR_CLOSED);
    all = totals();
    CHECK(all.closed == 2 && all.losses == 1 && all.timeouts == 0); /* one by wsrs_conn_abort, one by the network */

    check_connect_path(context, port, "/no", NULL, NULL);
    POLL_UNTIL(context, failed, 1);
    all = totals();
    CHECK(all.handshakes_rejected == 1 && all.connects_failed == 1 && all.handshakes_failed == 0);
    fd = raw_connect(port);
    raw_write(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    while (totals().handshakes_failed == 0)
        CHECK_OK(wsrs_context_poll(context, 10));
    CHECK(totals().opened == 2 && totals().closed == 2);
    close(fd);

    opened = 0;
    client = check_connect_path(context, port, "/", &callbacks, NULL);
    POLL_UNTIL(context, opened, 2);
    CHECK(pthread_create(&thread, NULL, from_outside, &gone) == 0);
    CHECK_OK(wsrs_context_run(context));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(last.messages_sent == 1 && last.messages_received == 1);
    all = totals();
    CHECK(all.opened == 4 && all.closed == 4 && all.losses == 1);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
