/* Two threads, each with a loop of its own, are server and client of each other; a thread may also send over a connection
 * of the other's loop. One context is made by the thread that runs it, the other one by main. */
#include "check.h"
#include <pthread.h>

enum { MESSAGES = 2000, EVERY = 100 };

struct loop {
    struct loop *other;
    wsrs_context context;
    wsrs_conn client;
    uint16_t port;
    pthread_t thread;
    int made_in_main, opened, echoed, crossed, ends;
};

static struct loop loops[2];
static pthread_barrier_t all_listen, all_open;

static void on_open(wsrs_conn conn, void *user_data)
{
    struct loop *loop = user_data;
    CHECK(pthread_equal(pthread_self(), loop->thread));
    loop->opened++;
}

/* A server's connection echoes. A client counts, and answers with the next message; some go over the other's client too. */
static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct loop *loop = user_data;
    CHECK(pthread_equal(pthread_self(), loop->thread));
    if (conn.id != loop->client.id) {
        CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
        return;
    }
    if (message->len == 7) { /* "crossed": the other thread sent it over our client */
        loop->crossed++;
    } else if (++loop->echoed < MESSAGES) {
        if (loop->echoed % EVERY == 0)
            CHECK_OK(wsrs_conn_send_text(loop->other->client, "crossed"));
        CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
    }
    if (loop->echoed == MESSAGES && loop->crossed == MESSAGES / EVERY - 1)
        CHECK_OK(wsrs_conn_close(conn, 1000, NULL, 0));
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    struct loop *loop = user_data;
    CHECK(close->code == 1000 && close->clean);
    if (++loop->ends == 2)
        CHECK_OK(wsrs_context_stop(loop->context));
}

static void make(struct loop *loop)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    CHECK_OK(wsrs_context_new(NULL, &callbacks, loop, &loop->context));
    loop->port = check_listen(loop->context, NULL);
}

static void *run(void *argument)
{
    struct loop *loop = argument;
    char url[64];
    loop->thread = pthread_self();
    if (!loop->made_in_main)
        make(loop);
    pthread_barrier_wait(&all_listen);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)loop->other->port);
    CHECK_OK(wsrs_context_connect(loop->context, url, NULL, &loop->client));
    POLL_UNTIL(loop->context, loop->opened, 2);
    pthread_barrier_wait(&all_open);
    CHECK_OK(wsrs_conn_send_text(loop->client, "to and fro"));
    CHECK_OK(wsrs_context_run(loop->context));
    CHECK_OK(wsrs_context_free(loop->context));
    return NULL;
}

int main(void)
{
    int i;
    alarm(240);
    CHECK(pthread_barrier_init(&all_listen, NULL, 2) == 0 && pthread_barrier_init(&all_open, NULL, 2) == 0);
    loops[0].made_in_main = 1;
    make(&loops[0]);
    for (i = 0; i < 2; i++) {
        loops[i].other = &loops[1 - i];
        CHECK(pthread_create(&loops[i].thread, NULL, run, &loops[i]) == 0);
    }
    for (i = 0; i < 2; i++)
        CHECK(pthread_join(loops[i].thread, NULL) == 0);
    for (i = 0; i < 2; i++) {
        CHECK(loops[i].echoed == MESSAGES && loops[i].crossed == MESSAGES / EVERY - 1);
        CHECK_IS(wsrs_conn_send_text(loops[i].client, "gone"), WSRS_ERR_CLOSED);
    }
    return 0;
}
