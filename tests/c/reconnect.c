/* Connections with reconnect: a server that is not there yet, that breaks off, that comes back. Which callbacks come, and
 * how often; every way to end such a connection while it waits. */
#include "check.h"
#include <pthread.h>

static wsrs_context context;
static wsrs_listener listener;
static wsrs_conn client;
static uint16_t port;
static char word[] = "mine"; /* the user data */

static struct {
    int opened, retried, closed, failed, echoed, served;
    uint32_t number, delay_ms;
    int32_t close_code, close_by, error_result, error_stage, error_status; /* of the last on_retry or the end */
} seen;

enum in_hook { NOTHING, CLOSE, ABORT, FREE, STOP, RETARGET };
static enum in_hook in_hook;

/* ---- the server ---- */

static void serve(wsrs_conn conn, void *user_data) { seen.served++; }

static void answer(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    if (request->path_len == 5) /* "/busy" */
        CHECK_OK(wsrs_conn_respond(conn, 503, NULL, 0, "busy", 4));
    else if (request->path_len == 3) /* "/no" */
        CHECK_OK(wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0));
}

static void echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
}

static void listen_again(void)
{
    char address[32];
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    callbacks.on_open = serve;
    callbacks.on_request = answer;
    callbacks.on_message = echo;
    options.callbacks = &callbacks;
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    CHECK_OK(wsrs_context_listen(context, address, &options, &listener));
    CHECK_OK(wsrs_listener_port(listener, &port));
}

/* Drops the listener and, without a Close, all of its connections. */
static void die(void)
{
    wsrs_conn conn = WSRS_CONN_NONE;
    CHECK_OK(wsrs_listener_close(listener));
    while (wsrs_context_next_conn(context, conn, &conn) == WSRS_OK && conn.id != 0)
        if (conn.id != client.id)
            CHECK_OK(wsrs_conn_abort(conn));
}

/* ---- the client ---- */

static void is_ours(wsrs_conn conn, const void *user_data)
{
    CHECK(conn.id == client.id && user_data == word);
    CHECK(seen.closed == 0 && seen.failed == 0);
}

static void on_open(wsrs_conn conn, void *user_data)
{
    is_ours(conn, user_data);
    seen.opened++;
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_OPEN);
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    is_ours(conn, user_data);
    seen.echoed++;
}

static void note_close(const wsrs_close *close)
{
    CHECK(close->size == sizeof *close);
    seen.close_code = close->code;
    seen.close_by = close->by;
}

static void note_error(const wsrs_error *error)
{
    CHECK(error->size == sizeof *error && strlen(error->text) == error->text_len);
    seen.error_result = error->result;
    seen.error_stage = error->stage;
    seen.error_status = error->status;
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    is_ours(conn, user_data);
    CHECK(seen.opened > 0 && wsrs_conn_state(conn) == WSRS_STATE_CLOSED);
    CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_CLOSED);
    seen.error_result = 0;
    note_close(close);
    if (close->error != NULL)
        note_error(close->error);
    seen.closed++;
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    is_ours(conn, user_data);
    CHECK(seen.opened == 0 && wsrs_conn_state(conn) == WSRS_STATE_CLOSED);
    note_error(error);
    seen.failed++;
}

static void act(wsrs_conn conn)
{
    wsrs_header header = {"X-Try", WSRS_NUL_TERMINATED, "2", WSRS_NUL_TERMINATED};
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    switch (in_hook) {
    case NOTHING: break;
    case CLOSE:
        CHECK_OK(wsrs_conn_close(conn, 4000, "no", 2));
        CHECK_IS(wsrs_conn_close(conn, 4000, "no", 2), WSRS_ERR_CLOSED);
        CHECK_IS(wsrs_conn_retarget(conn, url, NULL, 0), WSRS_ERR_CLOSED);
        break;
    case ABORT: CHECK_OK(wsrs_conn_abort(conn)); break;
    case FREE: wsrs_context_free(context); break;
    case STOP: CHECK_OK(wsrs_context_stop(context)); break;
    case RETARGET:
        CHECK_IS(wsrs_conn_retarget(conn, "http://127.0.0.1/", NULL, 0), WSRS_ERR_URL);
        header.name = "Upgrade";
        CHECK_IS(wsrs_conn_retarget(conn, url, &header, 1), WSRS_ERR_HEADER);
        CHECK_IS(wsrs_conn_retarget(conn, url, NULL, 1), WSRS_ERR_ARGUMENT);
        header.name = "X-Try";
        CHECK_OK(wsrs_conn_retarget(conn, url, &header, 1));
        break;
    }
}

