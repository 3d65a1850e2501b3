/* A listener that compresses cheaply, and what each client agreed on. For: wsrs_deflate_options, wsrs_conn_deflate,
 * wsrs_deflate_info. */
#include <stdio.h>
#include <wsrs.h>

wsrs_result listen_with_compression(wsrs_context context)
{
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    deflate.min_size = 256;
    deflate.no_takeover = deflate.peer_no_takeover = 1; /* connections hold no memory for it */
    options.deflate = &deflate;
    return wsrs_context_listen(context, "127.0.0.1:8080", &options, NULL);
}

void on_open(wsrs_conn conn, void *user_data)
{
    wsrs_deflate_info info = WSRS_DEFLATE_INFO_INIT;
    (void)user_data;
    if (wsrs_conn_deflate(conn, &info) == WSRS_OK)
        printf("windows of 2^%d and 2^%d bytes\n", (int)info.server_max_window_bits, (int)info.client_max_window_bits);
}
