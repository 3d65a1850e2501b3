/* Certificates of a running server: several, chosen by the name that a client asks for; added, replaced and removed while
 * connections stay.
 *
 * Checked by: this fails without the wildcard in find() of net/tls/certs.rs, without the default there. */
#include "check_tls.h"

enum { STAYING = 3 };

static wsrs_context context;
static struct fate server, staying[STAYING], passing;
static wsrs_tls tls;
static uint16_t port;

/* The bytes that a file of openssl's has, without the lines around them and the line ends: base64 of DER. */
static size_t base64_of_file(const char *path, char *out, size_t capacity)
{
    char line[128];
    size_t len = 0;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (line[0] != '-') {
            size_t count = strcspn(line, "\n");
            CHECK(len + count < capacity);
            memcpy(out + len, line, count);
            len += count;
        }
    fclose(file);
    return len;
}

static void check_base64(const char *base64, size_t len, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t i;
    CHECK(len == (count + 2) / 3 * 4);
    for (i = 0; i * 3 + 3 <= count; i++) {
        const uint8_t *three = bytes + i * 3;
        const char *four = base64 + i * 4;
        CHECK(four[0] == digits[three[0] >> 2] && four[1] == digits[(three[0] & 3) << 4 | three[1] >> 4]
              && four[2] == digits[(three[1] & 15) << 2 | three[2] >> 6] && four[3] == digits[three[2] & 63]);
    }
}

/* The certificate that a client got is this one, to the byte. */
static void check_shown(wsrs_conn conn, const char *path)
{
    char base64[8192];
    size_t len = base64_of_file(path, base64, sizeof base64);
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    CHECK_OK(wsrs_conn_tls(conn, &info));
    check_base64(base64, len, info.peer_cert, info.peer_cert_len);
}

/* A client asks for this name, and gets this certificate; NULL: none. */
static void ask(const char *name, const char *path, struct fate *client)
{
    wsrs_tls_options trusting = tls_trusting();
    wsrs_tls mine;
    trusting.server_name = name;
    mine = tls_new(&trusting);
    tls_connect(context, port, mine, client);
    tls_await(context, client);
    if (path == NULL) {
        CHECK(client->failed == 1 && client->stage == WSRS_STAGE_TLS);
    } else {
        tls_expect_open(context, client);
        check_shown(client->conn, path);
    }
    CHECK_OK(wsrs_tls_free(mine));
}

static void ask_and_leave(const char *name, const char *path)
{
    ask(name, path, &passing);
    if (path != NULL)
        tls_close(context, &passing);
}

static void set(const char *name, const char *certificate)
{
    wsrs_tls_options own = tls_own(certificate);
    CHECK_OK(wsrs_tls_set_cert(tls, name, own.cert_file, own.key_file));
}

static void check_staying(void)
{
    int i, before = server.messages;
    for (i = 0; i < STAYING; i++)
        if (staying[i].opened)
            CHECK_OK(wsrs_conn_send_text(staying[i].conn, "still here"));
    for (i = 0; i < STAYING; i++)
        before += staying[i].opened;
    POLL_UNTIL(context, server.messages, before);
    for (i = 0; i < STAYING; i++)
        CHECK(staying[i].closed == 0);
}

static void names(void)
{
    ask("localhost", CERTIFICATE("server.pem"), &staying[0]);
    set("second.test", "second");
    set("*.second.test", "second");
    ask("second.test", CERTIFICATE("second.pem"), &staying[1]);
    ask_and_leave("SECOND.test", CERTIFICATE("second.pem"));
    ask_and_leave("one.second.test", CERTIFICATE("second.pem"));
    ask_and_leave("two.one.second.test", NULL); /* RFC 6125 section 6.4.3: the star is one label */
    ask_and_leave("127.0.0.1", CERTIFICATE("server.pem")); /* RFC 6066 section 3: no name is asked for */
    check_staying();
}

static void replaced(void)
{
    set(NULL, "server-2");
    ask("localhost", CERTIFICATE("server-2.pem"), &staying[2]);
    ask_and_leave("second.test", CERTIFICATE("second.pem"));
    check_shown(staying[0].conn, CERTIFICATE("server.pem"));
    check_staying();
    set("localhost", "rsa");
    ask_and_leave("localhost", CERTIFICATE("rsa.pem"));
    ask_and_leave("127.0.0.1", CERTIFICATE("server-2.pem"));
}

/* One that can't be used changes nothing. */
static void refused(void)
{
    wsrs_tls_options own = tls_own("server"), other = tls_own("second");
    CHECK_IS(wsrs_tls_set_cert(tls, NULL, own.cert_file, other.key_file), WSRS_ERR_PEM);
    CHECK(strstr(wsrs_last_error(), "the key does not belong to the certificate") != NULL);
    CHECK_IS(wsrs_tls_set_cert(tls, NULL, CERTIFICATE("nothing.pem"), NULL), WSRS_ERR_PEM);
    CHECK(strstr(wsrs_last_error(), "nothing.pem") != NULL);
    CHECK_IS(wsrs_tls_set_cert(tls, NULL, own.key_file, own.key_file), WSRS_ERR_PEM);
    CHECK_IS(wsrs_tls_set_cert(tls, NULL, own.cert_file, NULL), WSRS_ERR_PEM);
    ask_and_leave("127.0.0.1", CERTIFICATE("server-2.pem"));
}

static void removed(void)
{
    CHECK_OK(wsrs_tls_remove_cert(tls, "localhost"));
    CHECK_IS(wsrs_tls_remove_cert(tls, "localhost"), WSRS_ERR_NOT_FOUND);
    ask_and_leave("localhost", CERTIFICATE("server-2.pem"));
    CHECK_OK(wsrs_tls_remove_cert(tls, NULL));
    ask_and_leave("localhost", NULL);
    ask_and_leave("second.test", CERTIFICATE("second.pem"));
    CHECK_OK(wsrs_tls_remove_cert(tls, "second.test"));
    CHECK_OK(wsrs_tls_remove_cert(tls, "*.second.test"));
    ask_and_leave("second.test", NULL);
    check_staying();
    set(NULL, "chain");
    ask_and_leave("localhost", CERTIFICATE("leaf.pem"));
}

int main(void)
{
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_tls_options own = tls_own("server");
    int i;
    context = tls_context();
    tls = tls_new(&own);
    listen.tls = tls;
    listen.user_data = &server;
    port = check_listen(context, &listen);
    names();
    replaced();
    refused();
    removed();
    for (i = 0; i < STAYING; i++)
        tls_close(context, &staying[i]);
    CHECK_OK(wsrs_tls_free(tls));
    CHECK_OK(wsrs_tls_free(tls));
    CHECK_IS(wsrs_tls_set_cert(tls, NULL, own.cert_file, own.key_file), WSRS_ERR_CLOSED);
    ask_and_leave("localhost", CERTIFICATE("leaf.pem")); /* the listener keeps what it uses */
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
