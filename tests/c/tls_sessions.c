/* What both ends agree on: resumption of sessions and none of it, ALPN, bounds of the version; each end tells the same.
 *
 * Checked by: this fails without the resumption of either role in net/tls/config.rs, without no_resumption there, without
 * alpn_protocols. */
#include "check_tls.h"

static wsrs_context context;
static struct fate server, client;

static void check_text(const char *text, size_t len, const char *wanted)
{
    CHECK(len == strlen(wanted) && (len == 0 || memcmp(text, wanted, len) == 0));
}

static uint16_t serve(const wsrs_tls_options *own)
{
    return tls_listen(context, own, &server);
}

/* Opens once more; both ends agree on version, ALPN, and whether the session is an earlier one's. */
static void once(uint16_t port, wsrs_tls tls, int32_t version, int resumed, const char *alpn)
{
    wsrs_tls_info info[2] = {WSRS_TLS_INFO_INIT, WSRS_TLS_INFO_INIT};
    const char *cipher = version == WSRS_TLS_1_3 ? "TLS_AES_" : "TLS_ECDHE_ECDSA_WITH_AES_";
    int i;
    memset(&server, 0, sizeof server);
    tls_connect(context, port, tls, &client);
    tls_expect_open(context, &client);
    POLL_UNTIL(context, server.opened, 1);
    CHECK_OK(wsrs_conn_tls(client.conn, &info[0]));
    CHECK_OK(wsrs_conn_tls(server.conn, &info[1]));
    for (i = 0; i < 2; i++) {
        CHECK(info[i].version == version && info[i].resumed == resumed);
        check_text(info[i].alpn, info[i].alpn_len, alpn);
        check_text(info[i].server_name, info[i].server_name_len, "localhost");
        CHECK(info[i].cipher_len == info[0].cipher_len && memcmp(info[i].cipher, info[0].cipher, info[0].cipher_len) == 0);
    }
    CHECK(strncmp(info[0].cipher, cipher, strlen(cipher)) == 0);
    CHECK(info[0].peer_cert != NULL && info[1].peer_cert == NULL);
    check_text(info[0].peer_subject, info[0].peer_subject_len, "CN=localhost");
    check_text(info[0].peer_names, info[0].peer_names_len, "DNS:localhost, IP:127.0.0.1, IP:::1");
    /* The tickets of TLS 1.3 come before the first message. */
    CHECK_OK(wsrs_conn_send_text(server.conn, "hello"));
    POLL_UNTIL(context, client.messages, 1);
    tls_close(context, &client);
    CHECK_IS(wsrs_conn_tls(client.conn, &info[0]), WSRS_ERR_CLOSED);
}

static void resumed(int32_t version)
{
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    uint16_t port = serve(&own), forgetful;
    wsrs_tls tls;
    int i;
    own.no_resumption = 1;
    forgetful = serve(&own);
    trusting.min_version = trusting.max_version = version;
    tls = tls_new(&trusting);
    for (i = 0; i < 4; i++)
        once(port, tls, version, i > 0, "");
    for (i = 0; i < 3; i++)
        once(forgetful, tls, version, 0, "");
    CHECK_OK(wsrs_tls_free(tls));
    tls = tls_new(&trusting); /* remembers nothing yet */
    once(port, tls, version, 0, "");
    once(port, tls, version, 1, "");
    CHECK_OK(wsrs_tls_free(tls));
    trusting.no_resumption = 1;
    tls = tls_new(&trusting);
    for (i = 0; i < 3; i++)
        once(port, tls, version, 0, "");
    CHECK_OK(wsrs_tls_free(tls));
}

/* An attempt that both ends give up in the handshake. */
static void fails(uint16_t port, const wsrs_tls_options *options, int32_t alert, const char *text)
{
    wsrs_tls tls = tls_new(options);
    tls_connect(context, port, tls, &client);
    tls_await(context, &client);
    tls_expect_failure(&client, WSRS_ERR_TLS, alert, text);
    CHECK_OK(wsrs_tls_free(tls));
}

static void opens(uint16_t port, const wsrs_tls_options *options, int32_t version, const char *alpn)
{
    wsrs_tls tls = tls_new(options);
    once(port, tls, version, 0, alpn);
    CHECK_OK(wsrs_tls_free(tls));
}

static void alpn(void)
{
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    uint16_t silent = serve(&own), port;
    own.alpn = "http/1.1, chat";
    port = serve(&own);
    opens(port, &trusting, WSRS_TLS_1_3, "");
    trusting.alpn = "chat,http/1.1";
    opens(port, &trusting, WSRS_TLS_1_3, "http/1.1"); /* what the server prefers */
    opens(silent, &trusting, WSRS_TLS_1_3, "");
    trusting.alpn = "h2";
    fails(port, &trusting, 120, "the server's TLS alert NoApplicationProtocol to this client: no ALPN protocol in common");
}

static void bounds(void)
{
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    uint16_t any = serve(&own), old, new;
    own.max_version = WSRS_TLS_1_2;
    old = serve(&own);
    own.max_version = 0;
    own.min_version = WSRS_TLS_1_3;
    new = serve(&own);
    opens(any, &trusting, WSRS_TLS_1_3, "");
    opens(old, &trusting, WSRS_TLS_1_2, "");
    opens(new, &trusting, WSRS_TLS_1_3, "");
    trusting.max_version = WSRS_TLS_1_2;
    opens(any, &trusting, WSRS_TLS_1_2, "");
    fails(new, &trusting, 70, "the server's TLS alert ProtocolVersion to this client: no version of TLS in common");
    trusting.max_version = 0;
    trusting.min_version = WSRS_TLS_1_3;
    fails(old, &trusting, 70, "the server's TLS alert ProtocolVersion to this client: no version of TLS in common");
}

int main(void)
{
    context = tls_context();
    resumed(WSRS_TLS_1_2);
    resumed(WSRS_TLS_1_3);
    alpn();
    bounds();
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
