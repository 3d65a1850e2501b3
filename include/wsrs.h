/* wsrs.h: generated from the library's source; change the comments there. */

#ifndef WSRS_H
#define WSRS_H

#include <stddef.h>
#include <stdint.h>

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
#define WSRS_VERSION_MAJOR 0
#define WSRS_VERSION_MINOR 1
#define WSRS_VERSION_PATCH 0
#define WSRS_VERSION (WSRS_VERSION_MAJOR * 10000 + WSRS_VERSION_MINOR * 100 + WSRS_VERSION_PATCH)

/* First values of the structs that the program fills:  wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;  */
#define WSRS_CALLBACKS_INIT { sizeof(wsrs_callbacks), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_LIMITS_INIT { sizeof(wsrs_limits), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_CONTEXT_OPTIONS_INIT { sizeof(wsrs_context_options), 0 }
#define WSRS_LISTEN_OPTIONS_INIT { sizeof(wsrs_listen_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, { 0 }, 0, 0, 0 }
#define WSRS_CONNECT_OPTIONS_INIT { sizeof(wsrs_connect_options), 0, 0, 0, 0, 0, 0, 0, 0, { 0 }, 0, 0, { 0 }, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_SOCKET_OPTIONS_INIT { sizeof(wsrs_socket_options), 0, 0, 0, 0, 0, 0 }
#define WSRS_RECONNECT_INIT { sizeof(wsrs_reconnect), 0, 0, 0, 0, 0, 0 }
#define WSRS_TLS_OPTIONS_INIT { sizeof(wsrs_tls_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_DEFLATE_OPTIONS_INIT { sizeof(wsrs_deflate_options), 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_OBJECTS_INIT { sizeof(wsrs_objects), 0, 0, 0 }

/* The same for structs that the program lends to be filled:  wsrs_stats stats = WSRS_STATS_INIT;  */
#define WSRS_STATS_INIT { sizeof(wsrs_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_TOTALS_INIT { sizeof(wsrs_totals), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_TIMINGS_INIT { sizeof(wsrs_timings), 0, 0, 0, 0, 0, 0 }
#define WSRS_TLS_INFO_INIT { sizeof(wsrs_tls_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define WSRS_DEFLATE_INFO_INIT { sizeof(wsrs_deflate_info), 0, 0, 0, 0 }

/* First value of a handle that names nothing:  wsrs_conn conn = WSRS_CONN_NONE;  and likewise for the other handles. */
#define WSRS_CONTEXT_NONE { 0 }
#define WSRS_LISTENER_NONE { 0 }
#define WSRS_CONN_NONE { 0 }
#define WSRS_TIMER_NONE { 0 }
#define WSRS_TLS_NONE { 0 }
#define WSRS_PREPARED_NONE { 0 }

/* Instead of a length in a wsrs_header: the text ends at its first NUL. */
#define WSRS_NUL_TERMINATED ((size_t)-1)

/* All went well. */
#define WSRS_OK 0

/* NULL where it is not allowed, an unknown value of an enumeration, a handle of the wrong kind, a number out of range. */
#define WSRS_ERR_ARGUMENT (-100)

/* The URL can't be understood. */
#define WSRS_ERR_URL (-101)

/* The address to listen on, or to connect from, can't be understood, or this machine does not have it. */
#define WSRS_ERR_ADDRESS (-102)

/* Text that is not UTF-8. */
#define WSRS_ERR_UTF8 (-103)

/* A header or subprotocol that may not be sent. */
#define WSRS_ERR_HEADER (-104)

/* More than the protocol allows: a ping above 125 bytes, a reason above 123. */
#define WSRS_ERR_TOO_LARGE (-105)

/* A close code that may not be sent. */
#define WSRS_ERR_CLOSE_CODE (-106)

/* What the handle named is gone, or closing. In on_error: this program ended the attempt. */
#define WSRS_ERR_CLOSED (-200)

/* The handshake is not finished. */
#define WSRS_ERR_NOT_OPEN (-201)

/*
 * Not possible in this state: a whole message inside a fragmented one, the answer to a request that was answered, a
 * connect while the context stops.
 */
#define WSRS_ERR_STATE (-202)

/* The send queue is full. Nothing was queued; on_drain follows when there is room. */
#define WSRS_ERR_AGAIN (-203)

/* Not on this thread: another one runs the context. */
#define WSRS_ERR_THREAD (-204)

/* A poll or run inside a callback of the same context. */
#define WSRS_ERR_REENTRY (-205)

/* The context was made before this process was forked. */
#define WSRS_ERR_FORKED (-206)

/* A limit of this program was reached. */
#define WSRS_ERR_LIMIT (-207)

/* No such header, nothing kept, or nothing negotiated. */
#define WSRS_ERR_NOT_FOUND (-208)

/* This build of the library can't do it: it was made without TLS. */
#define WSRS_ERR_UNSUPPORTED (-209)

/* An error of the operating system without a code of its own here. */
#define WSRS_ERR_SYSTEM (-300)

/* The address is in use. */
#define WSRS_ERR_IN_USE (-301)

/* The system does not permit it. */
#define WSRS_ERR_PERMISSION (-302)

/* Out of memory. */
#define WSRS_ERR_MEMORY (-303)

/* The host name has no address. */
#define WSRS_ERR_RESOLVE (-304)

/* Nobody listens there. */
#define WSRS_ERR_REFUSED (-305)

/* A deadline passed. */
#define WSRS_ERR_TIMEOUT (-306)

/* The connection was lost. */
#define WSRS_ERR_RESET (-307)

/* No way to that host or network. */
#define WSRS_ERR_UNREACHABLE (-308)

/* The process or the system has no more file descriptors. */
#define WSRS_ERR_DESCRIPTORS (-309)

/* The TLS handshake failed, or TLS was broken later. */
#define WSRS_ERR_TLS (-400)

/* The peer's certificate was refused. */
#define WSRS_ERR_CERTIFICATE (-401)

/* A certificate, key or CA of this program can't be read or used. */
#define WSRS_ERR_PEM (-402)

/* The peer's answer is no valid WebSocket upgrade. */
#define WSRS_ERR_HANDSHAKE (-500)

/* The server answered with another HTTP status. */
#define WSRS_ERR_REJECTED (-501)

/* The proxy refused, or does not speak the protocol of its address. */
#define WSRS_ERR_PROXY (-502)

/* A defect of the library was caught. The context can only be freed. */
#define WSRS_ERR_PANIC (-900)

/* Kind of a message: text, which is always valid UTF-8. */
#define WSRS_TEXT 1

/* Kind of a message: any bytes. */
#define WSRS_BINARY 2

/*
 * Added to the type of a message that is sent, as in WSRS_TEXT | WSRS_UNCOMPRESSED: it is not compressed, whatever was
 * agreed on. For what is compressed already, or must not share a context with what others can choose.
 */
#define WSRS_UNCOMPRESSED 256

/* State of a connection: the handshake is not finished. */
#define WSRS_STATE_CONNECTING 0

/* State of a connection: messages can be sent and come in. */
#define WSRS_STATE_OPEN 1

/* State of a connection: a Close was sent or received. */
#define WSRS_STATE_CLOSING 2

/* State of a connection that is over, and of handles that never named one. */
#define WSRS_STATE_CLOSED 3

/* Who ended a connection: this program, or the library for it (the peer broke the protocol, a limit). */
#define WSRS_BY_LOCAL 1

/* Who ended a connection: the peer, by a Close frame. */
#define WSRS_BY_REMOTE 2

/* Who ended a connection: the network; TCP ended or failed without a Close frame. */
#define WSRS_BY_NETWORK 3

/* Who ended a connection: a deadline; no pong, no answer to our Close, or idle. */
#define WSRS_BY_TIMEOUT 4

/* How far a failed connection came: finding addresses of the host name. */
#define WSRS_STAGE_RESOLVE 1

/* How far a failed connection came: connecting to one of the addresses. */
#define WSRS_STAGE_CONNECT 2

/* How far a failed connection came: asking a proxy for the way. */
#define WSRS_STAGE_PROXY 3

/* How far a failed connection came: the TLS handshake. */
#define WSRS_STAGE_TLS 4

/* How far a failed connection came: the HTTP upgrade. */
#define WSRS_STAGE_HANDSHAKE 5

/* In a member of wsrs_limits: no limit, or no deadline. */
#define WSRS_OFF UINT64_MAX

/* In release_after_ms of wsrs_deflate_options: contexts are kept as long as the connection lives. */
#define WSRS_DEFLATE_KEEP UINT32_MAX

/* In jitter_percent of wsrs_reconnect: delays are exact. */
#define WSRS_NO_JITTER UINT32_MAX

/* Log level: something asked for could not be done. */
#define WSRS_LOG_ERROR 1

/* Log level: something is wrong and was dealt with; also calls of this program that were refused for misuse. */
#define WSRS_LOG_WARNING 2

/* Log level: connections that come and go. */
#define WSRS_LOG_INFO 3

/* Log level: what a developer of the library wants to know; also every other call that was refused, and why. */
#define WSRS_LOG_DEBUG 4

/* A buffer of this size is large enough for every address, with its NUL. */
#define WSRS_ADDRESS_MAX 128

/* In client_certs of wsrs_tls_options: clients are not asked for a certificate. */
#define WSRS_CLIENT_CERTS_NONE 0

/* In client_certs of wsrs_tls_options: clients may show a certificate; one that can't be verified is refused. */
#define WSRS_CLIENT_CERTS_OPTIONAL 1

/* In client_certs of wsrs_tls_options: clients without a certificate are refused. */
#define WSRS_CLIENT_CERTS_REQUIRED 2

/* A version of TLS (RFC 5246). */
#define WSRS_TLS_1_2 771

/* A version of TLS (RFC 8446). */
#define WSRS_TLS_1_3 772

