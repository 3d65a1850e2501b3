/* What h06_reentrancy.c does inside callbacks, what it knows of each connection meanwhile, and what all of it is about. */
#ifndef H06_ACTIONS_H
#define H06_ACTIONS_H

#include "check.h"

static int freed;
static wsrs_context context;
static wsrs_listener listener;
static wsrs_timer timer;
static uint16_t port;
static wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
static wsrs_objects objects = WSRS_OBJECTS_INIT;

/* ---- what happened to each connection ---- */

static struct {
    uint64_t id;
    int opened, ended;
} known[64];
static size_t known_count;

static size_t find(wsrs_conn conn)
{
    size_t i;
    for (i = 0; i < known_count && known[i].id != conn.id; i++) { }
    CHECK(i < sizeof known / sizeof *known);
    if (i == known_count) {
        known[known_count].id = conn.id;
        known[known_count].opened = known[known_count].ended = 0;
        known_count++;
    }
    return i;
}

static void heard_of(wsrs_conn conn) { CHECK(!known[find(conn)].ended); }

static void ends(wsrs_conn conn)
{
    heard_of(conn);
    known[find(conn)].ended = 1;
    CHECK(wsrs_conn_state(conn) == WSRS_STATE_CLOSED);
    CHECK_IS(wsrs_conn_send_text(conn, "x"), WSRS_ERR_CLOSED);
}

static wsrs_conn connect_to(const char *path, void *user_data)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_reconnect reconnect = WSRS_RECONNECT_INIT;
    wsrs_conn conn = WSRS_CONN_NONE;
    char url[64];
    reconnect.min_delay_ms = reconnect.max_tries = 1;
    options.callbacks = &callbacks;
    options.user_data = user_data;
    if (strcmp(path, "/nowhere") == 0)
        options.reconnect = &reconnect;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", (unsigned)port, path);
    if (wsrs_context_connect(context, url, &options, &conn) == WSRS_OK)
        heard_of(conn);
    return conn;
}

/* ---- actions: their results are those of the moment; what counts is that nothing breaks ---- */

static unsigned char much[200000];

static void close_this(wsrs_conn conn)
{
    wsrs_conn_close(conn, 1000, "here", 4);
    CHECK(wsrs_conn_close(conn, 1000, "again", 5) != WSRS_OK);
    CHECK(wsrs_conn_send_text(conn, "late") != WSRS_OK);
}

static void abort_this(wsrs_conn conn)
{
    wsrs_conn_abort(conn);
    CHECK(wsrs_conn_send_text(conn, "x") != WSRS_OK);
    CHECK(wsrs_conn_abort(conn) != WSRS_OK);
}

static void close_then_abort(wsrs_conn conn)
{
    wsrs_conn_send(conn, WSRS_BINARY, much, sizeof much);
    wsrs_conn_close(conn, 4000, NULL, 0);
    wsrs_conn_abort(conn);
}

static void for_others(wsrs_conn conn, int aborts)
{
    wsrs_conn other = WSRS_CONN_NONE;
    while (wsrs_context_next_conn(context, other, &other) == WSRS_OK && other.id != 0) {
        if (other.id == conn.id)
            continue;
        if (aborts)
            wsrs_conn_abort(other);
        else
            wsrs_conn_close(other, 1001, NULL, 0);
    }
}

static void close_others(wsrs_conn conn) { for_others(conn, 0); }
static void abort_others(wsrs_conn conn) { for_others(conn, 1); }

static void send_short(wsrs_conn conn)
{
    wsrs_slice parts[2] = {{"from ", 5}, {"a callback", 10}};
    wsrs_conn_send(conn, WSRS_TEXT, "from a callback", 15);
    wsrs_conn_send_text(conn, "from a callback");
    wsrs_conn_send_binary(conn, "from a callback", 15);
    wsrs_conn_send_gathered(conn, WSRS_TEXT, parts, 2);
    wsrs_conn_ping(conn, "p", 1);
    wsrs_conn_pong(conn, "p", 1);
}

static void send_prepared(wsrs_conn conn)
{
    wsrs_prepared prepared;
    CHECK_OK(wsrs_prepared_new(WSRS_BINARY, much, sizeof much, &prepared));
    wsrs_conn_send_prepared(conn, prepared);
    CHECK_OK(wsrs_prepared_free(prepared)); /* what was queued stays */
    CHECK_IS(wsrs_conn_send_prepared(conn, prepared), WSRS_ERR_CLOSED);
}

static void send_much(wsrs_conn conn)
{
    wsrs_slice parts[2] = {{much, sizeof much}, {much, sizeof much}};
    int i;
    for (i = 0; i < 10; i++)
        wsrs_conn_send(conn, WSRS_BINARY, much, sizeof much);
    wsrs_conn_send_gathered(conn, WSRS_BINARY, parts, 2);
}

