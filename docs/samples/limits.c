/* A listener for large messages, whose subprotocol clients may ask for. For: wsrs_limits, wsrs_listen_options,
 * wsrs_listener_port. */
#include <stdio.h>
#include <wsrs.h>

wsrs_result listen_for_large_messages(wsrs_context context)
{
    wsrs_limits limits = WSRS_LIMITS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_listener listener;
    wsrs_result result;
    uint16_t port;
    limits.max_message = 64 << 20;
    limits.max_fragments = WSRS_OFF;
    options.limits = &limits;
    options.subprotocols = "upload";
    result = wsrs_context_listen(context, "127.0.0.1:0", &options, &listener);
    if (result == WSRS_OK && wsrs_listener_port(listener, &port) == WSRS_OK)
        printf("port %u\n", (unsigned)port);
    return result;
}