/*
 * What a function returns: WSRS_OK, or one of the WSRS_ERR_* constants, all negative.
 *
 * The hundreds are groups: -1xx the call was wrong, -2xx not now or not here, -3xx the system or the network, -4xx
 * TLS, -5xx the peer. A newer library may return values that this header does not list; treat them by their group.
 *
 * Functions: wsrs_strerror, wsrs_last_error.
 */
typedef int32_t wsrs_result;

/*
 * A context: one event loop with its listeners, connections and timers. id 0 is none.
 *
 * Handles are values: copy, compare (by id) and keep them as you like. They are never dereferenced and never reused,
 * so one that outlives its object is harmless: calls with it return WSRS_ERR_CLOSED.
 *
 * Functions: wsrs_context_new, wsrs_context_free, wsrs_context_run, wsrs_context_poll, wsrs_context_stop,
 * wsrs_context_fd, wsrs_context_timeout_ms, wsrs_context_listen, wsrs_context_connect, wsrs_context_post,
 * wsrs_context_timer, wsrs_context_set_log, wsrs_context_next_conn, wsrs_context_broadcast, wsrs_context_send_many,
 * wsrs_context_totals, wsrs_context_set_objects.
 */
typedef struct {
    /* 0: none. */
    uint64_t id;
} wsrs_context;

/*
 * A listener: takes connections of clients. Made by wsrs_context_listen.
 *
 * Functions: wsrs_listener_close, wsrs_listener_address, wsrs_listener_port.
 */
typedef struct {
    /* 0: none. */
    uint64_t id;
} wsrs_listener;

/*
 * A connection, of a client (wsrs_context_connect) or to a client (on_request, on_open).
 *
 * Sending: wsrs_conn_send, wsrs_conn_send_text, wsrs_conn_send_gathered, wsrs_conn_send_fragment,
 * wsrs_conn_send_binary, wsrs_conn_send_prepared, wsrs_conn_ping, wsrs_conn_pong. Ending: wsrs_conn_close,
 * wsrs_conn_abort. Flow: wsrs_conn_pause, wsrs_conn_resume, wsrs_conn_request_drain, wsrs_conn_buffered. About it:
 * wsrs_conn_state, wsrs_conn_context, wsrs_conn_user_data, wsrs_conn_set_user_data, wsrs_conn_local_address,
 * wsrs_conn_peer_address, wsrs_conn_path, wsrs_conn_query, wsrs_conn_subprotocol, wsrs_conn_header,
 * wsrs_conn_header_at, wsrs_conn_stats, wsrs_conn_timings, wsrs_conn_tls, wsrs_conn_deflate. Answering a request:
 * wsrs_conn_accept, wsrs_conn_respond, wsrs_conn_defer. Connecting again: wsrs_conn_retarget.
 */
typedef struct {
    /* 0: none. */
    uint64_t id;
} wsrs_conn;

/*
 * A timer. Made by wsrs_context_timer.
 *
 * Functions: wsrs_timer_cancel.
 */
typedef struct {
    /* 0: none. */
    uint64_t id;
} wsrs_timer;

/*
 * What a TLS endpoint is and whom it trusts, for listeners and connections of any context in the process. Made by
 * wsrs_tls_new.
 *
 * Functions: wsrs_tls_new, wsrs_tls_free, wsrs_tls_set_cert, wsrs_tls_set_cert_pem, wsrs_tls_remove_cert.
 */
typedef struct {
    /* 0: none. */
    uint64_t id;
} wsrs_tls;

/*
 * A message that was made once, for any number of connections of any context in the process, to be sent by
 * wsrs_conn_send_prepared.
 *
 * Functions: wsrs_prepared_new, wsrs_prepared_free.
 */
typedef struct {
    /* 0: none. */
    uint64_t id;
} wsrs_prepared;

/*
 * A piece of memory.
 *
 * Functions: wsrs_conn_send_gathered.
 */
typedef struct {
    /* May be NULL when len is 0. */
    const void *data;
    /* In bytes. */
    size_t len;
} wsrs_slice;

/*
 * A header line of HTTP.
 *
 * From the program, a length may be WSRS_NUL_TERMINATED; values are bytes without CR, LF and NUL. From the library,
 * texts are not NUL-terminated.
 *
 * Functions: wsrs_conn_header_at, wsrs_conn_accept, wsrs_conn_respond, wsrs_context_connect (in its options).
 */
typedef struct {
    /* Upper and lower case are the same. */
    const char *name;
    /* In bytes. */
    size_t name_len;
    /* Without white space around it. */
    const char *value;
    /* In bytes. */
    size_t value_len;
} wsrs_header;

/*
 * A message, or in streaming mode a piece of one. Borrowed during the callback.
 *
 * Given to: on_message.
 */
typedef struct {
    /* Of this struct. A newer library may append members; look at them only when they lie within. */
    size_t size;
    /* WSRS_TEXT or WSRS_BINARY. */
    int32_t type;
    /* 1: begins a message. */
    int32_t first;
    /* 1: ends a message. Both are always 1 without streaming. */
    int32_t last;
    /* The bytes; not NUL-terminated; never NULL. A piece of a text may end inside a character. */
    const uint8_t *data;
    /* In bytes. */
    size_t len;
} wsrs_message;

/*
 * A client's request. Borrowed during the callback.
 *
 * Given to: on_request. Functions: wsrs_conn_header and wsrs_conn_header_at for its headers; wsrs_conn_accept,
 * wsrs_conn_respond, wsrs_conn_defer to answer.
 */
typedef struct {
    /* Of this struct. A newer library may append members; look at them only when they lie within. */
    size_t size;
    /* 1: asks for an upgrade to WebSocket; 0: anything else, which can only be answered by wsrs_conn_respond. */
    int32_t upgrade;
    /* Like "GET". */
    const char *method;
    /* In bytes. */
    size_t method_len;
    /* The path of the target, as it was sent: percent-encoded; begins with a slash. */
    const char *path;
    /* In bytes. */
    size_t path_len;
    /* The target after the first question mark, as it was sent; NULL without one. */
    const char *query;
    /* In bytes. */
    size_t query_len;
    /* How many headers the request has. */
    size_t header_count;
    /* The subprotocols offered, preferred first, as "chat, superchat"; NUL-terminated, empty when none is. */
    const char *subprotocols;
    /* In bytes, without the NUL. */
    size_t subprotocols_len;
    /* The client's address, as wsrs_conn_peer_address gives it; NUL-terminated. */
    const char *peer;
    /* In bytes, without the NUL. */
    size_t peer_len;
} wsrs_request;

/*
 * Why a connection never opened. Borrowed during the callback.
 *
 * Given to: on_error; on_retry in wsrs_retry, on_close in wsrs_close.
 */
typedef struct {
    /* Of this struct. A newer library may append members; look at them only when they lie within. */
    size_t size;
    /*
     * WSRS_ERR_RESOLVE, _REFUSED, _UNREACHABLE, _TIMEOUT, _RESET, _HANDSHAKE, _REJECTED (see status), _TLS,
     * _CERTIFICATE, _PROXY (see status), _CLOSED (this program closed it, stopped or freed the context), or another one
     * of the system.
     */
    wsrs_result result;
    /* How far it came: a WSRS_STAGE_* constant. */
    int32_t stage;
    /* The errno of the system; 0 when it was not the system. */
    int32_t system_errno;
    /*
     * The HTTP status that the server answered with, or the proxy at WSRS_STAGE_PROXY; below 100 the reply code of a
     * SOCKS proxy. 0 without an answer.
     */
    int32_t status;
    /* One sentence with the address and the cause; NUL-terminated. */
    const char *text;
    /* In bytes, without the NUL. */
    size_t text_len;
    /* The headers of that answer; NULL without one. */
    const wsrs_header *headers;
    /* How many. */
    size_t header_count;
    /* Its body, as far as max_body allows; may be NULL. */
    const uint8_t *body;
    /* In bytes. */
    size_t body_len;
    /* The TLS alert (RFC 8446, section 6) that was received or sent; 0: none. */
    int32_t tls_alert;
} wsrs_error;

/*
 * How a connection ended that was open, or whose request was answered with a status. Borrowed during the callback.
 *
 * Given to: on_close; on_retry in wsrs_retry.
 */
typedef struct {
    /* Of this struct. A newer library may append members; look at them only when they lie within. */
    size_t size;
    /*
     * From the peer's Close frame, or ours where it never sent one; 1005: a Close without code, 1006: no Close at all;
     * 0: it never opened, since its request was answered with a status.
     */
    int32_t code;
    /* 1: both Close frames were exchanged. */
    int32_t clean;
    /* Who ended it: a WSRS_BY_* constant. */
    int32_t by;
    /* The words that came with the code: valid UTF-8, not NUL-terminated. */
    const char *reason;
    /* In bytes. */
    size_t reason_len;
    /*
     * 1: TCP ended without the end of TLS (close_notify) and before the peer's Close came: somebody on the way may have cut
     * off what was still to come.
     */
    int32_t truncated;
    /*
     * Why the last attempt failed, of a connection with reconnect that was open before and could not be made again; else
     * NULL. code is 1006 then.
     */
    const wsrs_error *error;
} wsrs_close;

/*
 * A connection with reconnect was lost or could not be made, and another attempt follows. Borrowed during the callback.
 *
 * Given to: on_retry. Functions: wsrs_conn_close, wsrs_conn_abort and wsrs_conn_retarget there.
 */
typedef struct {
    /* Of this struct. A newer library may append members; look at them only when they lie within. */
    size_t size;
    /* The number of the attempt that follows, in a row: from 1; it begins anew after stable_ms open. */
    uint32_t number;
    /* Milliseconds until it begins, from when the callback returns. */
    uint32_t delay_ms;
    /* How the connection ended that was open; NULL where the attempt failed. */
    const wsrs_close *close;
    /* Why the attempt failed; NULL where the connection was open. The status and headers of a refusal are in it. */
    const wsrs_error *error;
} wsrs_retry;

