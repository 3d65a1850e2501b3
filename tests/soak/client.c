/* The clients of the soak: client URL ODD_URL LEDGER. Connections to server.c come and go, and each does what its class says
 * (soak.h); some go to ODD_URL, where hostile.py breaks the rules. What a connection does follows from its number.
 *
 * Prints a line of JSON each second. When a connection is over, the ledger gets a line:
 *     NUMBER OPENED EARLY SENT COUNTED RECEIVED CLEAN CODE BY EXPECTED
 * EARLY: its Close was sent before all messages were back, so that the rest is not delivered. COUNTED is what the library says
 * that it sent; EXPECTED is 1 when the connection ended as its plan says. SIGUSR1 lets all
 * connections end well and begins no more; SIGTERM ends the program; the status is 1 when anything was wrong. */
#include "client.h"
#include <signal.h>
#include <string.h>

enum { TICK_MS = 10, TICKS_PER_LINE = 100, PAUSE_US = 60000, SLOW_PAUSE_US = 1000000, ODD_LIFE_US = 10000000 };

/* How many slots there are of TALK, SLOW, CHURN, STREAM, OUTSIDE and ODD. */
static const int shares[] = {16, 3, 16, 4, 3, 2};

static wsrs_context context;
static wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
static const char *urls[2];
static FILE *ledger;
static struct slot slots[SLOTS];
static struct sender inside;
static volatile sig_atomic_t finishing;
static uint32_t next_number = 1;
static unsigned long lives, unexpected;
static int64_t last_tick, late_us, longest_us;

/* ---- callbacks ---- */

static struct slot *slot_of(wsrs_conn conn, void *user_data, enum state state, const char *callback)
{
    struct slot *slot = user_data;
    if (slot->id == conn.id && slot->state == state)
        return slot;
    DEFECT("%s out of its time, connection %u", callback, (unsigned)slot->number);
    return NULL;
}

static void on_open(wsrs_conn conn, void *user_data)
{
    struct slot *slot = slot_of(conn, user_data, DIALLING, "on_open");
    if (slot == NULL)
        return;
    slot->state = OPEN;
    slot->opened = 1;
    slot->due = 0;
    if (slot->count == 0 && slot->ending == CUT_AT_ONCE)
        wsrs_conn_abort(conn);
    else if (slot->count == 0)
        wsrs_conn_close(conn, 1000, NULL, 0);
}

static void whole(wsrs_conn conn, struct slot *slot)
{
    if (class_of(slot) == TALK && now_us() - slot->sent_at[slot->received % WINDOW] > longest_us)
        longest_us = now_us() - slot->sent_at[slot->received % WINDOW];
    slot->received++;
    slot->in = 0;
    if (slot->received == slot->count && slot->ending == AFTER_ECHOES)
        wsrs_conn_close(conn, 1000, "bye", 3);
    if (slot->received == slot->count / 2 + 1 && slot->ending == CUT_HALFWAY)
        wsrs_conn_abort(conn);
}

static void on_message(wsrs_conn conn, const wsrs_message *piece, void *user_data)
{
    struct slot *slot = slot_of(conn, user_data, OPEN, "on_message");
    struct message expected;
    if (slot == NULL)
        return;
    if (slot->paused)
        DEFECT("connection %u: a message while it is paused", (unsigned)slot->number);
    expected = message_at(slot, slot->received);
    if (slot->received >= slot->count || piece->type != expected.type || (piece->first != 0) != (slot->in == 0) ||
        !soak_same(&expected, slot->in, piece->data, piece->len) ||
        (piece->last != 0 && slot->in + piece->len != expected.len))
        DEFECT("connection %u: %u bytes are not message %u from byte %u on", (unsigned)slot->number, (unsigned)piece->len,
               (unsigned)slot->received, (unsigned)slot->in);
    slot->in += piece->len;
    if (piece->last)
        whole(conn, slot);
}

