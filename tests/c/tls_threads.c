/* One endpoint for several contexts in several threads, whose certificate is replaced and removed all the while by another
 * thread: every handshake gets one certificate or the other, and a session made in one context is resumed in another. */
#include "check_tls.h"
#include <pthread.h>
#include <stdatomic.h>

enum { CONTEXTS = 2, HANDSHAKES = 40 };

static wsrs_tls serving, trusting;
static atomic_int running;

static void *replace(void *argument)
{
    wsrs_tls_options one = tls_own("server"), other = tls_own("server-2");
    while (atomic_load(&running) > 0) {
        CHECK_OK(wsrs_tls_set_cert(serving, NULL, one.cert_file, one.key_file));
        CHECK_OK(wsrs_tls_set_cert(serving, "localhost", other.cert_file, other.key_file));
        CHECK_OK(wsrs_tls_set_cert(serving, NULL, other.cert_file, other.key_file));
        CHECK_OK(wsrs_tls_remove_cert(serving, "localhost"));
    }
    return NULL;
}

static int is_resumed(const struct fate *client)
{
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    CHECK_OK(wsrs_conn_tls(client->conn, &info));
    return info.resumed;
}

static void *handshakes(void *argument)
{
    wsrs_context context = tls_context();
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    struct fate server = {0}, client;
    uint16_t port;
    int i;
    listen.tls = serving;
    listen.user_data = &server;
    port = check_listen(context, &listen);
    for (i = 0; i < HANDSHAKES; i++) {
        tls_connect(context, port, trusting, &client);
        tls_expect_open(context, &client);
        POLL_UNTIL(context, server.opened, i + 1);
        CHECK_OK(wsrs_conn_send_text(server.conn, "with it come the tickets"));
        POLL_UNTIL(context, client.messages, 1);
        tls_close(context, &client);
    }
    CHECK_OK(wsrs_context_free(context));
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* The first handshake of a context that has made none yet. */
static void another_context(void)
{
    wsrs_context context = tls_context();
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    struct fate server = {0}, client;
    listen.tls = serving;
    listen.user_data = &server;
    tls_connect(context, check_listen(context, &listen), trusting, &client);
    tls_expect_open(context, &client);
    CHECK(is_resumed(&client));
    tls_close(context, &client);
    CHECK_OK(wsrs_context_free(context));
}

int main(void)
{
    wsrs_tls_options own = tls_own("server"), ca = tls_trusting();
    pthread_t threads[CONTEXTS], replacer;
    int i;
    serving = tls_new(&own);
    trusting = tls_new(&ca);
    atomic_store(&running, CONTEXTS);
    CHECK(pthread_create(&replacer, NULL, replace, NULL) == 0);
    for (i = 0; i < CONTEXTS; i++)
        CHECK(pthread_create(&threads[i], NULL, handshakes, NULL) == 0);
    for (i = 0; i < CONTEXTS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_join(replacer, NULL) == 0);
    another_context();
    CHECK_OK(wsrs_tls_free(serving));
    CHECK_OK(wsrs_tls_free(trusting));
    return 0;
}
