/* Compiled as C99 and as C++11 by tests/header.rs: the header alone, every initialiser, results in a switch. */
#include "wsrs.h"

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    (void)user_data;
    wsrs_conn_send(conn, message->type, message->data, message->len);
}

const char *name(wsrs_result result);
const char *name(wsrs_result result)
{
    switch (result) {
    case WSRS_OK: return "ok";
    case WSRS_ERR_AGAIN: return "again";
    case WSRS_ERR_CLOSED: return "closed";
    default: return wsrs_strerror(result);
    }
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_connect_options connect = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    wsrs_timings timings = WSRS_TIMINGS_INIT;
    wsrs_socket_options socket = WSRS_SOCKET_OPTIONS_INIT;
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_context context = WSRS_CONTEXT_NONE;
    wsrs_listener listener = WSRS_LISTENER_NONE;
    wsrs_conn conn = WSRS_CONN_NONE;
    wsrs_timer timer = WSRS_TIMER_NONE;
    wsrs_header header = { "X-Name", WSRS_NUL_TERMINATED, "value", WSRS_NUL_TERMINATED };
    char address[WSRS_ADDRESS_MAX];

    callbacks.on_message = on_message;
    limits.idle_timeout_ms = WSRS_OFF;
    options.limits = &limits;
    connect.headers = &header;
    connect.header_count = 1;
    connect.socket = listen.socket = &socket;
    connect.deflate = listen.deflate = &deflate;
    if (wsrs_version() / 100 != WSRS_VERSION / 100) return 1;
    wsrs_context_new(&options, &callbacks, NULL, &context);
    wsrs_context_listen(context, "127.0.0.1:0", &listen, &listener);
    wsrs_listener_address(listener, address, sizeof address, NULL);
    wsrs_context_connect(context, "ws://127.0.0.1/", &connect, &conn);
    wsrs_timer_cancel(timer);
    wsrs_conn_stats(conn, &stats);
    wsrs_conn_timings(conn, &timings);
    wsrs_context_totals(context, &totals);
    return name(wsrs_context_free(context))[0] == 'o';
}
