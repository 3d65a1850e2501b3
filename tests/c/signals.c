/* Signals: the handler of SIGINT stops a loop under load, and `run` ends well with on_close for each connection; signals
 * that are none of the library's business interrupt its waits and change nothing; the library leaves handlers as they were. */
#define _XOPEN_SOURCE 700 /* setitimer */
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum { CONNECTIONS = 10, MESSAGES = 20000 };

static wsrs_context context;
static wsrs_conn clients[CONNECTIONS];
static int opened, closed, going_away, stop_at;
static long received;
static volatile sig_atomic_t alarms;

static int is_client(const void *user_data) { return user_data != NULL; }

static void on_open(wsrs_conn conn, void *user_data)
{
    opened++;
    if (is_client(user_data))
        CHECK_OK(wsrs_conn_send_text(conn, "round and round"));
}

/* Both ends send back what they get, until the stop. */
static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    wsrs_result result = wsrs_conn_send(conn, message->type, message->data, message->len);
    CHECK(message->len == 15 && (result == WSRS_OK || result == WSRS_ERR_CLOSED));
    if (++received == stop_at)
        CHECK(raise(SIGINT) == 0);
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data)
{
    closed++;
    going_away += close->code == 1001 && close->clean;
}

static void on_interrupt(int number) { wsrs_context_stop(context); }
static void on_alarm(int number) { alarms++; }

static void start(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    uint16_t port;
    int i;
    opened = closed = going_away = received = 0;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &context));
    port = check_listen(context, NULL);
    for (i = 0; i < CONNECTIONS; i++)
        clients[i] = check_connect_path(context, port, "/", &callbacks, &clients[i]);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler; /* without SA_RESTART */
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void all_gone_well(void)
{
    CHECK(opened == 2 * CONNECTIONS && closed == 2 * CONNECTIONS && going_away == 2 * CONNECTIONS);
    CHECK_OK(wsrs_context_free(context));
    CHECK(closed == 2 * CONNECTIONS);
}

/* Ctrl-C while messages fly, in the loop's thread: in a callback here. */
static void interrupted_under_load(void)
{
    start();
    stop_at = MESSAGES;
    handle(SIGINT, on_interrupt);
    CHECK_OK(wsrs_context_run(context));
    CHECK(received >= MESSAGES);
    all_gone_well();
}

/* A signal each half millisecond, in waits and in callbacks; and nobody knows of it. */
static void storm(void)
{
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    start();
    stop_at = 2 * MESSAGES;
    alarms = 0;
    handle(SIGALRM, on_alarm);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    CHECK_OK(wsrs_context_run(context));
    while (alarms < 50)
        CHECK_OK(wsrs_context_poll(context, 100)); /* with nothing to do: sleeps, interrupted */
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(received >= 2 * MESSAGES);
    all_gone_well();
}

/* Idle, the process is woken by the signal and nothing else. */
static void *interrupt_later(void *argument)
{
    check_sleep_ms(50);
    CHECK(kill(getpid(), SIGINT) == 0);
    return NULL;
}

static void interrupted_when_idle(void)
{
    pthread_t thread;
    long begin = check_now_ms();
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &context));
    CHECK(pthread_create(&thread, NULL, interrupt_later, NULL) == 0);
    CHECK_OK(wsrs_context_run(context));
    CHECK(check_now_ms() - begin >= 40 && check_now_ms() - begin < 10000);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_OK(wsrs_context_free(context));
}

static void nothing_installed(const struct sigaction *before)
{
    int number;
    for (number = 1; number < 32; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0)
            CHECK(now.sa_handler == before[number].sa_handler);
    }
}

int main(void)
{
    struct sigaction before[32];
    sigset_t mask_before, mask;
    int number;
    memset(before, 0, sizeof before);
    for (number = 1; number < 32; number++)
        sigaction(number, NULL, &before[number]);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask_before) == 0);
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &context));
    check_connect(context, check_listen(context, NULL), NULL);
    CHECK_OK(wsrs_context_poll(context, 100));
    CHECK_OK(wsrs_context_free(context));
    CHECK(before[SIGINT].sa_handler == SIG_DFL && before[SIGPIPE].sa_handler == SIG_DFL);
    nothing_installed(before);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGINT) == sigismember(&mask_before, SIGINT));
    CHECK(sigismember(&mask, SIGPIPE) == sigismember(&mask_before, SIGPIPE));

    interrupted_under_load();
    interrupted_when_idle();
    storm();
    return 0;
}
