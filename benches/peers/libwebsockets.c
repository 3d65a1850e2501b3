/*
 * Echo on libwebsockets: libwebsockets [--tls CERT KEY | --deflate LEVEL [--no-takeover]] PORT. A message is gathered whole, queued, and
 * written when the socket has room.
 */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct message {
    struct message *next;
    size_t length;
    int binary;
    unsigned char data[]; /* LWS_PRE bytes of room, then the payload */
};

struct session {
    struct message *incoming, *first, **last;
};

static const char *level; /* of compression; null without it */

static void gather(struct lws *wsi, struct session *session, const void *bytes, size_t length)
{
    struct message *message = session->incoming;
    size_t before = message != NULL ? message->length : 0;
    size_t more = lws_remaining_packet_payload(wsi);
    message = realloc(message, sizeof *message + LWS_PRE + before + length + more);
    message->next = NULL;
    message->binary = lws_frame_is_binary(wsi);
    memcpy(message->data + LWS_PRE + before, bytes, length);
    message->length = before + length;
    session->incoming = message;
    if (more > 0 || !lws_is_final_fragment(wsi))
        return;
    session->incoming = NULL;
    *session->last = message;
    session->last = &message->next;
    lws_callback_on_writable(wsi);
}

/* One message for each call, as libwebsockets asks for. */
static int write_first(struct lws *wsi, struct session *session)
{
    struct message *message = session->first;
    if (message == NULL)
        return 0;
    enum lws_write_protocol kind = message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    int written = lws_write(wsi, message->data + LWS_PRE, message->length, kind);
    session->first = message->next;
    if (session->first == NULL)
        session->last = &session->first;
    else
        lws_callback_on_writable(wsi);
    free(message);
    return written < 0 ? -1 : 0;
}

static void forget(struct session *session)
{
    free(session->incoming);
    while (session->first != NULL) {
        struct message *next = session->first->next;
        free(session->first);
        session->first = next;
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t length)
{
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        session->incoming = session->first = NULL;
        session->last = &session->first;
        if (level != NULL)
            lws_set_extension_option(wsi, "permessage-deflate", "compression_level", level);
        break;
    case LWS_CALLBACK_RECEIVE:
        gather(wsi, session, bytes, length);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_first(wsi, session);
    case LWS_CALLBACK_CLOSED:
        forget(session);
        break;
    default:
        break;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const struct lws_protocols protocols[] = {
        {"echo", on_event, sizeof(struct session), 16384, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0},
    };
    struct lws_context_creation_info info = {
        .port = atoi(argv[argc - 1]),
        .iface = "127.0.0.1",
        .protocols = protocols,
        .pt_serv_buf_size = 65536,
    };
    if (argc == 5 && strcmp(argv[1], "--tls") == 0) {
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = argv[2];
        info.ssl_private_key_filepath = argv[3];
    }
    static const struct lws_extension extensions[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
        {NULL, NULL, NULL},
    };
    if (argc >= 4 && strcmp(argv[1], "--deflate") == 0) {
        level = argv[2];
        info.extensions = extensions;
    }
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL)
        return 1;
    while (lws_service(context, 0) >= 0)
        ;
    return 1;
}