static void send_fragments(wsrs_conn conn)
{
    wsrs_conn_send_fragment(conn, WSRS_TEXT, "a", 1, 0);
    wsrs_conn_send_fragment(conn, WSRS_TEXT, "b", 1, 1);
    wsrs_conn_send_fragment(conn, WSRS_BINARY, much, sizeof much, 0); /* never finished */
}

static void broadcast(wsrs_conn conn)
{
    size_t sent;
    wsrs_context_broadcast(context, WSRS_TEXT, "all", 3, &sent);
    wsrs_context_broadcast(context, WSRS_BINARY, much, sizeof much, NULL);
}

static void send_many(wsrs_conn conn)
{
    wsrs_conn all[sizeof known / sizeof *known];
    size_t i;
    for (i = 0; i < known_count; i++)
        all[i].id = known[i].id; /* also those that are gone */
    wsrs_context_send_many(context, all, known_count, WSRS_TEXT, "many", 4, NULL);
    wsrs_context_send_many(context, all, known_count, WSRS_BINARY, much, sizeof much, NULL);
}

static void connect_more(wsrs_conn conn)
{
    connect_to("/more", NULL);
    wsrs_conn_close(connect_to("/closed", NULL), 0, NULL, 0);
    wsrs_conn_abort(connect_to("/aborted", NULL));
}

static void close_listener(wsrs_conn conn)
{
    wsrs_listener_close(listener);
    CHECK(wsrs_listener_close(listener) != WSRS_OK);
}

static void listen_again(wsrs_conn conn)
{
    wsrs_listener other;
    if (wsrs_context_listen(context, "127.0.0.1:0", NULL, NULL) == WSRS_OK
        && wsrs_context_listen(context, "127.0.0.1:0", NULL, &other) == WSRS_OK)
        CHECK_OK(wsrs_listener_close(other));
}

static void pause_this(wsrs_conn conn) { wsrs_conn_pause(conn); }

static void pause_and_resume(wsrs_conn conn)
{
    wsrs_conn_pause(conn);
    wsrs_conn_resume(conn);
    wsrs_conn_request_drain(conn);
}

static void stop(wsrs_conn conn) { CHECK_OK(wsrs_context_stop(context)); }

static void free_context(wsrs_conn conn)
{
    CHECK_OK(wsrs_context_free(context));
    CHECK_OK(wsrs_context_free(context));
    freed = 1;
}

static void go_elsewhere(wsrs_conn conn)
{
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/elsewhere", (unsigned)port);
    if (wsrs_conn_retarget(conn, url, NULL, 0) == WSRS_OK)
        CHECK_OK(wsrs_conn_retarget(conn, NULL, NULL, 0));
}

static void poll_again(wsrs_conn conn)
{
    CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_REENTRY);
    CHECK_IS(wsrs_context_run(context), WSRS_ERR_REENTRY);
}

/* Endpoints belong to no context: what they are asked to do does not depend on where it happens. */
static void make_endpoint(wsrs_conn conn)
{
    wsrs_tls tls;
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    CHECK(wsrs_conn_tls(conn, &info) != WSRS_OK);
    if (wsrs_tls_new(NULL, &tls) != WSRS_OK)
        return; /* a build without TLS */
    CHECK_IS(wsrs_tls_set_cert(tls, NULL, "/nothing", NULL), WSRS_ERR_PEM);
    CHECK(strstr(wsrs_last_error(), "/nothing") != NULL);
    CHECK_IS(wsrs_tls_set_cert_pem(tls, "name", "none", 4, NULL, 0), WSRS_ERR_PEM);
    CHECK_IS(wsrs_tls_remove_cert(tls, NULL), WSRS_ERR_NOT_FOUND);
    CHECK_OK(wsrs_tls_free(tls));
}

static void count(wsrs_conn conn)
{
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    wsrs_timings timings = WSRS_TIMINGS_INIT;
    wsrs_conn_stats(conn, &stats);
    wsrs_conn_timings(conn, &timings);
    wsrs_context_totals(context, &totals);
}

static void set_user_data(wsrs_conn conn)
{
    void *was = NULL;
    if (wsrs_conn_user_data(conn, &was) == WSRS_OK) {
        wsrs_conn_set_user_data(conn, much);
        wsrs_conn_set_user_data(conn, was);
    }
}

