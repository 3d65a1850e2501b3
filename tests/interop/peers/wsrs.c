/*
 * The end of the interop checks that is under test: does what its standard input says, and says on its standard output
 * what the library tells it. wsrs server|client [tls] [permessage-deflate[;PARAMETER...]] [OPTION=VALUE...]; the words are explained
 * in tests/interop/ends.py.
 *
 * "tls" stands for the options that ends.py promises. An OPTION is a member of wsrs_tls_options; files are in the folder
 * CERTIFICATES. With TLS, "tls NAME=VALUE..." follows "open": what wsrs_conn_tls tells, with _ for spaces. With
 * compression, "deflate server WINDOW_BITS NO_TAKEOVER client WINDOW_BITS NO_TAKEOVER": what wsrs_conn_deflate tells.
 *
 * The newest connection is the one that commands are about. Commands come one at a time: the next one is sent after this
 * program has said "done", so that a line can be read whenever standard input is readable.
 */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>
#include "words.h"

#define REFUSED "/refuse"
#define MOVED "/moved?"

static wsrs_context context;
static wsrs_conn current;
static wsrs_tls tls;
static wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
static int compresses;

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

/* ---- TLS ---- */

static const struct {
    const char *name;
    size_t at;
    int is_file;
} texts[] = {
    {"cert", offsetof(wsrs_tls_options, cert_file), 1}, {"key", offsetof(wsrs_tls_options, key_file), 1},
    {"ca", offsetof(wsrs_tls_options, ca_file), 1},     {"alpn", offsetof(wsrs_tls_options, alpn), 0},
    {"pins", offsetof(wsrs_tls_options, pins), 0},      {"name", offsetof(wsrs_tls_options, server_name), 0},
};

static const struct {
    const char *name;
    size_t at;
    int32_t number;
} numbers[] = {
    {"min=1.3", offsetof(wsrs_tls_options, min_version), WSRS_TLS_1_3},
    {"max=1.2", offsetof(wsrs_tls_options, max_version), WSRS_TLS_1_2},
    {"client_certs=optional", offsetof(wsrs_tls_options, client_certs), WSRS_CLIENT_CERTS_OPTIONAL},
    {"client_certs=required", offsetof(wsrs_tls_options, client_certs), WSRS_CLIENT_CERTS_REQUIRED},
};

/* A path that lives as long as the program. */
static char *in_certificates(const char *file)
{
    const char *folder = getenv("CERTIFICATES");
    size_t capacity = strlen(folder) + strlen(file) + 2;
    char *path = malloc(capacity);
    snprintf(path, capacity, "%s/%s", folder, file);
    return path;
}

static int set_option(wsrs_tls_options *options, const char *word)
{
    size_t i, len = strcspn(word, "=");
    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strlen(texts[i].name) == len && strncmp(texts[i].name, word, len) == 0) {
            const char *value = word + len + 1;
            *(const char **)((char *)options + texts[i].at) = texts[i].is_file ? in_certificates(value) : value;
            return 1;
        }
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, word) == 0) {
            *(int32_t *)((char *)options + numbers[i].at) = numbers[i].number;
            return 1;
        }
    return 0;
}

/* The words behind the role; those of TLS come first. */
static wsrs_result make_tls(char **words, int server)
{
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    for (; *words != NULL; words++) {
        if (strcmp(*words, "tls") == 0 && server) {
            set_option(&options, "cert=server.pem");
            set_option(&options, "key=server.key");
        } else if (strcmp(*words, "tls") == 0) {
            set_option(&options, "ca=ca.pem");
        } else if (!set_option(&options, *words)) {
            return WSRS_ERR_ARGUMENT;
        }
    }
    return wsrs_tls_new(&options, &tls);
}

/* ---- compression ---- */

