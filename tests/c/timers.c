/* Timers and posted functions: once and repeated, never early, cancelled also from themselves; posts in order. */
#include "check.h"
#include <pthread.h>

enum { POSTS = 1000 };

static wsrs_context context;
static long begin;
static int once, repeated, cancelled, posts, nested, late;

/* Set by a callback that took its time. */
static void on_late(wsrs_timer timer, void *argument)
{
    CHECK(check_now_ms() - begin >= 29);
    late++;
}

static void on_once(wsrs_timer timer, void *argument)
{
    CHECK(argument == &once);
    CHECK(check_now_ms() - begin >= 29); /* the clock is read in whole milliseconds */
    once++;
    check_sleep_ms(50);
    begin = check_now_ms();
    CHECK_OK(wsrs_context_timer(context, 30, 0, on_late, NULL, NULL));
}

static void on_repeated(wsrs_timer timer, void *argument)
{
    if (++repeated == 5)
        CHECK_OK(wsrs_timer_cancel(timer));
}

static void on_cancelled(wsrs_timer timer, void *argument) { cancelled++; }

static void on_post(wsrs_context posted_to, void *argument)
{
    CHECK(posted_to.id == context.id && (size_t)argument == (size_t)posts);
    posts++;
}

static void *post_all(void *argument)
{
    size_t i;
    for (i = 0; i < POSTS; i++)
        CHECK_OK(wsrs_context_post(context, on_post, (void *)i));
    return NULL;
}

static void post_again(wsrs_context posted_to, void *argument)
{
    if (++nested < 10)
        CHECK_OK(wsrs_context_post(posted_to, post_again, NULL));
}

int main(void)
{
    wsrs_timer timer, single;
    pthread_t thread;
    int32_t wait;
    context = check_context(NULL);
    check_sleep_ms(50); /* a timer counts from when it is set, not from the last poll */
    begin = check_now_ms();
    CHECK_OK(wsrs_context_timer(context, 30, 0, on_once, &once, &single));
    CHECK_OK(wsrs_context_timer(context, 5, 5, on_repeated, NULL, NULL));
    CHECK_OK(wsrs_context_timer(context, 10, 0, on_cancelled, NULL, &timer));
    CHECK(timer.id != 0);
    CHECK_OK(wsrs_timer_cancel(timer));
    CHECK_IS(wsrs_timer_cancel(timer), WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_context_timeout_ms(context, &wait));
    CHECK(wait >= -1 && wait <= 30);
    POLL_UNTIL(context, once, 1);
    CHECK_IS(wsrs_timer_cancel(single), WSRS_ERR_CLOSED);
    POLL_UNTIL(context, repeated, 5);
    POLL_UNTIL(context, late, 1);
    check_poll_for(context, 40);
    CHECK(once == 1 && repeated == 5 && cancelled == 0);

    CHECK(pthread_create(&thread, NULL, post_all, NULL) == 0);
    POLL_UNTIL(context, posts, POSTS);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_OK(wsrs_context_post(context, post_again, NULL));
    POLL_UNTIL(context, nested, 10);

    /* A poll waits as long as it is told, and no longer. */
    begin = check_now_ms();
    CHECK_OK(wsrs_context_poll(context, 0));
    CHECK(check_now_ms() - begin < 1000);
    CHECK_OK(wsrs_context_timer(context, 3600000, 0, on_cancelled, NULL, &timer));
    CHECK_OK(wsrs_context_free(context));
    CHECK_IS(wsrs_timer_cancel(timer), WSRS_ERR_CLOSED);
    return 0;
}
