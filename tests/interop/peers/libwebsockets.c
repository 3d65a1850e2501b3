/*
 * libwebsockets as a peer: libwebsockets server|client [tls] [permessage-deflate[;PARAMETER...]]. The words are explained in tests/interop/ends.py.
 *
 * Standard input is adopted as a raw file, so that one loop serves both. What is to be sent waits in a list: the library
 * wants one write for each of its LWS_CALLBACK_*_WRITEABLE.
 */
#include <fcntl.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "words.h"

#define CHAT "chat.v2"

enum { CLOSE = -1 };

struct output {
    struct output *next;
    int flags; /* for lws_write, or CLOSE */
    int code;
    size_t len;
    unsigned char bytes[]; /* LWS_PRE of them are free */
};

static struct lws_context *context;
static struct lws_vhost *vhost;
static struct lws *current;
static struct output *outputs;
static unsigned char *message;
static size_t message_len;
static int closed_by_peer, done, tls;
static char agreed[64];

/* ---- words ---- */

static void say_hex(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    printf(len == 0 ? " -" : " ");
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
}

/* ---- sending ---- */

static void append(int flags, int code, char *word)
{
    size_t len = unhex(word);
    struct output *output = malloc(sizeof *output + LWS_PRE + len), **end = &outputs;
    *output = (struct output){.flags = flags, .code = code, .len = len};
    memcpy(output->bytes + LWS_PRE, word, len);
    while (*end != NULL)
        end = &(*end)->next;
    *end = output;
}

/* One write; -1 closes the connection. */
static int write_next(struct lws *wsi)
{
    struct output *output = outputs;
    int result = 0;
    if (output == NULL)
        return 0;
    outputs = output->next;
    if (output->flags == CLOSE) {
        lws_close_reason(wsi, (enum lws_close_status)output->code, output->bytes + LWS_PRE, output->len);
        result = -1;
    } else {
        lws_write(wsi, output->bytes + LWS_PRE, output->len, (enum lws_write_protocol)output->flags);
    }
    free(output);
    if (outputs != NULL)
        lws_callback_on_writable(wsi);
    return result;
}

/* ---- receiving ---- */

static void receive(struct lws *wsi, const void *data, size_t len)
{
    message = realloc(message, message_len + len + 1);
    memcpy(message + message_len, data, len);
    message_len += len;
    if (lws_remaining_packet_payload(wsi) != 0 || !lws_is_final_fragment(wsi))
        return;
    printf("message %s", lws_frame_is_binary(wsi) ? "binary" : "text");
    say_hex(message, message_len);
    end_line();
    message_len = 0;
}

static void closed(const unsigned char *data, size_t len)
{
    printf("closed %d", len < 2 ? 1005 : data[0] << 8 | data[1]);
    say_hex(data + 2, len < 2 ? 0 : len - 2);
    end_line();
    closed_by_peer = 1;
}

static void opened(struct lws *wsi, const char *subprotocol)
{
    current = wsi;
    closed_by_peer = 0;
    message_len = 0;
    printf("open %s", subprotocol[0] == '\0' ? "-" : subprotocol);
    end_line();
}

static int is_refused(struct lws *wsi)
{
    char path[64] = "";
    lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    return strcmp(path, "/refuse") == 0;
}

static int refuse(struct lws *wsi)
{
    lws_return_http_status(wsi, 403, NULL);
    return 1;
}


static void read_command(void);

/* The library's only callback. */
static int told(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE: read_command(); break;
    case LWS_CALLBACK_RAW_CLOSE_FILE: done = 1; break;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return is_refused(wsi) ? refuse(wsi) : 0;
    case LWS_CALLBACK_ESTABLISHED:
        opened(wsi, lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) ? lws_get_protocol(wsi)->name : "");
        break;
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        agreed[0] = '\0';
        lws_hdr_copy(wsi, agreed, sizeof agreed, WSI_TOKEN_PROTOCOL);
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED: opened(wsi, agreed); break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: printf("failed %u", lws_http_client_http_response(wsi)), end_line(); break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE: return wsi == current ? write_next(wsi) : 0;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE: receive(wsi, in, len); break;
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG: printf("pong"), say_hex(in, len), end_line(); break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: closed(in, len); break;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (!closed_by_peer)
            printf("closed 1006 -"), end_line();
        break;
    default: break;
    }
    return 0;
}

/* ---- commands ---- */

