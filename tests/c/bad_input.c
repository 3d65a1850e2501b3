/* Wrong input to every function: a result code, never a crash, and a log line where there is a context to log.
 *
 * The first table has a call of each function that takes a handle, correct but for the handle. It is tried with no handle,
 * with made-up ids, with handles of every other kind, with what is gone, from the wrong thread and after a fork. Then
 * follow the other arguments. tests/abi/header.sh checks that no function of the header is missing here. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum kind { CONTEXT, LISTENER, CONN, TIMER, KINDS };
enum thread { ANY, LOOP };

static void no_timer(wsrs_timer timer, void *argument) {}
static void no_post(wsrs_context posted_to, void *argument) {}
static void no_log(int32_t level, const char *text, void *user_data) {}

static char text[WSRS_ADDRESS_MAX];
static const char *data;
static size_t len;
static int32_t number;
static uint16_t port;
static void *pointer;
static wsrs_stats some_stats = WSRS_STATS_INIT;
static wsrs_timings some_timings = WSRS_TIMINGS_INIT;
static wsrs_tls_info some_info = WSRS_TLS_INFO_INIT;
static wsrs_deflate_info some_agreed = WSRS_DEFLATE_INFO_INIT;
static wsrs_totals some_totals = WSRS_TOTALS_INIT;
static wsrs_objects no_objects = WSRS_OBJECTS_INIT;
static wsrs_conn some_conn;
static wsrs_context some_context;
static wsrs_header some_header;
static wsrs_prepared some_prepared;
static const wsrs_conn no_conn;

#define CALL(name, type, call) static wsrs_result call_##name(uint64_t id) { type handle = {id}; return call; }
CALL(poll, wsrs_context, wsrs_context_poll(handle, 0))
CALL(run, wsrs_context, wsrs_context_run(handle))
CALL(stop, wsrs_context, wsrs_context_stop(handle))
CALL(fd, wsrs_context, wsrs_context_fd(handle, &number))
CALL(timeout, wsrs_context, wsrs_context_timeout_ms(handle, &number))
CALL(listen, wsrs_context, wsrs_context_listen(handle, "127.0.0.1:0", NULL, NULL))
CALL(connect, wsrs_context, wsrs_context_connect(handle, "ws://127.0.0.1:9/", NULL, NULL))
CALL(post, wsrs_context, wsrs_context_post(handle, no_post, NULL))
CALL(timer, wsrs_context, wsrs_context_timer(handle, 1000000, 0, no_timer, NULL, NULL))
CALL(set_log, wsrs_context, wsrs_context_set_log(handle, WSRS_LOG_DEBUG, no_log, NULL))
CALL(next_conn, wsrs_context, wsrs_context_next_conn(handle, no_conn, &some_conn))
CALL(broadcast, wsrs_context, wsrs_context_broadcast(handle, WSRS_TEXT, "x", 1, NULL))
CALL(send_many, wsrs_context, wsrs_context_send_many(handle, NULL, 0, WSRS_TEXT, "x", 1, NULL))
CALL(cancel, wsrs_timer, wsrs_timer_cancel(handle))
CALL(listener_close, wsrs_listener, wsrs_listener_close(handle))
CALL(listener_address, wsrs_listener, wsrs_listener_address(handle, text, sizeof text, &len))
CALL(listener_port, wsrs_listener, wsrs_listener_port(handle, &port))
CALL(send, wsrs_conn, wsrs_conn_send(handle, WSRS_TEXT, "x", 1))
CALL(send_text, wsrs_conn, wsrs_conn_send_text(handle, "x"))
CALL(send_gathered, wsrs_conn, wsrs_conn_send_gathered(handle, WSRS_TEXT, NULL, 0))
CALL(send_fragment, wsrs_conn, wsrs_conn_send_fragment(handle, WSRS_TEXT, "x", 1, 1))
CALL(ping, wsrs_conn, wsrs_conn_ping(handle, NULL, 0))
CALL(pong, wsrs_conn, wsrs_conn_pong(handle, NULL, 0))
CALL(close, wsrs_conn, wsrs_conn_close(handle, 1000, NULL, 0))
CALL(abort, wsrs_conn, wsrs_conn_abort(handle))
CALL(pause, wsrs_conn, wsrs_conn_pause(handle))
CALL(resume, wsrs_conn, wsrs_conn_resume(handle))
CALL(retarget, wsrs_conn, wsrs_conn_retarget(handle, NULL, NULL, 0))
CALL(request_drain, wsrs_conn, wsrs_conn_request_drain(handle))
CALL(buffered, wsrs_conn, wsrs_conn_buffered(handle, &len))
CALL(set_user_data, wsrs_conn, wsrs_conn_set_user_data(handle, NULL))
CALL(user_data, wsrs_conn, wsrs_conn_user_data(handle, &pointer))
CALL(local_address, wsrs_conn, wsrs_conn_local_address(handle, text, sizeof text, &len))
CALL(peer_address, wsrs_conn, wsrs_conn_peer_address(handle, text, sizeof text, &len))
CALL(path, wsrs_conn, wsrs_conn_path(handle, &data, &len))
CALL(query, wsrs_conn, wsrs_conn_query(handle, &data, &len))
CALL(subprotocol, wsrs_conn, wsrs_conn_subprotocol(handle, &data, &len))
CALL(header, wsrs_conn, wsrs_conn_header(handle, "Host", &data, &len))
CALL(header_at, wsrs_conn, wsrs_conn_header_at(handle, 0, &some_header))
CALL(conn_context, wsrs_conn, wsrs_conn_context(handle, &some_context))
CALL(stats, wsrs_conn, wsrs_conn_stats(handle, &some_stats))
CALL(timings, wsrs_conn, wsrs_conn_timings(handle, &some_timings))
CALL(conn_tls, wsrs_conn, wsrs_conn_tls(handle, &some_info))
CALL(conn_deflate, wsrs_conn, wsrs_conn_deflate(handle, &some_agreed))
CALL(totals, wsrs_context, wsrs_context_totals(handle, &some_totals))
CALL(send_binary, wsrs_conn, wsrs_conn_send_binary(handle, "x", 1))
CALL(send_prepared, wsrs_conn, wsrs_conn_send_prepared(handle, some_prepared))
CALL(accept, wsrs_conn, wsrs_conn_accept(handle, NULL, NULL, 0))
CALL(respond, wsrs_conn, wsrs_conn_respond(handle, 403, NULL, 0, NULL, 0))
CALL(defer, wsrs_conn, wsrs_conn_defer(handle))

static const struct {
    const char *name;
    enum kind kind;
    enum thread thread;
    wsrs_result (*call)(uint64_t id);
} calls[] = {
    {"wsrs_context_poll", CONTEXT, LOOP, call_poll},
    {"wsrs_context_run", CONTEXT, LOOP, call_run},
    {"wsrs_context_stop", CONTEXT, ANY, call_stop},
    {"wsrs_context_fd", CONTEXT, LOOP, call_fd},
    {"wsrs_context_timeout_ms", CONTEXT, LOOP, call_timeout},
    {"wsrs_context_listen", CONTEXT, LOOP, call_listen},
    {"wsrs_context_connect", CONTEXT, LOOP, call_connect},
    {"wsrs_context_post", CONTEXT, ANY, call_post},
    {"wsrs_context_timer", CONTEXT, LOOP, call_timer},
    {"wsrs_context_set_log", CONTEXT, LOOP, call_set_log},
    {"wsrs_context_next_conn", CONTEXT, LOOP, call_next_conn},
    {"wsrs_context_broadcast", CONTEXT, LOOP, call_broadcast},
    {"wsrs_context_send_many", CONTEXT, LOOP, call_send_many},
    {"wsrs_timer_cancel", TIMER, LOOP, call_cancel},
    {"wsrs_listener_close", LISTENER, LOOP, call_listener_close},
    {"wsrs_listener_address", LISTENER, LOOP, call_listener_address},
    {"wsrs_listener_port", LISTENER, LOOP, call_listener_port},
    {"wsrs_conn_send", CONN, ANY, call_send},
    {"wsrs_conn_send_text", CONN, ANY, call_send_text},
    {"wsrs_conn_send_gathered", CONN, ANY, call_send_gathered},
    {"wsrs_conn_send_fragment", CONN, ANY, call_send_fragment},
    {"wsrs_conn_ping", CONN, ANY, call_ping},
    {"wsrs_conn_pong", CONN, ANY, call_pong},
    {"wsrs_conn_close", CONN, ANY, call_close},
    {"wsrs_conn_abort", CONN, ANY, call_abort},
    {"wsrs_conn_pause", CONN, ANY, call_pause},
    {"wsrs_conn_resume", CONN, ANY, call_resume},
    {"wsrs_conn_request_drain", CONN, LOOP, call_request_drain},
    {"wsrs_conn_retarget", CONN, LOOP, call_retarget},
    {"wsrs_conn_buffered", CONN, LOOP, call_buffered},
    {"wsrs_conn_set_user_data", CONN, LOOP, call_set_user_data},
    {"wsrs_conn_user_data", CONN, LOOP, call_user_data},
    {"wsrs_conn_local_address", CONN, LOOP, call_local_address},
    {"wsrs_conn_peer_address", CONN, LOOP, call_peer_address},
    {"wsrs_conn_path", CONN, LOOP, call_path},
    {"wsrs_conn_query", CONN, LOOP, call_query},
    {"wsrs_conn_subprotocol", CONN, LOOP, call_subprotocol},
    {"wsrs_conn_header", CONN, LOOP, call_header},
    {"wsrs_conn_header_at", CONN, LOOP, call_header_at},
    {"wsrs_conn_context", CONN, LOOP, call_conn_context},
    {"wsrs_conn_stats", CONN, ANY, call_stats},
    {"wsrs_conn_timings", CONN, LOOP, call_timings},
    {"wsrs_conn_tls", CONN, LOOP, call_conn_tls},
    {"wsrs_conn_deflate", CONN, LOOP, call_conn_deflate},
    {"wsrs_context_totals", CONTEXT, ANY, call_totals},
    {"wsrs_conn_send_binary", CONN, ANY, call_send_binary},
    {"wsrs_conn_send_prepared", CONN, ANY, call_send_prepared},
    {"wsrs_conn_accept", CONN, LOOP, call_accept},
    {"wsrs_conn_respond", CONN, LOOP, call_respond},
    {"wsrs_conn_defer", CONN, LOOP, call_defer},
};
enum { CALLS = sizeof calls / sizeof *calls };

/* A context with one of each, and the ids of what is alive and of what is gone, by kind. */
static wsrs_context context;
static wsrs_conn conn;
static uint64_t alive[KINDS], dead[KINDS];
static int opened, closed, requested, logged, wrong;

