/* An echo that loses nothing: when the queue is full, it keeps the message and receives no more until it is sent.
 * For: wsrs_conn_send, wsrs_conn_pause, wsrs_conn_resume. */
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>

struct kept {
    int32_t type;
    size_t len;
    void *data; /* NULL: none is kept */
};

void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct kept *kept = user_data;
    if (wsrs_conn_send(conn, message->type, message->data, message->len) != WSRS_ERR_AGAIN)
        return;
    kept->type = message->type;
    kept->len = message->len;
    kept->data = malloc(message->len + 1);
    if (kept->data == NULL) {
        wsrs_conn_abort(conn);
        return;
    }
    memcpy(kept->data, message->data, message->len);
    wsrs_conn_pause(conn);
}

void on_drain(wsrs_conn conn, void *user_data)
{
    struct kept *kept = user_data;
    if (kept->data == NULL || wsrs_conn_send(conn, kept->type, kept->data, kept->len) == WSRS_ERR_AGAIN)
        return;
    free(kept->data);
    kept->data = NULL;
    wsrs_conn_resume(conn);
}
