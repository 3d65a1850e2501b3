/* Who a client is: subject and names of its certificate in on_request, where a program decides by them; none, optional and
 * required; and the same once more in a session that is resumed.
 *
 * Checked by: this fails with ClientCerts::Required taken for Optional, and for None, and with Resumption::disabled(). */
#include "check_tls.h"

#define SUBJECT "CN=device 17,O=Example"
#define NAMES "DNS:device-17.test, email:device@example.test"

static struct fate server;
static int asked, known, resumed;

static int is(const char *text, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

/* Lets in who has shown the certificate of device 17, or whoever asks for /open. */
static void on_request(wsrs_conn conn, const wsrs_request *request, void *user_data)
{
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    CHECK_OK(wsrs_conn_tls(conn, &info));
    CHECK(is(info.server_name, info.server_name_len, "localhost"));
    asked++;
    resumed = info.resumed;
    known = info.peer_cert != NULL;
    if (known)
        CHECK(is(info.peer_subject, info.peer_subject_len, SUBJECT) && is(info.peer_names, info.peer_names_len, NAMES));
    else
        CHECK(info.peer_cert_len == 0 && info.peer_subject_len == 0 && info.peer_names_len == 0);
    if (known)
        CHECK_OK(wsrs_conn_accept(conn, NULL, NULL, 0));
    else
        CHECK_OK(wsrs_conn_respond(conn, 403, NULL, 0, NULL, 0));
}

static uint16_t serve(wsrs_context context, int32_t client_certs)
{
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_callbacks callbacks = fate_callbacks();
    wsrs_tls_options own = tls_own("server");
    uint16_t port;
    callbacks.on_request = on_request;
    own.client_certs = client_certs;
    own.ca_file = CERTIFICATE("ca.pem");
    listen.tls = tls_new(&own);
    listen.callbacks = &callbacks;
    listen.user_data = &server;
    port = check_listen(context, &listen);
    CHECK_OK(wsrs_tls_free(listen.tls));
    return port;
}

static void decided(wsrs_context context, int32_t version)
{
    wsrs_tls_options trusting = tls_trusting(), mine;
    struct fate client;
    wsrs_tls nobody, device;
    uint16_t none = serve(context, WSRS_CLIENT_CERTS_NONE), optional = serve(context, WSRS_CLIENT_CERTS_OPTIONAL),
             required = serve(context, WSRS_CLIENT_CERTS_REQUIRED);
    uint16_t ports[2];
    int i;
    ports[0] = optional;
    ports[1] = required;
    trusting.min_version = trusting.max_version = version;
    nobody = tls_new(&trusting);
    mine = tls_own("client");
    trusting.cert_file = mine.cert_file;
    trusting.key_file = mine.key_file;
    device = tls_new(&trusting);

    tls_connect(context, none, device, &client); /* not asked for, so not shown */
    tls_await(context, &client);
    CHECK(client.failed == 1 && client.result == WSRS_ERR_REJECTED && !known);
    tls_connect(context, optional, nobody, &client);
    tls_await(context, &client);
    CHECK(client.failed == 1 && client.result == WSRS_ERR_REJECTED && !known);
    for (i = 0; i < 4; i++) {
        tls_connect(context, ports[i / 2], device, &client);
        tls_expect_open(context, &client);
        CHECK(known && resumed == i % 2);
        tls_close(context, &client);
    }
    asked = 0;
    tls_connect(context, required, nobody, &client);
    tls_await(context, &client);
    CHECK(client.failed == 1 && client.stage == WSRS_STAGE_TLS && asked == 0);
    CHECK_OK(wsrs_tls_free(nobody));
    CHECK_OK(wsrs_tls_free(device));
}

int main(void)
{
    wsrs_context context = tls_context();
    decided(context, WSRS_TLS_1_2);
    decided(context, WSRS_TLS_1_3);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
