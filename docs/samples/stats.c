/* Every connection with its peer, the messages that came from it, and the time to it. For: wsrs_conn_stats, wsrs_stats,
 * wsrs_context_next_conn, wsrs_conn_peer_address. */
#include <stdio.h>
#include <wsrs.h>

void print_connections(wsrs_context context)
{
    wsrs_conn conn = WSRS_CONN_NONE;
    wsrs_stats stats = WSRS_STATS_INIT;
    char peer[WSRS_ADDRESS_MAX];
    while (wsrs_context_next_conn(context, conn, &conn) == WSRS_OK && conn.id != 0)
        if (wsrs_conn_peer_address(conn, peer, sizeof peer, NULL) == WSRS_OK && wsrs_conn_stats(conn, &stats) == WSRS_OK)
            printf("%s: %llu messages, %llu us\n", peer, (unsigned long long)stats.messages_received,
                   (unsigned long long)stats.rtt_mean_us);
}
