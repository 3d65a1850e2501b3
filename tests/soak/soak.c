/* What server.c and client.c of the soak share: see soak.h. */
#include "soak.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

unsigned long defects;
static uint8_t soak_bytes[BODY_MAX + SHIFTS], soak_letters[BODY_MAX + SHIFTS];

uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000 + now.tv_nsec / 1000;
}

/* A text's units are 12 bytes long, with characters of each length. */
void soak_patterns(void)
{
    size_t i;
    for (i = 0; i < sizeof soak_bytes; i++)
        soak_bytes[i] = (uint8_t)mix(i);
    for (i = 0; i + 12 <= sizeof soak_letters; i += 12) {
        memcpy(soak_letters + i, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
        soak_letters[i + 9] = (uint8_t)('a' + mix(i) % 26);
        soak_letters[i + 10] = (uint8_t)('a' + mix(i + 1) % 26);
        soak_letters[i + 11] = (uint8_t)('a' + mix(i + 2) % 26);
    }
}

static size_t soak_body_len(uint32_t number, uint64_t random)
{
    uint64_t kind = random % 100, more = random / 100;
    if (number % CLASSES == SLOW)
        return 20000 + more % 300000;
    if (kind < 60)
        return more % 200;
    if (kind < 85)
        return more % 4096;
    return kind < 97 ? more % 70000 : more % BODY_MAX;
}

struct message soak_message(uint32_t number, uint32_t place, char act)
{
    struct message message;
    uint64_t random = mix((uint64_t)number << 32 | place);
    size_t len = soak_body_len(number, random), shift = mix(random) % SHIFTS;
    message.type = random >> 63 ? WSRS_TEXT : WSRS_BINARY;
    if (message.type == WSRS_TEXT)
        len -= len % 12, shift -= shift % 12;
    message.len = HEAD + len;
    message.body = (message.type == WSRS_TEXT ? soak_letters : soak_bytes) + shift;
    snprintf(message.head, sizeof message.head, "%08x%08x%08x%c", (unsigned)number, (unsigned)place, (unsigned)message.len, act);
    return message;
}

int soak_same(const struct message *message, size_t at, const uint8_t *data, size_t len)
{
    size_t head = at >= HEAD ? 0 : HEAD - at < len ? HEAD - at : len;
    if (at > message->len || len > message->len - at || memcmp(data, message->head + at * (head > 0), head) != 0)
        return 0;
    return len == head || memcmp(data + head, message->body + (at + head - HEAD), len - head) == 0;
}

void soak_must(wsrs_result result, const char *what)
{
    if (result == WSRS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, wsrs_strerror(result));
    exit(1);
}

void soak_report(wsrs_context context, int64_t late_us)
{
    wsrs_totals all = WSRS_TOTALS_INIT;
    soak_must(wsrs_context_totals(context, &all), "totals");
    printf("\"received\": %llu, \"sent\": %llu, \"bytes_received\": %llu, \"bytes_sent\": %llu, \"pings_received\": %llu, "
           "\"pongs_received\": %llu, \"refused\": %llu, ",
           (unsigned long long)all.messages_received, (unsigned long long)all.messages_sent,
           (unsigned long long)all.bytes_received, (unsigned long long)all.bytes_sent, (unsigned long long)all.pings_received,
           (unsigned long long)all.pongs_received, (unsigned long long)all.sends_refused);
    printf("\"queued\": %llu, \"opened\": %llu, \"closed\": %llu, \"handshakes_failed\": %llu, \"connects_failed\": %llu, "
           "\"protocol_errors\": %llu, \"timeouts\": %llu, \"losses\": %llu, ",
           (unsigned long long)all.queued, (unsigned long long)all.opened, (unsigned long long)all.closed,
           (unsigned long long)all.handshakes_failed, (unsigned long long)all.connects_failed,
           (unsigned long long)all.protocol_errors, (unsigned long long)all.timeouts, (unsigned long long)all.losses);
    printf("\"late_us\": %lld, \"defects\": %lu}\n", (long long)late_us, defects);
    fflush(stdout);
}
