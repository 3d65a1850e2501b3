/* From every callback a program may do anything: close this connection or others, send, connect, stop, free the context.
 * Each pair of callback and action is one run; in each, every connection that was announced ends exactly once. */
#include "check.h"

enum callback { REQUEST, OPEN, MESSAGE, CLOSE, ERROR, DRAIN, PING, PONG, TIMER, POST, CALLBACKS };
enum action { CLOSE_THIS, ABORT_THIS, CLOSE_OTHERS, SEND, SEND_MUCH, BROADCAST, CONNECT, PAUSE, STOP, FREE, POLL, ACTIONS };

static const char *const callback_names[] = {"on_request", "on_open", "on_message", "on_close", "on_error",
                                             "on_drain",   "on_ping", "on_pong",    "a timer",  "a posted function"};
static const char *const action_names[] = {"close this", "abort this", "close others", "send",  "send much", "broadcast",
                                           "connect",    "pause",      "stop",         "free",  "poll"};

static enum callback chosen_callback;
static enum action chosen_action;
static int fired, freed, opened, ended;
static wsrs_context context;
static uint16_t port;
static wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;

static void act(wsrs_conn conn)
{
    static unsigned char much[200000];
    wsrs_conn other = {0};
    int i;
    switch (chosen_action) {
    case CLOSE_THIS:
        wsrs_conn_close(conn, 1000, "here", 4);
        wsrs_conn_close(conn, 1000, "again", 5);
        break;
    case ABORT_THIS:
        wsrs_conn_abort(conn);
        CHECK(wsrs_conn_send_text(conn, "x") != WSRS_OK);
        break;
    case CLOSE_OTHERS:
        while (wsrs_context_next_conn(context, other, &other) == WSRS_OK && other.id != 0)
            if (other.id != conn.id)
                wsrs_conn_abort(other);
        break;
    case SEND:
        wsrs_conn_send_text(conn, "from a callback");
        wsrs_conn_ping(conn, "p", 1);
        break;
    case SEND_MUCH:
        for (i = 0; i < 10; i++)
            wsrs_conn_send(conn, WSRS_BINARY, much, sizeof much);
        break;
    case BROADCAST:
        wsrs_context_broadcast(context, WSRS_TEXT, "all", 3, NULL);
        break;
    case CONNECT:
        check_connect(context, port, &callbacks);
        break;
    case PAUSE:
        wsrs_conn_pause(conn);
        break;
    case STOP:
        CHECK_OK(wsrs_context_stop(context));
        break;
    case FREE:
        CHECK_OK(wsrs_context_free(context));
        CHECK_OK(wsrs_context_free(context));
        freed = 1;
        break;
    case POLL:
        CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_REENTRY);
        CHECK_IS(wsrs_context_run(context), WSRS_ERR_REENTRY);
        break;
    default:
        CHECK(0);
    }
}

static void fire(enum callback callback, wsrs_conn conn)
{
    if (callback == chosen_callback && !fired) {
        fired = 1;
        act(conn);
    }
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data) { fire(REQUEST, conn); }

static void on_open(wsrs_conn conn, void *user_data)
{
    opened++;
    fire(OPEN, conn);
    wsrs_conn_send_text(conn, "hello");
    wsrs_conn_ping(conn, NULL, 0);
    wsrs_conn_request_drain(conn);
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    unsigned char first = message->len ? message->data[0] : 0;
    fire(MESSAGE, conn);
    CHECK(message->len == 0 || message->data[0] == first); /* still lent, whatever the action did */
    if (user_data != NULL)
        wsrs_conn_close(conn, 1000, NULL, 0);
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    ended++;
    CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_CLOSED);
    fire(CLOSE, conn);
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    CHECK(error->text != NULL && strlen(error->text) == error->text_len);
    fire(ERROR, conn);
    CHECK(strlen(error->text) == error->text_len);
}

static void on_drain(wsrs_conn conn, void *user_data) { fire(DRAIN, conn); }
static void on_ping(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data) { fire(PING, conn); }
static void on_pong(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data) { fire(PONG, conn); }

static void on_timer(wsrs_timer timer, void *argument)
{
    wsrs_conn none = {0};
    fire(TIMER, none);
    wsrs_timer_cancel(timer);
}

static void on_post(wsrs_context posted, void *argument)
{
    wsrs_conn none = {0};
    CHECK(posted.id == context.id);
    fire(POST, none);
}

static void turn(int ms)
{
    wsrs_result result = wsrs_context_poll(context, ms);
    CHECK_IS(result, freed ? WSRS_ERR_CLOSED : WSRS_OK); /* the poll around a free says so too */
}

static void run(void)
{
    wsrs_context nowhere;
    uint16_t closed_port;
    int i;
    fired = freed = opened = ended = 0;
    context = check_context(&callbacks);
    port = check_listen(context, NULL);
    /* A port that refuses: one that was just given back. */
    CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &nowhere));
    closed_port = check_listen(nowhere, NULL);
    CHECK_OK(wsrs_context_free(nowhere));

    check_connect_path(context, port, "/first", &callbacks, &port);
    check_connect(context, port, &callbacks);
    check_connect(context, closed_port, &callbacks);
    CHECK_OK(wsrs_context_timer(context, 1, 1, on_timer, NULL, NULL));
    CHECK_OK(wsrs_context_post(context, on_post, NULL));
    for (i = 0; i < 2000 && !fired; i++)
        turn(5);
    CHECK(fired);
    for (i = 0; i < 10; i++)
        turn(2);
    CHECK_OK(wsrs_context_free(context));
    CHECK(opened == ended);
}

int main(void)
{
    callbacks.on_request = on_request;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    callbacks.on_drain = on_drain;
    callbacks.on_ping = on_ping;
    callbacks.on_pong = on_pong;
    for (chosen_callback = REQUEST; chosen_callback < CALLBACKS; chosen_callback++) {
        /* The last pair shown is the one in which a check failed or the process died. */
        fprintf(stderr, "%s:", callback_names[chosen_callback]);
        for (chosen_action = CLOSE_THIS; chosen_action < ACTIONS; chosen_action++) {
            fprintf(stderr, " %s;", action_names[chosen_action]);
            run();
        }
        fprintf(stderr, "\n");
    }
    return 0;
}
