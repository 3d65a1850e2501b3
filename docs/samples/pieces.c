/* Sends a file of any size as one message, a piece whenever the queue is low. on_open begins it by calling on_drain.
 * For: wsrs_conn_send_fragment, wsrs_conn_request_drain. */
#include <stdio.h>
#include <wsrs.h>

void on_drain(wsrs_conn conn, void *user_data)
{
    FILE *file = user_data;
    char piece[65536];
    size_t len = fread(piece, 1, sizeof piece, file);
    if (wsrs_conn_send_fragment(conn, WSRS_BINARY, piece, len, len < sizeof piece) != WSRS_OK)
        wsrs_conn_abort(conn);
    else if (len == sizeof piece)
        wsrs_conn_request_drain(conn);
}
