/* An echo server on several threads: threads_server [THREADS] PORT listens on ws://127.0.0.1:PORT/ (0: any free port; it
 * prints which) until SIGINT or SIGTERM; two threads unless told. Each thread has a context of its own, with a listener on
 * the one port; the system deals new connections out to them (SO_REUSEPORT), and each stays with its thread. The threads
 * share nothing, so nothing is locked. At the end each says how many messages it had. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <wsrs.h>

enum { MOST_THREADS = 64 };

/* What belongs to one thread; its address is the user data of the context's connections. */
struct part {
    wsrs_context context;
    pthread_t thread;
    wsrs_result result;
    unsigned long messages;
    char apart[64]; /* no cache line is written by two threads */
};

static struct part parts[MOST_THREADS];
static volatile sig_atomic_t started;

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct part *part = user_data;
    part->messages++;
    if (wsrs_conn_send(conn, message->type, message->data, message->len) == WSRS_ERR_AGAIN)
        wsrs_conn_close(conn, 1008, "reads too slowly", 16);
}

/* A context can be stopped from any thread, and from a signal handler. */
static void on_signal(int number)
{
    int i;
    (void)number;
    for (i = 0; i < started; i++)
        wsrs_context_stop(parts[i].context);
}

/* Makes the context and its listener; *port gets the port, which the first listener may have the system choose. */
static wsrs_result open_part(struct part *part, unsigned *port)
{
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_context_options options = WSRS_CONTEXT_OPTIONS_INIT;
    wsrs_listen_options listen_options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_listener listener;
    wsrs_result result;
    char address[32];
    uint16_t chosen = 0;
    callbacks.on_message = on_message;
    limits.max_message = 16 << 20;
    limits.high_water = 16 << 20;
    limits.max_connections_per_address = 20000;
    limits.stop_grace_ms = 1000;
    options.limits = &limits;
    listen_options.reuse_port = 1;
    snprintf(address, sizeof address, "127.0.0.1:%u", *port);
    result = wsrs_context_new(&options, &callbacks, part, &part->context);
    if (result == WSRS_OK)
        result = wsrs_context_listen(part->context, address, &listen_options, &listener);
    if (result == WSRS_OK)
        result = wsrs_listener_port(listener, &chosen);
    *port = chosen;
    return result;
}

static void *run(void *argument)
{
    struct part *part = argument;
    part->result = wsrs_context_run(part->context);
    if (part->result != WSRS_OK)
        on_signal(0); /* all or none */
    return NULL;
}

/* Each connection takes one descriptor: ask for as many as the system grants. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    int threads = argc == 3 ? atoi(argv[1]) : 2, running = 1, i;
    unsigned port = argc >= 2 ? (unsigned)atoi(argv[argc - 1]) : 9001;
    wsrs_result result = WSRS_OK;
    if (argc > 3 || threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "usage: threads_server [THREADS] PORT, 1 to %d threads\n", MOST_THREADS);
        return 2;
    }
    raise_descriptor_limit();
    for (i = 0; i < threads && result == WSRS_OK; i++, started++)
        result = open_part(&parts[i], &port);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (result == WSRS_OK) {
        printf("listening on ws://127.0.0.1:%u/ with %d threads\n", port, threads);
        fflush(stdout);
        while (running < threads && pthread_create(&parts[running].thread, NULL, run, &parts[running]) == 0)
            running++;
        if (running < threads) {
            fprintf(stderr, "threads_server: only %d threads can be had\n", running);
            on_signal(0);
        }
        run(&parts[0]); /* this thread is one of them */
        for (i = 1; i < running; i++)
            pthread_join(parts[i].thread, NULL);
    }
    for (i = 0; i < started; i++) {
        result = result == WSRS_OK ? parts[i].result : result;
        printf("thread %d: %lu messages\n", i + 1, parts[i].messages);
        wsrs_context_free(parts[i].context);
    }
    if (result != WSRS_OK)
        fprintf(stderr, "threads_server: %s\n", wsrs_strerror(result));
    return result != WSRS_OK;
}