/*
 * The functions that the library calls. Start from WSRS_CALLBACKS_INIT and set those you want; the others stay NULL.
 *
 * All are called on the loop's thread, inside wsrs_context_poll, wsrs_context_run or wsrs_context_free, one at a time.
 * Inside, every function of the library may be called about any handle, also wsrs_conn_close on this connection and
 * wsrs_context_free; only a poll or run of the same context is refused. They must neither throw nor longjmp nor end the
 * thread. user_data is the connection's, see wsrs_conn_set_user_data.
 *
 * Used in: wsrs_context_new, wsrs_listen_options, wsrs_connect_options.
 *
 * A connection's callbacks come in this order: on_request (servers that set it), then either on_open, everything else,
 * and at last on_close, or one on_error. A request that gets another answer than an upgrade ends with on_close. With
 * reconnect, on_retry comes instead of on_close or on_error while another attempt follows, and on_open after it comes
 * again; the end is on_close if there was an on_open at any time.
 */
typedef struct {
    /* sizeof(wsrs_callbacks), as WSRS_CALLBACKS_INIT sets it. */
    size_t size;
    /*
     * Servers: a client asks. Answer by wsrs_conn_accept or wsrs_conn_respond, or later after wsrs_conn_defer. If it
     * returns without any of them, an upgrade is accepted and anything else gets status 426. When not set, that
     * is what happens to every request. Requests that are malformed, have a body, or a method other than GET and HEAD
     * are refused by the library and don't come here.
     */
    void (*on_request)(wsrs_conn conn, const wsrs_request *request, void *user_data);
    /*
     * The handshake is done: messages may be sent. The request (servers) or the answer (clients) can be read by
     * wsrs_conn_path, wsrs_conn_header and the like until it returns, longer by option.
     */
    void (*on_open)(wsrs_conn conn, void *user_data);
    /* A message came, or in streaming mode a piece of one. */
    void (*on_message)(wsrs_conn conn, const wsrs_message *message, void *user_data);
    /*
     * The connection is over: exactly once for each connection that had on_open, and its last callback; with code 0 also
     * after a request that was answered with something else than an upgrade. The handle is gone already: nothing can be
     * sent and its addresses are unknown, but user data, context and kept headers can be read once more. Free here what
     * you keep for the connection.
     */
    void (*on_close)(wsrs_conn conn, const wsrs_close *close, void *user_data);
    /*
     * The connection did not open: exactly once instead of on_open and on_close. Servers: after on_request only, when
     * the client went away or the answer came too late. The handle is gone already, as in on_close.
     */
    void (*on_error)(wsrs_conn conn, const wsrs_error *error, void *user_data);
    /* At most half of high_water is queued: once after one or more WSRS_ERR_AGAIN, or as wsrs_conn_request_drain asked. */
    void (*on_drain)(wsrs_conn conn, void *user_data);
    /* A ping came; it is answered already. data is borrowed during the callback. */
    void (*on_ping)(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data);
    /* A pong came. data is borrowed during the callback. */
    void (*on_pong)(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data);
    /*
     * For bindings of other languages, instead of on_message in a context that has wsrs_objects: a whole message came, as
     * an object that the library made and releases when it returns. Only for connections whose user data is not NULL:
     * that is the binding's object of the connection. Pieces of a message, and a message of which no object could be made,
     * come to on_message: set both.
     */
    void (*on_object)(void *user_data, void *object);
    /*
     * Connections with reconnect: the connection was lost, or an attempt to make it failed, and another one follows after
     * the delay in retry. Nothing that was queued or sent and not received comes again. wsrs_conn_close or wsrs_conn_abort
     * here, or until on_open comes again, ends it instead; wsrs_conn_retarget changes where it goes. on_open comes again
     * when it is open; on_close or on_error comes once, when no other attempt follows.
     */
    void (*on_retry)(wsrs_conn conn, const wsrs_retry *retry, void *user_data);
} wsrs_callbacks;

/*
 * All limits, of a context or of one listener or connection. Start from WSRS_LIMITS_INIT; members that are 0 have
 * their default, also in limits of a listener or connect; WSRS_OFF switches a limit off (not max_head, max_headers and
 * max_target). Times are in milliseconds, at most 2^40.
 *
 * Used in: wsrs_context_options, wsrs_listen_options, wsrs_connect_options.
 */
typedef struct {
    /* sizeof(wsrs_limits), as WSRS_LIMITS_INIT sets it. */
    size_t size;
    /* Bytes of a whole incoming message, inflated. Default 1 MiB. Beyond it the connection is closed with 1009. */
    uint64_t max_message;
    /* Bytes of one incoming frame, as it came. Default 1 MiB, or max_message where that is set. Beyond it: 1009. */
    uint64_t max_frame;
    /* Frames of one incoming message. Default 1,024. Beyond it the connection is closed with 1008. */
    uint64_t max_fragments;
    /* Bytes of the head of a request or answer. Default 16 KiB, at most 1 MiB. */
    uint64_t max_head;
    /* Headers in it. Default 100, at most 256. */
    uint64_t max_headers;
    /* Bytes of the request target. Default 8 KiB, at most 1 MiB. */
    uint64_t max_target;
    /* Bytes kept of the body of an answer that refuses an upgrade. Default 64 KiB. */
    uint64_t max_body;
    /* Connections of the context in all, of both roles. Default 65,536. Only in the context's limits. */
    uint64_t max_connections;
    /* Connections from one client address. Default 256. */
    uint64_t max_connections_per_address;
    /* Connections from clients whose handshake is not finished. Default 1,024. Only in the context's limits. */
    uint64_t max_pending_handshakes;
    /* Queued bytes of a connection from which sending returns WSRS_ERR_AGAIN. Default 1 MiB. */
    uint64_t high_water;
    /* For connecting, over all addresses of the host. Default 10 s. */
    uint64_t connect_timeout_ms;
    /* For the whole handshake, once TCP is connected. Default 10 s. */
    uint64_t handshake_timeout_ms;
    /* From our Close frame, once the peer has taken what was queued before it, to the end of the connection. Default 5 s. */
    uint64_t close_timeout_ms;
    /* Silence after which a ping is sent, up to half as much again. Default 20 s. */
    uint64_t ping_interval_ms;
    /* Silence after that ping after which the peer is taken for dead. Default 20 s. */
    uint64_t pong_timeout_ms;
    /* Time without a message in either direction after which the connection is closed. Default WSRS_OFF. */
    uint64_t idle_timeout_ms;
    /* From wsrs_context_stop to the end of connections that do not answer. Default 5 s. Only in the context's limits. */
    uint64_t stop_grace_ms;
    /*
     * How many times larger than what came a compressed message may become, looked at beyond 64 KiB. Default: no limit,
     * as pictures of one colour and the like come near what can be at most, 1,032. Beyond it: 1009.
     */
    uint64_t max_ratio;
    /*
     * Compressors that connections have for themselves, some 300 KiB each. Default 1,024. Beyond it messages are compressed
     * without referring to earlier ones. Only in the context's limits.
     */
    uint64_t max_compressors;
} wsrs_limits;

/*
 * How messages are compressed (permessage-deflate, RFC 7692), and what is asked of the peer. Start from
 * WSRS_DEFLATE_OPTIONS_INIT; members that are 0 have their default.
 *
 * A listener compresses for clients that offer it, a client where the server agrees; all others get messages as they
 * are. What was agreed on: wsrs_conn_deflate.
 *
 * Used in: wsrs_listen_options, wsrs_connect_options.
 */
typedef struct {
    /* sizeof(wsrs_deflate_options), as WSRS_DEFLATE_OPTIONS_INIT sets it. */
    size_t size;
    /* 1 (fast) to 9 (small). Default: 1, or 2 where our compressor begins each message anew. */
    uint32_t level;
    /* Memory of a compressor: 1 (a few KiB) to 9 (256 KiB), beside its window. Default 8. */
    uint32_t memory_level;
    /* The window of our compressor at most, as a power of two: 8 (256 bytes) to 15 (32 KiB). Default 15. */
    uint32_t window_bits;
    /* Not 0: our compressor begins each message anew. Such connections share one compressor, and have none of their own. */
    uint32_t no_takeover;
    /*
     * The window of the peer's compressor at most: 8 to 15. Default 15. A client that does not say that it can be told has
     * its own, up to 15.
     */
    uint32_t peer_window_bits;
    /* Not 0: the peer's compressor has to begin each message anew. Such connections share what inflates. */
    uint32_t peer_no_takeover;
    /* Messages of fewer bytes are sent as they are. Default 64; 1: every message is compressed. */
    uint32_t min_size;
    /*
     * Time in milliseconds without a message after which what a connection holds for compression is freed. Our compressor
     * begins anew then; what the peer may refer to is kept. Default 30,000; WSRS_DEFLATE_KEEP: never.
     */
    uint32_t release_after_ms;
} wsrs_deflate_options;

/*
 * What was agreed on for compressing messages, by the names of RFC 7692.
 *
 * Functions: wsrs_conn_deflate.
 */
typedef struct {
    /* sizeof(wsrs_deflate_info); WSRS_DEFLATE_INFO_INIT sets it. */
    size_t size;
    /* 1: the server compresses each message by itself. */
    int32_t server_no_context_takeover;
    /* 1: so does the client. */
    int32_t client_no_context_takeover;
    /* The window of the server's compressor, 8 to 15. */
    int32_t server_max_window_bits;
    /* That of the client's. */
    int32_t client_max_window_bits;
} wsrs_deflate_info;

/* Options of wsrs_context_new. Start from WSRS_CONTEXT_OPTIONS_INIT. */
typedef struct {
    /* sizeof(wsrs_context_options), as WSRS_CONTEXT_OPTIONS_INIT sets it. */
    size_t size;
    /* Of the context and of all its connections. Copied. NULL: the defaults. */
    const wsrs_limits *limits;
} wsrs_context_options;