static void on_drain(wsrs_conn conn, void *user_data)
{
    struct slot *slot = slot_of(conn, user_data, OPEN, "on_drain");
    if (slot == NULL)
        return;
    if (!slot->waiting && class_of(slot) != OUTSIDE)
        DEFECT("connection %u: on_drain that nobody waits for", (unsigned)slot->number);
    slot->waiting = 0;
}

static int as_planned(const struct slot *slot, const wsrs_close *close)
{
    switch (slot->ending) {
    case AFTER_ECHOES:
    case AT_ONCE:
        return close->clean && close->code == 1000;
    case BY_SERVER:
        return close->clean && close->code == 3001;
    case CUT_BY_SERVER:
        return close->by == WSRS_BY_NETWORK;
    default:
        return close->by == WSRS_BY_LOCAL;
    }
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    struct slot *slot = slot_of(conn, user_data, OPEN, "on_close");
    wsrs_stats stats = WSRS_STATS_INIT;
    if (slot == NULL)
        return;
    soak_must(wsrs_conn_stats(conn, &stats), "stats");
    if (stats.messages_received != slot->received)
        DEFECT("connection %u: the library counts %llu in, not %u", (unsigned)slot->number,
               (unsigned long long)stats.messages_received, (unsigned)slot->received);
    slot->ended = class_of(slot) == ODD || as_planned(slot, close);
    snprintf(slot->line, sizeof slot->line, "%llu %u %d %d %d %d\n", (unsigned long long)stats.messages_sent,
             (unsigned)slot->received, (int)close->clean, (int)close->code, (int)close->by, slot->ended);
    unexpected += !slot->ended;
    slot->state = OVER;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    struct slot *slot = slot_of(conn, user_data, DIALLING, "on_error");
    if (slot == NULL)
        return;
    snprintf(slot->line, sizeof slot->line, "0 0 0 0 0 %d\n", slot->ended || class_of(slot) == ODD);
    if (class_of(slot) != ODD && !slot->ended) {
        unexpected++;
        fprintf(stderr, "connection %u: %s\n", (unsigned)slot->number, error->text);
    }
    slot->state = OVER;
}

/* ---- what the slots do, each tick ---- */

static uint32_t count_of(int class, uint64_t random)
{
    switch (class) {
    case CHURN:
        return (uint32_t)(random % 3);
    case ODD:
        return 20;
    case SLOW:
        return (uint32_t)(20 + random % 150);
    default:
        return (uint32_t)(1 + random % 200);
    }
}

static void dial(struct slot *slot, int class)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_conn conn;
    char url[160];
    uint32_t number = next_number++ * CLASSES + (uint32_t)class;
    uint64_t random = mix(number);
    memset(slot, 0, sizeof *slot);
    slot->number = number;
    slot->count = count_of(class, random);
    slot->ending = (int)(mix(random) % 10);
    if (slot->ending >= ENDINGS || (slot->count == 0 && slot->ending != CUT_AT_ONCE))
        slot->ending = AFTER_ECHOES;
    slot->state = DIALLING;
    slot->began = now_us();
    options.user_data = slot;
    options.callbacks = &callbacks;
    options.streaming = class == STREAM;
    snprintf(url, sizeof url, "%s%u", urls[class == ODD], (unsigned)number);
    soak_must(wsrs_context_connect(context, url, &options, &conn), "connect");
    slot->id = conn.id;
    lives++;
}

static void end_life(struct slot *slot)
{
    fprintf(ledger, "%u %d %d %u %s", (unsigned)slot->number, slot->opened, slot->ending == AT_ONCE, (unsigned)slot->sent,
            slot->line);
    slot->state = FREE;
    slot->due = now_us() + (int64_t)any(&inside, 200000);
}

/* No more messages than those that were begun, and then a good end. */
static void finish(wsrs_conn conn, struct slot *slot)
{
    if (slot->state == DIALLING || class_of(slot) == ODD) {
        wsrs_conn_abort(conn);
        slot->ended = 1;
    } else if (slot->out == 0 || slot->sent + 1 < slot->count) {
        slot->count = slot->sent + (slot->out > 0);
        slot->ending = AFTER_ECHOES;
        if (slot->received == slot->count)
            wsrs_conn_close(conn, 1000, "bye", 3);
    }
}

