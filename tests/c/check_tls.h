/* What the TLS tests share: the certificates of scripts/certificates.sh, and connections whose fate is written down. Both
 * roles are in one context; servers listen on 127.0.0.1, clients ask for localhost. */
#ifndef CHECK_TLS_H
#define CHECK_TLS_H

#include "check.h"

#define CERTIFICATE(file) WSRS_CERTIFICATES "/" file

/* What became of a connection; its user data. */
struct fate {
    wsrs_conn conn;
    int opened, failed, closed, messages;
    wsrs_result result;
    int32_t stage, alert, code, clean, by, truncated;
    char text[512];
};

static inline void fate_opened(wsrs_conn conn, void *user_data)
{
    struct fate *fate = user_data;
    fate->conn = conn;
    fate->opened++;
}

static inline void fate_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct fate *fate = user_data;
    fate->messages++;
}

static inline void fate_failed(wsrs_conn conn, const wsrs_error *error, void *user_data)
{
    struct fate *fate = user_data;
    CHECK(strlen(error->text) == error->text_len);
    fate->failed++;
    fate->result = error->result;
    fate->stage = error->stage;
    fate->alert = error->tls_alert;
    snprintf(fate->text, sizeof fate->text, "%s", error->text);
}

static inline void fate_closed(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    struct fate *fate = user_data;
    fate->closed++;
    fate->code = close->code;
    fate->clean = close->clean;
    fate->by = close->by;
    fate->truncated = close->truncated;
}

static inline wsrs_callbacks fate_callbacks(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_open = fate_opened;
    callbacks.on_message = fate_message;
    callbacks.on_error = fate_failed;
    callbacks.on_close = fate_closed;
    return callbacks;
}

static inline wsrs_context tls_context(void)
{
    wsrs_callbacks callbacks = fate_callbacks();
    return check_context(&callbacks);
}

static inline wsrs_tls tls_new(const wsrs_tls_options *options)
{
    wsrs_tls tls;
    CHECK_OK(wsrs_tls_new(options, &tls));
    CHECK(tls.id != 0);
    return tls;
}

/* Options of one that shows this certificate: "server" is server.pem with server.key. The newest two are valid. */
static inline wsrs_tls_options tls_own(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    char *cert = paths[next++ % 4], *key = paths[next++ % 4];
    snprintf(cert, sizeof paths[0], CERTIFICATE("%s.pem"), name);
    snprintf(key, sizeof paths[0], CERTIFICATE("%s.key"), name);
    options.cert_file = cert;
    options.key_file = key;
    return options;
}

/* Options of a client that trusts ca.pem and nobody else. */
static inline wsrs_tls_options tls_trusting(void)
{
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    options.ca_file = CERTIFICATE("ca.pem");
    return options;
}

static inline uint16_t tls_listen(wsrs_context context, const wsrs_tls_options *options, struct fate *fate)
{
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    uint16_t port;
    listen.tls = tls_new(options);
    listen.user_data = fate;
    port = check_listen(context, &listen);
    CHECK_OK(wsrs_tls_free(listen.tls)); /* the listener keeps what it uses */
    return port;
}

static inline wsrs_conn tls_connect(wsrs_context context, uint16_t port, wsrs_tls tls, struct fate *fate)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    char url[64];
    memset(fate, 0, sizeof *fate);
    options.tls = tls;
    options.user_data = fate;
    snprintf(url, sizeof url, "wss://localhost:%u/", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, &fate->conn));
    return fate->conn;
}

/* Turns the loop until a connect has come to something. */
static inline void tls_await(wsrs_context context, const struct fate *fate)
{
    long end = check_now_ms() + 20000;
    while (fate->opened + fate->failed == 0 && check_now_ms() < end)
        CHECK_OK(wsrs_context_poll(context, 10));
    CHECK(fate->opened + fate->failed == 1);
}

static inline void tls_expect_open(wsrs_context context, const struct fate *fate)
{
    tls_await(context, fate);
    if (fate->failed)
        fprintf(stderr, "%s\n", fate->text);
    CHECK(fate->opened == 1);
}

/* Ends an open connection as both want it. */
static inline void tls_close(wsrs_context context, const struct fate *fate)
{
    CHECK_OK(wsrs_conn_close(fate->conn, 1000, NULL, 0));
    POLL_UNTIL(context, fate->closed, 1);
    CHECK(fate->code == 1000 && fate->clean && !fate->truncated);
}

/* It failed at the stage of TLS, with this result and alert, and says this, behind the address. */
static inline void tls_expect_failure(const struct fate *fate, wsrs_result result, int32_t alert, const char *text)
{
    size_t all = strlen(fate->text), len = strlen(text);
    if (fate->failed != 1 || fate->stage != WSRS_STAGE_TLS || fate->result != result || fate->alert != alert || all < len
        || strcmp(fate->text + all - len, text) != 0) {
        fprintf(stderr, "failed %d times, stage %d, %s, alert %d: %s\n", fate->failed, (int)fate->stage,
                wsrs_strerror(fate->result), (int)fate->alert, fate->text);
        fprintf(stderr, "expected: %s, alert %d: %s\n", wsrs_strerror(result), (int)alert, text);
        exit(1);
    }
}

#endif
