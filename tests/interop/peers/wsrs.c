/*
 * The end of the interop checks that is under test: does what its standard input says, and says on its standard output
 * what the library tells it. wsrs server | wsrs client; the words of both are explained in tests/interop/ends.py.
 *
 * The newest connection is the one that commands are about. Commands come one at a time: the next one is sent after this
 * program has said "done", so that a line can be read whenever standard input is readable.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>
#include "words.h"

#define REFUSED "/refuse"
#define MOVED "/moved?"

static wsrs_context context;
static wsrs_conn current;

/* ---- words ---- */

static void say_hex(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    static const char digits[] = "0123456789abcdef";
    putchar(' ');
    if (len == 0)
        putchar('-');
    for (size_t i = 0; i < len; i++) {
        putchar(digits[bytes[i] >> 4]);
        putchar(digits[bytes[i] & 15]);
    }
}

static char *next_word(void)
{
    return strtok(NULL, " \n");
}

static const char *or_none(const char *word)
{
    return strcmp(word, "-") == 0 ? NULL : word;
}

static int32_t type_of(const char *word)
{
    return strcmp(word, "text") == 0 ? WSRS_TEXT : WSRS_BINARY;
}

/* ---- what the library tells ---- */

static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    if (request->path_len == strlen(REFUSED) && memcmp(request->path, REFUSED, request->path_len) == 0)
        wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0);
}

static void on_open(wsrs_conn conn, void *user_data)
{
    const char *subprotocol = "-";
    size_t len = 1;
    current = conn;
    wsrs_conn_subprotocol(conn, &subprotocol, &len);
    printf("open %.*s", (int)len, subprotocol);
    end_line();
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    printf("message %s", message->type == WSRS_TEXT ? "text" : "binary");
    say_hex(message->data, message->len);
    end_line();
}

static void on_ping(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data)
{
    printf("ping");
    say_hex(data, len);
    end_line();
}

static void on_pong(wsrs_conn conn, const uint8_t *data, size_t len, void *user_data)
{
    printf("pong");
    say_hex(data, len);
    end_line();
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    static const char *const by[] = {"nobody", "local", "remote", "network", "timeout"};
    if (close->code == 0)
        return; /* a refused request */
    printf("closed %d", (int)close->code);
    say_hex(close->reason, close->reason_len);
    printf(" %s %s", close->clean ? "clean" : "unclean", by[close->by]);
    end_line();
}

static void on_retry(wsrs_conn conn, const wsrs_retry *retry, void *user_data)
{
    printf("retry %u", (unsigned)retry->number);
    if (retry->close != NULL)
        printf(" closed %d", (int)retry->close->code);
    else
        printf(" failed %d %s", (int)retry->error->status, retry->error->text);
    end_line();
}

static void on_error(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    printf("failed %d %s", (int)error->status, error->result == WSRS_ERR_REJECTED ? "rejected" : "other");
    printf(" %s", error->text);
    end_line();
}

/* ---- commands ---- */

static wsrs_result connect_to(const char *url, const char *subprotocols)
{
    static const wsrs_header origin = {"Origin", WSRS_NUL_TERMINATED, "http://refused.example", WSRS_NUL_TERMINATED};
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_reconnect reconnect = WSRS_RECONNECT_INIT;
    options.subprotocols = or_none(subprotocols);
    if (strstr(url, REFUSED) != NULL) {
        options.headers = &origin;
        options.header_count = 1;
    }
    if (strstr(url, MOVED) != NULL) {
        reconnect.min_delay_ms = 20;
        reconnect.max_delay_ms = 200;
        options.reconnect = &reconnect;
        options.max_redirects = 1;
    }
    return wsrs_context_connect(context, url, &options, &current);
}

static wsrs_result send_fragments(int32_t type)
{
    wsrs_result result = WSRS_OK;
    char *word = next_word();
    while (word != NULL && result == WSRS_OK) {
        char *following = next_word();
        result = wsrs_conn_send_fragment(current, type, word, unhex(word), following == NULL);
        word = following;
    }
    return result;
}

static wsrs_result obey(const char *command)
{
    char *word = next_word();
    if (strcmp(command, "connect") == 0)
        return connect_to(word, next_word());
    if (strcmp(command, "text") == 0 || strcmp(command, "binary") == 0)
        return wsrs_conn_send(current, type_of(command), word, unhex(word));
    if (strcmp(command, "fragments") == 0)
        return send_fragments(type_of(word));
    if (strcmp(command, "ping") == 0)
        return wsrs_conn_ping(current, word, unhex(word));
    if (strcmp(command, "close") == 0) {
        char *reason = next_word();
        return wsrs_conn_close(current, atoi(word), reason, unhex(reason));
    }
    return WSRS_ERR_ARGUMENT;
}

/* One line of standard input; 0 at its end. */
static int command(void)
{
    static char *line;
    static size_t capacity;
    wsrs_result result;
    if (getline(&line, &capacity, stdin) <= 0) {
        free(line);
        return 0;
    }
    result = obey(strtok(line, " \n"));
    printf("%s %s", result == WSRS_OK ? "done" : "error", wsrs_strerror(result));
    end_line();
    return 1;
}

static wsrs_result listen_somewhere(void)
{
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_listener listener;
    wsrs_result result;
    uint16_t port = 0;
    /* The others are those of the packaged test programs of libwebsockets. */
    options.subprotocols = "chat.v2, dumb-increment-protocol, lws-mirror-protocol";
    result = wsrs_context_listen(context, "127.0.0.1:0", &options, &listener);
    if (result == WSRS_OK)
        result = wsrs_listener_port(listener, &port);
    printf("listening %u", (unsigned)port);
    end_line();
    return result;
}

/* A loop of our own: standard input and the library's descriptor. */
static wsrs_result loop(void)
{
    struct pollfd ready[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
    wsrs_result result = wsrs_context_fd(context, &ready[1].fd);
    while (result == WSRS_OK) {
        int32_t timeout = -1;
        wsrs_context_timeout_ms(context, &timeout);
        poll(ready, 2, timeout);
        if (ready[0].revents != 0 && !command())
            break;
        result = wsrs_context_poll(context, 0);
    }
    return result;
}

int main(int argc, char **argv)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_result result;
    callbacks.on_request = on_request;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    callbacks.on_error = on_error;
    callbacks.on_retry = on_retry;
    callbacks.on_ping = on_ping;
    callbacks.on_pong = on_pong;
    result = wsrs_context_new(NULL, &callbacks, NULL, &context);
    printf("version %s", wsrs_version_text());
    end_line();
    if (result == WSRS_OK && argc == 2 && strcmp(argv[1], "server") == 0)
        result = listen_somewhere();
    if (result == WSRS_OK)
        result = loop();
    wsrs_context_free(context);
    return result == WSRS_OK ? 0 : 1;
}
