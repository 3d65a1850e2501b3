/* A context goes from thread to thread: set up by one, run by the next after the last has ended, used and freed in the
 * destructors of a thread that ends. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 20 };

static wsrs_context context;
static wsrs_conn conn;
static uint16_t port;
static wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
static int opened, closed, echoed;
static pthread_key_t last_words;
static int freed_by_destructor;

static void on_open(wsrs_conn opened_conn, void *user_data) { opened++; }
static void on_close(wsrs_conn closed_conn, const wsrs_close *close, void *user_data) { closed++; }

static void on_message(wsrs_conn from, const wsrs_message *message, void *user_data)
{
    if (user_data == NULL)
        CHECK_OK(wsrs_conn_send(from, message->type, message->data, message->len));
    else
        echoed++;
}

static void *one_echo(void *argument)
{
    int before = echoed;
    CHECK_OK(wsrs_conn_send_text(conn, "whoever runs it"));
    POLL_UNTIL(context, echoed, before + 1);
    return NULL;
}

/* Runs after the thread's own list of contexts is gone, or before: either way every call has an answer. */
static void when_the_thread_ends(void *argument)
{
    wsrs_result result = wsrs_conn_send_text(conn, "last words");
    CHECK(result == WSRS_OK || result == WSRS_ERR_AGAIN);
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_OPEN);
    if (argument == &freed_by_destructor) {
        CHECK_OK(wsrs_context_free(context));
        CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_CLOSED);
        freed_by_destructor = 1;
    }
}

static void *ends_with_words(void *argument)
{
    one_echo(NULL);
    CHECK(pthread_setspecific(last_words, argument) == 0);
    return NULL;
}

static void in_a_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, function, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void *set_up(void *argument)
{
    context = check_context(&callbacks);
    port = check_listen(context, NULL);
    conn = check_connect_path(context, port, "/", &callbacks, &echoed);
    return NULL;
}

static void *opens(void *argument)
{
    POLL_UNTIL(context, opened, 2);
    return NULL;
}

int main(void)
{
    int i;
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    callbacks.on_message = on_message;
    CHECK(pthread_key_create(&last_words, when_the_thread_ends) == 0);
    in_a_thread(set_up, NULL);
    in_a_thread(opens, NULL);
    for (i = 0; i < THREADS; i++)
        in_a_thread(i % 2 ? one_echo : ends_with_words, &i);
    CHECK_OK(wsrs_conn_set_user_data(conn, &echoed)); /* nobody runs it now */
    in_a_thread(ends_with_words, &freed_by_destructor);
    CHECK(freed_by_destructor && closed == 2);
    CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_CLOSED);
    return 0;
}
