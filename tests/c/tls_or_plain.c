/* TLS and plain text on one port, told apart by the first byte; both are served, and who says nothing is not waited for
 * longer than the handshake may take.
 *
 * Checked by: this fails when open() in net/tls/session.rs takes every first byte for TLS. */
#include "check_tls.h"

static void plain(wsrs_context context, uint16_t port, struct fate *client)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    char url[64];
    options.user_data = client;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    tls_expect_open(context, client);
}

static void echo_each(wsrs_context context, struct fate *client, struct fate *server)
{
    int before = server->messages;
    CHECK_OK(wsrs_conn_send_text(client->conn, "hello"));
    POLL_UNTIL(context, server->messages, before + 1);
}

int main(void)
{
    wsrs_context context = tls_context();
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    wsrs_tls_info info = WSRS_TLS_INFO_INIT;
    wsrs_totals totals = WSRS_TOTALS_INIT;
    struct fate server = {0}, open = {0}, secret = {0};
    wsrs_tls tls = tls_new(&trusting);
    uint16_t port, hasty;
    int silent;
    listen.tls = tls_new(&own);
    listen.tls_or_plain = 1;
    listen.user_data = &server;
    port = check_listen(context, &listen);
    limits.handshake_timeout_ms = 100;
    listen.limits = &limits;
    hasty = check_listen(context, &listen);
    CHECK_OK(wsrs_tls_free(listen.tls));
    silent = raw_connect(hasty);
    plain(context, port, &open);
    tls_connect(context, port, tls, &secret);
    tls_expect_open(context, &secret);
    CHECK_OK(wsrs_conn_tls(secret.conn, &info));
    CHECK(info.version == WSRS_TLS_1_3);
    CHECK_IS(wsrs_conn_tls(open.conn, &info), WSRS_ERR_NOT_FOUND);
    echo_each(context, &open, &server);
    echo_each(context, &secret, &server);
    while (totals.handshakes_failed == 0) {
        CHECK_OK(wsrs_context_poll(context, 10));
        CHECK_OK(wsrs_context_totals(context, &totals));
    }
    close(silent);
    tls_close(context, &open);
    tls_close(context, &secret);
    CHECK_OK(wsrs_tls_free(tls));
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