static void on_retry(wsrs_conn conn, const wsrs_retry *retry, void *user_data)
{
    char text[WSRS_ADDRESS_MAX];
    is_ours(conn, user_data);
    CHECK(retry->size == sizeof *retry && (retry->close == NULL) != (retry->error == NULL));
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CONNECTING);
    CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_NOT_OPEN);
    CHECK_IS(wsrs_conn_ping(conn, NULL, 0), WSRS_ERR_NOT_OPEN);
    CHECK_IS(wsrs_conn_peer_address(conn, text, sizeof text, NULL), WSRS_ERR_NOT_OPEN);
    seen.number = retry->number;
    seen.delay_ms = retry->delay_ms;
    if (retry->close != NULL)
        note_close(retry->close);
    else
        note_error(retry->error);
    seen.retried++;
    act(conn);
    if (retry->error != NULL)
        CHECK(strlen(retry->error->text) == retry->error->text_len); /* still lent, whatever was done */
}

static wsrs_reconnect soon(uint32_t max_tries)
{
    wsrs_reconnect reconnect = WSRS_RECONNECT_INIT;
    reconnect.min_delay_ms = 20;
    reconnect.max_delay_ms = 50;
    reconnect.jitter_percent = WSRS_NO_JITTER;
    reconnect.max_tries = max_tries;
    return reconnect;
}

static void begin(const char *path, uint32_t max_tries, enum in_hook then)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_reconnect reconnect = soon(max_tries);
    char url[64];
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    callbacks.on_retry = on_retry;
    options.callbacks = &callbacks;
    options.user_data = word;
    options.reconnect = &reconnect;
    memset(&seen, 0, sizeof seen);
    in_hook = then;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", (unsigned)port, path);
    CHECK_OK(wsrs_context_connect(context, url, &options, &client));
    memset(&reconnect, 0xff, sizeof reconnect); /* it was copied */
}

/* Callbacks of the client, exactly. */
static void expect(int opened, int retried, int closed, int failed)
{
    check_poll_for(context, 80); /* nothing more comes */
    if (seen.opened != opened || seen.retried != retried || seen.closed != closed || seen.failed != failed) {
        fprintf(stderr, "opened %d, retried %d, closed %d, failed %d\n", seen.opened, seen.retried, seen.closed, seen.failed);
        CHECK(!"the callbacks are those expected");
    }
}

static void end(void)
{
    wsrs_context_free(context);
    context = check_context(NULL);
}

/* ---- tests ---- */

static void comes_back(void)
{
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    listen_again();
    CHECK_OK(wsrs_listener_close(listener));
    begin("/", 0, NOTHING);
    POLL_UNTIL(context, seen.retried, 2);
    CHECK(seen.number == 2 && seen.delay_ms == 40);
    CHECK(seen.error_result == WSRS_ERR_REFUSED && seen.error_stage == WSRS_STAGE_CONNECT && seen.opened == 0);
    listen_again();
    POLL_UNTIL(context, seen.opened, 1);
    POLL_UNTIL(context, seen.served, 1);
    CHECK(seen.retried >= 2 && seen.retried <= 4);
    seen.retried = 0;
    die();
    POLL_UNTIL(context, seen.retried, 1);
    CHECK(seen.close_code == 1006 && seen.close_by == WSRS_BY_NETWORK && seen.delay_ms == 50);
    listen_again();
    POLL_UNTIL(context, seen.opened, 2);
    CHECK_OK(wsrs_conn_send_text(client, "again"));
    POLL_UNTIL(context, seen.echoed, 1);
    CHECK_IS(wsrs_conn_retarget(client, "ws://127.0.0.1/", NULL, 0), WSRS_ERR_STATE);
    CHECK_OK(wsrs_conn_stats(client, &stats));
    CHECK(stats.attempts == stats.retries + 1 && stats.retries >= 3 && stats.messages_sent == 1);
    CHECK_OK(wsrs_conn_close(client, 1000, NULL, 0));
    POLL_UNTIL(context, seen.closed, 1);
    CHECK(seen.close_code == 1000 && seen.close_by == WSRS_BY_LOCAL && seen.error_result == 0);
    CHECK_OK(wsrs_context_totals(context, &totals));
    CHECK(totals.attempts == stats.attempts && totals.retries == stats.retries && totals.redirects == 0);
    check_poll_for(context, 80);
    CHECK(seen.opened == 2 && seen.closed == 1 && seen.failed == 0);
    end();
}

/* A refusal says whether to come again. */
static void refusals(void)
{
    listen_again();
    begin("/busy", 2, NOTHING);
    POLL_UNTIL(context, seen.failed, 1);
    CHECK(seen.error_status == 503 && seen.error_result == WSRS_ERR_REJECTED);
    expect(0, 2, 0, 1);
    begin("/no", 2, NOTHING);
    POLL_UNTIL(context, seen.failed, 1);
    CHECK(seen.error_status == 403);
    expect(0, 0, 0, 1);
    end();
}

/* Once open, it ends in on_close; why the last attempt failed is in there. */
static void tries_are_used_up(void)
{
    listen_again();
    begin("/", 2, NOTHING);
    POLL_UNTIL(context, seen.served, 1);
    die();
    POLL_UNTIL(context, seen.closed, 1);
    CHECK(seen.close_code == 1006 && seen.close_by == WSRS_BY_NETWORK && seen.error_result == WSRS_ERR_REFUSED);
    expect(1, 2, 1, 0);
    begin("/", 1, NOTHING);
    POLL_UNTIL(context, seen.failed, 1);
    CHECK(seen.error_result == WSRS_ERR_REFUSED);
    expect(0, 1, 0, 1);
    end();
}

