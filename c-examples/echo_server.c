/* Sends every message back until SIGINT or SIGTERM:
 * echo_server PORT listens on ws://127.0.0.1:PORT/
 * With --tls CERT KEY before PORT it listens on wss://127.0.0.1:PORT/, with a certificate and its key (PEM files).
 * With --deflate LEVEL it compresses, 1 (fast) to 9 (small), and with --no-takeover too each message by itself. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <wsrs.h>

/* A message that the send queue had no room for. It is the user data of its connection until the queue drains. */
struct kept {
    int32_t type;
    size_t len;
    unsigned char data[];
};

static wsrs_context context;
static char address[32] = "127.0.0.1:9001";

/* The peer sends faster than it reads: keep this message, and read no more until what is queued has gone out. */
static void keep(wsrs_conn conn, const wsrs_message *message)
{
    struct kept *kept = malloc(sizeof *kept + message->len);
    if (kept == NULL) {
        wsrs_conn_close(conn, 1011, NULL, 0);
        return;
    }
    kept->type = message->type;
    kept->len = message->len;
    memcpy(kept->data, message->data, message->len);
    wsrs_conn_set_user_data(conn, kept);
    wsrs_conn_pause(conn);
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    (void)user_data;
    if (wsrs_conn_send(conn, message->type, message->data, message->len) == WSRS_ERR_AGAIN)
        keep(conn, message);
}

/* Comes once after each WSRS_ERR_AGAIN. */
static void on_drain(wsrs_conn conn, void *user_data)
{
    struct kept *kept = user_data;
    wsrs_conn_set_user_data(conn, NULL);
    wsrs_conn_send(conn, kept->type, kept->data, kept->len);
    free(kept);
    wsrs_conn_resume(conn);
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    (void)conn, (void)close;
    free(user_data);
}

static void on_signal(int number)
{
    (void)number;
    wsrs_context_stop(context);
}

/* Each connection takes one descriptor: ask for as many as the system grants. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static wsrs_result listen_as_asked(char **arguments)
{
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_tls_options tls = WSRS_TLS_OPTIONS_INIT;
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_result result = WSRS_OK;
    for (char **next = arguments; *next != NULL; next++) {
        if (strcmp(*next, "--tls") == 0 && next[1] != NULL && next[2] != NULL) {
            tls.cert_file = *++next;
            tls.key_file = *++next;
        } else if (strcmp(*next, "--deflate") == 0 && next[1] != NULL) {
            options.deflate = &deflate;
            deflate.level = (uint32_t)strtoul(*++next, NULL, 10);
        } else if (strcmp(*next, "--no-takeover") == 0) {
            deflate.no_takeover = deflate.peer_no_takeover = 1;
        } else {
            snprintf(address, sizeof address, "127.0.0.1:%s", *next);
        }
    }
    if (tls.cert_file != NULL)
        result = wsrs_tls_new(&tls, &options.tls);
    if (result == WSRS_OK)
        result = wsrs_context_listen(context, address, &options, NULL);
    if (options.tls.id != 0)
        wsrs_tls_free(options.tls); /* the listener keeps what it needs of it */
    return result;
}

int main(int argc, char **argv)
{
    wsrs_limits limits = WSRS_LIMITS_INIT;
    limits.max_message = 16 << 20;
    limits.max_fragments = 1 << 17; /* 4 MiB in pieces of 64 bytes, and as much again */
    limits.max_connections_per_address = 20000;
    limits.max_pending_handshakes = 1000;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    options.limits = &limits;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_message = on_message;
    callbacks.on_drain = on_drain;
    callbacks.on_close = on_close;

    raise_descriptor_limit();
    wsrs_result result = wsrs_context_new(&options, &callbacks, NULL, &context);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (result == WSRS_OK)
        result = listen_as_asked(argv + (argc > 0));
    if (result == WSRS_OK)
        result = wsrs_context_run(context);
    if (result != WSRS_OK)
        fprintf(stderr, "echo_server: %s: %s\n", address, wsrs_last_error());
    wsrs_context_free(context);
    return result == WSRS_OK ? 0 : 1;
}
