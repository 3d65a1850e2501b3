/* H16: a client refuses a server whose certificate is not good: wrong name, expired, not yet valid, self-signed, of another
 * authority, not for servers, without its intermediate authority; TLS 1.2 and 1.3. on_error says what is wrong and with
 * which alert the server was left.
 *
 * Checked by: without verify_server_cert in net/tls/verify.rs this fails; without REFUSED there, by the words. */
#include "check_tls.h"

#define ISSUER(name) \
    "the server's certificate has an unknown issuer " name ": give its CA, or the certificates in between are missing"

static const struct {
    const char *certificate;
    int32_t alert; /* RFC 8446 section 6.2 */
    const char *text;
} cases[] = {
    {"wrong-name", 42, "the server's certificate was refused: name localhost not in certificate: other.test, *.other.test"},
    {"expired", 45, "the server's certificate expired on 2021-01-01 00:00:00 UTC"},
    {"not-yet", 45, "the server's certificate is not valid before 2090-01-01 00:00:00 UTC: is the clock right?"},
    {"self-signed", 48, ISSUER("CN=localhost")},
    {"other", 48, ISSUER("CN=another test authority,O=Example")},
    {"leaf", 48, ISSUER("CN=wsrs test intermediate,O=Example")},
    {"wrong-usage", 43, "the server's certificate is not meant for this use (extended key usage)"},
};

static const int32_t versions[] = {WSRS_TLS_1_2, WSRS_TLS_1_3};

static void refused(wsrs_context context, size_t i, int32_t version)
{
    wsrs_tls_options own = tls_own(cases[i].certificate), trusting = tls_trusting();
    struct fate server = {0}, client;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    wsrs_tls tls;
    uint64_t before;
    uint16_t port;
    own.max_version = own.min_version = version;
    port = tls_listen(context, &own, &server);
    CHECK_OK(wsrs_context_totals(context, &totals));
    before = totals.handshakes_failed;
    tls = tls_new(&trusting);
    tls_connect(context, port, tls, &client);
    tls_await(context, &client);
    tls_expect_failure(&client, WSRS_ERR_CERTIFICATE, cases[i].alert, cases[i].text);
    while (totals.handshakes_failed == before) {
        CHECK_OK(wsrs_context_poll(context, 10));
        CHECK_OK(wsrs_context_totals(context, &totals));
    }
    CHECK(totals.handshakes_failed == before + 1 && server.opened == 0 && server.failed == 0 && server.closed == 0);

    /* Only the switch that is named so lets it in. */
    trusting.dangerous_no_verification = 1;
    CHECK_OK(wsrs_tls_free(tls));
    tls = tls_new(&trusting);
    tls_connect(context, port, tls, &client);
    tls_expect_open(context, &client);
    tls_close(context, &client);
    CHECK_OK(wsrs_tls_free(tls));
}

int main(void)
{
    wsrs_context context = tls_context();
    size_t i;
    for (i = 0; i < 2 * sizeof cases / sizeof *cases; i++)
        refused(context, i / 2, versions[i % 2]);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
