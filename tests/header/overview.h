/*
 * wsrs: WebSockets (RFC 6455) for C programs. Clients and servers, one event loop, no callbacks from other threads.
 *
 * A program makes a context, tells it to listen or to connect, and runs it:
 *
 *     #include <wsrs.h>
 *     #include <stdio.h>
 *
 *     static void echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
 *     {
 *         (void)user_data;
 *         wsrs_conn_send(conn, message->type, message->data, message->len);
 *     }
 *
 *     int main(void)
 *     {
 *         wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
 *         wsrs_context context;
 *         wsrs_result result;
 *         callbacks.on_message = echo;
 *         result = wsrs_context_new(NULL, &callbacks, NULL, &context);
 *         if (result == WSRS_OK) result = wsrs_context_listen(context, "127.0.0.1:8080", NULL, NULL);
 *         if (result == WSRS_OK) result = wsrs_context_run(context);
 *         if (result != WSRS_OK) fprintf(stderr, "%s\n", wsrs_strerror(result));
 *         wsrs_context_free(context);
 *         return result != WSRS_OK;
 *     }
 *
 * HANDLES. wsrs_context, wsrs_listener, wsrs_conn and wsrs_timer are values, not pointers. Copy them, keep them, use
 * them after their object is gone: the call then returns WSRS_ERR_CLOSED and does nothing. Ids are never reused.
 *
 * RESULTS. Functions return a wsrs_result: WSRS_OK or a negative WSRS_ERR_* constant. Places for results are written
 * only when WSRS_OK is returned. What is known to be wrong at once is returned by the call, which then causes no
 * callback; what goes wrong later is one on_error. With wsrs_context_set_log the reasons come as text. Beside the results
 * that a comment lists, every function may return WSRS_ERR_PANIC, after a defect of the library showed itself.
 *
 * CALLBACKS. They are called on the loop's thread, inside wsrs_context_poll, wsrs_context_run and wsrs_context_free, one
 * at a time. Inside a callback every function may be called about any handle: send, close, connect, listen, free; only
 * polling or running the same context again is refused (WSRS_ERR_REENTRY). A callback must return: neither longjmp nor
 * C++ exceptions nor pthread_exit may leave it. A connection has these, in this order:
 *
 *     on_request    servers that set it: a client asks
 *     on_open       the handshake is done           or, instead of this and all below, one on_error
 *     on_message, on_ping, on_pong, on_drain
 *     on_close      exactly once, last
 *
 * After on_request, a request that is answered with a status instead ends in on_close with code 0, without on_open.
 *
 * THREADS. A context belongs to the thread that first polls or runs it: the loop's thread. Functions say "Loop thread"
 * (elsewhere they return WSRS_ERR_THREAD) or "Any thread". Before the first poll and after that thread ended, loop
 * thread functions may be called from any thread, one at a time. wsrs_context_stop may also be called from a signal
 * handler. Contexts of one process are independent of each other. Don't cancel a thread (pthread_cancel) that may be inside
 * the library. After fork(), the child can't use contexts made before it (WSRS_ERR_FORKED), but make its own.
 *
 * OWNERSHIP. Four words say who keeps what a pointer points to:
 *
 *     copied                        the library has its own copy when the call returns
 *     borrowed for the call         the library reads it until the call returns
 *     borrowed during the callback  the program may read it until its callback returns
 *     owned by the context          the program may read it as long as the comment says
 *
 * STRUCTS. Those that the program fills begin with their size: start from the WSRS_*_INIT macro, or set everything to 0
 * and size to sizeof. A member that is 0 or NULL has its default. So a program works with a newer library that knows
 * more members. Structs that the library hands out begin with their size too, and may grow at their end; those that the
 * program lends to be filled (wsrs_stats, wsrs_totals) are filled up to the size that the program gave them.
 *
 * YOUR OWN LOOP. Wait until wsrs_context_fd is readable, or wsrs_context_timeout_ms is over, then call
 * wsrs_context_poll(context, 0). Ask for wsrs_context_timeout_ms before each wait.
 *
 * SILENCE. The library prints nothing, installs no signal handler, never raises SIGPIPE, and never ends the process.
 */

/* The version that the program is compiled with; wsrs_version tells that of the library that runs. */
#define WSRS_VERSION_MAJOR @MAJOR@
#define WSRS_VERSION_MINOR @MINOR@
#define WSRS_VERSION_PATCH @PATCH@
#define WSRS_VERSION (WSRS_VERSION_MAJOR * 10000 + WSRS_VERSION_MINOR * 100 + WSRS_VERSION_PATCH)

/* First values of the structs that the program fills:  wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;  */
#define WSRS_CALLBACKS_INIT @wsrs_callbacks@
#define WSRS_LIMITS_INIT @wsrs_limits@
#define WSRS_CONTEXT_OPTIONS_INIT @wsrs_context_options@
#define WSRS_LISTEN_OPTIONS_INIT @wsrs_listen_options@
#define WSRS_CONNECT_OPTIONS_INIT @wsrs_connect_options@
#define WSRS_SOCKET_OPTIONS_INIT @wsrs_socket_options@
#define WSRS_RECONNECT_INIT @wsrs_reconnect@
#define WSRS_TLS_OPTIONS_INIT @wsrs_tls_options@
#define WSRS_DEFLATE_OPTIONS_INIT @wsrs_deflate_options@
#define WSRS_OBJECTS_INIT @wsrs_objects@

/* The same for structs that the program lends to be filled:  wsrs_stats stats = WSRS_STATS_INIT;  */
#define WSRS_STATS_INIT @wsrs_stats@
#define WSRS_TOTALS_INIT @wsrs_totals@
#define WSRS_TIMINGS_INIT @wsrs_timings@
#define WSRS_TLS_INFO_INIT @wsrs_tls_info@
#define WSRS_DEFLATE_INFO_INIT @wsrs_deflate_info@

/* First value of a handle that names nothing:  wsrs_conn conn = WSRS_CONN_NONE;  and likewise for the other handles. */
#define WSRS_CONTEXT_NONE { 0 }
#define WSRS_LISTENER_NONE { 0 }
#define WSRS_CONN_NONE { 0 }
#define WSRS_TIMER_NONE { 0 }
#define WSRS_TLS_NONE { 0 }
#define WSRS_PREPARED_NONE { 0 }

/* Instead of a length in a wsrs_header: the text ends at its first NUL. */
#define WSRS_NUL_TERMINATED ((size_t)-1)
