/* A client: sends one message, prints the answer, and closes. For: wsrs_context_connect, wsrs_callbacks, wsrs_close,
 * wsrs_error, wsrs_conn_send_text, wsrs_conn_close. */
#include <stdio.h>
#include <string.h>
#include <wsrs.h>

static void on_open(wsrs_conn conn, void *user_data)
{
    (void)user_data;
    wsrs_conn_send_text(conn, "hello");
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    static const char reason[] = "thanks";
    (void)user_data;
    printf("%.*s\n", (int)message->len, (const char *)message->data);
    wsrs_conn_close(conn, 1000, reason, strlen(reason));
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    (void)conn;
    printf("closed: %d %.*s\n", (int)close->code, (int)close->reason_len, close->reason);
    wsrs_context_stop(*(wsrs_context *)user_data);
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    (void)conn;
    fprintf(stderr, "%s\n", error->text);
    wsrs_context_stop(*(wsrs_context *)user_data);
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context = WSRS_CONTEXT_NONE;
    wsrs_result result;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    result = wsrs_context_new(NULL, &callbacks, &context, &context);
    if (result == WSRS_OK)
        result = wsrs_context_connect(context, "ws://127.0.0.1:8080/", NULL, NULL);
    if (result == WSRS_OK)
        result = wsrs_context_run(context);
    if (result != WSRS_OK)
        fprintf(stderr, "%s\n", wsrs_strerror(result));
    wsrs_context_free(context);
    return result != WSRS_OK;
}