/*
 * Options of TCP sockets. Start from WSRS_SOCKET_OPTIONS_INIT; members that are 0 leave the default.
 *
 * Used in: wsrs_listen_options, wsrs_connect_options.
 */
typedef struct {
    /* sizeof(wsrs_socket_options), as WSRS_SOCKET_OPTIONS_INIT sets it. */
    size_t size;
    /* Not 0: small pieces wait for those before them to be acknowledged (Nagle). Default: they don't (TCP_NODELAY). */
    int32_t nagle;
    /* Silence in milliseconds after which the system probes the peer; rounded up to seconds. Default: never. */
    uint32_t keepalive_ms;
    /* Bytes of the system's send buffer, as SO_SNDBUF. Default: the system's choice. */
    uint32_t send_buffer;
    /* Bytes of the system's receive buffer, as SO_RCVBUF. Default: the system's choice. */
    uint32_t receive_buffer;
    /*
     * Milliseconds that sent data may stay unacknowledged before the system gives up (TCP_USER_TIMEOUT). Default: the
     * system's choice.
     */
    uint32_t user_timeout_ms;
    /* The DSCP of outgoing packets, 0 to 63. */
    uint32_t dscp;
} wsrs_socket_options;

/*
 * How a client connects again. Start from WSRS_RECONNECT_INIT; members that are 0 have their default.
 *
 * Used in: wsrs_connect_options.
 */
typedef struct {
    /* sizeof(wsrs_reconnect), as WSRS_RECONNECT_INIT sets it. */
    size_t size;
    /* The delay before the first attempt, in milliseconds. Default 500. */
    uint32_t min_delay_ms;
    /* The longest delay, in milliseconds. Default 30,000. */
    uint32_t max_delay_ms;
    /* Each delay is the one before times this, in percent; at least 100. Default 200. */
    uint32_t factor_percent;
    /* Each delay is shortened at random by up to this, in percent; at most 100. Default 50; WSRS_NO_JITTER: none. */
    uint32_t jitter_percent;
    /* Attempts in a row that may fail. Default: no limit. */
    uint32_t max_tries;
    /* After this long open, in milliseconds, delays and tries begin anew. Default 10,000. */
    uint32_t stable_ms;
} wsrs_reconnect;

/* Options of wsrs_context_listen. Start from WSRS_LISTEN_OPTIONS_INIT. */
typedef struct {
    /* sizeof(wsrs_listen_options), as WSRS_LISTEN_OPTIONS_INIT sets it. */
    size_t size;
    /* Of its connections, instead of all of the context's. Copied. NULL: the context's. */
    const wsrs_callbacks *callbacks;
    /* First user data of its connections. The context's where both this and callbacks are NULL. */
    void *user_data;
    /* Of its connections, instead of all of the context's. Copied. NULL: the context's. */
    const wsrs_limits *limits;
    /*
     * The subprotocols spoken, preferred first, as "chat, superchat": the first that the client offers too is chosen.
     * Copied. NULL: none.
     */
    const char *subprotocols;
    /* Not 0: messages come in pieces, as they arrive. */
    int32_t streaming;
    /* Not 0: wsrs_conn_path, wsrs_conn_header and the like work as long as the connection lives. */
    int32_t keep_request;
    /* Connections that the system may hold ready; not negative. 0: 4,096, cut by the system. */
    int32_t backlog;
    /* Not 0: several listeners, also of other processes, share the port and its connections. */
    int32_t reuse_port;
    /* Not 0: an IPv6 wildcard address does not take IPv4 connections too. */
    int32_t ipv6_only;
    /* Permissions of a Unix socket, like 0660; at most 0777. 0: as the umask says. */
    uint32_t unix_mode;
    /* Speaks TLS (wss://) with the certificate in it. WSRS_TLS_NONE: does not. */
    wsrs_tls tls;
    /* Options of its connections' sockets. Copied. NULL: the defaults. */
    const wsrs_socket_options *socket;
    /* Not 0, with tls: clients may speak TLS or not; the first byte that they send tells. */
    int32_t tls_or_plain;
    /* Compresses for clients that offer it. Copied. NULL: no compression. */
    const wsrs_deflate_options *deflate;
} wsrs_listen_options;

/* Options of wsrs_context_connect. Start from WSRS_CONNECT_OPTIONS_INIT. */
typedef struct {
    /* sizeof(wsrs_connect_options), as WSRS_CONNECT_OPTIONS_INIT sets it. */
    size_t size;
    /* Of this connection, instead of all of the context's. Copied. NULL: the context's. */
    const wsrs_callbacks *callbacks;
    /* First user data of the connection. The context's where both this and callbacks are NULL. */
    void *user_data;
    /* Of this connection, instead of all of the context's. Copied. NULL: the context's. */
    const wsrs_limits *limits;
    /* The subprotocols offered, preferred first, as "chat, superchat". Copied. NULL: none. */
    const char *subprotocols;
    /* Headers added to the request. Copied. */
    const wsrs_header *headers;
    /* How many. */
    size_t header_count;
    /* Not 0: messages come in pieces, as they arrive. */
    int32_t streaming;
    /* Not 0: wsrs_conn_header and the like work as long as the connection lives. */
    int32_t keep_response;
    /*
     * Of wss:// addresses, also where redirects lead: its certificate is shown there too. WSRS_TLS_NONE: the server is
     * verified by the system's trust store, which is read once in a process.
     */
    wsrs_tls tls;
    /* Options of the connection's socket. Copied. NULL: the defaults. */
    const wsrs_socket_options *socket;
    /*
     * The proxy on the way, as "http://user:password@host:port"; also https, socks5 and socks4 (names
     * are looked up here), socks5h and socks4a (by the proxy). User name and password are percent-encoded; an http or https
     * proxy gets them by Basic authentication, and again by Digest if it asks for that. Copied. NULL: none, or that of the
     * environment; "": none.
     */
    const char *proxy;
    /* Of https:// proxies. WSRS_TLS_NONE: as for tls. */
    wsrs_tls proxy_tls;
    /* Connects again whenever the connection is lost or can't be made. Copied. NULL: never. */
    const wsrs_reconnect *reconnect;
    /*
     * The address to connect from, as "192.0.2.1", "192.0.2.1:5000" or "[2001:db8::1]:0". Copied. NULL: the system's
     * choice.
     */
    const char *source;
    /* The network interface to use, as "eth0". Copied. NULL: the system's choice. */
    const char *interface;
    /*
     * Not 0, where proxy is NULL: the proxy comes from the environment, in lower or upper case: wss_proxy, https_proxy
     * or ws_proxy, http_proxy, else all_proxy, unless no_proxy has the host: "example.org,192.0.2.0/24,[::1]:8080" or
     * "*". With REQUEST_METHOD set, as in a CGI program, HTTP_PROXY does not count: a client may have set it.
     */
    int32_t proxy_from_env;
    /* Redirects (301, 302, 303, 307, 308) to follow, at most. 0: none. */
    int32_t max_redirects;
    /* Not 0: a redirect may lead from wss:// to ws://. */
    int32_t redirect_to_ws;
    /* Offers compression. Copied. NULL: none. */
    const wsrs_deflate_options *deflate;
} wsrs_connect_options;

/*
 * What a connection counted. Bytes are those of messages: without frame headers, pings and the handshake.
 *
 * Functions: wsrs_conn_stats.
 */
typedef struct {
    /* sizeof(wsrs_stats); WSRS_STATS_INIT sets it. */
    size_t size;
    /* Messages that came whole; in streaming mode those whose last piece came. */
    uint64_t messages_received;
    /* Messages that were sent or queued. */
    uint64_t messages_sent;
    /* Bytes of messages that came. */
    uint64_t bytes_received;
    /* Bytes of messages that were sent or queued. */
    uint64_t bytes_sent;
    /* Pings that came. */
    uint64_t pings_received;
    /* Pings that were sent, by wsrs_conn_ping and by the library (ping_interval_ms). */
    uint64_t pings_sent;
    /* Pongs that came, asked for or not. */
    uint64_t pongs_received;
    /* How often a send on the loop's thread gave WSRS_ERR_AGAIN; wsrs_totals counts other threads' too. */
    uint64_t sends_refused;
    /*
     * Bytes in the queue now, with frame headers, as wsrs_conn_buffered says. Other threads see what the system did not
     * take, not what callbacks queue at that moment.
     */
    uint64_t queued;
    /*
     * Microseconds from the last ping that was answered to its pong, time in queues included; 0: none was answered. Pings
     * that are under way together are told apart by their data: with equal data the times are too short.
     */
    uint64_t rtt_us;
    /* The shortest of these times. */
    uint64_t rtt_least_us;
    /* Their smoothed mean: a new time counts for an eighth. */
    uint64_t rtt_mean_us;
    /*
     * Connects begun: the first, those after a loss or a failure (reconnect), and redirects followed; 0 for a server's
     * connection.
     */
    uint64_t attempts;
    /* Of these, those after a loss or a failure. */
    uint64_t retries;
    /* Bytes of compressed messages that came, as they came. */
    uint64_t inflated_from;
    /* The same messages as they were delivered: inflated_to / inflated_from is the ratio. */
    uint64_t inflated_to;
    /* Bytes of messages that were sent compressed, as the program gave them. Messages sent as they are don't count here. */
    uint64_t deflated_from;
    /* The same messages as they were sent: deflated_from / deflated_to is the ratio. */
    uint64_t deflated_to;
} wsrs_stats;

/*
 * What a context counted: sums over all connections that it had, and how they ended.
 *
 * Functions: wsrs_context_totals.
 */
