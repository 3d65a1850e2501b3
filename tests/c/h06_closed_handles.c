/* H6: calls on what is gone say so, from every callback and from other threads, although the places of what is gone are taken
 * by new connections meanwhile.
 *
 * Checked by: without the comparison of generations in get_mut() of net/table.rs this fails. */
#include "every_call.h"
#include <pthread.h>

static struct refused dead;
static wsrs_context context;
static int calls, opened, closed, failed, drained, pinged, ponged, requested, messages, timed, posted;

static void nothing(wsrs_timer timer, void *argument) { timed++; }

static void gone(void)
{
    every_call(&dead, WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_context_free(dead.context));
    calls++;
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data) { requested++; gone(); }

static void on_open(wsrs_conn conn, void *user_data)
{
    opened++;
    gone();
    CHECK_OK(wsrs_conn_send_text(conn, "x"));
    CHECK_OK(wsrs_conn_ping(conn, NULL, 0));
    CHECK_OK(wsrs_conn_request_drain(conn));
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data) { messages++; gone(); }
static void on_drain(wsrs_conn conn, void *user_data) { drained++; gone(); }
static void on_ping(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data) { pinged++; gone(); }
static void on_pong(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data) { ponged++; gone(); }

/* In its last callback a connection has no socket any more, but still what the program keeps with it. */
static void ended(wsrs_conn conn, void *user_data)
{
    char text[WSRS_ADDRESS_MAX];
    wsrs_context its = {0};
    void *kept = &calls;
    size_t len;
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CLOSED);
    CHECK_IS(wsrs_conn_local_address(conn, text, sizeof text, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_peer_address(conn, text, sizeof text, &len), WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_conn_user_data(conn, &kept));
    CHECK(kept == user_data);
    CHECK_OK(wsrs_conn_context(conn, &its));
    CHECK(its.id == context.id);
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    closed++;
    ended(conn, user_data);
    if (dead.context.id != 0)
        gone();
    CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_CLOSED);
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    failed++;
    gone();
    ended(conn, user_data);
    CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_CLOSED);
}

static void on_timer(wsrs_timer timer, void *argument) { timed++; gone(); }
static void on_post(wsrs_context posted_to, void *argument) { posted++; gone(); }

static void *in_a_thread(void *argument)
{
    int i;
    for (i = 0; i < 100; i++)
        every_call_of_any_thread(&dead, WSRS_ERR_CLOSED);
    return NULL;
}

int main(void)
{
    wsrs_callbacks early = WSRS_CALLBACKS_INIT, callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context other;
    wsrs_conn conn;
    pthread_t thread;
    uint16_t port;
    early.on_close = on_close;
    context = check_context(&early);

    /* Make one of each, and end it. */
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", NULL, &dead.listener));
    CHECK_OK(wsrs_listener_port(dead.listener, &port));
    dead.conn = check_connect(context, port, &early);
    CHECK_OK(wsrs_context_timer(context, 1, 0, nothing, NULL, &dead.timer));
    POLL_UNTIL(context, timed, 1);
    CHECK_OK(wsrs_conn_close(dead.conn, 0, NULL, 0));
    check_poll_for(context, 50);
    if (wsrs_conn_state(dead.conn) != WSRS_STATE_CLOSED)
        POLL_UNTIL(context, closed, 1);
    CHECK_OK(wsrs_listener_close(dead.listener));
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &other));
    CHECK_OK(wsrs_context_free(other));
    dead.context = other;
    gone();

    callbacks.on_request = on_request;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    callbacks.on_drain = on_drain;
    callbacks.on_ping = on_ping;
    callbacks.on_pong = on_pong;
    closed = timed = 0;
    {
        wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
        options.callbacks = &callbacks;
        check_connect(context, port, &callbacks); /* nobody listens there now: on_error */
        POLL_UNTIL(context, failed, 1);
        port = check_listen(context, &options);
    }
    conn = check_connect(context, port, &callbacks);
    CHECK_OK(wsrs_context_timer(context, 1, 0, on_timer, NULL, NULL));
    CHECK_OK(wsrs_context_post(context, on_post, NULL));
    POLL_UNTIL(context, opened, 2);
    POLL_UNTIL(context, messages, 2);
    POLL_UNTIL(context, ponged, 2);
    POLL_UNTIL(context, drained, 2);
    POLL_UNTIL(context, timed, 1);
    CHECK(requested == 1 && pinged == 2 && posted == 1);
    CHECK(pthread_create(&thread, NULL, in_a_thread, NULL) == 0);
    CHECK_OK(wsrs_conn_close(conn, 1000, NULL, 0));
    POLL_UNTIL(context, closed, 2);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_OK(wsrs_context_free(context));
    dead.context = context;
    gone();
    CHECK_IS(wsrs_conn_context(dead.conn, &other), WSRS_ERR_CLOSED);
    return 0;
}
