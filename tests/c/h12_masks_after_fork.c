/* H12: masks and keys of a forked child's connection are not those that its parent's goes on with, though both have the
 * parent's memory. What is compared is what a relay between client and server saw on the wire.
 *
 * Checked by: with one Random for the whole process in net/core.rs, so that the child inherits what its parent has drawn and
 * not yet used, this fails. */
#include "check.h"
#include <sys/wait.h>

enum { MESSAGES = 100, BYTES = 1 << 16 };

struct seen {
    char key[24];
    unsigned char masks[MESSAGES][4];
};

static int opened, received;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }
static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data) { received++; }

/* Passes on what has come; what goes to `keep` is kept. */
static size_t relay(int from, int to, char *keep, size_t kept)
{
    char buffer[4096];
    ssize_t got = raw_read(from, buffer, sizeof buffer);
    if (got <= 0)
        return kept;
    raw_write(to, buffer, (size_t)got);
    if (keep != NULL) {
        CHECK(kept + (size_t)got < BYTES);
        memcpy(keep + kept, buffer, (size_t)got);
        kept += (size_t)got;
    }
    return kept;
}

/* A socket that listens, and its port. */
static int listen_raw(uint16_t *port)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* A client of a context of its own sends through a relay; what its masks and key were. */
static void look(struct seen *seen)
{
    static char bytes[BYTES];
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    uint16_t server_port, port;
    int listener = listen_raw(&port), client, server, i;
    size_t len = 0;
    const char *at;
    opened = received = 0;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    context = check_context(&callbacks);
    server_port = check_listen(context, NULL);
    conn = check_connect(context, port, NULL);
    client = accept(listener, NULL, NULL);
    server = raw_connect(server_port);
    CHECK(client >= 0);
    while (received < MESSAGES) {
        CHECK_OK(wsrs_context_poll(context, 1));
        len = relay(client, server, bytes, len);
        relay(server, client, NULL, 0);
        for (i = 0; opened == 2 && i < MESSAGES; i++)
            CHECK_OK(wsrs_conn_send_text(conn, "same"));
        opened += opened == 2;
    }
    bytes[len] = '\0';
    at = strstr(bytes, "Sec-WebSocket-Key: ");
    CHECK(at != NULL);
    memcpy(seen->key, at + 19, sizeof seen->key);
    at = strstr(bytes, "\r\n\r\n") + 4;
    CHECK((size_t)(bytes + len - at) >= MESSAGES * 10);
    for (i = 0; i < MESSAGES; i++, at += 10) {
        CHECK((unsigned char)at[0] == 0x81 && (unsigned char)at[1] == 0x84);
        memcpy(seen->masks[i], at + 2, 4);
    }
    CHECK_OK(wsrs_context_free(context));
    close(client);
    close(server);
    close(listener);
}

/* How many masks the two have in common. */
static int common(const struct seen *one, const struct seen *other)
{
    int i, j, count = 0;
    for (i = 0; i < MESSAGES; i++)
        for (j = 0; j < MESSAGES; j++)
            count += memcmp(one->masks[i], other->masks[j], 4) == 0;
    return count;
}

int main(void)
{
    static struct seen before, parents, childs;
    int ends[2], status;
    pid_t pid;
    look(&before); /* random bytes have been drawn, and not all used */
    CHECK(pipe(ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        look(&childs);
        CHECK(write(ends[1], &childs, sizeof childs) == (ssize_t)sizeof childs);
        check_leave();
    }
    look(&parents);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(read(ends[0], &childs, sizeof childs) == (ssize_t)sizeof childs);
    CHECK(memcmp(parents.key, childs.key, sizeof childs.key) != 0 && memcmp(parents.key, before.key, sizeof before.key) != 0);
    /* One of 10,000 pairs of random masks is the same once in 400,000 runs. */
    CHECK(common(&parents, &childs) <= 1 && common(&parents, &before) <= 1 && common(&childs, &before) <= 1);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