typedef struct {
    /* sizeof(wsrs_totals); WSRS_TOTALS_INIT sets it. */
    size_t size;
    /* Messages that came whole; in streaming mode those whose last piece came. */
    uint64_t messages_received;
    /* Messages that were sent or queued. */
    uint64_t messages_sent;
    /* Bytes of messages that came. */
    uint64_t bytes_received;
    /* Bytes of messages that were sent or queued. */
    uint64_t bytes_sent;
    /* Pings that came. */
    uint64_t pings_received;
    /* Pings that were sent, by wsrs_conn_ping and by the library (ping_interval_ms). */
    uint64_t pings_sent;
    /* Pongs that came, asked for or not. */
    uint64_t pongs_received;
    /* How often a send gave WSRS_ERR_AGAIN, on any thread; a broadcast: one for each full queue. */
    uint64_t sends_refused;
    /* Bytes in the queues of all connections now, with frame headers; see wsrs_stats for other threads. */
    uint64_t queued;
    /* Connections whose handshake was done, of servers and clients. Minus closed: how many are open. */
    uint64_t opened;
    /* Of these, those that ended. */
    uint64_t closed;
    /*
     * Clients whose handshake came to nothing: the library refused the request, the program gave it up
     * (wsrs_conn_abort), or the client went away or took too long. Not those above max_connections_per_address.
     */
    uint64_t handshakes_failed;
    /* Requests that the program answered with a status (wsrs_conn_respond). */
    uint64_t handshakes_rejected;
    /* Connects that failed; with reconnect each attempt. */
    uint64_t connects_failed;
    /*
     * Open connections that the library closed since the peer broke the protocol (code 1002), or sent compressed data that
     * is none (code 1007).
     */
    uint64_t protocol_errors;
    /* The same for text that was not UTF-8 (code 1007). */
    uint64_t text_errors;
    /* The same for max_message, max_frame, max_fragments, max_ratio (codes 1008 and 1009). */
    uint64_t limit_errors;
    /* Open connections that a deadline ended (WSRS_BY_TIMEOUT). */
    uint64_t timeouts;
    /* Open connections that TCP ended, without a Close (WSRS_BY_NETWORK). */
    uint64_t losses;
    /* Connects begun: the first of each connection, those after a loss or a failure (reconnect), and redirects followed. */
    uint64_t attempts;
    /* Of these, those after a loss or a failure. */
    uint64_t retries;
    /* Of these, those that followed a redirect. */
    uint64_t redirects;
    /* Bytes of compressed messages that came, as they came. */
    uint64_t inflated_from;
    /* The same messages as they were delivered: inflated_to / inflated_from is the ratio. */
    uint64_t inflated_to;
    /* Bytes of messages that were sent compressed, as the program gave them. Messages sent as they are don't count here. */
    uint64_t deflated_from;
    /* The same messages as they were sent: deflated_from / deflated_to is the ratio. */
    uint64_t deflated_to;
} wsrs_totals;

/*
 * How long each part of making a client connection took, in microseconds. 0 for what it did not need, or did not come
 * to; the part in which it failed counts up to there.
 *
 * Functions: wsrs_conn_timings.
 */
typedef struct {
    /* sizeof(wsrs_timings); WSRS_TIMINGS_INIT sets it. */
    size_t size;
    /* Looking up the name, until the first address was tried. */
    uint64_t resolve;
    /* From then until TCP was connected, whichever address that was. */
    uint64_t connect;
    /* Asking the proxy. */
    uint64_t proxy;
    /* The TLS handshake. */
    uint64_t tls;
    /* The HTTP upgrade. */
    uint64_t upgrade;
    /* All of it, until the connection was open or failed. */
    uint64_t total;
} wsrs_timings;

/*
 * For bindings of languages whose values are counted objects: how the library makes an object of a message. Start from
 * WSRS_OBJECTS_INIT. For CPython these are functions of its own: PyUnicode_FromStringAndSize, PyBytes_FromStringAndSize,
 * Py_DecRef.
 *
 * All are called on the loop's thread, under whatever lock the language wants: poll without waiting then, and wait
 * for wsrs_context_fd without the lock. They must not call the library.
 *
 * Used in: wsrs_context_set_objects.
 */
typedef struct {
    /* sizeof(wsrs_objects), as WSRS_OBJECTS_INIT sets it. */
    size_t size;
    /* Makes an object of a text, which is valid UTF-8. NULL: out of memory. */
    void *(*make_text)(const char *data, ptrdiff_t len);
    /* Makes an object of bytes. NULL: out of memory. */
    void *(*make_binary)(const char *data, ptrdiff_t len);
    /* The library needs an object that it made no longer. */
    void (*release)(void *object);
} wsrs_objects;

/*
 * Options of wsrs_tls_new. Start from WSRS_TLS_OPTIONS_INIT. Files are read, and everything is copied, by the call. PEM in
 * memory goes before a file.
 */
typedef struct {
    /* sizeof(wsrs_tls_options), as WSRS_TLS_OPTIONS_INIT sets it. */
    size_t size;
    /*
     * The own certificate, of a server or of a client: a PEM file with the certificate first, then those between it and its
     * CA. NULL: none.
     */
    const char *cert_file;
    /* Its private key: a PEM file, not encrypted. NULL: it is in cert_file. */
    const char *key_file;
    /* The own certificate as PEM in memory. */
    const void *cert;
    /* In bytes. */
    size_t cert_len;
    /* Its private key as PEM in memory. */
    const void *key;
    /* In bytes. */
    size_t key_len;
    /* CAs to trust: a PEM file. NULL: those of the system, see wsrs_tls_new. */
    const char *ca_file;
    /* CAs to trust as PEM in memory. */
    const void *ca;
    /* In bytes. */
    size_t ca_len;
    /*
     * Clients: the server's key has to be one of these, as "sha256//BASE64;sha256//BASE64", each the SHA-256 of a
     * SubjectPublicKeyInfo, beside everything else that is verified. NULL: any.
     */
    const char *pins;
    /* Clients: this name is asked for (SNI) and looked for in the certificate, instead of the URL's. NULL: the URL's. */
    const char *server_name;
    /* Protocols inside TLS (ALPN), preferred first, as "http/1.1". NULL: none is asked for or chosen. */
    const char *alpn;
    /* The lowest version: WSRS_TLS_1_2 or WSRS_TLS_1_3. 0: 1.2. */
    int32_t min_version;
    /* The highest version. 0: 1.3. */
    int32_t max_version;
    /* Servers: a WSRS_CLIENT_CERTS_* constant. They are verified by ca_file, ca or the system's trust store. */
    int32_t client_certs;
    /* Not 0: the CAs of the system are trusted beside ca_file or ca. */
    int32_t ca_and_system;
    /*
     * Not 0: clients take any certificate for any name, so that anybody on the way can read and change everything. Only
     * pins are still looked at.
     */
    int32_t dangerous_no_verification;
    /* Not 0: no session is resumed. */
    int32_t no_resumption;
    /* Not 0: secrets are appended to the file that the environment variable SSLKEYLOGFILE names, for Wireshark. */
    int32_t key_log;
} wsrs_tls_options;

/*
 * What TLS agreed on. Texts are not NUL-terminated.
 *
 * Functions: wsrs_conn_tls.
 */
typedef struct {
    /* sizeof(wsrs_tls_info); WSRS_TLS_INFO_INIT sets it. */
    size_t size;
    /* WSRS_TLS_1_2 or WSRS_TLS_1_3. */
    int32_t version;
    /* 1: the session goes on with the keys of an earlier one. */
    int32_t resumed;
    /* The cipher suite, like "TLS_AES_128_GCM_SHA256". */
    const char *cipher;
    /* In bytes. */
    size_t cipher_len;
    /* The protocol that ALPN chose; NULL: none. */
    const char *alpn;
    /* In bytes. */
    size_t alpn_len;
    /* The name that the client asked for (SNI); NULL: none, as for an address. */
    const char *server_name;
    /* In bytes. */
    size_t server_name_len;
    /* The peer's certificate in DER; NULL: it showed none. */
    const uint8_t *peer_cert;
    /* In bytes. */
    size_t peer_cert_len;
    /* Its subject, like "CN=client,O=Example" (RFC 4514); empty without one. */
    const char *peer_subject;
    /* In bytes. */
    size_t peer_subject_len;
    /*
     * Its other names, like "DNS:example.org, IP:192.0.2.1, email:a@example.org, URI:spiffe://x/y"; empty without any.
     * What has no place in a name, such as a space, is there as a backslash and two digits: "DNS:a\20b".
     */
    const char *peer_names;
    /* In bytes. */
    size_t peer_names_len;
} wsrs_tls_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 * The version of the library that runs, in the form of WSRS_VERSION, which is the version the program was compiled
 * with: major * 10000 + minor * 100 + patch. Any thread.
 */
uint32_t wsrs_version(void);

/* The same as text, like "0.1.0": static, never NULL. Any thread. */
const char *wsrs_version_text(void);

/* What a result means, in a few words of English: static, never NULL, also for unknown values. Any thread. */
const char *wsrs_strerror(wsrs_result result);

/*
 * Why the last call of this thread that failed did: one sentence of at most 511 bytes, for people. Never NULL, empty before
 * the first failure;
 * valid until the next call that fails on this thread. Calls that succeed leave it as it is.
 *
 * Any thread.
 */
const char *wsrs_last_error(void);

/*
 * Makes a context.
 *
 * options and callbacks may be NULL and are copied. user_data is the first user data of connections whose listener or
 * connect brings none; the library never reads what it points to.
 *
 * Any thread. The thread that first polls or runs the context becomes the loop's thread; until then, functions for
 * the loop's thread may be called from any thread, one at a time. When the loop's thread ends, the same holds again.
 *
 * Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_LIMIT with 1,024 contexts in the process; WSRS_ERR_DESCRIPTORS,
 * WSRS_ERR_MEMORY or WSRS_ERR_SYSTEM from the system.
 *
 * The caller promises:
 * - options and callbacks are NULL, or initialised by their macros.
 * - out points to a wsrs_context.
 */
