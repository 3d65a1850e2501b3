/* H6: from every callback a program may do anything: end this connection or others, send, connect, listen, stop, free the
 * context. Each pair of callback and action is one run; in each, every connection that was announced ends exactly once
 * and is not heard of after. What is done is in h06_actions.h: every function of the header, which `ctest -R header` checks.
 *
 * Checked by: without the test of `polling` in free() or in enter(), without forget() or stop::close() in free(), all in
 * capi/state/turn.rs, this fails. */
#include "h06_actions.h"

enum callback { REQUEST, OPEN, MESSAGE, OBJECT, CLOSE, ERROR, DRAIN, PING, PONG, RETRY, TIMER, POST, LOG, CALLBACKS };
static const char *const callback_names[] = {"on_request", "on_open", "on_message", "on_object", "on_close", "on_error", "on_drain",
                                             "on_ping",    "on_pong", "on_retry",   "a timer", "a posted function", "the log function"};

static enum callback chosen;
static void (*act)(wsrs_conn conn);
static int fired, in_turn;
static wsrs_conn first_client;

/* ---- callbacks ---- */

static void fire(enum callback callback, wsrs_conn conn)
{
    if (callback != chosen || fired)
        return;
    fired = 1;
    if (conn.id == 0)
        wsrs_context_next_conn(context, conn, &conn);
    act(conn);
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    char path = request->path[0];
    heard_of(conn);
    fire(REQUEST, conn);
    CHECK(path == '/' && (freed || request->path[0] == '/'));
}

static void on_open(wsrs_conn conn, void *user_data)
{
    heard_of(conn);
    CHECK(!known[find(conn)].opened++);
    fire(OPEN, conn);
    wsrs_conn_send_text(conn, "hello");
    wsrs_conn_ping(conn, NULL, 0);
    wsrs_conn_request_drain(conn);
    wsrs_conn_send(conn, 9, NULL, 0); /* a line for the log */
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    unsigned char first = message->len ? message->data[0] : 0;
    heard_of(conn);
    fire(MESSAGE, conn);
    CHECK(message->len == 0 || message->data[0] == first); /* still lent, whatever the action did */
    if (user_data == &first_client)
        wsrs_conn_close(conn, 1000, NULL, 0);
}

static void on_object(void *user_data, void *object)
{
    char first = *(char *)object;
    fire(OBJECT, first_client);
    CHECK(*(char *)object == first);
    if (user_data == &first_client)
        wsrs_conn_close(first_client, 1000, NULL, 0);
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    int32_t code = close->code;
    ends(conn);
    CHECK(known[find(conn)].opened || code == 0);
    fire(CLOSE, conn);
    CHECK(close->code == code);
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    CHECK(error->text != NULL && strlen(error->text) == error->text_len);
    ends(conn);
    CHECK(!known[find(conn)].opened);
    fire(ERROR, conn);
    CHECK(strlen(error->text) == error->text_len);
}

static void on_drain(wsrs_conn conn, void *user_data)
{
    heard_of(conn);
    fire(DRAIN, conn);
}

static void on_ping(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data)
{
    heard_of(conn);
    fire(PING, conn);
}

static void on_pong(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data)
{
    heard_of(conn);
    fire(PONG, conn);
}

static void on_retry(wsrs_conn conn, const wsrs_retry *retry, void *user_data)
{
    CHECK(retry->close == NULL && retry->error->result == WSRS_ERR_REFUSED);
    heard_of(conn);
    fire(RETRY, conn);
    CHECK(strlen(retry->error->text) == retry->error->text_len);
}

static void on_timer(wsrs_timer due, void *argument)
{
    wsrs_conn none = WSRS_CONN_NONE;
    fire(TIMER, none);
    wsrs_timer_cancel(due);
}

static void on_post(wsrs_context posted, void *argument)
{
    wsrs_conn none = WSRS_CONN_NONE;
    CHECK(posted.id == context.id);
    fire(POST, none);
}

/* Its own lines are lost, but what it does is done. */
static void on_log(int32_t level, const char *text, void *user_data)
{
    wsrs_conn none = WSRS_CONN_NONE;
    size_t len = strlen(text);
    if (in_turn && known_count > 3)
        fire(LOG, none);
    CHECK(strlen(text) == len);
}

static void *make_object(const char *data, ptrdiff_t len)
{
    char *object = malloc((size_t)len + 1);
    CHECK(object != NULL);
    memcpy(object, data, (size_t)len);
    object[len] = '\0';
    return object;
}

/* ---- one run ---- */

static void turn(int ms)
{
    wsrs_result result;
    in_turn = 1;
    result = wsrs_context_poll(context, ms);
    in_turn = 0;
    CHECK_IS(result, freed ? WSRS_ERR_CLOSED : WSRS_OK); /* the poll around a free says so too */
}

static void begin(void)
{
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_context nowhere;
    uint16_t open_port;
    fired = freed = 0;
    known_count = 0;
    options.user_data = much; /* not NULL: objects are wanted where there are any */
    options.callbacks = &callbacks;
    context = check_context(&callbacks);
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", &options, &listener));
    CHECK_OK(wsrs_listener_port(listener, &open_port));
    if (chosen == OBJECT)
        CHECK_OK(wsrs_context_set_objects(context, &objects));
    if (chosen == LOG)
        CHECK_OK(wsrs_context_set_log(context, WSRS_LOG_DEBUG, on_log, NULL));
    /* A port that refuses: one that was just given back. */
    CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &nowhere));
    port = check_listen(nowhere, NULL);
    CHECK_OK(wsrs_context_free(nowhere));
    connect_to("/nowhere", NULL);
    port = open_port;
    first_client = connect_to("/first", &first_client);
    connect_to("/second", NULL);
    CHECK_OK(wsrs_context_timer(context, 1, 1, on_timer, NULL, &timer));
    CHECK_OK(wsrs_context_post(context, on_post, NULL));
}

static void run(void)
{
    size_t i;
    begin();
    for (i = 0; i < 2000 && !fired; i++)
        turn(5);
    CHECK(fired);
    for (i = 0; i < 6; i++)
        turn(1);
    CHECK_OK(wsrs_context_free(context));
    for (i = 0; i < known_count; i++)
        CHECK(known[i].ended);
}

int main(void)
{
    size_t i;
    callbacks.on_request = on_request;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    callbacks.on_drain = on_drain;
    callbacks.on_ping = on_ping;
    callbacks.on_pong = on_pong;
    callbacks.on_object = on_object;
    callbacks.on_retry = on_retry;
    objects.make_text = objects.make_binary = make_object;
    objects.release = free;
    for (chosen = REQUEST; chosen < CALLBACKS; chosen++) {
        /* The last pair shown is the one in which a check failed or the process died. */
        fprintf(stderr, "%s:", callback_names[chosen]);
        for (i = 0; i < ACTIONS; i++) {
            fprintf(stderr, " %s;", actions[i].name);
            act = actions[i].run;
            run();
        }
        fprintf(stderr, "\n");
    }
    return 0;
}
