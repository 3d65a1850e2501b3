/* echo_client URL: sends a few messages to an echo server and prints what comes back.
 * echo_client --autobahn URL: echoes what the Autobahn test suite at URL sends, case after case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>

static wsrs_context context;
static const char *base;        /* --autobahn: where the test suite listens */
static int cases, current;      /* how many cases it has; which one runs, counted from 1 */
static int failed;

static const char *const lines[] = {"Hello", "Grüße", "Goodbye"};
static size_t answers;

static void connect_to(const char *url, const wsrs_callbacks *callbacks)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    options.callbacks = callbacks;
    wsrs_result result = wsrs_context_connect(context, url, &options, NULL);
    if (result != WSRS_OK) {
        fprintf(stderr, "echo_client: %s: %s\n", url, wsrs_strerror(result));
        failed = 1;
        wsrs_context_stop(context);
    }
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    (void)conn, (void)user_data;
    fprintf(stderr, "echo_client: %s\n", error->text);
    failed = 1;
    wsrs_context_stop(context);
}

/* The demo: one message at a time, then a Close. */

static void demo_send(wsrs_conn conn, void *user_data)
{
    (void)user_data;
    printf("> %s\n", lines[answers]);
    wsrs_conn_send_text(conn, lines[answers]);
}

static void demo_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    printf("< %.*s\n", (int)message->len, (const char *)message->data);
    if (++answers < sizeof lines / sizeof *lines)
        demo_send(conn, user_data);
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

static void autobahn_count(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    (void)conn, (void)user_data;
    char digits[16] = "";
    memcpy(digits, message->data, message->len < sizeof digits ? message->len : sizeof digits - 1);
    cases = atoi(digits);
}

static void autobahn_echo(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    (void)user_data;
    size_t queued = 0;
    wsrs_conn_send(conn, message->type, message->data, message->len);
    /* Far below high_water, so that no send fails: read no more until what is queued has gone out. */
    if (wsrs_conn_buffered(conn, &queued) == WSRS_OK && queued > (1 << 20)) {
        wsrs_conn_pause(conn);
        wsrs_conn_request_drain(conn);
    }
}

static void autobahn_drain(wsrs_conn conn, void *user_data)
{
    (void)user_data;
    wsrs_conn_resume(conn);
}

static void autobahn_next(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    char url[1024];
    (void)conn, (void)close, (void)user_data;
    callbacks.on_message = autobahn_echo;
    callbacks.on_drain = autobahn_drain;
    callbacks.on_close = autobahn_next;
    callbacks.on_error = on_error;
    if (++current <= cases)
        snprintf(url, sizeof url, "%s/runCase?case=%d&agent=wsrs", base, current);
    else if (current == cases + 1)
        snprintf(url, sizeof url, "%s/updateReports?agent=wsrs", base);
    else {
        wsrs_context_stop(context);
        return;
    }
    connect_to(url, &callbacks);
}

int main(int argc, char **argv)
{
    wsrs_limits limits = WSRS_LIMITS_INIT;
    limits.max_message = 16 << 20;
    limits.max_frame = 16 << 20;
    limits.max_fragments = 1 << 17;
    limits.high_water = 64 << 20;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    options.limits = &limits;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_error = on_error;
    callbacks.on_open = demo_send;
    callbacks.on_message = demo_message;
    callbacks.on_close = demo_close;

    char url[1024];
    if (argc == 2) {
        snprintf(url, sizeof url, "%s", argv[1]);
    } else if (argc == 3 && strcmp(argv[1], "--autobahn") == 0) {
        base = argv[2];
        snprintf(url, sizeof url, "%s/getCaseCount", base);
        callbacks.on_open = NULL;
        callbacks.on_message = autobahn_count;
        callbacks.on_close = autobahn_next;
    } else {
        fprintf(stderr, "usage: echo_client [--autobahn] URL\n");
        return 2;
    }
    if (wsrs_context_new(&options, NULL, NULL, &context) != WSRS_OK)
        return 1;
    connect_to(url, &callbacks);
    wsrs_context_run(context);
    wsrs_context_free(context);
    return failed;
}
