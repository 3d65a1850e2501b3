/* H16: a server that requires client certificates refuses clients without one, with one that expired, of another authority,
 * or not for clients; with TLS 1.2 before the client's handshake is done, with TLS 1.3 after it. The client is told. An
 * optional certificate that is not good is refused too.
 *
 * Checked by: this fails with ClientCerts::Required taken for Optional in net/tls/verify.rs, and for None. */
#include "check_tls.h"

static const struct {
    const char *certificate;
    int32_t alert; /* RFC 8446 section 4.4.2.4 */
    const char *text;
} cases[] = {
    {NULL, 116, "the server's TLS alert CertificateRequired to this client: it wants a client certificate"},
    {"client-expired", 45, "the server's TLS alert CertificateExpired to this client: our certificate has expired"},
    {"client-other", 48, "the server's TLS alert UnknownCA to this client: it does not know the CA of our certificate"},
    {"client-wrong-usage", 43, "the server's TLS alert UnsupportedCertificate to this client"},
};

static void refused(wsrs_context context, size_t i, int32_t version, int32_t client_certs)
{
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    struct fate server = {0}, client;
    wsrs_tls tls;
    uint16_t port;
    own.client_certs = client_certs;
    own.ca_file = CERTIFICATE("ca.pem");
    port = tls_listen(context, &own, &server);
    if (cases[i].certificate != NULL) {
        wsrs_tls_options mine = tls_own(cases[i].certificate);
        trusting.cert_file = mine.cert_file;
        trusting.key_file = mine.key_file;
    }
    trusting.max_version = trusting.min_version = version;
    tls = tls_new(&trusting);
    tls_connect(context, port, tls, &client);
    tls_await(context, &client);
    if (cases[i].certificate == NULL && client_certs == WSRS_CLIENT_CERTS_OPTIONAL) {
        CHECK(client.opened == 1);
        tls_close(context, &client);
    } else {
        tls_expect_failure(&client, WSRS_ERR_TLS, cases[i].alert, cases[i].text);
        CHECK(server.opened == 0);
    }
    CHECK_OK(wsrs_tls_free(tls));
}

int main(void)
{
    wsrs_context context = tls_context();
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(context, i, WSRS_TLS_1_2, WSRS_CLIENT_CERTS_REQUIRED);
        refused(context, i, WSRS_TLS_1_3, WSRS_CLIENT_CERTS_REQUIRED);
        refused(context, i, WSRS_TLS_1_2, WSRS_CLIENT_CERTS_OPTIONAL);
        refused(context, i, WSRS_TLS_1_3, WSRS_CLIENT_CERTS_OPTIONAL);
    }
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