static void ask(wsrs_conn conn)
{
    char text[WSRS_ADDRESS_MAX];
    const char *data;
    wsrs_header header;
    wsrs_context its;
    wsrs_deflate_info agreed = WSRS_DEFLATE_INFO_INIT;
    size_t len;
    int32_t number;
    uint16_t some;
    CHECK(wsrs_version() >= 1 && wsrs_version_text() != NULL && wsrs_strerror(-900) != NULL);
    wsrs_conn_context(conn, &its);
    wsrs_conn_buffered(conn, &len);
    wsrs_conn_local_address(conn, text, sizeof text, &len);
    wsrs_conn_peer_address(conn, text, sizeof text, &len);
    wsrs_conn_path(conn, &data, &len);
    wsrs_conn_query(conn, &data, &len);
    wsrs_conn_subprotocol(conn, &data, &len);
    CHECK(wsrs_conn_deflate(conn, &agreed) != WSRS_OK);
    wsrs_conn_header(conn, "Host", &data, &len);
    wsrs_conn_header_at(conn, 0, &header);
    wsrs_listener_address(listener, text, sizeof text, &len);
    wsrs_listener_port(listener, &some);
    wsrs_context_fd(context, &number);
    wsrs_context_timeout_ms(context, &number);
}

static void accept_request(wsrs_conn conn)
{
    if (wsrs_conn_accept(conn, NULL, NULL, 0) == WSRS_OK)
        CHECK_IS(wsrs_conn_accept(conn, NULL, NULL, 0), WSRS_ERR_STATE);
}

static void accept_and_abort(wsrs_conn conn)
{
    wsrs_conn_accept(conn, NULL, NULL, 0);
    wsrs_conn_abort(conn);
}

static void respond(wsrs_conn conn) { wsrs_conn_respond(conn, 403, NULL, 0, much, sizeof much); }
static void defer(wsrs_conn conn) { wsrs_conn_defer(conn); }

static void no_timer(wsrs_timer late, void *argument) { }
static void no_post(wsrs_context posted, void *argument) { }

static void timers_and_posts(wsrs_conn conn)
{
    wsrs_timer made;
    if (wsrs_context_timer(context, 0, 1, no_timer, NULL, NULL) == WSRS_OK
        && wsrs_context_timer(context, 0, 0, no_timer, NULL, &made) == WSRS_OK)
        CHECK_OK(wsrs_timer_cancel(made));
    wsrs_timer_cancel(timer);
    wsrs_context_post(context, no_post, NULL);
}

static void no_log(int32_t level, const char *text, void *user_data) { }

static void set_receivers(wsrs_conn conn)
{
    wsrs_context_set_log(context, WSRS_LOG_DEBUG, no_log, NULL);
    wsrs_context_set_objects(context, &objects);
}

static void another_context(wsrs_conn conn)
{
    wsrs_context other;
    CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &other));
    CHECK_OK(wsrs_context_poll(other, 0));
    CHECK_OK(wsrs_context_free(other));
}

/* All of them but the ends; then nothing works on what is freed. */
static void everything_and_free(wsrs_conn conn);

static const struct {
    const char *name;
    void (*run)(wsrs_conn conn);
} actions[] = {
    {"send", send_short},
    {"send much", send_much},
    {"send prepared", send_prepared},
    {"broadcast", broadcast},
    {"send many", send_many},
    {"connect", connect_more},
    {"listen", listen_again},
    {"pause and resume", pause_and_resume},
    {"count", count},
    {"make endpoint", make_endpoint},
    {"set user data", set_user_data},
    {"ask", ask},
    {"timers and posts", timers_and_posts},
    {"set receivers", set_receivers},
    {"another context", another_context},
    {"send fragments", send_fragments},
    {"accept", accept_request},
    {"poll", poll_again},
    {"retarget", go_elsewhere},
    {"close listener", close_listener},
    {"abort others", abort_others},
    {"close then abort", close_then_abort},
    {"everything and free", everything_and_free},
    {"close this", close_this},
    {"abort this", abort_this},
    {"close others", close_others},
    {"pause", pause_this},
    {"stop", stop},
    {"free", free_context},
    {"accept and abort", accept_and_abort},
    {"respond", respond},
    {"defer", defer},
};
enum { ACTIONS = sizeof actions / sizeof *actions, ALIVE = 21 };

static void everything_and_free(wsrs_conn conn)
{
    size_t i;
    for (i = 0; i < ALIVE; i++)
        actions[i].run(conn);
    free_context(conn);
    for (i = 0; i < ALIVE; i++)
        if (actions[i].run != poll_again) /* still nested */
            actions[i].run(conn);
    CHECK_IS(wsrs_context_stop(context), WSRS_ERR_CLOSED);
    CHECK_IS(wsrs_context_listen(context, "127.0.0.1:0", NULL, NULL), WSRS_ERR_CLOSED);
}

#endif
