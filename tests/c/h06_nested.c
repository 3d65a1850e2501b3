/* H6: two contexts in one thread, one polled inside a callback of the other: each keeps its own, whoever frees whom; and log
 * functions that call the library although they should not.
 *
 * Checked by: without `logging` in log_line() of capi/state/report.rs this fails. */
#include "check.h"

enum action { NOTHING, FREE_INNER, FREE_OUTER, FREE_BOTH, ACTIONS };

static wsrs_context outer, inner;
static wsrs_conn outer_conn;
static enum action chosen;
static int opened, closed, inner_messages, outer_messages, deep;

static void on_open(wsrs_conn conn, void *user_data) { opened++; }
static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { closed++; }

static void inner_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    static const char expected[] = "to the inner one";
    wsrs_result result;
    inner_messages++;
    CHECK(deep);
    CHECK_IS(wsrs_context_poll(outer, 0), WSRS_ERR_REENTRY);
    CHECK_IS(wsrs_context_run(inner), WSRS_ERR_REENTRY);
    CHECK_OK(wsrs_conn_send_text(outer_conn, "from the inner one"));
    if (chosen == FREE_INNER || chosen == FREE_BOTH)
        CHECK_OK(wsrs_context_free(inner));
    if (chosen == FREE_OUTER || chosen == FREE_BOTH)
        CHECK_OK(wsrs_context_free(outer));
    result = wsrs_conn_send_text(outer_conn, "again");
    CHECK_IS(result, chosen == FREE_OUTER || chosen == FREE_BOTH ? WSRS_ERR_CLOSED : WSRS_OK);
    CHECK(message->len == sizeof expected - 1 && memcmp(message->data, expected, message->len) == 0);
}

static void outer_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    static const char expected[] = "to the outer one";
    int before = inner_messages, i;
    outer_messages++;
    if (message->len != sizeof expected - 1)
        return;
    deep = 1;
    for (i = 0; i < 1000 && inner_messages == before; i++) {
        wsrs_result result = wsrs_context_poll(inner, 5);
        if (inner_messages != before && (chosen == FREE_INNER || chosen == FREE_BOTH))
            CHECK_IS(result, WSRS_ERR_CLOSED);
        else
            CHECK_OK(result);
    }
    deep = 0;
    CHECK(inner_messages == before + 1);
    CHECK(memcmp(message->data, expected, message->len) == 0);
}

static void run(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_conn inner_conn;
    wsrs_result result = WSRS_OK;
    int i;
    opened = closed = inner_messages = outer_messages = 0;
    callbacks.on_open = on_open;
    callbacks.on_close = on_close;
    callbacks.on_message = inner_message;
    inner = check_context(&callbacks);
    inner_conn = check_connect(inner, check_listen(inner, NULL), &callbacks);
    POLL_UNTIL(inner, opened, 2);
    callbacks.on_message = outer_message;
    outer = check_context(&callbacks);
    outer_conn = check_connect(outer, check_listen(outer, NULL), &callbacks);
    POLL_UNTIL(outer, opened, 4);
    CHECK_OK(wsrs_conn_send_text(inner_conn, "to the inner one"));
    CHECK_OK(wsrs_conn_send_text(outer_conn, "to the outer one"));
    for (i = 0; i < 1000 && inner_messages == 0; i++)
        result = wsrs_context_poll(outer, 5);
    CHECK_IS(result, chosen == FREE_OUTER || chosen == FREE_BOTH ? WSRS_ERR_CLOSED : WSRS_OK);
    if (chosen == NOTHING || chosen == FREE_INNER)
        POLL_UNTIL(outer, outer_messages, 3);
    CHECK_OK(wsrs_context_free(outer));
    CHECK_OK(wsrs_context_free(inner));
    CHECK(closed == 4);
}

static int lines;
static wsrs_result free_in_log;
static wsrs_conn logged_conn;

static void curious_log(int32_t level, const char *text, void *user_data)
{
    wsrs_context context = *(wsrs_context *)user_data;
    lines++;
    wsrs_context_poll(context, -9);
    wsrs_conn_send(logged_conn, 9, NULL, 0);
    wsrs_conn_close(logged_conn, 1, NULL, 0);
    wsrs_context_set_log(context, WSRS_LOG_DEBUG, curious_log, user_data);
    if (lines == 3)
        free_in_log = wsrs_context_free(context);
}

static void log_functions(int polled)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_context context = check_context(&callbacks);
    int i;
    lines = 0;
    logged_conn = check_connect(context, check_listen(context, NULL), &callbacks);
    if (polled)
        CHECK_OK(wsrs_context_poll(context, 0));
    CHECK_OK(wsrs_context_set_log(context, WSRS_LOG_DEBUG, curious_log, &context));
    CHECK_IS(wsrs_context_poll(context, -9), WSRS_ERR_ARGUMENT);
    CHECK(lines == 1);
    for (i = 0; i < 10 && lines < 3; i++) {
        CHECK_IS(wsrs_context_poll(context, -9), WSRS_ERR_ARGUMENT);
        CHECK_IS(wsrs_conn_send(logged_conn, 9, NULL, 0), WSRS_ERR_ARGUMENT);
    }
    CHECK(lines == 3);
    CHECK_IS(free_in_log, polled ? WSRS_OK : WSRS_ERR_THREAD); /* nobody runs it yet: the call that logs has it */
    CHECK_IS(wsrs_context_poll(context, 0), polled ? WSRS_ERR_CLOSED : WSRS_OK);
    CHECK_OK(wsrs_context_free(context));
}

int main(void)
{
    for (chosen = NOTHING; chosen < ACTIONS; chosen++)
        run();
    log_functions(1);
    log_functions(0);
    return 0;
}
