/* A program outside the tree: echoes one message to itself. Built against what was installed, in every way offered. */
#include <stdio.h>
#include <string.h>
#include <wsrs.h>

static wsrs_context context;
static int echoed;

static void on_open(wsrs_conn conn, void *user_data)
{
    if (user_data != NULL) /* the client's */
        wsrs_conn_send_text(conn, "hello");
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    if (user_data == NULL) {
        wsrs_conn_send(conn, message->type, message->data, message->len);
    } else {
        echoed = message->len == 5 && memcmp(message->data, "hello", 5) == 0;
        wsrs_context_stop(context);
    }
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_listener listener;
    uint16_t port;
    char url[64];
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    options.user_data = &echoed;
    options.callbacks = &callbacks;
    if (wsrs_context_new(NULL, &callbacks, NULL, &context) != WSRS_OK
        || wsrs_context_listen(context, "127.0.0.1:0", NULL, &listener) != WSRS_OK
        || wsrs_listener_port(listener, &port) != WSRS_OK)
        return 1;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    if (wsrs_context_connect(context, url, &options, NULL) != WSRS_OK || wsrs_context_run(context) != WSRS_OK)
        return 1;
    wsrs_context_free(context);
    printf("wsrs %s: %s\n", wsrs_version_text(), echoed ? "echoed" : "no echo");
    return !echoed;
}
