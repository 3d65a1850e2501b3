/* A server that serves one path, to pages of its own site only, and answers other requests with a status. For:
 * wsrs_request, wsrs_header, wsrs_conn_accept, wsrs_conn_respond, wsrs_conn_header. */
#include <string.h>
#include <wsrs.h>

static int is(const char *text, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(text, expected, len) == 0;
}

void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    const wsrs_header headers[] = {{"Content-Type", WSRS_NUL_TERMINATED, "text/plain", WSRS_NUL_TERMINATED}};
    const char *origin;
    size_t len;
    (void)user_data;
    if (!request->upgrade || !is(request->path, request->path_len, "/live"))
        wsrs_conn_respond(conn, 404, headers, 1, "no such page\n", 13);
    else if (wsrs_conn_header(conn, "Origin", &origin, &len) != WSRS_OK || !is(origin, len, "https://example.org"))
        wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0);
    else
        wsrs_conn_accept(conn, NULL, NULL, 0);
}
