/* Handshakes of TLS that stand still: one deadline for TLS and the upgrade together, for both roles, however slowly bytes
 * trickle in; and those that are not done count as pending (max_pending_handshakes).
 *
 * Checked by: this fails without Phase::Securing, and without Phase::Asked, in on_deadline of net/deadlines.rs. */
#include "check_tls.h"
#include <fcntl.h>

/* The longer one is of a listener where a good client has to be in time, under valgrind too. */
enum { DEADLINE = 300, LONGER = 1500, PENDING = 4 };

static wsrs_context context;
static struct fate server, client;

static uint64_t failed(void)
{
    wsrs_totals totals = WSRS_TOTALS_INIT;
    CHECK_OK(wsrs_context_totals(context, &totals));
    return totals.handshakes_failed;
}

/* The first bytes of a ClientHello that never ends. */
static const unsigned char hello[] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};

static void trickling_client(uint16_t port)
{
    uint64_t before = failed();
    long begin = check_now_ms();
    int fd = raw_connect(port), i = 0;
    raw_write(fd, hello, sizeof hello);
    while (failed() == before) {
        CHECK(check_now_ms() - begin < 10 * DEADLINE);
        if (i++ % 10 == 0)
            send(fd, "\0", 1, MSG_NOSIGNAL);
        CHECK_OK(wsrs_context_poll(context, 10));
    }
    CHECK(check_now_ms() - begin >= DEADLINE - 50);
    close(fd);
}

static void silent_server(void)
{
    static const unsigned char begin[] = {22, 3, 3, 0, 100, 2, 0};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    wsrs_tls_options trusting = tls_trusting();
    wsrs_tls tls = tls_new(&trusting);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    tls_connect(context, ntohs(address.sin_port), tls, &client);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    while ((fd = accept(listener, NULL, NULL)) < 0)
        CHECK_OK(wsrs_context_poll(context, 10));
    raw_write(fd, begin, sizeof begin);
    tls_await(context, &client);
    CHECK(client.failed == 1 && client.stage == WSRS_STAGE_TLS && client.result == WSRS_ERR_TIMEOUT);
    close(fd);
    close(listener);
    CHECK_OK(wsrs_tls_free(tls));
}

/* At max_pending_handshakes nobody else is taken in before the deadline of those has passed. */
static void crowd(uint16_t port)
{
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_limits patient = WSRS_LIMITS_INIT;
    wsrs_tls_options trusting = tls_trusting();
    char url[64], byte;
    int crowd[PENDING], i;
    uint64_t before = failed();
    for (i = 0; i < PENDING; i++)
        raw_write(crowd[i] = raw_connect(port), hello, sizeof hello);
    check_poll_for(context, 30);
    memset(&client, 0, sizeof client);
    patient.handshake_timeout_ms = 20000;
    options.limits = &patient;
    options.user_data = &client;
    options.tls = tls_new(&trusting);
    snprintf(url, sizeof url, "wss://localhost:%u/", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    check_poll_for(context, 100);
    CHECK(client.opened == 0 && failed() == before);
    tls_expect_open(context, &client);
    CHECK(failed() > before);
    while (failed() < before + PENDING)
        CHECK_OK(wsrs_context_poll(context, 10));
    for (i = 0; i < PENDING; i++) {
        CHECK(recv(crowd[i], &byte, 1, 0) <= 0);
        close(crowd[i]);
    }
    tls_close(context, &client);
    CHECK_OK(wsrs_tls_free(options.tls));
}

int main(void)
{
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_listen_options listen = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_callbacks callbacks = fate_callbacks();
    wsrs_tls_options own = tls_own("server");
    uint16_t port;
    alarm(240);
    limits.handshake_timeout_ms = DEADLINE;
    limits.max_pending_handshakes = PENDING;
    options.limits = &limits;
    CHECK_OK(wsrs_context_new(&options, &callbacks, NULL, &context));
    port = tls_listen(context, &own, &server);
    trickling_client(port);
    silent_server();
    limits.handshake_timeout_ms = LONGER;
    listen.limits = &limits;
    listen.tls = tls_new(&own);
    listen.user_data = &server;
    crowd(check_listen(context, &listen));
    CHECK_OK(wsrs_tls_free(listen.tls));
    CHECK(server.opened == 1 && server.failed == 0);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
