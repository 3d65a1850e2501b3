/* The server of the soak: server ADDRESS LEDGER DEADLINE_MS. Sends every message back and checks each, by soak.h.
 * DEADLINE_MS is the time for a handshake and for the answer to a ping: short, so that half-open peers end many times.
 *
 * Prints a line of JSON each second, the first with the port. When a connection is over, the ledger gets a line:
 *     NUMBER RECEIVED SENT CLEAN CODE BY
 * SIGTERM ends it; the status is 1 when anything was wrong. */
#include "soak.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 4096, TICK_MS = 20, TICKS_PER_LINE = 50 };

/* A message that the send queue had no room for. */
struct kept {
    int32_t type;
    size_t len;
    uint8_t data[];
};

/* Never freed, so that a callback for a connection that is over would be seen. id 0: free. */
struct peer {
    uint64_t id;
    uint32_t number, received, sent;
    struct kept *kept;
};

static wsrs_context context;
static struct peer peers[PEERS];
static FILE *ledger;
static int64_t last_tick, late_us;

static struct peer *peer_of(wsrs_conn conn, void *user_data, const char *callback)
{
    struct peer *peer = user_data;
    if (peer != NULL && peer->id == conn.id)
        return peer;
    DEFECT("%s for a connection that is not open", callback);
    return NULL;
}

static void on_open(wsrs_conn conn, void *user_data)
{
    const char *path;
    size_t len, i;
    char text[16] = "";
    (void)user_data;
    for (i = 0; i < PEERS && peers[i].id != 0; i++)
        if (peers[i].id == conn.id)
            DEFECT("on_open twice");
    if (i == PEERS)
        exit(1);
    soak_must(wsrs_conn_path(conn, &path, &len), "path");
    memcpy(text, path + 1, len - 1 < sizeof text ? len - 1 : 0);
    memset(&peers[i], 0, sizeof peers[i]);
    peers[i].id = conn.id;
    peers[i].number = (uint32_t)strtoul(text, NULL, 10);
    soak_must(wsrs_conn_set_user_data(conn, &peers[i]), "user data");
}

/* Number, place and length; of messages of our own clients every byte. */
static int expected(const struct peer *peer, const wsrs_message *message)
{
    char head[HEAD + 1];
    struct message own;
    if (message->len < HEAD)
        return 0;
    if (peer->number % CLASSES == FOREIGN) {
        snprintf(head, sizeof head, "%08x%08x%08x", (unsigned)peer->number, (unsigned)peer->received, (unsigned)message->len);
        return memcmp(message->data, head, HEAD - 1) == 0;
    }
    own = soak_message(peer->number, peer->received, (char)message->data[HEAD - 1]);
    return message->type == own.type && message->len == own.len && soak_same(&own, 0, message->data, message->len);
}

static void sent(wsrs_conn conn, struct peer *peer, int act)
{
    peer->sent++;
    if (act == CLOSE)
        wsrs_conn_close(conn, 3001, "as you wish", 11);
    else if (act == ABORT)
        wsrs_conn_abort(conn);
}

/* The peer sends faster than it reads: keep this message, and read no more until what is queued has gone out. */
static void keep(wsrs_conn conn, struct peer *peer, const wsrs_message *message)
{
    struct kept *kept = malloc(sizeof *kept + message->len);
    if (kept == NULL)
        exit(1);
    kept->type = message->type;
    kept->len = message->len;
    memcpy(kept->data, message->data, message->len);
    peer->kept = kept;
    soak_must(wsrs_conn_pause(conn), "pause");
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct peer *peer = peer_of(conn, user_data, "on_message");
    wsrs_result result;
    if (peer == NULL)
        return;
    if (peer->kept != NULL)
        DEFECT("connection %u: a message while it is paused", (unsigned)peer->number);
    if (!expected(peer, message)) {
        DEFECT("connection %u: %u bytes are not message %u", (unsigned)peer->number, (unsigned)message->len,
               (unsigned)peer->received);
        wsrs_conn_abort(conn);
        return;
    }
    peer->received++;
    result = wsrs_conn_send(conn, message->type, message->data, message->len);
    if (result == WSRS_OK)
        sent(conn, peer, message->data[HEAD - 1]);
    else if (result == WSRS_ERR_AGAIN)
        keep(conn, peer, message);
    else if (result != WSRS_ERR_CLOSED)
        DEFECT("connection %u: send gives %d", (unsigned)peer->number, (int)result);
}

