/* Before a context has a loop's thread, refused calls of other threads take nothing away from the one that sets it up;
 * their log lines come with the first poll, on its thread. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 3, CALLS = 20000 };

static wsrs_context context;
static wsrs_conn conn;
static pthread_t setting_up;
static int lines, failed;

static void on_log(int32_t level, const char *text, void *user_data)
{
    CHECK(pthread_equal(pthread_self(), setting_up));
    lines++;
}

static void on_error(wsrs_conn failed_conn, const wsrs_error *error, void *user_data)
{
    failed++;
}

static void *too_early(void *argument)
{
    int i;
    for (i = 0; i < CALLS; i++) {
        CHECK_IS(wsrs_conn_send_text(conn, "too early"), WSRS_ERR_NOT_OPEN);
        CHECK_IS(wsrs_conn_close(conn, 1, NULL, 0), WSRS_ERR_CLOSE_CODE);
    }
    return NULL;
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    pthread_t threads[THREADS];
    int i;
    setting_up = pthread_self();
    callbacks.on_error = on_error;
    context = check_context(&callbacks);
    CHECK_OK(wsrs_context_set_log(context, WSRS_LOG_DEBUG, on_log, NULL));
    conn = check_connect(context, 9, NULL);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, too_early, NULL) == 0);
    for (i = 0; i < CALLS; i++)
        CHECK_OK(wsrs_conn_set_user_data(conn, &lines));
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(lines == 0);
    CHECK_IS(wsrs_context_poll(context, -7), WSRS_ERR_ARGUMENT); /* a call of this thread: at once */
    CHECK(lines == 1);
    CHECK_OK(wsrs_conn_abort(conn));
    CHECK_OK(wsrs_context_poll(context, 0));
    CHECK(lines > 10);
    CHECK(failed == 1);
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
