/* Slow answers from a pool of threads: workers PORT listens on ws://127.0.0.1:PORT/ (0: any free port; it prints which)
 * until SIGINT or SIGTERM. The loop's thread hands each message to four workers, and whichever is free answers. A handle is
 * a value: when its connection has closed meanwhile, the answer is refused with WSRS_ERR_CLOSED, and nothing else happens.
 * Answers of one connection may overtake each other; where that matters, give each connection one worker. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsrs.h>

enum { WORKERS = 4, WAITING = 1000 };

struct job {
    struct job *next;
    wsrs_conn conn;
    int32_t type;
    size_t len;
    unsigned char data[];
};

static wsrs_context context;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static int waiting, over;

/* NULL: there will be none any more. */
static struct job *take_job(void)
{
    struct job *job;
    pthread_mutex_lock(&lock);
    while (first == NULL && !over)
        pthread_cond_wait(&changed, &lock);
    job = first;
    if (job != NULL) {
        first = job->next;
        if (first == NULL)
            last = &first;
        waiting--;
    }
    pthread_mutex_unlock(&lock);
    return job;
}

/* Full: the connection that asks for too much is told so, rather than that the memory fills. */
static int give_job(struct job *job)
{
    int taken;
    pthread_mutex_lock(&lock);
    taken = waiting < WAITING;
    if (taken) {
        *last = job;
        last = &job->next;
        waiting++;
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

/* Stands for work that is too slow for the loop: a to z become capitals. */
static void work(unsigned char *data, size_t len)
{
    size_t i;
    for (i = 0; i < len; i++)
        if (data[i] >= 'a' && data[i] <= 'z')
            data[i] -= 'a' - 'A';
}

static void *worker(void *argument)
{
    struct job *job;
    (void)argument;
    while ((job = take_job()) != NULL) {
        work(job->data, job->len);
        /* No lock, and no question whether the connection is still there: gone, it gives WSRS_ERR_CLOSED. */
        if (wsrs_conn_send(job->conn, job->type, job->data, job->len) == WSRS_ERR_AGAIN)
            wsrs_conn_close(job->conn, 1008, "reads too slowly", 16);
        free(job);
    }
    return NULL;
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct job *job = malloc(sizeof *job + message->len);
    (void)user_data;
    if (job != NULL) {
        job->next = NULL;
        job->conn = conn;
        job->type = message->type;
        job->len = message->len;
        memcpy(job->data, message->data, message->len);
        if (give_job(job))
            return;
        free(job);
    }
    wsrs_conn_close(conn, 1011, "busy", 4);
}

static void on_signal(int number)
{
    (void)number;
    wsrs_context_stop(context);
}

static wsrs_result listen_and_run(const char *port_text)
{
    wsrs_listener listener;
    wsrs_result result;
    char address[32];
    uint16_t port;
    snprintf(address, sizeof address, "127.0.0.1:%s", port_text);
    result = wsrs_context_listen(context, address, NULL, &listener);
    if (result == WSRS_OK)
        result = wsrs_listener_port(listener, &port);
    if (result != WSRS_OK)
        return result;
    printf("listening on ws://127.0.0.1:%u/\n", (unsigned)port);
    fflush(stdout);
    return wsrs_context_run(context);
}

int main(int argc, char **argv)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    pthread_t threads[WORKERS];
    wsrs_result result;
    int i, started = 0;
    callbacks.on_message = on_message;
    result = wsrs_context_new(NULL, &callbacks, NULL, &context);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    while (started < WORKERS && pthread_create(&threads[started], NULL, worker, NULL) == 0)
        started++;
    if (result == WSRS_OK)
        result = listen_and_run(argc == 2 ? argv[1] : "9001");
    if (result != WSRS_OK)
        fprintf(stderr, "workers: %s\n", wsrs_strerror(result));
    /* The context first: what the workers still send finds it gone. */
    wsrs_context_free(context);
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return result != WSRS_OK;
}
