/* Shows on stderr what the library refused and why. For: wsrs_context_set_log. */
#include <stdio.h>
#include <wsrs.h>

static void show(int32_t level, const char *text, void *user_data)
{
    (void)user_data;
    fprintf(stderr, "%d: %s\n", (int)level, text);
}

wsrs_result show_warnings(wsrs_context context)
{
    return wsrs_context_set_log(context, WSRS_LOG_WARNING, show, NULL);
}
