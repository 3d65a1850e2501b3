/* H22: a child of fork gets an error for what its parent opened, and touches nothing of it; its own context works, and
 * wakes nobody but the child; also when other threads were in the middle of calls.
 *
 * Checked by: without the step of the epoch, thread::forget_after_fork(), the lock in before_fork() or the look at wake_epoch,
 * each in capi/state/registry.rs, this fails. */
#include "every_call.h"
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

static int opened, received, ticks;
static wsrs_conn server_conn;

static void on_open(wsrs_conn conn, void *user_data)
{
    if (user_data == NULL)
        server_conn = conn;
    opened++;
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data) { received++; }

static void nothing(wsrs_context context, void *argument) {}
static void on_timer(wsrs_timer timer, void *argument) { ticks++; }

static void child(const struct refused *parents)
{
    wsrs_context own;
    every_call(parents, WSRS_ERR_FORKED);
    CHECK_IS(wsrs_context_free(parents->context), WSRS_ERR_FORKED);
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &own));
    CHECK_OK(wsrs_context_poll(own, 0));
    CHECK_OK(wsrs_context_free(own));
    every_call(parents, WSRS_ERR_FORKED);
}

static int forked_in_callback;

static void fork_here(wsrs_context context, void *argument)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        forked_in_callback = 1;
        CHECK_IS(wsrs_conn_send_text(server_conn, "from the child"), WSRS_ERR_FORKED);
        return; /* out of the parent's turn */
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A child that was forked in a callback comes back from the poll that called it. */
static void fork_in_a_callback(wsrs_context context)
{
    wsrs_result result;
    CHECK_OK(wsrs_context_post(context, fork_here, NULL));
    CHECK_OK(wsrs_conn_send_text(server_conn, "waits to be received"));
    result = wsrs_context_poll(context, 1000);
    if (forked_in_callback) {
        CHECK_IS(result, WSRS_ERR_FORKED);
        CHECK_IS(wsrs_context_free(context), WSRS_ERR_FORKED);
        check_leave();
    }
    CHECK_OK(result);
}

static int is_readable(wsrs_context context, int ms)
{
    struct pollfd ready = {-1, POLLIN, 0};
    CHECK_OK(wsrs_context_fd(context, &ready.fd));
    return poll(&ready, 1, ms);
}

/* A context in the child and one in the parent take the place of one that was freed before the fork. */
static void own_contexts(void)
{
    wsrs_context before, own;
    int made[2], status;
    char byte;
    pid_t pid;
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &before));
    CHECK_OK(wsrs_context_free(before));
    CHECK(pipe(made) == 0);
    pid = fork();
    CHECK(pid >= 0);
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &own));
    CHECK_OK(wsrs_context_poll(own, 0));
    if (pid == 0) {
        CHECK(read(made[0], &byte, 1) == 1); /* the parent has its own */
        CHECK_OK(wsrs_context_post(own, nothing, NULL));
        CHECK(is_readable(own, 1000) == 1);
        CHECK_OK(wsrs_context_free(own));
        check_leave();
    }
    while (is_readable(own, 0) == 1)
        CHECK_OK(wsrs_context_poll(own, 0));
    CHECK(write(made[1], "x", 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(is_readable(own, 50) == 0);
    CHECK_OK(wsrs_context_free(own));
    close(made[0]);
    close(made[1]);
}

/* Locks of AddressSanitizer's own allocator (of its quarantine, of large blocks) stay locked in a child when another thread
 * was in the middle of malloc or free: what follows is for builds without it, and for valgrind. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static volatile int busy;
static wsrs_conn busy_conn;

/* Holds every lock of the library that a call can hold, most of the time. */
static void *keep_busy(void *argument)
{
    wsrs_context made;
    while (busy) {
        wsrs_conn_ping(busy_conn, NULL, 0);
        CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &made));
        CHECK_OK(wsrs_context_free(made));
    }
    return NULL;
}

/* A child has none of the threads that were in the middle of something, and must not wait for them. */
static void fork_among_threads(const struct refused *parents)
{
    pthread_t threads[2];
    int i, status;
    busy = 1;
    busy_conn = parents->conn;
    for (i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, keep_busy, NULL) == 0);
    for (i = 0; i < 60; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            alarm(60);
            child(parents);
            check_leave();
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK_OK(wsrs_context_poll(parents->context, 0));
    }
    busy = 0;
    for (i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context;
    wsrs_conn conn;
    struct refused parents;
    uint16_t port;
    pid_t pid;
    int status, before;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    context = check_context(&callbacks);
    CHECK_OK(wsrs_context_listen(context, "127.0.0.1:0", NULL, &parents.listener));
    CHECK_OK(wsrs_listener_port(parents.listener, &port));
    CHECK_OK(wsrs_context_timer(context, 10, 10, on_timer, NULL, &parents.timer));
    conn = check_connect_path(context, port, "/", &callbacks, &opened);
    POLL_UNTIL(context, opened, 2);
    parents.context = context;
    parents.conn = conn;
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child(&parents);
        check_leave();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(wsrs_conn_send_text(conn, "from the parent"));
    CHECK_OK(wsrs_conn_send_text(server_conn, "and back"));
    POLL_UNTIL(context, received, 2);
    before = ticks;
    POLL_UNTIL(context, ticks, before + 2);
    fork_in_a_callback(context);
    POLL_UNTIL(context, received, 3);
    if (!SANITIZED)
        fork_among_threads(&parents);
    CHECK_OK(wsrs_conn_send_text(conn, "the connection is as it was"));
    POLL_UNTIL(context, received, 4);
    CHECK_OK(wsrs_context_free(context));
    own_contexts();
    return 0;
}