wsrs_result wsrs_context_new(const wsrs_context_options *options,
                             const wsrs_callbacks *callbacks,
                             void *user_data,
                             wsrs_context *out);

/*
 * Ends a context: closes what is open, calls on_close (or on_error) for each connection, then frees
 * all.
 *
 * Inside a callback it marks the context and returns; the end comes when that callback has returned, before the poll
 * or run around it returns. From the call on, every function refuses the context's handles with WSRS_ERR_CLOSED, also
 * inside the on_close callbacks that follow. Timers are not called any more; functions posted before are, so that
 * their arguments can be freed. After an internal error (WSRS_ERR_PANIC) it frees without callbacks.
 *
 * Loop thread. Returns WSRS_OK, also when the context was freed before; WSRS_ERR_ARGUMENT for another kind of handle;
 * WSRS_ERR_THREAD while another thread runs the context; WSRS_ERR_FORKED in the child of a fork, where it does nothing.
 */
wsrs_result wsrs_context_free(wsrs_context context);

/*
 * Runs the context until wsrs_context_stop was called and everything is closed, or a callback frees it. A stop that
 * came before makes it close everything and return. It may be called again after.
 *
 * Loop thread; makes this thread the loop's thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED;
 * WSRS_ERR_THREAD; WSRS_ERR_REENTRY inside a callback of the same context; WSRS_ERR_FORKED; WSRS_ERR_SYSTEM when waiting
 * fails.
 */
wsrs_result wsrs_context_run(wsrs_context context);

/*
 * Waits until something happens, at most timeout_ms milliseconds, and calls the callbacks for what happened. 0 does
 * not wait, -1 waits for ever. May return early with nothing done, for instance after a signal.
 *
 * Loop thread; makes this thread the loop's thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT for a timeout below -1;
 * WSRS_ERR_CLOSED also when a callback freed the context; and else as wsrs_context_run.
 */
wsrs_result wsrs_context_poll(wsrs_context context,
                              int32_t timeout_ms);

/*
 * Asks the context to stop: listeners close, connections are closed with 1001, wsrs_context_run returns when all are
 * gone or their time (stop_grace_ms) is over. Until then connects and listens are refused (WSRS_ERR_STATE). In a loop of
 * your own go on polling until wsrs_context_next_conn finds none. A stop that comes before a run is not lost.
 *
 * Any thread, and from signal handlers. Returns WSRS_OK; WSRS_ERR_ARGUMENT for another kind of handle;
 * WSRS_ERR_CLOSED; WSRS_ERR_FORKED.
 */
wsrs_result wsrs_context_stop(wsrs_context context);

/*
 * The one descriptor that tells when wsrs_context_poll has something to do, for a loop of your own: readable means
 * call wsrs_context_poll(context, 0). It covers timers, and stays the same. Owned by the context, until it is freed:
 * don't read, write or close it.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to an int32_t.
 */
wsrs_result wsrs_context_fd(wsrs_context context,
                            int32_t *out);

/*
 * How many milliseconds a loop of your own may wait on wsrs_context_fd before it calls wsrs_context_poll anyway; -1:
 * for ever. Ask before each wait.
 *
 * Loop thread. Returns as wsrs_context_fd.
 *
 * The caller promises:
 * - out points to an int32_t.
 */
wsrs_result wsrs_context_timeout_ms(wsrs_context context,
                                    int32_t *out);

/*
 * Listens on an address: "127.0.0.1:8080", "[::1]:0" (0: any free port), "*:8080" (IPv6 and IPv4),
 * "unix:/run/x.sock" (a socket file that nobody listens on any more is replaced). The address and the options are copied.
 * options may be NULL, and so may out.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_ADDRESS; WSRS_ERR_IN_USE; WSRS_ERR_PERMISSION;
 * WSRS_ERR_DESCRIPTORS; WSRS_ERR_MEMORY; WSRS_ERR_LIMIT; WSRS_ERR_SYSTEM, as for an address that is not this
 * machine's; WSRS_ERR_HEADER for a subprotocol that can't be; WSRS_ERR_PEM for a tls without a certificate;
 * WSRS_ERR_STATE while the context stops; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - address is NUL-terminated.
 * - options is NULL, or initialised by WSRS_LISTEN_OPTIONS_INIT, and what it points to is valid.
 * - out is NULL or points to a wsrs_listener.
 */
wsrs_result wsrs_context_listen(wsrs_context context,
                                const char *address,
                                const wsrs_listen_options *options,
                                wsrs_listener *out);

/*
 * Starts to connect to a "ws://host:port/path?query" (port 80 without one), with TLS to a "wss://host:port/path?query"
 * (port 443), or to a Unix socket as "ws+unix:/run/x.sock:/path?query", and returns at once; on_open or on_error
 * follows, never before this function has returned. wsrs_conn_close or wsrs_conn_abort cancels. url and options are
 * copied. options may be NULL, and so may out.
 *
 * The addresses of a name are tried IPv6 and IPv4 by turns, a quarter of a second apart or as soon as one fails; the first
 * that connects is taken (RFC 8305). All of it has to be done within connect_timeout_ms. A "user:password@" before the
 * host, percent-encoded where needed, becomes an Authorization header (Basic), unless the options' headers have one.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_URL; WSRS_ERR_HEADER; WSRS_ERR_ADDRESS, WSRS_ERR_IN_USE or
 * WSRS_ERR_PERMISSION for source or interface; WSRS_ERR_PEM for a trust store of the system that can't be used;
 * WSRS_ERR_UNSUPPORTED for TLS in a build without it; WSRS_ERR_LIMIT; WSRS_ERR_SYSTEM, also without random numbers;
 * WSRS_ERR_STATE while the context stops; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED. After an error no callback
 * comes.
 *
 * The caller promises:
 * - url is NUL-terminated.
 * - options is NULL, or initialised by WSRS_CONNECT_OPTIONS_INIT, and what it points to is valid.
 * - out is NULL or points to a wsrs_conn.
 */
wsrs_result wsrs_context_connect(wsrs_context context,
                                 const char *url,
                                 const wsrs_connect_options *options,
                                 wsrs_conn *out);

/*
 * Calls a function on the loop's thread, in one of its next polls, once, in the order of the posts. When
 * the context is freed before, it is called while the context ends, so that argument can be freed.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - function may be called on the loop's thread with argument.
 */
wsrs_result wsrs_context_post(wsrs_context context,
                              void (*function)(wsrs_context context, void *argument),
                              void *argument);

/*
 * The connections of a context, one by one: those that connect, are open or close. Start with a previous whose id is 0
 * (WSRS_CONN_NONE); out gets id 0 at the end. Connections may come and go meanwhile.
 *
 * Loop thread. Returns WSRS_OK, also at the end; WSRS_ERR_ARGUMENT, also for a connection of another context;
 * WSRS_ERR_CLOSED for the context; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to a wsrs_conn.
 */
wsrs_result wsrs_context_next_conn(wsrs_context context,
                                   wsrs_conn previous,
                                   wsrs_conn *out);

/*
 * Sends a message to every open connection of the context; it is framed once, and compressed once as with
 * wsrs_prepared_new. sent, if not NULL, gets the number of connections that took it. Those whose queue is full don't,
 * and get on_drain later; nor do those inside a fragmented message. type and data are as for wsrs_conn_send; data is
 * borrowed for the call.
 *
 * Loop thread. Returns WSRS_OK, however many took it; WSRS_ERR_ARGUMENT; WSRS_ERR_UTF8; WSRS_ERR_CLOSED;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 * - sent is NULL or points to a size_t.
 */
wsrs_result wsrs_context_broadcast(wsrs_context context,
                                   int32_t type,
                                   const void *data,
                                   size_t len,
                                   size_t *sent);

/*
 * As wsrs_context_broadcast, to the given connections of the context. Those that are not open are passed over. conns
 * and data are borrowed for the call.
 *
 * Loop thread. Returns as wsrs_context_broadcast; WSRS_ERR_ARGUMENT when one is a connection of another context or no
 * connection at all, and then nothing was sent.
 *
 * The caller promises:
 * - conns points to count handles, or is NULL with count 0.
 * - data is readable for len bytes, or NULL with len 0.
 * - sent is NULL or points to a size_t.
 */
wsrs_result wsrs_context_send_many(wsrs_context context,
                                   const wsrs_conn *conns,
                                   size_t count,
                                   int32_t type,
                                   const void *data,
                                   size_t len,
                                   size_t *sent);

/*
 * Calls a function on the loop's thread after delay_ms milliseconds, then every interval_ms; 0: once. Timers are coarse:
 * a few milliseconds late is normal. out may be NULL. argument stays the program's: when the context is freed, its timers
 * end without a call.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also for times above 2^40 ms; WSRS_ERR_LIMIT; WSRS_ERR_CLOSED;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - function may be called with argument until the timer is gone.
 * - out is NULL or points to a wsrs_timer.
 */
wsrs_result wsrs_context_timer(wsrs_context context,
                               uint64_t delay_ms,
                               uint64_t interval_ms,
                               void (*function)(wsrs_timer timer, void *argument),
                               void *argument,
                               wsrs_timer *out);

/*
 * Cancels a timer; its function is not called any more. It may be called inside that function.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED when it is gone, as after its only call; WSRS_ERR_ARGUMENT;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 */
wsrs_result wsrs_timer_cancel(wsrs_timer timer);

/*
 * Gives the context's log lines up to a level, a WSRS_LOG_* constant, to a function; a NULL function or level 0: to none,
 * as at first. text is one line without newline, NUL-terminated, borrowed during the callback.
 *
 * The function is called on the loop's thread: in polls, and at once for a call that is refused there. Lines about
 * calls from other threads come with the next poll, and so do those about functions for any thread while no thread runs
 * the context. It should not call functions of the library: their own lines are lost.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - function may be called with user_data until the context is freed or another function is set.
 */