static void connect_to(const char *url, const char *subprotocols)
{
    struct lws_client_connect_info info = {.context = context, .vhost = vhost, .local_protocol_name = CHAT};
    info.address = "127.0.0.1";
    info.host = tls ? "localhost" : info.address;
    info.ssl_connection = tls ? LCCSCF_USE_SSL : 0;
    info.port = atoi(strrchr(url, ':') + 1);
    info.path = strchr(strstr(url, "//") + 2, '/');
    info.protocol = strcmp(subprotocols, "-") == 0 ? NULL : subprotocols;
    lws_client_connect_via_info(&info);
}

static int frame_flags(const char *kind, int first, int last)
{
    int type = first ? strcmp(kind, "text") == 0 ? LWS_WRITE_TEXT : LWS_WRITE_BINARY : LWS_WRITE_CONTINUATION;
    return type | (last ? 0 : LWS_WRITE_NO_FIN);
}

static void fragments(const char *kind)
{
    char *word = strtok(NULL, " \n");
    for (int first = 1; word != NULL; first = 0) {
        char *following = strtok(NULL, " \n");
        append(frame_flags(kind, first, following == NULL), 0, word);
        word = following;
    }
}

static void obey(const char *command)
{
    char *word = strtok(NULL, " \n");
    if (strcmp(command, "connect") == 0) {
        connect_to(word, strtok(NULL, " \n"));
        return;
    }
    if (strcmp(command, "text") == 0 || strcmp(command, "binary") == 0)
        append(frame_flags(command, 1, 1), 0, word);
    else if (strcmp(command, "fragments") == 0)
        fragments(word);
    else if (strcmp(command, "ping") == 0)
        append(LWS_WRITE_PING, 0, word);
    else if (strcmp(command, "close") == 0)
        append(CLOSE, atoi(word), strtok(NULL, " \n"));
    lws_callback_on_writable(current);
}

/* One command is under way at a time, so that a line never leaves another one behind it in stdin's buffer. */
static void read_command(void)
{
    static char *line;
    static size_t capacity;
    fcntl(0, F_SETFL, 0); /* adopting it has made it non-blocking */
    if (getline(&line, &capacity, stdin) <= 0) {
        done = 1;
        return;
    }
    obey(strtok(line, " \n"));
    printf("done");
    end_line();
}

static const char *certificate(const char *name)
{
    static char paths[2][1024];
    static int next;
    char *path = paths[next++];
    snprintf(path, sizeof paths[0], "%s/%s", getenv("CERTIFICATES"), name);
    return path;
}

static void use_certificates(struct lws_context_creation_info *info, int server)
{
    info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    if (server) {
        info->ssl_cert_filepath = certificate("server.pem");
        info->ssl_private_key_filepath = certificate("server.key");
    } else {
        info->client_ssl_ca_filepath = certificate("ca.pem");
    }
}

/* The parameters become a client's offer; a server of the library asks for nothing itself. */
static void use_deflate(struct lws_context_creation_info *info, const char *word)
{
    static struct lws_extension extensions[2];
    static char offer[256];
    snprintf(offer, sizeof offer, "%s%s", word, strstr(word, "client_max") == NULL ? ";client_max_window_bits" : "");
    extensions[0] = (struct lws_extension){"permessage-deflate", lws_extension_callback_pm_deflate, offer};
    info->extensions = extensions;
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        {.name = CHAT, .callback = told, .rx_buffer_size = 65536},
        {0},
    };
    struct lws_context_creation_info info = {.protocols = protocols, .port = CONTEXT_PORT_NO_LISTEN, .gid = -1, .uid = -1};
    lws_sock_file_fd_type input = {.filefd = 0};
    int server = argc >= 2 && strcmp(argv[1], "server") == 0;
    tls = argc >= 3 && strcmp(argv[2], "tls") == 0;
    lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
    if (server) {
        info.port = 0;
        info.iface = "127.0.0.1";
    }
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    if (tls)
        use_certificates(&info, server);
    if (argc >= 3 && strncmp(argv[argc - 1], "permessage-deflate", 18) == 0)
        use_deflate(&info, argv[argc - 1]);
    context = lws_create_context(&info);
    vhost = lws_create_vhost(context, &info);
    printf("version %.5s", lws_get_library_version());
    end_line();
    if (vhost == NULL || !lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, input, CHAT, NULL))
        return 1;
    if (server) {
        printf("listening %d", lws_get_vhost_listen_port(vhost));
        end_line();
    }
    while (!done && lws_service(context, 0) >= 0)
        continue;
    lws_context_destroy(context);
    return 0;
}
