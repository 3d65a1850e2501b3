/* A program with connections forks: parent and child serve connections of their own at the same time, the end of the
 * child disturbs nothing, and what the parent closes while the child still has copies of its descriptors ends for the
 * peers too. */
#include "check.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

enum { CHILDREN = 2 };

/* An echo server and its client in one context. */
struct pair {
    wsrs_context context;
    wsrs_listener listener;
    wsrs_conn client;
    uint16_t port;
    int opened, echoed, closed;
};

static void on_open(wsrs_conn conn, void *user_data)
{
    struct pair *pair = user_data;
    pair->opened++;
    if (conn.id == pair->client.id)
        CHECK_OK(wsrs_conn_send_text(conn, "again and again"));
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct pair *pair = user_data;
    CHECK(message->len == 15 && memcmp(message->data, "again and again", 15) == 0);
    pair->echoed += conn.id == pair->client.id;
    CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { ((struct pair *)user_data)->closed++; }

static void open_pair(struct pair *pair)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    char url[64];
    memset(pair, 0, sizeof *pair);
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    CHECK_OK(wsrs_context_new(NULL, &callbacks, pair, &pair->context));
    CHECK_OK(wsrs_context_listen(pair->context, "127.0.0.1:0", NULL, &pair->listener));
    CHECK_OK(wsrs_listener_port(pair->listener, &pair->port));
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)pair->port);
    CHECK_OK(wsrs_context_connect(pair->context, url, NULL, &pair->client));
    POLL_UNTIL(pair->context, pair->echoed, 10);
}

/* A child that serves its own connections, and ends them or leaves them to the system. */
static void child(int number)
{
    struct pair own;
    open_pair(&own);
    POLL_UNTIL(own.context, own.echoed, 100);
    if (number == 0)
        CHECK_OK(wsrs_context_free(own.context));
    check_leave();
}

/* The parent's messages go round until all children have ended, and after. */
static void beside_children(struct pair *pair)
{
    int number, status, before, left = CHILDREN;
    for (number = 0; number < CHILDREN; number++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            child(number);
    }
    while (left > 0) {
        before = pair->echoed;
        POLL_UNTIL(pair->context, pair->echoed, before + 10);
        while (left > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            left--;
        }
    }
    before = pair->echoed;
    POLL_UNTIL(pair->context, pair->echoed, before + 100);
    CHECK(pair->opened == 3 && pair->closed == 1);
}

/* A child that does nothing but live has copies of all descriptors. */
static pid_t bystander(int *leash)
{
    int ends[2];
    pid_t pid;
    char byte;
    CHECK(pipe(ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[1]);
        CHECK(read(ends[0], &byte, 1) == 0); /* until the parent lets go */
        check_leave();
    }
    close(ends[0]);
    *leash = ends[1];
    return pid;
}

/* The peer sees the end of a connection at once, and nobody is taken by a listener that is closed. */
static void ends_beside_a_bystander(struct pair *pair)
{
    struct sockaddr_in address = {0};
    struct pollfd readable = {-1, POLLIN, 0};
    char answer[64];
    int leash, status, refused;
    int peer = raw_upgrade(pair->context, pair->port);
    wsrs_conn last = WSRS_CONN_NONE, next = WSRS_CONN_NONE;
    pid_t pid = bystander(&leash);
    do {
        last = next;
        CHECK_OK(wsrs_context_next_conn(pair->context, last, &next));
    } while (next.id != 0);
    CHECK_OK(wsrs_conn_abort(last)); /* the peer's: it came last */
    readable.fd = peer;
    CHECK_OK(wsrs_context_poll(pair->context, 0));
    CHECK(poll(&readable, 1, 5000) == 1);
    CHECK(recv(peer, answer, sizeof answer, 0) <= 0);
    close(peer);

    CHECK_OK(wsrs_listener_close(pair->listener));
    address.sin_family = AF_INET;
    address.sin_port = htons(pair->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer = socket(AF_INET, SOCK_STREAM, 0);
    refused = connect(peer, (struct sockaddr *)&address, sizeof address);
    CHECK(refused == -1 && errno == ECONNREFUSED);
    close(peer);

    close(leash);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static wsrs_conn cut_by_fork;

/* Runs in the parent when the child is there, before the library hears of that: pthread_atfork calls in order. */
static void cut_in_fork(void)
{
    if (cut_by_fork.id != 0)
        CHECK_OK(wsrs_conn_abort(cut_by_fork));
    cut_by_fork.id = 0;
}

/* Another thread may fork while the loop closes a connection: the peer sees that end too. */
static void ends_during_the_fork(struct pair *pair)
{
    struct pollfd readable = {-1, POLLIN, 0};
    int leash, status;
    int peer = raw_upgrade(pair->context, pair->port);
    wsrs_conn next = WSRS_CONN_NONE;
    pid_t pid;
    do {
        cut_by_fork = next;
        CHECK_OK(wsrs_context_next_conn(pair->context, cut_by_fork, &next));
    } while (next.id != 0);
    pid = bystander(&leash);
    readable.fd = peer;
    CHECK(poll(&readable, 1, 5000) == 1);
    close(peer);
    close(leash);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(wsrs_context_poll(pair->context, 0));
}

int main(void)
{
    struct pair pair;
    alarm(240);
    CHECK(pthread_atfork(NULL, cut_in_fork, NULL) == 0);
    open_pair(&pair);
    ends_during_the_fork(&pair); /* the first fork: nothing is known of children yet */
    beside_children(&pair);
    ends_beside_a_bystander(&pair);
    CHECK_OK(wsrs_context_free(pair.context));
    CHECK(pair.closed == 4);
    return 0;
}
