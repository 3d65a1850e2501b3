/* Every function that takes a handle, called with handles that are to be refused: closed, of another process. */
#ifndef EVERY_CALL_H
#define EVERY_CALL_H

#include "check.h"

struct refused {
    wsrs_context context;
    wsrs_listener listener;
    wsrs_conn conn;
    wsrs_timer timer;
};

static inline void not_called(wsrs_timer timer, void *argument) { CHECK(!"a refused timer runs"); }
static inline void not_posted(wsrs_context context, void *argument) { CHECK(!"a refused post runs"); }
static inline void not_logged(int32_t level, const char *text, void *user_data) { CHECK(!"a refused log is written"); }

static inline void *not_made(const char *data, ptrdiff_t len)
{
    CHECK(!"an object of a refused context is made");
    return NULL;
}
static inline void not_released(void *object) { CHECK(!"an object of a refused context is released"); }

/* What any thread may call. */
static inline void every_call_of_any_thread(const struct refused *of, wsrs_result expected)
{
    wsrs_slice part = {"x", 1};
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    wsrs_prepared prepared;
    CHECK(wsrs_conn_state(of->conn) == WSRS_STATE_CLOSED);
    CHECK_IS(wsrs_conn_send(of->conn, WSRS_TEXT, "x", 1), expected);
    CHECK_IS(wsrs_conn_send_text(of->conn, "x"), expected);
    CHECK_IS(wsrs_conn_send_binary(of->conn, "x", 1), expected);
    CHECK_IS(wsrs_conn_send_gathered(of->conn, WSRS_TEXT, &part, 1), expected);
    CHECK_IS(wsrs_conn_send_fragment(of->conn, WSRS_TEXT, "x", 1, 1), expected);
    CHECK_OK(wsrs_prepared_new(WSRS_TEXT, "x", 1, &prepared));
    CHECK_IS(wsrs_conn_send_prepared(of->conn, prepared), expected);
    CHECK_OK(wsrs_prepared_free(prepared));
    CHECK_IS(wsrs_conn_ping(of->conn, NULL, 0), expected);
    CHECK_IS(wsrs_conn_pong(of->conn, NULL, 0), expected);
    CHECK_IS(wsrs_conn_close(of->conn, 1000, NULL, 0), expected);
    CHECK_IS(wsrs_conn_abort(of->conn), expected);
    CHECK_IS(wsrs_conn_pause(of->conn), expected);
    CHECK_IS(wsrs_conn_resume(of->conn), expected);
    CHECK_IS(wsrs_conn_stats(of->conn, &stats), expected);
    CHECK_IS(wsrs_context_totals(of->context, &totals), expected);
    CHECK_IS(wsrs_context_post(of->context, not_posted, NULL), expected);
    CHECK_IS(wsrs_context_stop(of->context), expected);
}

static inline void every_call(const struct refused *of, wsrs_result expected)
{
    char text[64];
    const char *data;
    size_t len;
    void *user_data;
    wsrs_header header;
    wsrs_objects objects = WSRS_OBJECTS_INIT;
    wsrs_timings timings = WSRS_TIMINGS_INIT;
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    wsrs_deflate_info agreed = WSRS_DEFLATE_INFO_INIT;
    wsrs_context its;
    wsrs_conn next = WSRS_CONN_NONE;
    uint16_t port;
    int32_t number;
    objects.make_text = objects.make_binary = not_made;
    objects.release = not_released;
    every_call_of_any_thread(of, expected);
    CHECK_IS(wsrs_conn_request_drain(of->conn), expected);
    CHECK_IS(wsrs_conn_retarget(of->conn, "ws://127.0.0.1:1/", NULL, 0), expected);
    CHECK_IS(wsrs_conn_buffered(of->conn, &len), expected);
    CHECK_IS(wsrs_conn_set_user_data(of->conn, text), expected);
    CHECK_IS(wsrs_conn_user_data(of->conn, &user_data), expected);
    CHECK_IS(wsrs_conn_context(of->conn, &its), expected);
    CHECK_IS(wsrs_conn_timings(of->conn, &timings), expected);
    CHECK_IS(wsrs_conn_tls(of->conn, &info), expected);
    CHECK_IS(wsrs_conn_deflate(of->conn, &agreed), expected);
    CHECK_IS(wsrs_conn_local_address(of->conn, text, sizeof text, &len), expected);
    CHECK_IS(wsrs_conn_peer_address(of->conn, text, sizeof text, &len), expected);
    CHECK_IS(wsrs_conn_path(of->conn, &data, &len), expected);
    CHECK_IS(wsrs_conn_query(of->conn, &data, &len), expected);
    CHECK_IS(wsrs_conn_subprotocol(of->conn, &data, &len), expected);
    CHECK_IS(wsrs_conn_header(of->conn, "Host", &data, &len), expected);
    CHECK_IS(wsrs_conn_header_at(of->conn, 0, &header), expected);
    CHECK_IS(wsrs_conn_accept(of->conn, NULL, NULL, 0), expected);
    CHECK_IS(wsrs_conn_respond(of->conn, 403, NULL, 0, NULL, 0), expected);
    CHECK_IS(wsrs_conn_defer(of->conn), expected);
    CHECK_IS(wsrs_listener_close(of->listener), expected);
    CHECK_IS(wsrs_listener_address(of->listener, text, sizeof text, &len), expected);
    CHECK_IS(wsrs_listener_port(of->listener, &port), expected);
    CHECK_IS(wsrs_timer_cancel(of->timer), expected);
    CHECK_IS(wsrs_context_next_conn(of->context, next, &next), expected);
    CHECK_IS(wsrs_context_broadcast(of->context, WSRS_TEXT, "x", 1, NULL), expected);
    CHECK_IS(wsrs_context_send_many(of->context, &of->conn, 1, WSRS_TEXT, "x", 1, NULL), expected);
    CHECK_IS(wsrs_context_listen(of->context, "127.0.0.1:0", NULL, NULL), expected);
    CHECK_IS(wsrs_context_connect(of->context, "ws://127.0.0.1:1/", NULL, NULL), expected);
    CHECK_IS(wsrs_context_timer(of->context, 1, 0, not_called, NULL, NULL), expected);
    CHECK_IS(wsrs_context_set_objects(of->context, &objects), expected);
    CHECK_IS(wsrs_context_set_log(of->context, WSRS_LOG_DEBUG, not_logged, NULL), expected);
    CHECK_IS(wsrs_context_fd(of->context, &number), expected);
    CHECK_IS(wsrs_context_timeout_ms(of->context, &number), expected);
    CHECK_IS(wsrs_context_poll(of->context, 0), expected);
    CHECK_IS(wsrs_context_run(of->context), expected);
}

#endif
