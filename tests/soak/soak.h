/* What server.c and client.c of the soak share: messages that both ends can tell from each other byte by byte, and reports.
 *
 * A connection has a number, which is the path of its URL; number % CLASSES is its class. A message has HEAD bytes of text
 * (number, place in its connection, length, what to do with it) and a body; type, length and bytes of all but FOREIGN
 * connections follow from number and place. So each end knows exactly what must come next. */
#ifndef SOAK_H
#define SOAK_H

#include <stdint.h>
#include <stdio.h>
#include <wsrs.h>

enum { HEAD = 25, BODY_MAX = 1000000, SHIFTS = 1 << 18, CLASSES = 16 };

/* Of connections. OUTSIDE: sends from another thread; STREAM: receives in pieces; ODD: to a server that breaks the rules;
 * FOREIGN: a peer that is not this library, whose bodies are its own. */
enum { TALK, SLOW, CHURN, STREAM, OUTSIDE, ODD, FOREIGN = 15 };

/* The last byte of a head: what the server does after it sent the message back. */
enum { ECHO = 'e', CLOSE = 'c', ABORT = 'a' };

struct message {
    int32_t type;
    size_t len; /* with HEAD */
    char head[HEAD + 1];
    const uint8_t *body;
};

extern unsigned long defects;

#define DEFECT(...) (defects++, fprintf(stderr, "DEFECT: " __VA_ARGS__), fputc('\n', stderr))

/* splitmix64: all that looks random in the soak. */
uint64_t mix(uint64_t x);

int64_t now_us(void);

/* Comes first: makes what the bodies of messages are pieces of. */
void soak_patterns(void);

/* The message at a place of a connection that is not FOREIGN. */
struct message soak_message(uint32_t number, uint32_t place, char act);

/* Are these the bytes of the message from `at` on? */
int soak_same(const struct message *message, size_t at, const uint8_t *data, size_t len);

/* Ends the program unless all went well. */
void soak_must(wsrs_result result, const char *what);

/* Prints the end of a line of JSON: the context's totals, how late a timer was at most, and what was found wrong. */
void soak_report(wsrs_context context, int64_t late_us);

#endif
