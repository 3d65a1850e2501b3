/* Whom a client trusts: the system's trust store as SSL_CERT_FILE and SSL_CERT_DIR name it, CAs of its own from a file or
 * memory, alone or beside the system's, pins, another name than the URL's; and what can't be used is told by the call.
 *
 * Checked by: this fails without the pins or and_system in net/tls/verify.rs, without server_name() in net/tls/session.rs,
 * with a KeyLogFile that nobody asked for. */
#include "check_tls.h"
#include <sys/wait.h>

#define UNKNOWN \
    "the server's certificate has an unknown issuer CN=wsrs test authority,O=Example: " \
    "give its CA, or the certificates in between are missing"

static wsrs_context context;
static struct fate server;
static uint16_t port;

/* The bytes of a file, NUL-terminated. */
static size_t slurp(const char *path, char *out, size_t capacity)
{
    FILE *file = fopen(path, "r");
    size_t len;
    CHECK(file != NULL);
    len = fread(out, 1, capacity - 1, file);
    fclose(file);
    CHECK(len > 0 && len < capacity - 1);
    out[len] = '\0';
    return len;
}

static void opens_with(wsrs_tls tls)
{
    struct fate client;
    tls_connect(context, port, tls, &client);
    tls_expect_open(context, &client);
    tls_close(context, &client);
}

static void opens(const wsrs_tls_options *options)
{
    wsrs_tls tls = tls_new(options);
    opens_with(tls);
    CHECK_OK(wsrs_tls_free(tls));
}

static void fails(const wsrs_tls_options *options, int32_t alert, const char *text)
{
    wsrs_tls tls = tls_new(options);
    struct fate client;
    tls_connect(context, port, tls, &client);
    tls_await(context, &client);
    tls_expect_failure(&client, WSRS_ERR_CERTIFICATE, alert, text);
    CHECK_OK(wsrs_tls_free(tls));
}

/* What the environment says counts when an endpoint is first used. */
static void of_the_system(void)
{
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    setenv("SSL_CERT_FILE", CERTIFICATE("ca.pem"), 1);
    unsetenv("SSL_CERT_DIR");
    opens(NULL);
    setenv("SSL_CERT_FILE", CERTIFICATE("other-ca.pem"), 1);
    fails(&options, 48, UNKNOWN);
    options.ca_file = CERTIFICATE("ca.pem");
    opens(&options);
    unsetenv("SSL_CERT_FILE");
    setenv("SSL_CERT_DIR", CERTIFICATE("hashed"), 1);
    opens(NULL);
    options.ca_file = CERTIFICATE("other-ca.pem");
    fails(&options, 48, UNKNOWN);
    options.ca_and_system = 1;
    opens(&options);
    setenv("SSL_CERT_DIR", WSRS_CERTIFICATES "/nothing", 1);
    fails(&options, 48, UNKNOWN);
}

static void of_its_own(void)
{
    char ca[8192];
    wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT;
    options.ca_file = CERTIFICATE("ca-and-other.pem");
    opens(&options);
    options.ca_file = CERTIFICATE("other-ca.pem");
    options.ca_len = slurp(CERTIFICATE("ca.pem"), ca, sizeof ca);
    options.ca = ca; /* goes before the file */
    opens(&options);
    options.ca_len = slurp(CERTIFICATE("other-ca.pem"), ca, sizeof ca);
    fails(&options, 48, UNKNOWN);
}

static void pins(void)
{
    char right[128], wrong[128], both[300], text[300];
    wsrs_tls_options options = tls_trusting();
    slurp(CERTIFICATE("server.pin"), right, sizeof right);
    slurp(CERTIFICATE("rsa.pin"), wrong, sizeof wrong);
    snprintf(both, sizeof both, "%s;%s", wrong, right);
    snprintf(text, sizeof text, "the server's certificate was refused: its public key is none of those pinned: %s", right);
    options.pins = right;
    opens(&options);
    options.pins = both;
    opens(&options);
    options.pins = wrong;
    fails(&options, 46, text);
    /* Beside everything else that is verified, and still when nothing else is. */
    options.pins = right;
    options.ca_file = CERTIFICATE("other-ca.pem");
    fails(&options, 48, UNKNOWN);
    options.dangerous_no_verification = 1;
    opens(&options);
    options.pins = wrong;
    fails(&options, 46, text);
}

