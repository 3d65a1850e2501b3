/* Two copies of the library in one process, each loaded under a name of its own and out of the other's sight: they talk
 * to each other, refuse each other's handles, and can be unloaded. */
#include "check.h"
#include <dlfcn.h>
#include <sys/personality.h>
#include <sys/wait.h>

/* What the test uses of a copy. */
struct copy {
    void *library;
    char path[64];
    wsrs_result (*context_new)(const wsrs_context_options *, const wsrs_callbacks *, void *, wsrs_context *);
    wsrs_result (*context_free)(wsrs_context);
    wsrs_result (*context_poll)(wsrs_context, int32_t);
    wsrs_result (*context_stop)(wsrs_context);
    wsrs_result (*context_listen)(wsrs_context, const char *, const wsrs_listen_options *, wsrs_listener *);
    wsrs_result (*context_connect)(wsrs_context, const char *, const wsrs_connect_options *, wsrs_conn *);
    wsrs_result (*context_timer)(wsrs_context, uint64_t, uint64_t, void (*)(wsrs_timer, void *), void *, wsrs_timer *);
    wsrs_result (*context_broadcast)(wsrs_context, int32_t, const void *, size_t, size_t *);
    wsrs_result (*context_send_many)(wsrs_context, const wsrs_conn *, size_t, int32_t, const void *, size_t, size_t *);
    wsrs_result (*listener_port)(wsrs_listener, uint16_t *);
    wsrs_result (*listener_close)(wsrs_listener);
    wsrs_result (*conn_send_text)(wsrs_conn, const char *);
    wsrs_result (*conn_abort)(wsrs_conn);
    wsrs_result (*timer_cancel)(wsrs_timer);
    int32_t (*conn_state)(wsrs_conn);
    wsrs_context context;
    wsrs_listener listener;
    wsrs_conn conn;
    wsrs_timer timer;
    int opened, received, ticks, closed;
};

static struct copy one, two;

/* A function of a copy. ISO C knows no way from an object's address to a function's; POSIX promises this one. */
static void find(struct copy *copy, const char *name, void *function)
{
    void *found = dlsym(copy->library, name);
    CHECK(found != NULL);
    memcpy(function, &found, sizeof found);
}

static void copy_file(const char *from, const char *to)
{
    static char buffer[1 << 16];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t len;
    CHECK(in != NULL && out != NULL);
    while ((len = fread(buffer, 1, sizeof buffer, in)) > 0)
        CHECK(fwrite(buffer, 1, len, out) == len);
    fclose(in);
    CHECK(fclose(out) == 0);
}

static void load(struct copy *copy, const char *folder, const char *name)
{
    snprintf(copy->path, sizeof copy->path, "%s/%s", folder, name);
    copy_file(WSRS_LIBRARY, copy->path);
    copy->library = dlopen(copy->path, RTLD_NOW | RTLD_LOCAL);
    if (copy->library == NULL)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(copy->library != NULL);
    unlink(copy->path);
    find(copy, "wsrs_context_new", &copy->context_new);
    find(copy, "wsrs_context_free", &copy->context_free);
    find(copy, "wsrs_context_poll", &copy->context_poll);
    find(copy, "wsrs_context_stop", &copy->context_stop);
    find(copy, "wsrs_context_listen", &copy->context_listen);
    find(copy, "wsrs_context_connect", &copy->context_connect);
    find(copy, "wsrs_context_timer", &copy->context_timer);
    find(copy, "wsrs_context_broadcast", &copy->context_broadcast);
    find(copy, "wsrs_context_send_many", &copy->context_send_many);
    find(copy, "wsrs_listener_port", &copy->listener_port);
    find(copy, "wsrs_listener_close", &copy->listener_close);
    find(copy, "wsrs_conn_send_text", &copy->conn_send_text);
    find(copy, "wsrs_conn_abort", &copy->conn_abort);
    find(copy, "wsrs_timer_cancel", &copy->timer_cancel);
    find(copy, "wsrs_conn_state", &copy->conn_state);
}

static void on_open(wsrs_conn conn, void *user_data)
{
    struct copy *copy = user_data;
    copy->conn = conn;
    copy->opened++;
}

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    struct copy *copy = user_data;
    CHECK(conn.id == copy->conn.id && message->len == 4);
    copy->received++;
}

static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { ((struct copy *)user_data)->closed++; }
static void on_timer(wsrs_timer timer, void *argument) { ((struct copy *)argument)->ticks++; }

static void both_until(const int *flag, int least)
{
    long end = check_now_ms() + 20000;
    while (*flag < least) {
        CHECK(check_now_ms() < end);
        CHECK_OK(one.context_poll(one.context, 5));
        CHECK_OK(two.context_poll(two.context, 5));
    }
}

