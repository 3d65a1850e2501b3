/* The clients of the soak: messages go out, by the loop's thread or by another one. Used by client.c. */
#include "client.h"
#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static struct sender outside;
static struct slot *jobs[SLOTS];
static int job_count, over;

struct message message_at(const struct slot *slot, uint32_t place)
{
    char act = ECHO;
    if (place + 1 == slot->count && slot->ending == BY_SERVER)
        act = CLOSE;
    if (place + 1 == slot->count && slot->ending == CUT_BY_SERVER)
        act = ABORT;
    return soak_message(slot->number, place, act);
}

/* A message in frames; where the queue is full, it goes on there. */
static wsrs_result send_frames(wsrs_conn conn, struct slot *slot, struct sender *sender, const struct message *message)
{
    memcpy(sender->scratch, message->head, HEAD);
    memcpy(sender->scratch + HEAD, message->body, message->len - HEAD);
    while (slot->out < message->len) {
        size_t len = 1 + any(sender, message->len - slot->out);
        wsrs_result result = wsrs_conn_send_fragment(conn, message->type, sender->scratch + slot->out, len,
                                                     slot->out + len == message->len);
        if (result != WSRS_OK)
            return result;
        slot->out += len;
    }
    return WSRS_OK;
}

/* The next message, in one of three ways. */
static wsrs_result send_one(wsrs_conn conn, struct slot *slot, struct sender *sender)
{
    struct message message = message_at(slot, slot->sent);
    wsrs_slice parts[2];
    if (message.len % 3 == 0)
        return send_frames(conn, slot, sender, &message);
    if (message.len % 3 == 1) {
        memcpy(sender->scratch, message.head, HEAD);
        memcpy(sender->scratch + HEAD, message.body, message.len - HEAD);
        return wsrs_conn_send(conn, message.type, sender->scratch, message.len);
    }
    parts[0].data = message.head, parts[0].len = HEAD;
    parts[1].data = message.body, parts[1].len = message.len - HEAD;
    return wsrs_conn_send_gathered(conn, message.type, parts, 2);
}

wsrs_result send_some(struct slot *slot, struct sender *sender)
{
    wsrs_conn conn = {slot->id};
    uint64_t more = 1 + any(sender, class_of(slot) == SLOW ? BURST : BURST / 4);
    if (any(sender, 16) == 0)
        wsrs_conn_ping(conn, "soak", 4);
    for (; more > 0 && slot->sent < slot->count; more--) {
        wsrs_result result = send_one(conn, slot, sender);
        if (result != WSRS_OK)
            return result;
        slot->sent_at[slot->sent++ % WINDOW] = now_us();
        slot->out = 0;
    }
    if (slot->sent == slot->count && slot->ending == AT_ONCE)
        wsrs_conn_close(conn, 1000, "bye", 3);
    else if (slot->sent == slot->count && slot->ending == CUT_AT_ONCE)
        wsrs_conn_abort(conn);
    return WSRS_OK;
}

static void *work(void *argument)
{
    struct slot *slot;
    (void)argument;
    pthread_mutex_lock(&lock);
    while (!over) {
        if (job_count == 0) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        slot = jobs[--job_count];
        pthread_mutex_unlock(&lock);
        send_some(slot, &outside);
        pthread_mutex_lock(&lock);
        slot->busy = 0;
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int is_busy(const struct slot *slot)
{
    int busy;
    pthread_mutex_lock(&lock);
    busy = slot->busy;
    pthread_mutex_unlock(&lock);
    return busy;
}

void send_outside(struct slot *slot)
{
    pthread_mutex_lock(&lock);
    slot->busy = 1;
    jobs[job_count++] = slot;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

void begin_outside(void)
{
    outside.random = (uint64_t)1 << 60;
    soak_must(pthread_create(&thread, NULL, work, NULL) == 0 ? WSRS_OK : WSRS_ERR_SYSTEM, "thread");
}

void end_outside(void)
{
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
}