static void names(void)
{
    wsrs_tls_options own = tls_own("wrong-name"), options = tls_trusting();
    struct fate client, accepted = {0};
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    wsrs_tls tls;
    options.server_name = "one.other.test";
    fails(&options, 42, "the server's certificate was refused: "
                        "name one.other.test not in certificate: localhost, 127.0.0.1, ::1");
    tls = tls_new(&options);
    tls_connect(context, tls_listen(context, &own, &accepted), tls, &client);
    tls_expect_open(context, &client);
    POLL_UNTIL(context, accepted.opened, 1);
    CHECK_OK(wsrs_conn_tls(accepted.conn, &info));
    CHECK(info.server_name_len == 14 && memcmp(info.server_name, "one.other.test", 14) == 0);
    tls_close(context, &client);
    CHECK_OK(wsrs_tls_free(tls));
}

/* A call that fails makes nothing, and says why. */
static void refused(const wsrs_tls_options *options, wsrs_result result, const char *why)
{
    wsrs_tls tls = {77};
    CHECK_IS(wsrs_tls_new(options, &tls), result);
    if (strstr(wsrs_last_error(), why) == NULL)
        fprintf(stderr, "%s\n", wsrs_last_error());
    CHECK(tls.id == 77 && strstr(wsrs_last_error(), why) != NULL);
}

#define REFUSED(member, value, result, why) \
    do { \
        wsrs_tls_options options = WSRS_TLS_OPTIONS_INIT; \
        options.member = value; \
        refused(&options, result, why); \
    } while (0)

static void unusable(void)
{
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_tls_options bounds = WSRS_TLS_OPTIONS_INIT, own = tls_own("server");
    REFUSED(ca_file, CERTIFICATE("nothing.pem"), WSRS_ERR_PEM, "nothing.pem");
    REFUSED(ca_file, CERTIFICATE("server.key"), WSRS_ERR_PEM, "no BEGIN CERTIFICATE");
    REFUSED(cert_file, CERTIFICATE("server.pem"), WSRS_ERR_PEM, "no BEGIN PRIVATE KEY");
    REFUSED(pins, "sha256//short", WSRS_ERR_ARGUMENT, "sha256//");
    REFUSED(server_name, "two words", WSRS_ERR_URL, "two words");
    REFUSED(alpn, "\xff", WSRS_ERR_ARGUMENT, "UTF-8");
    REFUSED(client_certs, 3, WSRS_ERR_ARGUMENT, "client_certs");
    REFUSED(min_version, 770, WSRS_ERR_ARGUMENT, "version");
    bounds.min_version = WSRS_TLS_1_3;
    bounds.max_version = WSRS_TLS_1_2;
    refused(&bounds, WSRS_ERR_ARGUMENT, "version");
    own.key_file = CERTIFICATE("second.key");
    refused(&own, WSRS_ERR_PEM, "the key does not belong to the certificate");
    listen.tls = tls_new(NULL);
    CHECK_IS(wsrs_context_listen(context, "127.0.0.1:0", &listen, NULL), WSRS_ERR_PEM);
    CHECK_OK(wsrs_tls_free(listen.tls));
    CHECK_IS(wsrs_context_listen(context, "127.0.0.1:0", &listen, NULL), WSRS_ERR_CLOSED);
}

/* Secrets are written when they are asked for, never because of the environment alone. */
static void key_log(const char *path, int fd)
{
    char keys[8192];
    wsrs_tls_options options = tls_trusting();
    opens(&options);
    CHECK(lseek(fd, 0, SEEK_END) == 0);
    options.key_log = 1;
    opens(&options);
    CHECK(lseek(fd, 0, SEEK_END) > 0);
    slurp(path, keys, sizeof keys);
    CHECK(strstr(keys, "CLIENT_TRAFFIC_SECRET_0 ") != NULL && strstr(keys, "SERVER_TRAFFIC_SECRET_0 ") != NULL);
}

static void serve(void)
{
    char cert[8192], key[8192];
    wsrs_tls_options own = WSRS_TLS_OPTIONS_INIT;
    own.cert_len = slurp(CERTIFICATE("server.pem"), cert, sizeof cert);
    own.key_len = slurp(CERTIFICATE("server.key"), key, sizeof key);
    own.cert = cert;
    own.key = key;
    context = tls_context();
    port = tls_listen(context, &own, &server);
}

/* A connect without an endpoint has one that lasts as long as the process: a child has it, so that no search for leaks
 * finds what it remembers. */
static void without_an_endpoint(void)
{
    static const wsrs_tls none = WSRS_TLS_NONE;
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        serve();
        setenv("SSL_CERT_FILE", CERTIFICATE("ca.pem"), 1);
        opens_with(none);
        opens_with(none);
        check_leave();
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
    char path[] = "/tmp/wsrs-key-log-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    setenv("SSLKEYLOGFILE", path, 1); /* before both ends are made */
    without_an_endpoint();
    serve();
    of_the_system();
    of_its_own();
    pins();
    names();
    unusable();
    key_log(path, fd);
    close(fd);
    unlink(path);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
