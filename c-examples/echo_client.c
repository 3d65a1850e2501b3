/* echo_client URL: sends a few messages to an echo server and prints what comes back.
 * echo_client --autobahn URL: echoes what the Autobahn test suite at URL sends, case after case.
 * With --ca FILE first, servers of wss:// addresses are verified by the CAs in it (PEM) instead of the system's; with
 * --deflate first, compression is offered. */
#include <stdio.h>
#include <string.h>
#include <wsrs.h>

static wsrs_context context;
static wsrs_tls tls; /* none: the system's trust store */
static wsrs_deflate_options compression = WSRS_DEFLATE_OPTIONS_INIT; /* the defaults */
static int deflate, failed;

static const char *const lines[] = {"Hello", "Grüße", "Goodbye"};
static size_t answers;

static const char *suite;       /* --autobahn: where the test suite listens */
static int cases, current;      /* how many cases it has; which one runs, counted from 1 */

static void give_up(const char *why)
{
    fprintf(stderr, "echo_client: %s\n", why);
    failed = 1;
    wsrs_context_stop(context);
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    (void)conn, (void)user_data;
    give_up(error->text);
}

static void connect_to(const char *url)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    options.tls = tls;
    if (deflate)
        options.deflate = &compression;
    if (wsrs_context_connect(context, url, &options, NULL) != WSRS_OK)
        give_up(wsrs_last_error());
}

/* The demo: one message at a time, then a Close. */

static void demo_open(wsrs_conn conn, void *user_data)
{
    (void)user_data;
    printf("> %s\n", lines[answers]);
    wsrs_conn_send_text(conn, lines[answers]);
}

static void demo_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    printf("< %.*s\n", (int)message->len, (const char *)message->data);
    if (++answers < sizeof lines / sizeof *lines)
        demo_open(conn, user_data);
    else
        wsrs_conn_close(conn, 1000, NULL, 0);
}

static void demo_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    (void)conn, (void)user_data;
    printf("closed with code %d\n", (int)close->code);
    failed = !close->clean;
    wsrs_context_stop(context);
}

/* Autobahn: /getCaseCount sends a number; then one connection per case; /updateReports ends it. */

static void suite_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    size_t queued = 0, i;
    (void)user_data;
    if (current == 0) {
        for (i = 0; i < message->len; i++)
            cases = 10 * cases + (message->data[i] - '0');
        return;
    }
    wsrs_conn_send(conn, message->type, message->data, message->len);
    /* Far below high_water, so that no send fails: read no more until what is queued has gone out. */
    if (wsrs_conn_buffered(conn, &queued) == WSRS_OK && queued > (1 << 20)) {
        wsrs_conn_pause(conn);
        wsrs_conn_request_drain(conn);
    }
}

static void suite_drain(wsrs_conn conn, void *user_data)
{
    (void)user_data;
    wsrs_conn_resume(conn);
}

static void suite_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    char url[1024];
    (void)conn, (void)close, (void)user_data;
    if (++current <= cases)
        snprintf(url, sizeof url, "%s/runCase?case=%d&agent=wsrs", suite, current);
    else if (current == cases + 1)
        snprintf(url, sizeof url, "%s/updateReports?agent=wsrs", suite);
    else {
        wsrs_context_stop(context);
        return;
    }
    connect_to(url);
}

static int trust(const char *ca_file)
{
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    options.ca_file = ca_file;
    if (wsrs_tls_new(&options, &tls) == WSRS_OK)
        return 1;
    fprintf(stderr, "echo_client: %s\n", wsrs_last_error());
    return 0;
}

int main(int argc, char **argv)
{
    wsrs_limits limits = WSRS_LIMITS_INIT;
    limits.max_message = 16 << 20;
    limits.max_fragments = 1 << 17;
    limits.high_water = 64 << 20;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    options.limits = &limits;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_error = on_error;
    char url[1024];
    for (;; argc--, argv++) {
        if (argc > 2 && strcmp(argv[1], "--deflate") == 0) {
            deflate = 1;
        } else if (argc > 3 && strcmp(argv[1], "--ca") == 0) {
            if (!trust(argv[2]))
                return 1;
            argc--;
            argv++;
        } else {
            break;
        }
    }
    if (argc == 2) {
        snprintf(url, sizeof url, "%s", argv[1]);
        callbacks.on_open = demo_open;
        callbacks.on_message = demo_message;
        callbacks.on_close = demo_close;
    } else if (argc == 3 && strcmp(argv[1], "--autobahn") == 0) {
        suite = argv[2];
        snprintf(url, sizeof url, "%s/getCaseCount", suite);
        callbacks.on_message = suite_message;
        callbacks.on_drain = suite_drain;
        callbacks.on_close = suite_close;
    } else {
        fprintf(stderr, "usage: echo_client [--ca FILE] [--deflate] [--autobahn] URL\n");
        return 2;
    }
    if (wsrs_context_new(&options, &callbacks, NULL, &context) != WSRS_OK)
        return 1;
    connect_to(url);
    wsrs_context_run(context);
    wsrs_context_free(context);
    wsrs_tls_free(tls);
    return failed;
}