wsrs_result wsrs_context_set_log(wsrs_context context,
                                 int32_t level,
                                 void (*function)(int32_t level, const char *text, void *user_data),
                                 void *user_data);

/*
 * Takes no more connections; those it took stay.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED when it is closed; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD;
 * WSRS_ERR_FORKED.
 */
wsrs_result wsrs_listener_close(wsrs_listener listener);

/*
 * Where it listens, as text: "127.0.0.1:40123", "unix:/run/x.sock". Written to buffer with a NUL; len, if not NULL,
 * gets the length without it.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also when capacity is too small (WSRS_ADDRESS_MAX never is);
 * WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - buffer is writable for capacity bytes.
 * - len is NULL or points to a size_t.
 */
wsrs_result wsrs_listener_address(wsrs_listener listener,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *len);

/*
 * The port it listens on, which the system chose when the address said 0.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a Unix socket; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to a uint16_t.
 */
wsrs_result wsrs_listener_port(wsrs_listener listener, uint16_t *out);

/*
 * Sends a whole message. type is WSRS_TEXT, whose bytes must be UTF-8, or WSRS_BINARY; with WSRS_UNCOMPRESSED added it
 * is sent as it is. data is borrowed for the call: it is never modified and not needed after. On the loop's thread it
 * is written at once as far as the network takes it, or with what else this callback sends; from other threads it is
 * queued and the loop is woken.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_AGAIN when the queue is full (high_water): nothing was queued, on_drain follows;
 * WSRS_ERR_NOT_OPEN before on_open; WSRS_ERR_CLOSED; WSRS_ERR_UTF8; WSRS_ERR_STATE inside a fragmented message;
 * WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED. From other threads WSRS_OK means queued: it is dropped when the connection closes
 * meanwhile, or is inside a fragmented message then.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_send(wsrs_conn conn,
                           int32_t type,
                           const void *data,
                           size_t len);

/*
 * Sends bytes as a whole message, as wsrs_conn_send does with WSRS_BINARY.
 *
 * Any thread. Returns as wsrs_conn_send.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_send_binary(wsrs_conn conn, const void *data, size_t len);

/*
 * Sends a NUL-terminated text as a whole message, as wsrs_conn_send does. text is borrowed for the call.
 *
 * Any thread. Returns as wsrs_conn_send.
 *
 * The caller promises:
 * - text is NUL-terminated.
 */
wsrs_result wsrs_conn_send_text(wsrs_conn conn, const char *text);

/*
 * Sends a whole message that lies in several pieces, as wsrs_conn_send does. parts and what they point to are borrowed
 * for the call. At most 1,024 pieces.
 *
 * Any thread. Returns as wsrs_conn_send.
 *
 * The caller promises:
 * - parts points to count pieces, each readable for its length, or is NULL with count 0.
 */
wsrs_result wsrs_conn_send_gathered(wsrs_conn conn,
                                    int32_t type,
                                    const wsrs_slice *parts,
                                    size_t count);

/*
 * Sends one frame of a message; last is not 0 for the one that ends it. All frames of a message have the same type;
 * WSRS_UNCOMPRESSED counts in the first. A text may be cut inside a character; all frames together must be UTF-8.
 * Until the last, no other message can be sent, from whichever thread; pings and pongs can. data is borrowed for the
 * call.
 *
 * Any thread, but one message from one thread. Returns as wsrs_conn_send; WSRS_ERR_STATE when the type differs from the
 * first frame's; WSRS_ERR_UTF8 when what was sent so far can't be UTF-8 any more: this frame was not sent then.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_send_fragment(wsrs_conn conn,
                                    int32_t type,
                                    const void *data,
                                    size_t len,
                                    int32_t last);

/*
 * Sends a ping; on_pong tells of the answer. The library pings silent peers on its own (ping_interval_ms). data is
 * borrowed for the call.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_TOO_LARGE above 125 bytes; WSRS_ERR_AGAIN, WSRS_ERR_NOT_OPEN, WSRS_ERR_CLOSED,
 * WSRS_ERR_ARGUMENT and WSRS_ERR_FORKED as wsrs_conn_send.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_ping(wsrs_conn conn,
                           const void *data,
                           size_t len);

/*
 * Sends a pong that nobody asked for. Pings are answered by the library. data is borrowed for the call.
 *
 * Any thread. Returns as wsrs_conn_ping.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_pong(wsrs_conn conn, const void *data, size_t len);

/*
 * Starts the closing handshake, after what is queued; on_close follows. Messages that come meanwhile are dropped: a program
 * that waits for answers closes when they are there. code is 1000 to 1003, 1007 to 1011 or 3000 to
 * 4999, or 0 for a Close without code and reason. reason is UTF-8 of at most 123 bytes, len of them, borrowed for the
 * call. Before on_open it ends the attempt instead, and on_error follows. A connection with reconnect is not made again
 * after it, also where the peer had begun to close; while it waits for an attempt it ends at once.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED when it is closing already; WSRS_ERR_CLOSE_CODE; WSRS_ERR_TOO_LARGE;
 * WSRS_ERR_UTF8; WSRS_ERR_ARGUMENT, also for a reason without a code; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - reason is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_close(wsrs_conn conn,
                            int32_t code,
                            const char *reason,
                            size_t len);

/*
 * Drops the connection at once: no Close frame, queued messages are lost. on_close or on_error follows.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED.
 */
wsrs_result wsrs_conn_abort(wsrs_conn conn);

/*
 * Changes where a connection with reconnect goes, from the attempt that follows on: only in its on_retry. url is as
 * wsrs_context_connect takes it; NULL: as before. headers take the place of all headers given before; NULL: as before.
 * Redirects don't change where the next attempt begins. Both are copied.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_STATE elsewhere; WSRS_ERR_URL; WSRS_ERR_HEADER; WSRS_ERR_SYSTEM without random
 * numbers; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - url is NULL or NUL-terminated.
 * - headers points to count headers, or is NULL with count 0.
 */
wsrs_result wsrs_conn_retarget(wsrs_conn conn,
                               const char *url,
                               const wsrs_header *headers,
                               size_t count);

/*
 * Stops to receive, so that the peer is slowed down by TCP. A message that was received already may still come when
 * another thread calls this. Deadlines that need to hear from the peer rest meanwhile.
 *
 * Any thread. Returns as wsrs_conn_abort.
 */
wsrs_result wsrs_conn_pause(wsrs_conn conn);

/*
 * Receives again.
 *
 * Any thread. Returns as wsrs_conn_abort.
 */
wsrs_result wsrs_conn_resume(wsrs_conn conn);

/*
 * Asks for one on_drain as soon as the queue is low, at half of high_water, in the next poll if it is: for sending piece
 * by piece.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_NOT_OPEN; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD;
 * WSRS_ERR_FORKED.
 */
wsrs_result wsrs_conn_request_drain(wsrs_conn conn);

/*
 * How many bytes are queued that the system did not take yet.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to a size_t.
 */
wsrs_result wsrs_conn_buffered(wsrs_conn conn, size_t *out);

/*
 * What the connection can do now: a WSRS_STATE_* constant. Never fails: what is gone or never was is
 * WSRS_STATE_CLOSED.
 *
 * Any thread.
 */
int32_t wsrs_conn_state(wsrs_conn conn);

/*
 * Prepares a message for any number of connections of any context: it is framed once, and compressed once for each
 * combination of level, memory level and window that they have, when first sent so. type and data are as for
 * wsrs_conn_send. data is copied.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_UTF8; WSRS_ERR_ARGUMENT; WSRS_ERR_LIMIT.
 *
 * The caller promises:
 * - data is readable for len bytes, or NULL with len 0.
 * - prepared points to a wsrs_prepared.
 */
wsrs_result wsrs_prepared_new(int32_t type,
                              const void *data,
                              size_t len,
                              wsrs_prepared *prepared);

/*
 * Frees a prepared message. What was sent of it is still sent.
 *
 * Any thread. Returns WSRS_OK, also when it is gone already; WSRS_ERR_ARGUMENT.
 */
wsrs_result wsrs_prepared_free(wsrs_prepared prepared);

/*
 * Sends a prepared message, as wsrs_conn_send does: nothing of it is copied on a server's connection, while a client masks
 * every frame. Where it goes compressed, our compressor begins anew after it; where it would become no smaller, it goes as
 * it is.
 *
 * Any thread. Returns as wsrs_conn_send; WSRS_ERR_CLOSED also for a message that was freed.
 */
wsrs_result wsrs_conn_send_prepared(wsrs_conn conn,
                                    wsrs_prepared prepared);

/*
 * Sets the user data that the connection's callbacks get from now on. The library never reads what it points to.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 */
wsrs_result wsrs_conn_set_user_data(wsrs_conn conn,
                                    void *user_data);

/*
 * The connection's user data.
 *
 * Loop thread. Returns as wsrs_conn_set_user_data.
 *
 * The caller promises:
 * - out points to a void *.
 */
wsrs_result wsrs_conn_user_data(wsrs_conn conn, void **out);

/*
 * How messages are compressed, by what was agreed on.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a connection without compression; WSRS_ERR_NOT_OPEN before on_open;
 * WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - info points to a wsrs_deflate_info that WSRS_DEFLATE_INFO_INIT initialised.
 */
wsrs_result wsrs_conn_deflate(wsrs_conn conn,
                              wsrs_deflate_info *info);

/*
 * The context of a connection.
 *
 * Loop thread. Returns as wsrs_conn_set_user_data.
 *
 * The caller promises:
 * - out points to a wsrs_context.
 */
wsrs_result wsrs_conn_context(wsrs_conn conn, wsrs_context *out);

