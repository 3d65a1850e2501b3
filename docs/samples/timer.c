/* The time of day, or whatever a server tells, every second to everyone. For: wsrs_context_timer, wsrs_timer_cancel,
 * wsrs_context_broadcast. */
#include <stdio.h>
#include <wsrs.h>

struct clock {
    wsrs_context context;
    unsigned seconds;
};

static void tick(wsrs_timer timer, void *argument)
{
    struct clock *clock = argument;
    char text[32];
    int len = snprintf(text, sizeof text, "%u", ++clock->seconds);
    wsrs_context_broadcast(clock->context, WSRS_TEXT, text, (size_t)len, NULL);
    if (clock->seconds == 3600)
        wsrs_timer_cancel(timer);
}

wsrs_result start_clock(struct clock *clock)
{
    return wsrs_context_timer(clock->context, 1000, 1000, tick, clock, NULL);
}
