/* An echo server inside a poll loop that has work of its own: embed_poll PORT listens on ws://127.0.0.1:PORT/ (0: any
 * free port; it prints which) until SIGINT or SIGTERM. The loop also serves UDP on the same port: each datagram goes to
 * every WebSocket client as a text, and its sender is told how many they are. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wsrs.h>

static wsrs_context context;
static volatile sig_atomic_t stopping;

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    (void)user_data;
    if (wsrs_conn_send(conn, message->type, message->data, message->len) == WSRS_ERR_AGAIN)
        wsrs_conn_close(conn, 1008, "reads too slowly", 16);
}

/* stop wakes the loop through the context's descriptor, so no signal slips in between the check and the wait. */
static void on_signal(int number)
{
    (void)number;
    stopping = 1;
    wsrs_context_stop(context);
}

static int open_udp(uint16_t port)
{
    struct sockaddr_in address = {0};
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (udp >= 0 && bind(udp, (struct sockaddr *)&address, sizeof address) == 0)
        return udp;
    perror("embed_poll: UDP");
    return -1;
}

/* The loop's own work. It may call the library: it is the loop's thread. */
static void serve_udp(int udp)
{
    struct sockaddr_in sender;
    socklen_t sender_len = sizeof sender;
    char datagram[1500], answer[32];
    size_t told = 0;
    ssize_t len = recvfrom(udp, datagram, sizeof datagram, MSG_DONTWAIT, (struct sockaddr *)&sender, &sender_len);
    if (len < 0)
        return;
    wsrs_context_broadcast(context, WSRS_TEXT, datagram, (size_t)len, &told);
    snprintf(answer, sizeof answer, "%zu", told);
    sendto(udp, answer, strlen(answer), 0, (struct sockaddr *)&sender, sender_len);
}

static int has_connections(void)
{
    wsrs_conn conn = WSRS_CONN_NONE;
    return wsrs_context_next_conn(context, conn, &conn) == WSRS_OK && conn.id != 0;
}

/* One entry more in the loop's list, its timeout, and one call per turn: that is all the library asks for. */
static void loop(int udp)
{
    struct pollfd entries[2] = {{-1, POLLIN, 0}, {udp, POLLIN, 0}};
    int32_t timeout;
    wsrs_context_fd(context, &entries[0].fd);
    while (!stopping || has_connections()) {
        wsrs_context_timeout_ms(context, &timeout);
        if (poll(entries, 2, timeout) < 0)
            continue; /* a signal */
        wsrs_context_poll(context, 0);
        if (entries[1].revents & POLLIN)
            serve_udp(udp);
    }
}

int main(int argc, char **argv)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_listener listener;
    wsrs_result result;
    char address[32];
    uint16_t port = 0;
    int udp = -1;
    callbacks.on_message = on_message;
    limits.ping_interval_ms = 1000; /* short times, so that one sees: the library's deadlines come, */
    limits.handshake_timeout_ms = 2000; /* though the loop knows nothing of them */
    options.limits = &limits;
    snprintf(address, sizeof address, "127.0.0.1:%s", argc == 2 ? argv[1] : "9001");
    result = wsrs_context_new(&options, &callbacks, NULL, &context);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (result == WSRS_OK)
        result = wsrs_context_listen(context, address, NULL, &listener);
    if (result == WSRS_OK)
        result = wsrs_listener_port(listener, &port);
    if (result != WSRS_OK)
        fprintf(stderr, "embed_poll: %s: %s\n", address, wsrs_strerror(result));
    else if ((udp = open_udp(port)) >= 0) {
        printf("listening on ws://127.0.0.1:%u/\n", (unsigned)port);
        fflush(stdout);
        loop(udp);
        close(udp);
    }
    wsrs_context_free(context);
    return udp < 0;
}
