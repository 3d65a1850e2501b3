/* proxy_client [--proxy PROXY] [--ca FILE] [--once] URL: a client behind a proxy that stays connected. It says something every
 * second and prints what comes back; a connection that is lost or can't be made is made again, until Ctrl-C.
 *
 * PROXY is like http://user:password@proxy.example:3128 or socks5h://proxy.example; without it the environment says
 * which (ws_proxy, http_proxy, all_proxy, no_proxy, and so on).
 * --ca: whom to trust, for wss:// and for an https:// proxy, instead of those whom the system trusts (PEM).
 * --once: one message, then the end; a failure is final. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <wsrs.h>

static wsrs_context context;
static wsrs_conn conn;
static int failed, once;

static void interrupted(int number)
{
    (void)number;
    wsrs_context_stop(context);
}

/* While the connection is being made again, this sends nothing. */
static void say(wsrs_timer timer, void *argument)
{
    (void)timer, (void)argument;
    wsrs_conn_send_text(conn, "Hello");
}

static void on_open(wsrs_conn opened, void *user_data)
{
    (void)user_data;
    printf("connected\n");
    wsrs_conn_send_text(opened, "Hello");
}

static void on_message(wsrs_conn from, const wsrs_message *message, void *user_data)
{
    (void)user_data;
    printf("< %.*s\n", (int)message->len, (const char *)message->data);
    if (once)
        wsrs_conn_close(from, 1000, NULL, 0);
}

static void on_close(wsrs_conn closed, const wsrs_close *close, void *user_data)
{
    (void)closed, (void)user_data;
    printf("closed with code %d\n", (int)close->code);
    wsrs_context_stop(context);
}

/* The connection was lost, or an attempt failed in a way that the next one may not. */
static void on_retry(wsrs_conn lost, const wsrs_retry *retry, void *user_data)
{
    (void)lost, (void)user_data;
    printf("%s; again in %u ms\n", retry->error != NULL ? retry->error->text : "lost", (unsigned)retry->delay_ms);
}

/* At WSRS_STAGE_PROXY it was the proxy that refused: status is its answer, 407 where it wants other credentials. */
static void on_error(wsrs_conn gone, const wsrs_error *error, void *user_data)
{
    (void)gone, (void)user_data;
    fprintf(stderr, "proxy_client: %s%s (status %d)\n", error->stage == WSRS_STAGE_PROXY ? "refused on the way: " : "",
            error->text, (int)error->status);
    failed = 1;
    wsrs_context_stop(context);
}

static int usage(void)
{
    fprintf(stderr, "usage: proxy_client [--proxy PROXY] [--ca FILE] [--once] URL\n");
    return 2;
}

int main(int argc, char **argv)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_reconnect reconnect = WSRS_RECONNECT_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_tls_options trust = WSRS_TLS_OPTIONS_INIT;
    wsrs_result result = WSRS_OK;
    int next;

    options.proxy_from_env = 1;
    for (next = 1; next + 1 < argc; next++) {
        if (strcmp(argv[next], "--once") == 0)
            once = 1;
        else if (next + 2 < argc && strcmp(argv[next], "--proxy") == 0)
            options.proxy = argv[++next];
        else if (next + 2 < argc && strcmp(argv[next], "--ca") == 0)
            trust.ca_file = argv[++next];
        else
            return usage();
    }
    if (next >= argc)
        return usage();
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    callbacks.on_retry = on_retry;
    reconnect.max_delay_ms = 10000;
    if (!once)
        options.reconnect = &reconnect;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (trust.ca_file != NULL)
        result = wsrs_tls_new(&trust, &options.tls);
    options.proxy_tls = options.tls;
    if (result == WSRS_OK)
        result = wsrs_context_new(NULL, &callbacks, NULL, &context);
    if (result == WSRS_OK)
        result = wsrs_context_connect(context, argv[next], &options, &conn);
    if (result == WSRS_OK && !once)
        result = wsrs_context_timer(context, 1000, 1000, say, NULL, NULL);
    if (result == WSRS_OK) {
        signal(SIGINT, interrupted);
        result = wsrs_context_run(context);
    }
    if (result != WSRS_OK) {
        fprintf(stderr, "proxy_client: %s\n", wsrs_last_error());
        failed = 1;
    }
    wsrs_context_free(context);
    wsrs_tls_free(options.tls);
    return failed;
}
