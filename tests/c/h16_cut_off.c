/* H16: TCP ends without close_notify: RFC 8446 section 6.1: "truncation attacks" are told from a clean end. A relay between
 * client and server cuts the connection between records, inside one, and inside the handshake; ends that TLS tells of are
 * no such thing.
 *
 * Checked by: without `truncated` in ended_by_peer of net/reading.rs this fails, and without has_ended before it. */
#include "check_tls.h"
#include <fcntl.h>

enum { CLIENT, SERVER };

static int sides[2]; /* the relay's sockets: to the client, to the server */
static char held[1 << 16];

static wsrs_context context;
static struct fate server, client;
static wsrs_tls tls;
static uint16_t port;

/* Connects through the relay. */
static void begin(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    memset(&server, 0, sizeof server);
    tls_connect(context, ntohs(address.sin_port), tls, &client);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    while ((sides[CLIENT] = accept(listener, NULL, NULL)) < 0)
        CHECK_OK(wsrs_context_poll(context, 10));
    close(listener);
    sides[SERVER] = raw_connect(port);
}

/* Passes on what came from one side, but its last `keep` bytes; how many came. */
static ssize_t pass(int from, size_t keep)
{
    ssize_t got = recv(sides[from], held, sizeof held, MSG_DONTWAIT);
    if (got > (ssize_t)keep)
        raw_write(sides[!from], held, (size_t)got - keep);
    return got;
}

static void begin_open(void)
{
    begin();
    while (client.opened + server.opened < 2) {
        pass(CLIENT, 0);
        pass(SERVER, 0);
        CHECK_OK(wsrs_context_poll(context, 1));
        CHECK(client.failed == 0);
    }
    /* What else the handshake brings: tickets. */
    while (pass(SERVER, 0) > 0 || pass(CLIENT, 0) > 0)
        CHECK_OK(wsrs_context_poll(context, 1));
}

/* TCP ends in order, as far as TCP knows. */
static void cut(void)
{
    close(sides[CLIENT]);
    close(sides[SERVER]);
}

static void expect_truncated(const struct fate *fate)
{
    POLL_UNTIL(context, fate->closed, 1);
    CHECK(fate->code == 1006 && !fate->clean && fate->by == WSRS_BY_NETWORK && fate->truncated);
}

static void between_records(void)
{
    begin_open();
    cut();
    expect_truncated(&client);
    expect_truncated(&server);
}

/* Each message is a record; of the last one a byte is missing. */
static void inside_a_record(int from)
{
    struct fate *sender = from == CLIENT ? &client : &server, *receiver = from == CLIENT ? &server : &client;
    begin_open();
    CHECK_OK(wsrs_conn_send_text(sender->conn, "all of it"));
    while (receiver->messages == 0) {
        pass(from, 0);
        CHECK_OK(wsrs_context_poll(context, 1));
    }
    CHECK_OK(wsrs_conn_send_text(sender->conn, "all but a byte"));
    while (pass(from, 1) <= 0)
        CHECK_OK(wsrs_context_poll(context, 1));
    check_poll_for(context, 20);
    cut();
    expect_truncated(receiver);
    expect_truncated(sender);
    CHECK(receiver->messages == 1);
}

static void inside_the_handshake(void)
{
    begin();
    while (pass(CLIENT, 0) <= 0)
        CHECK_OK(wsrs_context_poll(context, 1));
    while (pass(SERVER, 1) <= 0)
        CHECK_OK(wsrs_context_poll(context, 1));
    cut();
    tls_await(context, &client);
    tls_expect_failure(&client, WSRS_ERR_RESET, 0, "the server ended the connection during the TLS handshake");
    CHECK(server.opened == 0);
}

/* Both Close frames and both close_notify pass: nothing is truncated. */
static void not_at_all(void)
{
    begin_open();
    CHECK_OK(wsrs_conn_close(client.conn, 1000, NULL, 0));
    while (client.closed + server.closed < 2) {
        if (pass(CLIENT, 0) == 0)
            shutdown(sides[SERVER], SHUT_WR);
        if (pass(SERVER, 0) == 0)
            shutdown(sides[CLIENT], SHUT_WR);
        CHECK_OK(wsrs_context_poll(context, 1));
    }
    CHECK(client.code == 1000 && client.clean && !client.truncated);
    CHECK(server.code == 1000 && server.clean && !server.truncated);
    cut();
}

/* A program that gives a connection up ends TLS, though not WebSocket: that is lost, but nothing was cut off. */
static void given_up(struct fate *by, struct fate *other, int from)
{
    begin_open();
    CHECK_OK(wsrs_conn_abort(by->conn));
    while (other->closed == 0) {
        if (pass(from, 0) == 0)
            shutdown(sides[!from], SHUT_WR);
        CHECK_OK(wsrs_context_poll(context, 1));
    }
    CHECK(other->code == 1006 && !other->clean && other->by == WSRS_BY_NETWORK && !other->truncated);
    cut();
}

int main(void)
{
    static const int32_t versions[] = {WSRS_TLS_1_2, WSRS_TLS_1_3};
    wsrs_tls_options own = tls_own("server"), trusting = tls_trusting();
    int i;
    context = tls_context();
    port = tls_listen(context, &own, &server);
    for (i = 0; i < 2; i++) {
        trusting.min_version = trusting.max_version = versions[i];
        tls = tls_new(&trusting);
        between_records();
        inside_a_record(CLIENT);
        inside_a_record(SERVER);
        inside_the_handshake();
        not_at_all();
        given_up(&client, &server, CLIENT);
        given_up(&server, &client, SERVER);
        CHECK_OK(wsrs_tls_free(tls));
    }
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