/* A context with a listener and a timer. */
static void open_context(struct copy *copy)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    CHECK_OK(copy->context_new(NULL, &callbacks, copy, &copy->context));
    CHECK_OK(copy->context_listen(copy->context, "127.0.0.1:0", NULL, &copy->listener));
    CHECK_OK(copy->context_timer(copy->context, 10, 10, on_timer, copy, &copy->timer));
}

/* A copy has never heard of what the other one made. */
static void refuses(const struct copy *copy, const struct copy *other)
{
    uint16_t port = 7;
    size_t sent = 0;
    wsrs_conn conn = {7};
    wsrs_result result;
    CHECK_IS(copy->context_poll(other->context, 0), WSRS_ERR_CLOSED);
    CHECK_IS(copy->context_stop(other->context), WSRS_ERR_CLOSED);
    CHECK_IS(copy->context_listen(other->context, "127.0.0.1:0", NULL, NULL), WSRS_ERR_CLOSED);
    CHECK_IS(copy->context_connect(other->context, "ws://127.0.0.1:1/", NULL, &conn), WSRS_ERR_CLOSED);
    CHECK_IS(copy->context_broadcast(other->context, WSRS_TEXT, "no", 2, NULL), WSRS_ERR_CLOSED);
    /* Of no context here; or, where chance numbers the contexts of both copies alike, of a connection that is gone. */
    result = copy->context_send_many(copy->context, &other->conn, 1, WSRS_TEXT, "no", 2, &sent);
    CHECK((result == WSRS_ERR_ARGUMENT || result == WSRS_OK) && sent == 0);
    CHECK_OK(copy->context_free(other->context)); /* for this copy it was freed before */
    CHECK_IS(copy->listener_port(other->listener, &port), WSRS_ERR_CLOSED);
    CHECK_IS(copy->listener_close(other->listener), WSRS_ERR_CLOSED);
    CHECK_IS(copy->conn_send_text(other->conn, "no"), WSRS_ERR_CLOSED);
    CHECK_IS(copy->conn_abort(other->conn), WSRS_ERR_CLOSED);
    CHECK_IS(copy->timer_cancel(other->timer), WSRS_ERR_CLOSED);
    CHECK_IS(copy->conn_state(other->conn), WSRS_STATE_CLOSED);
    CHECK(port == 7 && conn.id == 7);
}

/* The first id of a process whose library lies where it always lies, as far as the system grants that. */
static uint64_t first_id(const char *self)
{
    uint64_t id = 0;
    int ends[2], status;
    pid_t pid;
    CHECK(pipe(ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        personality(ADDR_NO_RANDOMIZE);
        CHECK(dup2(ends[1], 1) == 1);
        execl(self, self, "id", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    CHECK(read(ends[0], &id, sizeof id) == sizeof id);
    close(ends[0]);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return id;
}

static int tell_id(void)
{
    wsrs_context context;
    CHECK_OK(wsrs_context_new(NULL, NULL, NULL, &context));
    CHECK(write(1, &context.id, sizeof context.id) == sizeof context.id);
    return wsrs_context_free(context) != WSRS_OK;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/wsrs-copies-XXXXXX", url[64];
    uint16_t port;
    int ticks, status;
    pid_t pid;
    alarm(240);
    if (argc > 1)
        return tell_id();
    CHECK(first_id(argv[0]) != first_id(argv[0])); /* an id, which peers may get to see, does not tell where the library lies */
    CHECK(mkdtemp(folder) != NULL);
    load(&one, folder, "libone.so");
    load(&two, folder, "libtwo.so");
    CHECK(rmdir(folder) == 0);
    open_context(&one);
    open_context(&two);
    CHECK_OK(one.listener_port(one.listener, &port));
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    CHECK_OK(two.context_connect(two.context, url, NULL, NULL));
    both_until(&one.opened, 1);
    both_until(&two.opened, 1);

    refuses(&one, &two);
    refuses(&two, &one);
    CHECK_OK(one.conn_send_text(one.conn, "ping"));
    CHECK_OK(two.conn_send_text(two.conn, "pong"));
    both_until(&one.received, 1);
    both_until(&two.received, 1);
    ticks = one.ticks;
    both_until(&one.ticks, ticks + 2);
    ticks = two.ticks;
    both_until(&two.ticks, ticks + 2);
    CHECK(one.received == 1 && two.received == 1 && one.closed == 0 && two.closed == 0);

    /* Without one of them the other goes on; a fork finds nothing of what is unloaded. */
    CHECK_OK(one.context_free(one.context));
    CHECK(one.closed == 1);
    CHECK(dlclose(one.library) == 0);
    while (two.closed == 0)
        CHECK_OK(two.context_poll(two.context, 100));
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_IS(two.context_poll(two.context, 0), WSRS_ERR_FORKED);
        check_leave();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(two.context_free(two.context));
    CHECK(dlclose(two.library) == 0);
    return 0;
}