/* A slow reader sends on while it does not read. */
static void rest(wsrs_conn conn, struct slot *slot)
{
    slot->paused = !slot->paused && any(&inside, 3) == 0 && !finishing && slot->sent < slot->count;
    if (slot->paused)
        wsrs_conn_pause(conn);
    else
        wsrs_conn_resume(conn);
}

static void act(struct slot *slot)
{
    wsrs_conn conn = {slot->id};
    int64_t pause = PAUSE_US;
    if (class_of(slot) == ODD && now_us() - slot->began > ODD_LIFE_US)
        wsrs_conn_abort(conn);
    if (class_of(slot) == SLOW) {
        rest(conn, slot);
        pause = SLOW_PAUSE_US;
    }
    slot->due = now_us() + (int64_t)any(&inside, (uint64_t)pause);
    if (slot->sent == slot->count || slot->waiting || (slot->sent - slot->received >= WINDOW - BURST && class_of(slot) != ODD))
        return;
    if (class_of(slot) == OUTSIDE)
        send_outside(slot);
    else
        slot->waiting = send_some(slot, &inside) == WSRS_ERR_AGAIN;
}

static void turn(struct slot *slot, int class)
{
    wsrs_conn conn = {slot->id};
    if (is_busy(slot) || slot->due > now_us())
        return;
    if (slot->state == OVER)
        end_life(slot);
    else if (slot->state == FREE && !finishing)
        dial(slot, class);
    else if (finishing && slot->state != FREE && !slot->ended && (slot->state == DIALLING || slot->sent < slot->count))
        finish(conn, slot);
    if (slot->state == OPEN)
        act(slot);
}

static void print_line(int alive)
{
    printf("{\"alive\": %d, \"lives\": %lu, \"unexpected\": %lu, \"longest_us\": %lld, ", alive, lives, unexpected,
           (long long)longest_us);
    soak_report(context, late_us);
    late_us = 0;
}

static void on_tick(wsrs_timer timer, void *argument)
{
    static int ticks;
    int64_t now = now_us();
    int i = 0, class, place, alive = 0;
    (void)timer, (void)argument;
    if (now - last_tick - TICK_MS * 1000 > late_us)
        late_us = now - last_tick - TICK_MS * 1000;
    last_tick = now;
    for (class = TALK; class <= ODD; class++)
        for (place = 0; place < shares[class]; place++, i++) {
            turn(&slots[i], class);
            alive += slots[i].state != FREE;
        }
    if (++ticks % TICKS_PER_LINE != 0)
        return;
    print_line(alive);
}

static void on_signal(int number)
{
    if (number == SIGUSR1)
        finishing = 1;
    else
        wsrs_context_stop(context);
}

static void start(void)
{
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_drain = on_drain;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    limits.connect_timeout_ms = 60000;
    limits.handshake_timeout_ms = 30000;
    limits.close_timeout_ms = 30000;
    limits.ping_interval_ms = 3000;
    limits.pong_timeout_ms = 15000;
    options.limits = &limits;
    soak_must(wsrs_context_new(&options, NULL, NULL, &context), "context");
    soak_must(wsrs_context_timer(context, TICK_MS, TICK_MS, on_tick, NULL, NULL), "timer");
}

int main(int count, char **arguments)
{
    if (count != 4 || (ledger = fopen(arguments[3], "w")) == NULL)
        return 2;
    urls[0] = arguments[1], urls[1] = arguments[2];
    soak_patterns();
    start();
    signal(SIGUSR1, on_signal);
    signal(SIGTERM, on_signal);
    begin_outside();
    last_tick = now_us();
    soak_must(wsrs_context_run(context), "run");
    end_outside();
    print_line(0);
    soak_must(wsrs_context_free(context), "free");
    fclose(ledger);
    return defects != 0;
}