/*
 * This end's address as text, like wsrs_listener_address.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also when capacity is too small (WSRS_ADDRESS_MAX never is);
 * WSRS_ERR_NOT_OPEN before TCP is connected; WSRS_ERR_CLOSED, also in on_close and on_error, or when the peer is gone;
 * WSRS_ERR_SYSTEM; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - buffer is writable for capacity bytes.
 * - len is NULL or points to a size_t.
 */
wsrs_result wsrs_conn_local_address(wsrs_conn conn,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *len);

/*
 * The peer's address as text, like wsrs_listener_address.
 *
 * Loop thread. Returns as wsrs_conn_local_address.
 *
 * The caller promises:
 * - buffer is writable for capacity bytes.
 * - len is NULL or points to a size_t.
 */
wsrs_result wsrs_conn_peer_address(wsrs_conn conn, char *buffer, size_t capacity, size_t *len);

/*
 * Servers: the request's path, as wsrs_request has it. Not NUL-terminated; owned by the context, until on_open has
 * returned or with keep_request until the connection is gone.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND when it is not kept, or for a client's connection; WSRS_ERR_CLOSED;
 * WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - data points to a const char *, len to a size_t.
 */
wsrs_result wsrs_conn_path(wsrs_conn conn,
                           const char **data,
                           size_t *len);

/*
 * Servers: the request's query, what follows the first question mark. As wsrs_conn_path.
 *
 * Loop thread. Returns as wsrs_conn_path; WSRS_ERR_NOT_FOUND also when the request has none.
 *
 * The caller promises:
 * - data points to a const char *, len to a size_t.
 */
wsrs_result wsrs_conn_query(wsrs_conn conn, const char **data, size_t *len);

/*
 * The subprotocol that was agreed on. Not NUL-terminated; owned by the context, until the connection is gone.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND when none was, or not yet; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - data points to a const char *, len to a size_t.
 */
wsrs_result wsrs_conn_subprotocol(wsrs_conn conn,
                                  const char **data,
                                  size_t *len);

/*
 * The value of the first header with this name, in upper or lower case: of the request (servers) or of the answer
 * (clients). Not NUL-terminated; owned by the context, until on_open has returned or with keep_request or
 * keep_response until the connection is gone.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND when there is none, or nothing is kept; WSRS_ERR_CLOSED;
 * WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - name is NUL-terminated.
 * - value points to a const char *, len to a size_t.
 */
wsrs_result wsrs_conn_header(wsrs_conn conn,
                             const char *name,
                             const char **value,
                             size_t *len);

/*
 * The header at a place, counted from 0, in the order in which they came: as wsrs_conn_header. What the members of out
 * point to is owned by the context, as long as there.
 *
 * Loop thread. Returns as wsrs_conn_header; WSRS_ERR_NOT_FOUND also past the last.
 *
 * The caller promises:
 * - out points to a wsrs_header.
 */
wsrs_result wsrs_conn_header_at(wsrs_conn conn,
                                size_t index,
                                wsrs_header *out);

/*
 * What the connection counted so far. Start from  wsrs_stats stats = WSRS_STATS_INIT;  On the loop's thread the numbers
 * are exact, in on_close still, unless wsrs_context_free ends the connection. Other threads get those of a moment ago: each
 * is right, but not all are of the same moment.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to a wsrs_stats whose size is set.
 */
wsrs_result wsrs_conn_stats(wsrs_conn conn,
                            wsrs_stats *out);

/*
 * What the context counted so far: ask before wsrs_context_free. Start from  wsrs_totals totals = WSRS_TOTALS_INIT;  On
 * the loop's thread the numbers are exact, elsewhere of a moment ago, as with wsrs_conn_stats.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to a wsrs_totals whose size is set.
 */
wsrs_result wsrs_context_totals(wsrs_context context,
                                wsrs_totals *out);

/*
 * Clients: how long each part of making the connection took. Works from on_open on, and in on_error. out is initialised
 * by WSRS_TIMINGS_INIT; members that this library does not know become 0.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a server's connection; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - out points to a wsrs_timings whose first member is its size.
 */
wsrs_result wsrs_conn_timings(wsrs_conn conn,
                              wsrs_timings *out);

/*
 * From now on whole messages come to on_object, where it is set. objects is copied; its functions must stay until the
 * context is freed.
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also when one of the functions is NULL; WSRS_ERR_CLOSED;
 * WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - objects is initialised by WSRS_OBJECTS_INIT, and its functions do what their comments say.
 */
wsrs_result wsrs_context_set_objects(wsrs_context context,
                                     const wsrs_objects *objects);

/*
 * Accepts a request; on_open follows. subprotocol must be one that the client offers; NULL lets the listener's options
 * choose. headers are added to the answer. All is copied.
 *
 * Loop thread, in on_request or after wsrs_conn_defer. Returns WSRS_OK; WSRS_ERR_STATE when it was answered already or
 * asks for no upgrade; WSRS_ERR_HEADER, also for a subprotocol that was not offered; WSRS_ERR_ARGUMENT;
 * WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - subprotocol is NULL or NUL-terminated.
 * - headers points to count headers with valid texts, or is NULL with count 0.
 */
wsrs_result wsrs_conn_accept(wsrs_conn conn,
                             const char *subprotocol,
                             const wsrs_header *headers,
                             size_t count);

/*
 * Answers a request with an HTTP status from 200 to 599 instead of an upgrade; the connection ends after it: on_close with
 * code 0, no on_open. The library adds Content-Length and "Connection: close", and leaves the body out for HEAD; with 204
 * and 304 there can't be one (WSRS_ERR_ARGUMENT). All is copied.
 *
 * Loop thread, in on_request or after wsrs_conn_defer. Returns WSRS_OK; WSRS_ERR_STATE when it was answered already;
 * WSRS_ERR_HEADER; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - headers points to count headers with valid texts, or is NULL with count 0.
 * - body is readable for len bytes, or NULL with len 0.
 */
wsrs_result wsrs_conn_respond(wsrs_conn conn,
                              int32_t status,
                              const wsrs_header *headers,
                              size_t count,
                              const void *body,
                              size_t len);

/*
 * Leaves a request undecided when on_request returns; wsrs_conn_accept or wsrs_conn_respond must follow before the
 * handshake's deadline (handshake_timeout_ms). The request's headers stay until on_open has returned.
 *
 * When the client goes away first, on_error follows, and answering gives WSRS_ERR_CLOSED.
 *
 * Loop thread, in on_request. Returns WSRS_OK; WSRS_ERR_STATE when it was answered already; WSRS_ERR_ARGUMENT;
 * WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
 */
wsrs_result wsrs_conn_defer(wsrs_conn conn);

/*
 * Makes a TLS endpoint: what this program is and whom it trusts, for any number of listeners and connections of any
 * context. They share its certificates, its tickets and the sessions that it remembers, so make one and keep it.
 *
 * A client needs no option: it trusts the CAs of the system, or those that the environment variables SSL_CERT_FILE and
 * SSL_CERT_DIR name. A server needs a certificate. options may be NULL. Why it failed: wsrs_last_error. The first one of a
 * process may take some 50 ms, in which entropy is gathered.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_PEM; WSRS_ERR_ARGUMENT; WSRS_ERR_URL for a server_name that can't be one;
 * WSRS_ERR_LIMIT; WSRS_ERR_UNSUPPORTED in a build without TLS.
 *
 * The caller promises:
 * - options is NULL, or initialised by WSRS_TLS_OPTIONS_INIT, and what it points to is valid.
 * - tls points to a wsrs_tls.
 */
wsrs_result wsrs_tls_new(const wsrs_tls_options *options,
                         wsrs_tls *tls);

/*
 * Frees an endpoint. Listeners and connections that use it keep what they need.
 *
 * Any thread. Returns WSRS_OK, also when it is gone already; WSRS_ERR_ARGUMENT.
 */
wsrs_result wsrs_tls_free(wsrs_tls tls);

/*
 * Adds a certificate, or replaces the one that is there, while listeners use the endpoint: handshakes from now on have
 * the new one, connections that are open stay. name is the name for which clients that ask for it get it, like
 * "chat.example.org" or "*.example.org"; NULL: all others, and clients that ask for none. Clients never ask for an
 * address. Files as in wsrs_tls_options.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_PEM; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED.
 *
 * The caller promises:
 * - name is NULL or NUL-terminated; cert_file is NUL-terminated; key_file is NULL or NUL-terminated.
 */
wsrs_result wsrs_tls_set_cert(wsrs_tls tls,
                              const char *name,
                              const char *cert_file,
                              const char *key_file);

/*
 * As wsrs_tls_set_cert, of PEM in memory. Everything is copied. key may be NULL when cert has the key too.
 *
 * Any thread. Returns as wsrs_tls_set_cert.
 *
 * The caller promises:
 * - name is NULL or NUL-terminated.
 * - cert is readable for cert_len bytes, key for key_len, or NULL with 0.
 */
wsrs_result wsrs_tls_set_cert_pem(wsrs_tls tls,
                                  const char *name,
                                  const void *cert,
                                  size_t cert_len,
                                  const void *key,
                                  size_t key_len);

/*
 * Removes the certificate that was set for a name; NULL: that for all others. Connections that are open stay.
 *
 * Any thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED.
 *
 * The caller promises:
 * - name is NULL or NUL-terminated.
 */
wsrs_result wsrs_tls_remove_cert(wsrs_tls tls, const char *name);

/*
 * What TLS agreed on with the peer, from on_request (servers) or on_open on. What the members of info point to is owned
 * by the context, until the connection is gone or made again (see wsrs_reconnect).
 *
 * Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a connection without TLS; WSRS_ERR_NOT_OPEN before the TLS
 * handshake is done, and for a client that is not connected yet; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD;
 * WSRS_ERR_FORKED.
 *
 * The caller promises:
 * - info points to a wsrs_tls_info that WSRS_TLS_INFO_INIT initialised.
 */
wsrs_result wsrs_conn_tls(wsrs_conn conn,
                          wsrs_tls_info *info);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WSRS_H */