static void expect(const char *name, const char *with, wsrs_result result, wsrs_result expected)
{
    if (result != expected) {
        fprintf(stderr, "%s with %s gives %d (%s), not %d (%s)\n", name, with, (int)result, wsrs_strerror(result),
                (int)expected, wsrs_strerror(expected));
        wrong++;
    }
}

/* A call with a wrong argument gives this result; all that differ are shown. */
#define REFUSED(call, expected) expect(#call, "a wrong argument", (call), (expected))

static void on_open(wsrs_conn opened_conn, void *user_data) { opened++; }
static void on_close(wsrs_conn closed_conn, const wsrs_close *close, void *user_data) { closed++; }

static void on_log(int32_t level, const char *line, void *user_data)
{
    CHECK(level >= WSRS_LOG_ERROR && level <= WSRS_LOG_DEBUG && user_data == &logged);
    CHECK(strchr(line, '\n') == NULL && *line != '\0');
    logged++;
}

/* Every bad argument of the answer to a request; then the table's last functions in the wrong state. */
static void on_request(wsrs_conn asked, const wsrs_request *request, void *user_data)
{
    static const wsrs_header header_null = {NULL, 3, "x", 1};
    static const wsrs_header header_name = {"Bad Name", WSRS_NUL_TERMINATED, "x", 1};
    static const wsrs_header header_value = {"X", 1, "a\r\nB: c", WSRS_NUL_TERMINATED};
    static const wsrs_header header_nul = {"X", 1, "a\0b", 3};
    static const wsrs_header header_own = {"Sec-WebSocket-Accept", WSRS_NUL_TERMINATED, "x", 1};
    CHECK(request->upgrade);
    requested++;
    REFUSED(wsrs_conn_accept(asked, "unoffered", NULL, 0), WSRS_ERR_HEADER);
    REFUSED(wsrs_conn_accept(asked, NULL, NULL, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_accept(asked, NULL, &header_null, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_accept(asked, NULL, &header_name, 1), WSRS_ERR_HEADER);
    REFUSED(wsrs_conn_accept(asked, NULL, &header_value, 1), WSRS_ERR_HEADER);
    REFUSED(wsrs_conn_accept(asked, NULL, &header_nul, 1), WSRS_ERR_HEADER);
    REFUSED(wsrs_conn_accept(asked, NULL, &header_own, 1), WSRS_ERR_HEADER);
    REFUSED(wsrs_conn_respond(asked, 0, NULL, 0, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_respond(asked, -1, NULL, 0, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_respond(asked, 101, NULL, 0, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_respond(asked, 600, NULL, 0, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_respond(asked, 1000000, NULL, 0, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_respond(asked, 403, NULL, 1, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_respond(asked, 403, &header_value, 1, NULL, 0), WSRS_ERR_HEADER);
    REFUSED(wsrs_conn_respond(asked, 403, NULL, 0, NULL, 5), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_text(asked, "early"), WSRS_ERR_NOT_OPEN);
    REFUSED(wsrs_conn_ping(asked, NULL, 0), WSRS_ERR_NOT_OPEN);
    REFUSED(wsrs_conn_request_drain(asked), WSRS_ERR_NOT_OPEN);
    REFUSED(wsrs_conn_deflate(asked, &some_agreed), WSRS_ERR_NOT_OPEN);
    REFUSED(wsrs_context_poll(context, 0), WSRS_ERR_REENTRY);
    REFUSED(wsrs_context_run(context), WSRS_ERR_REENTRY);
}

static void make_one_of_each(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_listener listener;
    wsrs_timer timer;
    uint16_t listens_on;
    callbacks.on_request = on_request;
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    context = check_context(&callbacks);
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", NULL, &listener));
    CHECK_OK(wsrs_listener_port(listener, &listens_on));
    CHECK_OK(wsrs_context_timer(context, 3600000, 0, no_timer, NULL, &timer));
    conn = check_connect(context, listens_on, NULL);
    POLL_UNTIL(context, opened, 2);
    CHECK(requested == 1);
    alive[CONTEXT] = context.id;
    alive[LISTENER] = listener.id;
    alive[CONN] = conn.id;
    alive[TIMER] = timer.id;
}

/* Another one of each, ended. */
static void make_what_is_gone(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context other;
    wsrs_listener listener;
    wsrs_timer timer;
    wsrs_conn short_lived;
    callbacks.on_close = on_close;
    CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &other));
    CHECK_OK(wsrs_context_listen(other, "127.0.0.1:0", NULL, &listener));
    CHECK_OK(wsrs_context_timer(other, 1000, 1000, no_timer, NULL, &timer));
    CHECK_OK(wsrs_listener_port(listener, &port));
    short_lived = check_connect(other, port, NULL);
    CHECK_OK(wsrs_context_poll(other, 0));
    CHECK_OK(wsrs_context_free(other));
    dead[CONTEXT] = other.id;
    dead[LISTENER] = listener.id;
    dead[CONN] = short_lived.id;
    dead[TIMER] = timer.id;
    CHECK_OK(wsrs_context_free(other));
}

static void wrong_handles(void)
{
    /* The ids of a kind that does not exist, and of each kind with places and generations that were never given. */
    static const uint64_t made_up[] = {1, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(0x5555555555555555),
                                       UINT64_C(0x2FFFFFFFFFFFFFFF), UINT64_C(0x4FFFFFFFFFFFFFFF),
                                       UINT64_C(0x6FFFFFFFFFFFFFFF), UINT64_C(0x8FFFFFFFFFFFFFFF)};
    size_t i, j;
    for (i = 0; i < CALLS; i++) {
        expect(calls[i].name, "no handle", calls[i].call(0), WSRS_ERR_ARGUMENT);
        expect(calls[i].name, "what is gone", calls[i].call(dead[calls[i].kind]), WSRS_ERR_CLOSED);
        for (j = 0; j < KINDS; j++)
            if (j != calls[i].kind) {
                expect(calls[i].name, "another kind", calls[i].call(alive[j]), WSRS_ERR_ARGUMENT);
                expect(calls[i].name, "another kind that is gone", calls[i].call(dead[j]), WSRS_ERR_ARGUMENT);
            }
        for (j = 0; j < sizeof made_up / sizeof *made_up; j++) {
            wsrs_result result = calls[i].call(made_up[j]);
            if (result != WSRS_ERR_ARGUMENT)
                expect(calls[i].name, "a made-up id", result, WSRS_ERR_CLOSED);
        }
        /* The same place, another generation. */
        expect(calls[i].name, "a later generation",
               calls[i].call(alive[calls[i].kind] ^ UINT64_C(0x40000000)),
               WSRS_ERR_CLOSED);
    }
    for (j = 0; j < KINDS; j++) {
        wsrs_conn as_conn;
        wsrs_context as_context;
        as_conn.id = alive[j];
        as_context.id = alive[j];
        if (j != CONN)
            CHECK(wsrs_conn_state(as_conn) == WSRS_STATE_CLOSED);
        if (j != CONTEXT)
            REFUSED(wsrs_context_free(as_context), WSRS_ERR_ARGUMENT);
    }
    CHECK(wsrs_conn_state(no_conn) == WSRS_STATE_CLOSED);
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_OPEN);
}

static void *wrong_thread(void *argument)
{
    size_t i;
    for (i = 0; i < CALLS; i++)
        if (calls[i].thread == LOOP)
            expect(calls[i].name, "another thread", calls[i].call(alive[calls[i].kind]), WSRS_ERR_THREAD);
    REFUSED(wsrs_context_free(context), WSRS_ERR_THREAD);
    return NULL;
}

static void after_fork(void)
{
    int status;
    size_t i;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        wrong = 0;
        for (i = 0; i < CALLS; i++)
            expect(calls[i].name, "a handle from before the fork", calls[i].call(alive[calls[i].kind]), WSRS_ERR_FORKED);
        CHECK(wrong == 0);
        check_leave();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Endpoints of TLS are of no context. What their files and options may be is in tls_trust.c. */
static void wrong_endpoints(void)
{
    wsrs_tls tls, out = {7}, wrong_ones[KINDS + 2] = {{0}, {UINT64_MAX}};
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    size_t i;
    REFUSED(wsrs_tls_new(NULL, NULL), WSRS_ERR_ARGUMENT);
    CHECK(*wsrs_last_error() != '\0');
    options.size = 0;
    REFUSED(wsrs_tls_new(&options, &out), WSRS_ERR_ARGUMENT);
    options.size = (size_t)-1;
    REFUSED(wsrs_tls_new(&options, &out), WSRS_ERR_ARGUMENT);
    CHECK(out.id == 7);
    if (wsrs_tls_new(NULL, &tls) == WSRS_ERR_UNSUPPORTED)
        return;
    for (i = 0; i < KINDS; i++)
        wrong_ones[i + 2].id = alive[i];
    for (i = 0; i < KINDS + 2; i++) {
        REFUSED(wsrs_tls_set_cert(wrong_ones[i], NULL, "/nothing", NULL), WSRS_ERR_ARGUMENT);
        REFUSED(wsrs_tls_set_cert_pem(wrong_ones[i], NULL, "x", 1, NULL, 0), WSRS_ERR_ARGUMENT);
        REFUSED(wsrs_tls_remove_cert(wrong_ones[i], NULL), WSRS_ERR_ARGUMENT);
        REFUSED(wsrs_tls_free(wrong_ones[i]), WSRS_ERR_ARGUMENT);
    }
    REFUSED(wsrs_tls_set_cert(tls, NULL, NULL, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert(tls, "\xff", "/nothing", NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert(tls, NULL, "/nothing", "/nothing"), WSRS_ERR_PEM);
    REFUSED(wsrs_tls_set_cert_pem(tls, "127.0.0.1", "x", 1, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert_pem(tls, "a.*.test", "x", 1, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert_pem(tls, "*", "x", 1, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert_pem(tls, "", "x", 1, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert_pem(tls, NULL, NULL, 1, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert_pem(tls, NULL, "x", SIZE_MAX, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_tls_set_cert_pem(tls, NULL, NULL, 0, NULL, 0), WSRS_ERR_PEM);
    REFUSED(wsrs_tls_remove_cert(tls, "nobody.test"), WSRS_ERR_NOT_FOUND);
    CHECK_OK(wsrs_tls_free(tls));
    CHECK_OK(wsrs_tls_free(tls));
    REFUSED(wsrs_tls_set_cert(tls, NULL, "/nothing", NULL), WSRS_ERR_CLOSED);
    REFUSED(wsrs_tls_set_cert_pem(tls, NULL, "x", 1, NULL, 0), WSRS_ERR_CLOSED);
    REFUSED(wsrs_tls_remove_cert(tls, NULL), WSRS_ERR_CLOSED);
}

/* Prepared messages are of no context either. */
static void wrong_prepared(void)
{
    wsrs_prepared prepared, out = {7}, wrong_ones[KINDS + 2] = {{0}, {UINT64_MAX}};
    size_t i;
    REFUSED(wsrs_prepared_new(WSRS_TEXT, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    CHECK(*wsrs_last_error() != '\0');
    REFUSED(wsrs_prepared_new(0, "x", 1, &out), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_prepared_new(WSRS_UNCOMPRESSED, "x", 1, &out), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_prepared_new(WSRS_TEXT, NULL, 1, &out), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_prepared_new(WSRS_BINARY, "x", SIZE_MAX, &out), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_prepared_new(WSRS_TEXT, "\xc3", 1, &out), WSRS_ERR_UTF8);
    CHECK(out.id == 7);
    CHECK_OK(wsrs_prepared_new(WSRS_BINARY | WSRS_UNCOMPRESSED, NULL, 0, &prepared));
    for (i = 0; i < KINDS; i++)
        wrong_ones[i + 2].id = alive[i];
    for (i = 0; i < KINDS + 2; i++) {
        REFUSED(wsrs_conn_send_prepared(conn, wrong_ones[i]), WSRS_ERR_ARGUMENT);
        REFUSED(wsrs_prepared_free(wrong_ones[i]), WSRS_ERR_ARGUMENT);
    }
    CHECK_OK(wsrs_prepared_free(prepared));
    CHECK_OK(wsrs_prepared_free(prepared));
    REFUSED(wsrs_conn_send_prepared(conn, prepared), WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_prepared_new(WSRS_TEXT, "x", 1, &some_prepared));
    REFUSED(wsrs_conn_send_prepared(conn, prepared), WSRS_ERR_CLOSED); /* it may have the same place */
}

static void wrong_results(void)
{
    int32_t result;
    for (result = -1000; result < 1000; result++)
        CHECK(wsrs_strerror(result) != NULL && *wsrs_strerror(result) != '\0');
    CHECK(*wsrs_strerror(INT32_MIN) != '\0' && *wsrs_strerror(INT32_MAX) != '\0');
    CHECK(wsrs_version() == WSRS_VERSION && *wsrs_version_text() != '\0');
}

static void wrong_contexts(void)
{
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_context out = {7};
    REFUSED(wsrs_context_new(NULL, NULL, NULL, NULL), WSRS_ERR_ARGUMENT);
    options.size = 0;
    REFUSED(wsrs_context_new(&options, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    options.size = 1;
    REFUSED(wsrs_context_new(&options, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    options.size = (size_t)-1;
    REFUSED(wsrs_context_new(&options, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    callbacks.size = 0;
    REFUSED(wsrs_context_new(NULL, &callbacks, NULL, &out), WSRS_ERR_ARGUMENT);
    options.size = sizeof options;
    options.limits = &limits;
    limits.size = 3;
    REFUSED(wsrs_context_new(&options, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    limits.size = sizeof limits;
    limits.max_headers = 1000000;
    REFUSED(wsrs_context_new(&options, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    limits.max_headers = 0;
    limits.idle_timeout_ms = UINT64_C(1) << 50;
    REFUSED(wsrs_context_new(&options, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    CHECK(out.id == 7); /* written only on success */
}

static void wrong_arguments_of_context(void)
{
    wsrs_context other;
    wsrs_timer timer;
    wsrs_conn foreign;
    REFUSED(wsrs_context_poll(context, -2), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_poll(context, INT32_MIN), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_fd(context, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_timeout_ms(context, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_post(context, NULL, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_timer(context, 0, 0, NULL, NULL, &timer), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_timer(context, UINT64_MAX, 0, no_timer, NULL, &timer), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_timer(context, 0, UINT64_MAX, no_timer, NULL, &timer), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_set_log(context, -1, on_log, &logged), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_set_log(context, 5, on_log, &logged), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_next_conn(context, no_conn, NULL), WSRS_ERR_ARGUMENT);
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &other));
    foreign = check_connect(other, 9, NULL);
    REFUSED(wsrs_context_next_conn(context, foreign, &foreign), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_broadcast(context, 0, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_broadcast(context, 3, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_broadcast(context, WSRS_TEXT, NULL, 1, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_broadcast(context, WSRS_TEXT, "\xff", 1, NULL), WSRS_ERR_UTF8);
    REFUSED(wsrs_context_send_many(context, NULL, 1, WSRS_TEXT, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_send_many(context, &foreign, 1, WSRS_TEXT, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_send_many(context, &conn, (size_t)-1, WSRS_TEXT, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_send_many(context, &conn, 1, 9, "x", 1, NULL), WSRS_ERR_ARGUMENT);
    CHECK_OK(wsrs_context_free(other));
}

static void wrong_addresses(void)
{
    static const char *const addresses[] = {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http",
                                            "[::1:0", "::1:0", "300.0.0.1:0", "no such host:0", "unix:", "*:", "[::1]", "\xff:0"};
    char folder[] = "/tmp/wsrs-test-XXXXXX", address[300], in_use[64];
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_listener listener = {7}, first = {0};
    size_t i;
    REFUSED(wsrs_context_listen(context, NULL, NULL, &listener), WSRS_ERR_ARGUMENT);
    for (i = 0; i < sizeof addresses / sizeof *addresses; i++)
        expect("wsrs_context_listen", addresses[i], wsrs_context_listen(context, addresses[i], NULL, &listener), WSRS_ERR_ADDRESS);
    CHECK(listener.id == 7);

    first.id = alive[LISTENER];
    CHECK_OK(wsrs_listener_address(first, in_use, sizeof in_use, NULL));
    REFUSED(wsrs_context_listen(context, in_use, NULL, &listener), WSRS_ERR_IN_USE);
    REFUSED(wsrs_listener_address(first, NULL, 10, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_listener_address(first, in_use, 0, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_listener_address(first, in_use, 5, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_listener_port(first, NULL), WSRS_ERR_ARGUMENT);

    CHECK(mkdtemp(folder) != NULL);
    CHECK(wsrs_context_listen(context, "unix:/no/such/folder/socket", NULL, &listener) < 0);
    memset(address, 'x', sizeof address);
    memcpy(address, "unix:/tmp/", 10);
    address[sizeof address - 1] = '\0';
    REFUSED(wsrs_context_listen(context, address, NULL, &listener), WSRS_ERR_ADDRESS); /* longer than a socket's path may be */
    if (geteuid() != 0) {
        snprintf(address, sizeof address, "unix:%s/socket", folder);
        CHECK(chmod(folder, 0500) == 0);
        REFUSED(wsrs_context_listen(context, address, NULL, &listener), WSRS_ERR_PERMISSION);
    }
    snprintf(address, sizeof address, "unix:%s", folder); /* a folder stands there */
    CHECK(wsrs_context_listen(context, address, NULL, &listener) < 0);
    CHECK(rmdir(folder) == 0);

    options.size = 2;
    REFUSED(wsrs_context_listen(context, "127.0.0.1:0", &options, &listener), WSRS_ERR_ARGUMENT);
    options.size = sizeof options;
    options.backlog = -1;
    REFUSED(wsrs_context_listen(context, "127.0.0.1:0", &options, &listener), WSRS_ERR_ARGUMENT);
    options.backlog = 0;
    options.unix_mode = 07777;
    REFUSED(wsrs_context_listen(context, "unix:/tmp/x", &options, &listener), WSRS_ERR_ARGUMENT);
    options.unix_mode = 0;
    options.subprotocols = "two words";
    REFUSED(wsrs_context_listen(context, "127.0.0.1:0", &options, &listener), WSRS_ERR_HEADER);
    CHECK(listener.id == 7);
}

/* Where to connect from, and socket options, that this machine does not have or the system does not take. */
static void refused_origins(wsrs_context context)
{
    static const struct {
        const char *source, *interface;
        uint32_t keepalive_ms, dscp, buffer;
        wsrs_result result;
    } cases[] = {
        {"nonsense", NULL, 0, 0, 0, WSRS_ERR_ADDRESS},    {"", NULL, 0, 0, 0, WSRS_ERR_ADDRESS},
        {"\xff", NULL, 0, 0, 0, WSRS_ERR_ADDRESS},        {"203.0.113.7", NULL, 0, 0, 0, WSRS_ERR_ADDRESS},
        {"[::1]:0", NULL, 0, 0, 0, WSRS_ERR_ARGUMENT},    {NULL, "", 0, 0, 0, WSRS_ERR_ARGUMENT},
        {NULL, "nowhere0", 0, 0, 0, WSRS_ERR_ADDRESS},    {NULL, "longer than names may be", 0, 0, 0, WSRS_ERR_ARGUMENT},
        {NULL, NULL, 0, 64, 0, WSRS_ERR_ARGUMENT},        {NULL, NULL, UINT32_MAX, 0, 0, WSRS_ERR_ARGUMENT},
        {NULL, NULL, 0, 0, UINT32_MAX, WSRS_ERR_ARGUMENT},
    };
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_socket_options sockets = WSRS_SOCKET_OPTIONS_INIT;
    wsrs_conn out = {7};
    wsrs_listener listener = {7};
    size_t i;
    options.socket = listen.socket = &sockets;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        options.source = cases[i].source;
        options.interface = cases[i].interface;
        sockets.keepalive_ms = cases[i].keepalive_ms;
        sockets.dscp = cases[i].dscp;
        sockets.send_buffer = cases[i].buffer;
        REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), cases[i].result);
        if (cases[i].source == NULL && cases[i].interface == NULL)
            REFUSED(wsrs_context_listen(context, "127.0.0.1:0", &listen, &listener), cases[i].result);
    }
    sockets.size = 3;
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_listen(context, "127.0.0.1:0", &listen, &listener), WSRS_ERR_ARGUMENT);
}

/* Proxies whose address is wrong, or that can't lead there; what is said of them has no password in it. */
static void refused_proxies(wsrs_context context)
{
    static const char *const proxies[] = {"ftp://u:secret@p", "http://u:secret@", "http://u:se/cret@p", "socks5://:secret@p",
                                          "http://u:secret@p:0", "http://u:sec@ret@p", "socks4a://u:secret@p", "http://p\xff"};
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_conn out = {7};
    size_t i;
    for (i = 0; i < sizeof proxies / sizeof *proxies; i++) {
        options.proxy = proxies[i];
        REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_URL);
        CHECK(strstr(wsrs_last_error(), "secret") == NULL && strstr(wsrs_last_error(), "ret@") == NULL);
    }
    options.proxy = "http://127.0.0.1:9";
    REFUSED(wsrs_context_connect(context, "ws+unix:/socket", &options, &out), WSRS_ERR_ARGUMENT);
}

static void wrong_urls(void)
{
    static const char *const urls[] = {"", "ws:", "ws://@127.0.0.1/", "ws://a:\x01@127.0.0.1/", "ws://", "ws:///path", "http://127.0.0.1/", "127.0.0.1:80", "//127.0.0.1/",
                                       "ws://127.0.0.1:65536/", "ws://127.0.0.1:x/", "ws://127.0.0.1/#fragment", "ws://[::1/",
                                       "ws://a b/", "ws://127.0.0.1/a b", "ws://127.0.0.1/\r\nX: y", "ws+unix:relative", "ws://\xff/"};
    static const wsrs_header newline = {"X", 1, "a\nb", WSRS_NUL_TERMINATED};
    static const wsrs_header own = {"Sec-WebSocket-Key", WSRS_NUL_TERMINATED, "x", 1};
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_conn out = {7};
    size_t i;
    REFUSED(wsrs_context_connect(context, NULL, NULL, &out), WSRS_ERR_ARGUMENT);
    for (i = 0; i < sizeof urls / sizeof *urls; i++) {
        wsrs_result result = wsrs_context_connect(context, urls[i], NULL, &out);
        expect("wsrs_context_connect", urls[i], result, WSRS_ERR_URL);
    }
    options.header_count = 1;
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_ARGUMENT);
    options.headers = &newline;
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_HEADER);
    options.headers = &own;
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_HEADER);
    options.header_count = 0;
    refused_origins(context);
    refused_proxies(context);
    options.subprotocols = "\xc3";
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_HEADER);
    options.subprotocols = "a, b, a";
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_HEADER);
    options.size = 0;
    REFUSED(wsrs_context_connect(context, "ws://127.0.0.1:9/", &options, &out), WSRS_ERR_ARGUMENT);
    CHECK(out.id == 7);
}

static void wrong_arguments_of_conn(void)
{
    static char large[200];
    static const int32_t codes[] = {-1, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, INT32_MIN, INT32_MAX};
    wsrs_slice null_part = {NULL, 1};
    wsrs_stats no_stats = {0};
    wsrs_totals no_totals = {0};
    wsrs_timings no_timings = {0};
    wsrs_tls_info no_info = {0};
    wsrs_deflate_info nothing_agreed = {0};
    size_t i;
    REFUSED(wsrs_conn_send(conn, 0, "x", 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, -1, "x", 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, 3, "x", 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, WSRS_UNCOMPRESSED, "x", 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, WSRS_TEXT | WSRS_UNCOMPRESSED << 1, "x", 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, WSRS_TEXT | WSRS_UNCOMPRESSED, "\xc3", 1), WSRS_ERR_UTF8);
    REFUSED(wsrs_conn_send(conn, WSRS_TEXT, NULL, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, WSRS_BINARY, "x", (size_t)-1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send(conn, WSRS_TEXT, "\xc3", 1), WSRS_ERR_UTF8);
    REFUSED(wsrs_conn_send_text(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_binary(conn, NULL, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_binary(conn, large, SIZE_MAX), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_text(conn, "\xed\xa0\x80"), WSRS_ERR_UTF8);
    REFUSED(wsrs_conn_send_gathered(conn, WSRS_TEXT, NULL, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_gathered(conn, WSRS_TEXT, &null_part, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_gathered(conn, 4, NULL, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_fragment(conn, 0, "x", 1, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_send_fragment(conn, WSRS_TEXT, NULL, 1, 0), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_ping(conn, large, 126), WSRS_ERR_TOO_LARGE);
    REFUSED(wsrs_conn_ping(conn, NULL, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_pong(conn, large, 126), WSRS_ERR_TOO_LARGE);
    REFUSED(wsrs_conn_pong(conn, NULL, 1), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_buffered(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_set_objects(context, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_set_objects(context, &no_objects), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_stats(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_stats(conn, &no_stats), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_timings(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_timings(conn, &no_timings), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_deflate(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_deflate(conn, &nothing_agreed), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_deflate(conn, &some_agreed), WSRS_ERR_NOT_FOUND); /* a connection without compression */
    REFUSED(wsrs_conn_tls(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_tls(conn, &no_info), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_tls(conn, &some_info), WSRS_ERR_NOT_FOUND); /* a connection without TLS */
    REFUSED(wsrs_context_totals(context, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_context_totals(context, &no_totals), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_user_data(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_local_address(conn, NULL, 0, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_peer_address(conn, text, 3, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_path(conn, NULL, &len), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_path(conn, &data, &len), WSRS_ERR_NOT_FOUND); /* a client's connection has none */
    REFUSED(wsrs_conn_query(conn, &data, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_subprotocol(conn, NULL, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_header(conn, NULL, &data, &len), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_header(conn, "Host", NULL, &len), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_header(conn, "Host", &data, &len), WSRS_ERR_NOT_FOUND); /* not kept */
    REFUSED(wsrs_conn_header_at(conn, 0, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_header_at(conn, (size_t)-1, &some_header), WSRS_ERR_NOT_FOUND);
    REFUSED(wsrs_conn_context(conn, NULL), WSRS_ERR_ARGUMENT);
    REFUSED(wsrs_conn_accept(conn, NULL, NULL, 0), WSRS_ERR_STATE);
    REFUSED(wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0), WSRS_ERR_STATE);
    REFUSED(wsrs_conn_defer(conn), WSRS_ERR_STATE);
    for (i = 0; i < sizeof codes / sizeof *codes; i++)
        REFUSED(wsrs_conn_close(conn, codes[i], NULL, 0), WSRS_ERR_CLOSE_CODE);
    REFUSED(wsrs_conn_close(conn, 1000, large, 124), WSRS_ERR_TOO_LARGE);
    REFUSED(wsrs_conn_close(conn, 1000, "\xff", 1), WSRS_ERR_UTF8);
    REFUSED(wsrs_conn_close(conn, 1000, NULL, 1), WSRS_ERR_ARGUMENT);
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_OPEN); /* none of it did anything */
}

int main(void)
{
    pthread_t thread;
    make_what_is_gone();
    make_one_of_each();
    CHECK_OK(wsrs_context_set_log(context, WSRS_LOG_DEBUG, on_log, &logged));
    wrong_results();
    wrong_endpoints();
    wrong_prepared();
    wrong_contexts();
    wrong_arguments_of_context();
    wrong_addresses();
    wrong_urls();
    wrong_arguments_of_conn();
    CHECK(logged >= 20);
    wrong_handles();
    CHECK(pthread_create(&thread, NULL, wrong_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    after_fork();

    /* After all that the context works: set_log was not changed by a refused call, and a Close comes through. */
    closed = 0;
    CHECK_OK(wsrs_conn_close(conn, 1000, NULL, 0));
    REFUSED(wsrs_conn_close(conn, 1000, NULL, 0), WSRS_ERR_CLOSED);
    POLL_UNTIL(context, closed, 2);
    CHECK_OK(wsrs_context_free(context));
    CHECK_OK(wsrs_prepared_free(some_prepared));
    return wrong != 0;
}
