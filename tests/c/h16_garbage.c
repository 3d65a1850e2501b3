/* H16: 64 KiB of garbage as first bytes, where TLS is spoken: it is refused at its first record, whoever sends it, and good
 * connections beside it are not disturbed. Plain HTTP at the TLS port is told as what it is, and TLS at the plain port.
 *
 * Checked by: without the count in tls_broken of net/ending.rs this fails. */
#include "check_tls.h"
#include <errno.h>
#include <fcntl.h>

enum { LEN = 65536, ROUNDS = 8 };

static unsigned char garbage[LEN];
static wsrs_context context;
static struct fate server, client, beside;

/* Of several kinds; what begins like a record of TLS goes on as none. */
static void fill(int round)
{
    static const unsigned char begins[ROUNDS][8] = {
        {0}, {0xff, 0xff, 0xff}, {0x16, 3, 1, 0x40, 0}, {0x16, 3, 1, 0, 4, 1, 0xff, 0xff}, {0x15, 3, 3, 0, 2, 2, 40},
        {0x17, 3, 3, 0x40, 0}, {0x80, 0x2e, 1, 0, 2}, {0x16, 3, 3, 0xff, 0xff},
    };
    uint32_t random = 2463534242u + (uint32_t)round;
    size_t i;
    for (i = 0; i < LEN; i++) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        garbage[i] = round < 2 ? begins[round][0] : (unsigned char)random;
    }
    memcpy(garbage, begins[round], sizeof begins[round]);
}

/* Writes it as fast as the library takes it, until all is written or the other side ends the connection. */
static void pour(int fd)
{
    size_t written = 0;
    char answer[512];
    long end = check_now_ms() + 20000;
    int ended = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (!ended) {
        ssize_t got = send(fd, garbage + written, LEN - written, MSG_NOSIGNAL);
        if (got > 0)
            written += (size_t)got;
        ended = recv(fd, answer, sizeof answer, 0) == 0;
        ended = ended || (got < 0 && errno != EAGAIN);
        CHECK(check_now_ms() < end);
        CHECK_OK(wsrs_context_poll(context, 1));
    }
    close(fd);
}

static void at_the_server(uint16_t port)
{
    wsrs_totals totals = WSRS_TOTALS_INIT;
    CHECK_OK(wsrs_context_totals(context, &totals));
    uint64_t before = totals.handshakes_failed;
    pour(raw_connect(port));
    CHECK_OK(wsrs_context_totals(context, &totals));
    CHECK(totals.handshakes_failed == before + 1);
    CHECK(server.opened == 1 && server.closed == 0);
}

static void at_the_client(wsrs_tls tls)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    tls_connect(context, ntohs(address.sin_port), tls, &client);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    while ((fd = accept(listener, NULL, NULL)) < 0)
        CHECK_OK(wsrs_context_poll(context, 10));
    pour(fd);
    close(listener);
    tls_await(context, &client);
    CHECK(client.failed == 1 && client.stage == WSRS_STAGE_TLS && client.result == WSRS_ERR_TLS);
}

/* A client that speaks plain HTTP with a TLS server, and one that speaks TLS with a plain server. */
static void the_other_protocol(uint16_t port, wsrs_tls tls)
{
    uint16_t plain = check_listen(context, NULL);
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    char url[64];
    tls_connect(context, plain, tls, &client);
    tls_await(context, &client);
    tls_expect_failure(&client, WSRS_ERR_TLS, 50, "the server does not speak TLS there");

    memset(&client, 0, sizeof client);
    options.user_data = &client;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    CHECK_OK(wsrs_context_connect(context, url, &options, NULL));
    tls_await(context, &client);
    CHECK(client.failed == 1 && client.stage == WSRS_STAGE_HANDSHAKE && client.result == WSRS_ERR_HANDSHAKE);
    CHECK(strcmp(client.text, "the server speaks TLS there: its address begins with wss://") == 0);
}

int main(void)
{
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    wsrs_tls tls = tls_new(&trusting);
    uint16_t port;
    int round;
    context = tls_context();
    port = tls_listen(context, &own, &server);
    tls_connect(context, port, tls, &beside);
    tls_expect_open(context, &beside);
    POLL_UNTIL(context, server.opened, 1);
    for (round = 0; round < ROUNDS; round++) {
        fill(round);
        at_the_server(port);
        at_the_client(tls);
    }
    the_other_protocol(port, tls);
    CHECK_OK(wsrs_conn_send_text(beside.conn, "still there"));
    POLL_UNTIL(context, server.messages, 1);
    tls_close(context, &beside);
    CHECK_OK(wsrs_tls_free(tls));
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
