/* A loop of the program's own, which waits for a descriptor besides those of the library. For: wsrs_context_fd,
 * wsrs_context_timeout_ms, wsrs_context_poll. */
#include <poll.h>
#include <wsrs.h>

wsrs_result wait_for_both(wsrs_context context, int other, void (*other_is_readable)(void))
{
    struct pollfd set[2] = {{0, POLLIN, 0}, {0, POLLIN, 0}};
    int32_t fd, timeout;
    wsrs_result result = wsrs_context_fd(context, &fd);
    set[0].fd = fd;
    set[1].fd = other;
    while (result == WSRS_OK) {
        result = wsrs_context_timeout_ms(context, &timeout);
        if (result != WSRS_OK)
            break;
        poll(set, 2, timeout);
        if (set[1].revents != 0)
            other_is_readable();
        result = wsrs_context_poll(context, 0);
    }
    return result;
}
