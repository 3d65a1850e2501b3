/* Sending from eight threads to one connection: every message arrives once, in order per thread. Then threads that go on
 * sending while the connection and its context go away. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 8, MESSAGES = 500 };

static wsrs_context context;
static wsrs_conn client;
static int opened, next[THREADS], received, over;
static pthread_t threads[THREADS];

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    int thread = -1, number = -1;
    char text[32] = "";
    CHECK(message->type == WSRS_TEXT && message->len < sizeof text);
    memcpy(text, message->data, message->len);
    CHECK(sscanf(text, "%d %d", &thread, &number) == 2 && thread >= 0 && thread < THREADS);
    CHECK(number == next[thread]);
    next[thread]++;
    received++;
}

static void *sender(void *argument)
{
    int thread = (int)(size_t)argument, number;
    char text[32];
    for (number = 0; number < MESSAGES; number++) {
        wsrs_result result;
        snprintf(text, sizeof text, "%d %d", thread, number);
        while ((result = wsrs_conn_send_text(client, text)) == WSRS_ERR_AGAIN)
            check_sleep_ms(1);
        CHECK_OK(result);
    }
    return NULL;
}

/* Sends until the connection is gone. */
static void *stubborn(void *argument)
{
    wsrs_result result;
    do {
        result = wsrs_conn_send_text(client, "still there?");
        CHECK(result == WSRS_OK || result == WSRS_ERR_AGAIN || result == WSRS_ERR_CLOSED);
        wsrs_conn_state(client);
        wsrs_conn_pause(client);
        wsrs_conn_resume(client);
    } while (result != WSRS_ERR_CLOSED);
    return NULL;
}

static void ignore(wsrs_conn conn, const wsrs_message *message, void *user_data) {}
static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { over++; }

static void loop_thread_only(void *argument);
static void *from_another_thread(void *argument)
{
    loop_thread_only(argument);
    return NULL;
}

static void loop_thread_only(void *argument)
{
    size_t len;
    CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_THREAD);
    CHECK_IS(wsrs_context_run(context), WSRS_ERR_THREAD);
    CHECK_IS(wsrs_conn_set_user_data(client, NULL), WSRS_ERR_THREAD);
    CHECK_IS(wsrs_conn_request_drain(client), WSRS_ERR_THREAD);
    (void)wsrs_conn_buffered(client, &len); /* either answer will do; it must not crash */
}

int main(void)
{
    wsrs_callbacks server = WSRS_CALLBACKS_INIT, other = WSRS_CALLBACKS_INIT;
    uint16_t port;
    int i;
    server.on_message = on_message;
    other.on_open = on_open;
    other.on_close = on_close;
    context = check_context(&server);
    port = check_listen(context, NULL);
    client = check_connect(context, port, &other);
    POLL_UNTIL(context, opened, 1);

    CHECK(pthread_create(&threads[0], NULL, from_another_thread, NULL) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);

    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, sender, (void *)(size_t)i) == 0);
    POLL_UNTIL(context, received, THREADS * MESSAGES);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(next[i] == MESSAGES);
    }
    check_poll_for(context, 20);
    CHECK(received == THREADS * MESSAGES);

    {
        wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
        wsrs_callbacks deaf = WSRS_CALLBACKS_INIT;
        deaf.on_message = ignore;
        options.callbacks = &deaf;
        port = check_listen(context, &options);
    }
    client = check_connect(context, port, &other);
    POLL_UNTIL(context, opened, 2);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, stubborn, NULL) == 0);
    check_poll_for(context, 50);
    CHECK_OK(wsrs_context_free(context));
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(over == 2);
    return 0;
}
