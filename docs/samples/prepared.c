/* One message to the members of a room, whichever context and thread each of them has. For: wsrs_prepared_new,
 * wsrs_prepared_free, wsrs_conn_send_prepared, wsrs_prepared. */
#include <wsrs.h>

void tell_all(const wsrs_conn *members, size_t count, const char *text, size_t len)
{
    wsrs_prepared prepared;
    size_t i;
    if (wsrs_prepared_new(WSRS_TEXT, text, len, &prepared) != WSRS_OK)
        return;
    for (i = 0; i < count; i++)
        wsrs_conn_send_prepared(members[i], prepared); /* who is gone or does not keep up is passed over */
    wsrs_prepared_free(prepared);
}
