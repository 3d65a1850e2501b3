/* Redirects: followed as far as max_redirects says, with the headers of the program where they belong; what is not followed
 * ends in on_error with the server's answer. */
#include "check.h"

static wsrs_context context;
static uint16_t port, other_port;
static int asked, opened, failed, closed, secrets, kept;
static int32_t status;
static char why[256];

static int is_path(const wsrs_request *request, const char *path)
{
    return request->path_len == strlen(path) && memcmp(request->path, path, request->path_len) == 0;
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    const char *value;
    size_t len;
    char location[64];
    wsrs_header header = {"Location", WSRS_NUL_TERMINATED, location, WSRS_NUL_TERMINATED};
    int code = 302;
    asked++;
    secrets += wsrs_conn_header(conn, "Authorization", &value, &len) == WSRS_OK;
    secrets += wsrs_conn_header(conn, "Cookie", &value, &len) == WSRS_OK;
    kept += wsrs_conn_header(conn, "X-Kept", &value, &len) == WSRS_OK;
    if (is_path(request, "/a/near")) {
        snprintf(location, sizeof location, "../b?x=1");
        code = 301;
    } else if (is_path(request, "/b")) {
        CHECK(request->query_len == 3);
        snprintf(location, sizeof location, "//127.0.0.1:%u/far#here", (unsigned)other_port);
        code = 307;
    } else if (is_path(request, "/loop")) {
        snprintf(location, sizeof location, "/loop");
    } else if (is_path(request, "/unix")) {
        snprintf(location, sizeof location, "ws+unix:/run/socket");
    } else {
        return;
    }
    CHECK_OK(wsrs_conn_respond(conn, code, &header, 1, "moved", 5));
}

static void on_open(wsrs_conn conn, void *user_data) { opened++; }
static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { closed++; }

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    failed++;
    status = error->status;
    if (error->result == WSRS_ERR_CLOSED)
        return;
    CHECK(error->result == WSRS_ERR_REJECTED && error->stage == WSRS_STAGE_HANDSHAKE);
    CHECK(error->header_count > 0 && error->body_len == 5 && memcmp(error->body, "moved", 5) == 0);
    snprintf(why, sizeof why, "%s", error->text);
}

static wsrs_conn connect_to(const char *path, int max_redirects)
{
    static const wsrs_header headers[] = {
        {"Authorization", WSRS_NUL_TERMINATED, "Bearer x", WSRS_NUL_TERMINATED},
        {"Cookie", WSRS_NUL_TERMINATED, "a=b", WSRS_NUL_TERMINATED},
        {"X-Kept", WSRS_NUL_TERMINATED, "1", WSRS_NUL_TERMINATED},
    };
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_conn conn;
    char url[64];
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    options.callbacks = &callbacks;
    options.headers = headers;
    options.header_count = 3;
    options.max_redirects = max_redirects;
    asked = opened = failed = closed = secrets = kept = status = 0;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", (unsigned)port, path);
    CHECK_OK(wsrs_context_connect(context, url, &options, &conn));
    return conn;
}

static void refused(const char *path, int max_redirects, int requests, const char *text)
{
    connect_to(path, max_redirects);
    POLL_UNTIL(context, failed, 1);
    check_poll_for(context, 10);
    CHECK(asked == requests && opened == 0 && failed == 1 && closed == 0 && status == 302);
    if (strcmp(why, text) != 0) {
        fprintf(stderr, "%s: \"%s\", not \"%s\"\n", path, why, text);
        exit(1);
    }
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_stats stats = WSRS_STATS_INIT;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    wsrs_conn conn;
    callbacks.on_request = on_request;
    options.callbacks = &callbacks;
    context = check_context(NULL);
    port = check_listen(context, &options);
    other_port = check_listen(context, &options);

    conn = connect_to("/a/near", 2);
    POLL_UNTIL(context, opened, 1);
    CHECK(asked == 3 && secrets == 4 && kept == 3); /* what is secret went to its own server only */
    CHECK_OK(wsrs_conn_stats(conn, &stats));
    CHECK_OK(wsrs_context_totals(context, &totals));
    CHECK(stats.attempts == 3 && stats.retries == 0 && totals.attempts == 3 && totals.redirects == 2);
    CHECK_OK(wsrs_conn_close(conn, 1000, NULL, 0));
    POLL_UNTIL(context, closed, 1);
    CHECK(opened == 1 && failed == 0);

    refused("/loop", 0, 1, "the server refused the upgrade: 302 Found");
    refused("/loop", 3, 4, "the redirect of the server (302) is not followed: it is number 4");
    refused("/unix", 3, 1, "the redirect of the server (302) is not followed: the redirect goes to or leaves a Unix socket");

    /* Ended between two hops. */
    conn = connect_to("/loop", 1000000);
    POLL_UNTIL(context, asked, 20);
    CHECK_OK(wsrs_conn_abort(conn));
    check_poll_for(context, 10);
    CHECK(failed == 1 && status == 0 && opened == 0 && closed == 0);
    wsrs_context_free(context);
    return 0;
}
