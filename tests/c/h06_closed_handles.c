/* H6: calls on what is gone say so, from every callback and from other threads, although the places of what is gone are taken
 * by new connections meanwhile.
 *
 * Checked by: without the comparison of generations in get_mut() of net/table.rs this fails. */
#include "check.h"
#include <pthread.h>

static wsrs_conn dead_conn;
static wsrs_listener dead_listener;
static wsrs_timer dead_timer;
static wsrs_context dead_context, context;
static int calls, opened, closed, failed, drained, pinged, ponged, requested, messages, timed, posted;

static void nothing(wsrs_timer timer, void *argument) { timed++; }
static void nothing_posted(wsrs_context posted_to, void *argument) { posted++; }

/* What any thread may call. */
static void gone_for_any_thread(void)
{
    wsrs_slice part = {"x", 1};
    CHECK(wsrs_conn_state(dead_conn) == WSRS_STATE_CLOSED);
    CHECK_IS(wsrs_conn_send(dead_conn, WSRS_TEXT, "x", 1), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_send_text(dead_conn, "x"), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_send_gathered(dead_conn, WSRS_TEXT, &part, 1), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_send_fragment(dead_conn, WSRS_TEXT, "x", 1, 1), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_ping(dead_conn, NULL, 0), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_pong(dead_conn, NULL, 0), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_close(dead_conn, 1000, NULL, 0), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_abort(dead_conn), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_pause(dead_conn), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_resume(dead_conn), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_post(dead_context, nothing_posted, NULL), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_stop(dead_context), WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_context_free(dead_context));
}

static void gone(void)
{
    char text[64];
    const char *data;
    size_t len;
    void *user_data;
    wsrs_header header;
    uint16_t port;
    gone_for_any_thread();
    CHECK_IS(wsrs_conn_request_drain(dead_conn), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_buffered(dead_conn, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_set_user_data(dead_conn, &calls), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_user_data(dead_conn, &user_data), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_local_address(dead_conn, text, sizeof text, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_peer_address(dead_conn, text, sizeof text, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_path(dead_conn, &data, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_query(dead_conn, &data, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_subprotocol(dead_conn, &data, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_header(dead_conn, "Host", &data, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_header_at(dead_conn, 0, &header), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_accept(dead_conn, NULL, NULL, 0), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_respond(dead_conn, 403, NULL, 0, NULL, 0), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_conn_defer(dead_conn), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_listener_close(dead_listener), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_listener_address(dead_listener, text, sizeof text, &len), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_listener_port(dead_listener, &port), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_timer_cancel(dead_timer), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_broadcast(dead_context, WSRS_TEXT, "x", 1, NULL), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_listen(dead_context, "127.0.0.1:0", NULL, NULL), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_connect(dead_context, "ws://127.0.0.1:1/", NULL, NULL), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_timer(dead_context, 1, 0, nothing, NULL, NULL), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_poll(dead_context, 0), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_run(dead_context), WSRS_ERR_CLOSED);
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
    if (dead_context.id != 0)
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
        gone_for_any_thread();
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
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", NULL, &dead_listener));
    CHECK_OK(wsrs_listener_port(dead_listener, &port));
    dead_conn = check_connect(context, port, &early);
    CHECK_OK(wsrs_context_timer(context, 1, 0, nothing, NULL, &dead_timer));
    POLL_UNTIL(context, timed, 1);
    CHECK_OK(wsrs_conn_close(dead_conn, 0, NULL, 0));
    check_poll_for(context, 50);
    if (wsrs_conn_state(dead_conn) != WSRS_STATE_CLOSED)
        POLL_UNTIL(context, closed, 1);
    CHECK_OK(wsrs_listener_close(dead_listener));
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &other));
    CHECK_OK(wsrs_context_free(other));
    dead_context = other;
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
    dead_context = context;
    gone();
    CHECK_IS(wsrs_conn_context(dead_conn, &other), WSRS_ERR_CLOSED);
    return 0;
}
