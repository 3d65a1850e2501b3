/* The clients of the soak: what client.c (connections, callbacks) and sending.c (messages) share. */
#ifndef SOAK_CLIENT_H
#define SOAK_CLIENT_H

#include "soak.h"

/* At most WINDOW messages of a connection are on the way, and BURST are sent at once. */
enum { SLOTS = 44, WINDOW = 64, BURST = 16 };

/* How a connection ends. */
enum { AFTER_ECHOES, AT_ONCE, BY_SERVER, CUT_BY_SERVER, CUT_AT_ONCE, CUT_HALFWAY, ENDINGS };

enum state { FREE, DIALLING, OPEN, OVER };

/* One connection after the other. What belongs to sending is the sender's while it is busy. */
struct slot {
    enum state state;
    uint64_t id;
    uint32_t number, count, received;
    int ending, waiting, paused, opened, ended;
    int64_t began, due; /* of the next action */
    size_t in;          /* bytes of the message that is being received in pieces */
    char line[80];
    /* sending */
    uint32_t sent;
    size_t out; /* bytes of the message that is being sent in frames */
    int64_t sent_at[WINDOW];
    int busy; /* the other thread sends; read by is_busy */
};

struct sender {
    uint8_t scratch[HEAD + BODY_MAX];
    uint64_t random;
};

static inline int class_of(const struct slot *slot)
{
    return (int)(slot->number % CLASSES);
}

static inline uint64_t any(struct sender *sender, uint64_t below)
{
    return mix(++sender->random) % below;
}

/* The message at a place, as this connection sends it and gets it back. */
struct message message_at(const struct slot *slot, uint32_t place);

/* Some messages more. Returns the last result; when all are sent, the connection may be ended by this end at once. */
wsrs_result send_some(struct slot *slot, struct sender *sender);

/* The same on the other thread, which begin_outside makes and end_outside ends. Only for slots that are not busy. */
void begin_outside(void);
void send_outside(struct slot *slot);
int is_busy(const struct slot *slot);
void end_outside(void);

#endif
