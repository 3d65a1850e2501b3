/* Work that was done on another thread is handed to the loop's thread. For: wsrs_context_post. */
#include <stdlib.h>
#include <wsrs.h>

struct answer {
    wsrs_conn conn;
    char text[64];
};

static void deliver(wsrs_context context, void *argument)
{
    struct answer *answer = argument;
    (void)context;
    wsrs_conn_send_text(answer->conn, answer->text); /* WSRS_ERR_CLOSED where it is gone by now */
    free(answer);
}

void answer_is_ready(wsrs_context context, struct answer *answer)
{
    if (wsrs_context_post(context, deliver, answer) != WSRS_OK)
        free(answer);
}