/* What the hook does ends it at once, whether it was open before or not. */
static void the_hook_ends_it(void)
{
    static const enum in_hook acts[] = {CLOSE, ABORT, STOP, FREE};
    size_t i;
    int open;
    for (i = 0; i < sizeof acts / sizeof *acts; i++) {
        for (open = 0; open < 2; open++) {
            listen_again();
            begin(open ? "/" : "/busy", 0, acts[i]);
            if (open) {
                POLL_UNTIL(context, seen.served, 1);
                die();
            }
            while (seen.closed + seen.failed == 0) {
                wsrs_result result = wsrs_context_poll(context, 1000);
                CHECK(result == WSRS_OK || (acts[i] == FREE && result == WSRS_ERR_CLOSED));
            }
            CHECK(seen.opened == open && seen.retried == 1 && seen.closed == open && seen.failed == !open);
            if (open)
                CHECK(seen.close_code == 1006 && seen.close_by == WSRS_BY_LOCAL);
            CHECK(seen.error_result == WSRS_ERR_CLOSED);
            if (acts[i] != FREE)
                expect(open, 1, open, !open);
            end();
        }
    }
}

static void freed_while_it_waits(void)
{
    listen_again();
    begin("/busy", 0, NOTHING);
    POLL_UNTIL(context, seen.retried, 1);
    wsrs_context_free(context);
    CHECK(seen.retried == 1 && seen.failed == 1 && seen.closed == 0 && seen.error_result == WSRS_ERR_CLOSED);
    context = check_context(NULL);
}

static int from_elsewhere;

static void *elsewhere(void *unused)
{
    CHECK(wsrs_conn_state(client) == WSRS_STATE_CONNECTING);
    CHECK_IS(wsrs_conn_send_text(client, "x"), WSRS_ERR_NOT_OPEN);
    CHECK_IS(wsrs_conn_retarget(client, "ws://127.0.0.1/", NULL, 0), WSRS_ERR_THREAD);
    switch (from_elsewhere) {
    case 0: CHECK_OK(wsrs_conn_close(client, 1000, NULL, 0)); break;
    case 1: CHECK_OK(wsrs_conn_abort(client)); break;
    default: CHECK_OK(wsrs_context_stop(context)); break;
    }
    return NULL;
}

static void ended_from_another_thread(void)
{
    pthread_t thread;
    for (from_elsewhere = 0; from_elsewhere < 3; from_elsewhere++) {
        listen_again();
        begin("/busy", 0, NOTHING);
        POLL_UNTIL(context, seen.retried, 1);
        CHECK(pthread_create(&thread, NULL, elsewhere, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        POLL_UNTIL(context, seen.failed, 1);
        CHECK(seen.error_result == WSRS_ERR_CLOSED);
        expect(0, 1, 0, 1);
        end();
    }
}

static void goes_elsewhere(void)
{
    uint16_t first;
    listen_again();
    first = port;
    begin("/busy", 0, RETARGET);
    port = 0;
    listen_again();
    CHECK(port != first);
    POLL_UNTIL(context, seen.opened, 1);
    expect(1, 1, 0, 0);
    CHECK_OK(wsrs_conn_abort(client));
    POLL_UNTIL(context, seen.closed, 1);
    end();
}

static wsrs_result connect_with(const wsrs_reconnect *reconnect, int max_redirects)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    options.reconnect = reconnect;
    options.max_redirects = max_redirects;
    return wsrs_context_connect(context, "ws://127.0.0.1:1/", &options, NULL);
}

static void wrong_options(void)
{
    wsrs_reconnect reconnect = soon(0);
    reconnect.size = 3;
    CHECK_IS(connect_with(&reconnect, 0), WSRS_ERR_ARGUMENT);
    reconnect = soon(0);
    reconnect.min_delay_ms = 51;
    CHECK_IS(connect_with(&reconnect, 0), WSRS_ERR_ARGUMENT);
    reconnect = soon(0);
    reconnect.factor_percent = 99;
    CHECK_IS(connect_with(&reconnect, 0), WSRS_ERR_ARGUMENT);
    reconnect = soon(0);
    reconnect.jitter_percent = 101;
    CHECK_IS(connect_with(&reconnect, 0), WSRS_ERR_ARGUMENT);
    CHECK_IS(connect_with(NULL, -1), WSRS_ERR_ARGUMENT);
}

int main(void)
{
    context = check_context(NULL);
    comes_back();
    refusals();
    tries_are_used_up();
    the_hook_ends_it();
    freed_while_it_waits();
    ended_from_another_thread();
    goes_elsewhere();
    wrong_options();
    wsrs_context_free(context);
    return 0;
}