static void on_drain(wsrs_conn conn, void *user_data)
{
    struct peer *peer = peer_of(conn, user_data, "on_drain");
    struct kept *kept;
    if (peer == NULL || peer->kept == NULL) {
        DEFECT("on_drain that nobody waits for");
        return;
    }
    kept = peer->kept;
    peer->kept = NULL;
    soak_must(wsrs_conn_resume(conn), "resume");
    if (wsrs_conn_send(conn, kept->type, kept->data, kept->len) == WSRS_OK)
        sent(conn, peer, kept->data[HEAD - 1]);
    else
        DEFECT("connection %u: a send in on_drain is refused", (unsigned)peer->number);
    free(kept);
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    struct peer *peer = peer_of(conn, user_data, "on_close");
    wsrs_stats stats = WSRS_STATS_INIT;
    if (peer == NULL)
        return;
    soak_must(wsrs_conn_stats(conn, &stats), "stats");
    if (stats.messages_received != peer->received || stats.messages_sent != peer->sent)
        DEFECT("connection %u: the library counts %llu in, %llu out, not %u, %u", (unsigned)peer->number,
               (unsigned long long)stats.messages_received, (unsigned long long)stats.messages_sent, (unsigned)peer->received,
               (unsigned)peer->sent);
    fprintf(ledger, "%u %u %u %d %d %d\n", (unsigned)peer->number, (unsigned)peer->received, (unsigned)peer->sent,
            (int)close->clean, (int)close->code, (int)close->by);
    free(peer->kept);
    peer->kept = NULL;
    peer->id = 0;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    (void)conn, (void)user_data;
    DEFECT("on_error without on_request: %s", error->text);
}

static void on_tick(wsrs_timer timer, void *argument)
{
    static int ticks;
    int64_t now = now_us();
    (void)timer, (void)argument;
    if (now - last_tick - TICK_MS * 1000 > late_us)
        late_us = now - last_tick - TICK_MS * 1000;
    last_tick = now;
    if (++ticks % TICKS_PER_LINE != 0)
        return;
    fputs("{", stdout);
    soak_report(context, late_us);
    late_us = 0;
}

static void on_signal(int number)
{
    (void)number;
    wsrs_context_stop(context);
}

static wsrs_result start(const char *address, uint64_t deadline_ms, uint16_t *port)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_listener listener;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_drain = on_drain;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    limits.max_connections = PEERS;
    limits.max_connections_per_address = PEERS;
    limits.handshake_timeout_ms = deadline_ms;
    limits.ping_interval_ms = 2000;
    limits.pong_timeout_ms = deadline_ms;
    options.limits = &limits;
    soak_must(wsrs_context_new(&options, &callbacks, NULL, &context), "context");
    soak_must(wsrs_context_listen(context, address, NULL, &listener), "listen");
    soak_must(wsrs_context_timer(context, TICK_MS, TICK_MS, on_tick, NULL, NULL), "timer");
    return wsrs_listener_port(listener, port);
}

int main(int count, char **arguments)
{
    uint16_t port = 0;
    if (count != 4 || (ledger = fopen(arguments[2], "w")) == NULL)
        return 2;
    soak_patterns();
    soak_must(start(arguments[1], strtoull(arguments[3], NULL, 10), &port), "port");
    signal(SIGTERM, on_signal);
    printf("{\"port\": %u}\n", (unsigned)port);
    fflush(stdout);
    last_tick = now_us();
    soak_must(wsrs_context_run(context), "run");
    fputs("{", stdout);
    soak_report(context, late_us);
    soak_must(wsrs_context_free(context), "free");
    fclose(ledger);
    return defects != 0;
}
