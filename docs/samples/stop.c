/* Ends well on Ctrl-C: peers get a Close, and wsrs_context_run returns. For: wsrs_context_stop. */
#include <signal.h>
#include <wsrs.h>

static wsrs_context context;

static void stop(int number)
{
    (void)number;
    wsrs_context_stop(context);
}

wsrs_result serve(void)
{
    wsrs_result result = wsrs_context_new(NULL, NULL, NULL, &context);
    if (result == WSRS_OK)
        result = wsrs_context_listen(context, "*:8080", NULL, NULL);
    if (result == WSRS_OK && signal(SIGINT, stop) != SIG_ERR)
        result = wsrs_context_run(context);
    wsrs_context_free(context);
    return result;
}