/* "PARAMETER", "PARAMETER=NUMBER". What RFC 7692 says of server and client, the library says of us and the peer. */
static void ask_for(const char *parameter, int server)
{
    int is_ours = server == (strncmp(parameter, "server_", 7) == 0);
    const char *value = strchr(parameter, '=');
    if (value != NULL)
        *(is_ours ? &deflate.window_bits : &deflate.peer_window_bits) = (uint32_t)atoi(value + 1);
    else
        *(is_ours ? &deflate.no_takeover : &deflate.peer_no_takeover) = 1;
}

/* Takes the word out of those that follow the role. */
static void take_deflate(char **words, int server)
{
    char *parameter;
    for (; *words != NULL && strncmp(*words, "permessage-deflate", 18) != 0; words++)
        continue;
    if (*words == NULL)
        return;
    compresses = 1;
    deflate.min_size = 1;
    for (strtok(*words, ";"); (parameter = strtok(NULL, ";")) != NULL;)
        ask_for(parameter, server);
    do
        words[0] = words[1];
    while (*words++ != NULL);
}

/* ---- what was agreed on ---- */

static void say_deflate(wsrs_conn conn)
{
    wsrs_deflate_info info = WSRS_DEFLATE_INFO_INIT;
    if (wsrs_conn_deflate(conn, &info) != WSRS_OK)
        return;
    printf("deflate server %d %d client %d %d", (int)info.server_max_window_bits, (int)info.server_no_context_takeover,
           (int)info.client_max_window_bits, (int)info.client_no_context_takeover);
    end_line();
}

static void say_word(const char *name, const char *value, size_t len)
{
    printf(" %s=", name);
    if (len == 0)
        putchar('-');
    for (size_t i = 0; i < len; i++)
        putchar(value[i] == ' ' ? '_' : value[i]);
}

static void say_tls(wsrs_conn conn)
{
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    if (wsrs_conn_tls(conn, &info) != WSRS_OK)
        return;
    printf("tls version=%s resumed=%d", info.version == WSRS_TLS_1_3 ? "1.3" : "1.2", (int)info.resumed);
    say_word("cipher", info.cipher, info.cipher_len);
    say_word("alpn", info.alpn, info.alpn_len);
    say_word("sni", info.server_name, info.server_name_len);
    say_word("subject", info.peer_subject, info.peer_subject_len);
    say_word("names", info.peer_names, info.peer_names_len);
    end_line();
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
    say_tls(conn);
    say_deflate(conn);
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
    printf(" %s %s%s", close->clean ? "clean" : "unclean", by[close->by], close->truncated ? " truncated" : "");
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
    const char *kind = error->result == WSRS_ERR_REJECTED ? "rejected" : error->stage == WSRS_STAGE_TLS ? "tls" : "other";
    printf("failed %d %s %d %s", (int)error->status, kind, (int)error->tls_alert, error->text);
    end_line();
}

/* ---- commands ---- */

static wsrs_result connect_to(const char *url, const char *subprotocols)
{
    static const wsrs_header origin = {"Origin", WSRS_NUL_TERMINATED, "http://refused.example", WSRS_NUL_TERMINATED};
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_reconnect reconnect = WSRS_RECONNECT_INIT;
    options.subprotocols = or_none(subprotocols);
    options.tls = tls;
    options.deflate = compresses ? &deflate : NULL;
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
    options.tls = tls;
    options.deflate = compresses ? &deflate : NULL;
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
    int server = argc > 1 && strcmp(argv[1], "server") == 0;
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
    if (argc > 1)
        take_deflate(argv + 2, server);
    if (result == WSRS_OK && argc > 1 && argv[2] != NULL)
        result = make_tls(argv + 2, server);
    if (result == WSRS_OK && server)
        result = listen_somewhere();
    if (result == WSRS_OK)
        result = loop();
    if (result != WSRS_OK)
        fprintf(stderr, "wsrs: %s\n", wsrs_last_error());
    wsrs_context_free(context);
    return result == WSRS_OK ? 0 : 1;
}
