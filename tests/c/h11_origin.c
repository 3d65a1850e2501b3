/* H11: pages of other sites are kept out by a policy written with on_request, the one of docs/guide.md: `cargo test h11`
 * checks that the guide shows what stands here.
 *
 * Checked by: this fails with a policy without the list, without same_host, without the length in matches(), without the
 * memchr for ':' or '/' there, with "null" or any Origin accepted; and without the test of origin.repeated in proto/handshake/check.rs. */
#include "check.h"

/* ---- the policy ---- */

static const char *const allowed[] = {"https://example.org", "https://*.example.org", "http://localhost:8000"};

/* The star stands for one or more labels of a host name. */
static int matches(const char *pattern, const char *origin, size_t len)
{
    const char *star = strchr(pattern, '*');
    size_t before = star == NULL ? 0 : (size_t)(star - pattern), after = star == NULL ? 0 : strlen(star + 1);
    if (star == NULL)
        return len == strlen(pattern) && memcmp(origin, pattern, len) == 0;
    return len > before + after && memcmp(origin, pattern, before) == 0
        && memcmp(origin + len - after, star + 1, after) == 0
        && memchr(origin + before, ':', len - before - after) == NULL
        && memchr(origin + before, '/', len - before - after) == NULL;
}

/* Whether a page of this site, "https://" or "http://" and then the host, is our own. */
static int same_host(wsrs_conn conn, const char *origin, size_t len)
{
    const char *host;
    size_t host_len, scheme = len > 8 && memcmp(origin, "https://", 8) == 0 ? 8 : 7;
    return wsrs_conn_header(conn, "Host", &host, &host_len) == WSRS_OK && len == scheme + host_len
        && (scheme == 8 || memcmp(origin, "http://", 7) == 0) && memcmp(origin + scheme, host, host_len) == 0;
}

static int may_connect(wsrs_conn conn)
{
    const char *origin;
    size_t len, i;
    wsrs_result result = wsrs_conn_header(conn, "Origin", &origin, &len);
    if (result == WSRS_ERR_NOT_FOUND)
        return 1; /* no browser, so nobody's cookies */
    if (result != WSRS_OK)
        return 0;
    for (i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (matches(allowed[i], origin, len))
            return 1;
    return same_host(conn, origin, len); /* not "null": that may be anybody's page */
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    (void)request;
    (void)user_data;
    if (may_connect(conn))
        wsrs_conn_accept(conn, NULL, NULL, 0);
    else
        wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0);
}

/* ---- what it must say ---- */

static const struct {
    const char *host, *origin;
    int status;
} cases[] = {
    {"chat.example.net", NULL, 101},
    /* the same host */
    {"chat.example.net", "Origin: http://chat.example.net\r\n", 101},
    {"chat.example.net", "Origin: https://chat.example.net\r\n", 101},
    {"chat.example.net:8080", "origin: http://chat.example.net:8080\r\n", 101},
    {"[::1]:8080", "Origin: http://[::1]:8080\r\n", 101},
    {"chat.example.net", "Origin: http://chat.example.net:8080\r\n", 403},
    {"chat.example.net:8080", "Origin: http://chat.example.net\r\n", 403},
    {"chat.example.net", "Origin: http://chat.example.net.evil.example\r\n", 403},
    {"chat.example.net", "Origin: http://evil.example/chat.example.net\r\n", 403},
    {"chat.example.net", "Origin: http://xchat.example.net\r\n", 403},
    {"chat.example.net", "Origin: ftp://chat.example.net\r\n", 403},
    {"chat.example.net", "Origin: file://chat.example.net\r\n", 403},
    {"chat.example.net", "Origin: chat.example.net\r\n", 403},
    /* the list */
    {"chat.example.net", "Origin: https://example.org\r\n", 101},
    {"chat.example.net", "Origin: http://localhost:8000\r\n", 101},
    {"chat.example.net", "Origin: http://localhost:8001\r\n", 403},
    {"chat.example.net", "Origin: http://localhost:80000\r\n", 403},
    {"chat.example.net", "Origin: http://example.org\r\n", 403},
    {"chat.example.net", "Origin: https://example.org.evil.example\r\n", 403},
    /* its wildcard */
    {"chat.example.net", "Origin: https://a.example.org\r\n", 101},
    {"chat.example.net", "Origin: https://a.b.example.org\r\n", 101},
    {"chat.example.net", "Origin: https://.example.org\r\n", 403},
    {"chat.example.net", "Origin: https://evilexample.org\r\n", 403},
    {"chat.example.net", "Origin: http://a.example.org\r\n", 403},
    {"chat.example.net", "Origin: https://a.example.org:444\r\n", 403},
    {"chat.example.net", "Origin: https://a.example.org.evil.example\r\n", 403},
    {"chat.example.net", "Origin: https://evil.example:1.example.org\r\n", 403},
    {"chat.example.net", "Origin: https://evil.example/.example.org\r\n", 403},
    /* none, empty, two */
    {"chat.example.net", "Origin: null\r\n", 403},
    {"null", "Origin: null\r\n", 403},
    {"chat.example.net", "Origin: *\r\n", 403},
    {"chat.example.net", "Origin:\r\n", 403},
    {"chat.example.net", "Origin: http://\r\n", 403},
    {"chat.example.net", "Origin: https://example.org, https://evil.example\r\n", 403},
    {"chat.example.net", "Origin: https://example.org\r\nOrigin: https://evil.example\r\n", 400},
    {"chat.example.net", "Origin: https://evil.example\r\norigin: https://example.org\r\n", 400},
    {"chat.example.net", "Origin: https://example.org\r\nOrigin: https://example.org\r\n", 400},
};

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    uint16_t port;
    size_t i;
    callbacks.on_request = on_request;
    context = check_context(&callbacks);
    port = check_listen(context, NULL);
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[512], answer[1024], line[32];
        int fd = raw_connect(port);
        int len = snprintf(request, sizeof request,
                           "GET / HTTP/1.1\r\nHost: %s\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                           cases[i].host, cases[i].origin == NULL ? "" : cases[i].origin);
        raw_write(fd, request, (size_t)len);
        raw_answer(context, fd, "\r\n\r\n", answer, sizeof answer);
        snprintf(line, sizeof line, "HTTP/1.1 %d ", cases[i].status);
        if (strncmp(answer, line, strlen(line)) != 0) {
            fprintf(stderr, "host %s, %s is not answered with %d but:\n%s\n", cases[i].host, cases[i].origin, cases[i].status, answer);
            return 1;
        }
        close(fd);
    }
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
