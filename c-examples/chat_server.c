/* A chat for browsers: chat_server [PORT] serves a page on http://127.0.0.1:PORT/ that talks to /chat on the same
 * port; chat_server --tls CERT KEY PORT does so on https://, with a certificate and its key (PEM files).
 * The first message of a connection is the name of who speaks; each later one goes to everybody. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>

#include "chat_page.h" /* chat.html as an array of bytes, made by the build */

static wsrs_context context;
static const char *scheme = "http://";

static int is(const char *text, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(text, expected, len) == 0;
}

/* A browser says which site its page comes from: only our own page may speak here. Other programs send no Origin. */
static int same_site(wsrs_conn conn)
{
    const char *origin, *host;
    size_t origin_len, host_len, scheme_len = strlen(scheme);
    if (wsrs_conn_header(conn, "Origin", &origin, &origin_len) != WSRS_OK)
        return 1;
    return wsrs_conn_header(conn, "Host", &host, &host_len) == WSRS_OK && origin_len == scheme_len + host_len
        && memcmp(origin, scheme, scheme_len) == 0 && memcmp(origin + scheme_len, host, host_len) == 0;
}

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    static const wsrs_header html = {"Content-Type", WSRS_NUL_TERMINATED, "text/html; charset=utf-8", WSRS_NUL_TERMINATED};
    (void)user_data;
    if (request->upgrade && is(request->path, request->path_len, "/chat"))
        same_site(conn) ? wsrs_conn_accept(conn, NULL, NULL, 0) : wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0);
    else if (is(request->method, request->method_len, "GET") && is(request->path, request->path_len, "/"))
        wsrs_conn_respond(conn, 200, &html, 1, chat_page, sizeof chat_page);
    else
        wsrs_conn_respond(conn, 404, NULL, 0, NULL, 0);
}

/* One text message to everybody, made of three parts. */
static void tell_all(const char *name, const char *between, const void *text, size_t len)
{
    size_t begin = strlen(name) + strlen(between);
    char *line = malloc(begin + len + 1);
    if (line == NULL)
        return;
    strcat(strcpy(line, name), between);
    memcpy(line + begin, text, len);
    wsrs_context_broadcast(context, WSRS_TEXT, line, begin + len, NULL);
    free(line);
}

/* The user data of a connection is its name, NULL until it said one. */
static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    char *name = user_data;
    if (message->type != WSRS_TEXT) {
        wsrs_conn_close(conn, 1003, "text only", 9);
    } else if (name != NULL) {
        tell_all(name, ": ", message->data, message->len);
    } else if (message->len == 0 || message->len > 64 || (name = calloc(1, message->len + 1)) == NULL) {
        wsrs_conn_close(conn, 1008, "a name has 1 to 64 bytes", 24);
    } else {
        memcpy(name, message->data, message->len);
        wsrs_conn_set_user_data(conn, name);
        tell_all(name, " is here", "", 0);
    }
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    (void)conn, (void)close;
    if (user_data != NULL)
        tell_all(user_data, " left", "", 0);
    free(user_data);
}

static void on_signal(int number)
{
    (void)number;
    wsrs_context_stop(context);
}

int main(int argc, char **argv)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_request = on_request;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;

    char address[64] = "127.0.0.1:8080";
    if (argc > 1)
        snprintf(address, sizeof address, "127.0.0.1:%s", argv[argc - 1]);
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_tls_options tls = WSRS_TLS_OPTIONS_INIT;
    wsrs_listener listener;
    wsrs_result result = wsrs_context_new(NULL, &callbacks, NULL, &context);
    if (result == WSRS_OK && argc == 5 && strcmp(argv[1], "--tls") == 0) {
        scheme = "https://";
        tls.cert_file = argv[2];
        tls.key_file = argv[3];
        result = wsrs_tls_new(&tls, &options.tls);
    }
    if (result == WSRS_OK)
        result = wsrs_context_listen(context, address, &options, &listener);
    if (result == WSRS_OK) {
        size_t len;
        wsrs_listener_address(listener, address, sizeof address, &len); /* with the port that "0" became */
        printf("%s%s/\n", scheme, address);
        fflush(stdout);
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        result = wsrs_context_run(context);
    }
    if (result != WSRS_OK)
        fprintf(stderr, "chat_server: %s: %s\n", address, wsrs_last_error());
    wsrs_context_free(context);
    wsrs_tls_free(options.tls);
    return result == WSRS_OK ? 0 : 1;
}
