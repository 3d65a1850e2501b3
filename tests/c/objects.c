/* wsrs_objects: messages made into objects of a small language of its own, every one released by whom made it, whatever
 * the callback does meanwhile. */
#include "check.h"

struct object {
    int32_t type;
    ptrdiff_t len;
    char bytes[];
};

static int opened, received, plain, pieces, live, out_of_memory, handed;
static wsrs_context context;
static wsrs_conn accepted;
static wsrs_objects objects = WSRS_OBJECTS_INIT;
static void (*meanwhile)(void); /* what the callback does */
static struct object *last;

static void *make(int32_t type, const char *data, ptrdiff_t len)
{
    struct object *object;
    if (out_of_memory)
        return NULL;
    object = malloc(sizeof *object + (size_t)len + 1);
    CHECK(object != NULL && len >= 0);
    object->type = type;
    object->len = len;
    memcpy(object->bytes, data, (size_t)len);
    live++;
    return object;
}

static void *make_text(const char *data, ptrdiff_t len) { return make(WSRS_TEXT, data, len); }
static void *make_binary(const char *data, ptrdiff_t len) { return make(WSRS_BINARY, data, len); }

static void release(void *object)
{
    live--;
    free(object);
}

static void echo(void *user_data, void *object)
{
    struct object *message = object;
    CHECK(user_data == &live && live == 1);
    handed++;
    if (meanwhile != NULL) {
        meanwhile();
        return;
    }
    CHECK_OK(message->type == WSRS_TEXT ? wsrs_conn_send(accepted, WSRS_TEXT, message->bytes, (size_t)message->len)
                                        : wsrs_conn_send_binary(accepted, message->bytes, (size_t)message->len));
}

static void echo_plain(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    plain++;
    pieces += !(message->first && message->last);
    CHECK_OK(wsrs_conn_send(conn, message->type, message->data, message->len));
}

static void on_accepted(wsrs_conn conn, void *user_data)
{
    accepted = conn;
    opened++;
}

static void on_open(wsrs_conn conn, void *user_data) { opened++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->type == last->type && message->len == (size_t)last->len);
    CHECK(memcmp(message->data, last->bytes, message->len) == 0);
    received++;
}

static void round_trip(wsrs_conn client, int32_t type, size_t len, int through_object)
{
    int before = plain;
    char *data = malloc(len + 1);
    memset(data, 'x', len);
    last = make(type, data, (ptrdiff_t)len);
    free(data);
    live = 0; /* those of the server are counted */
    received = 0;
    out_of_memory = !through_object;
    CHECK_OK(wsrs_conn_send(client, type, last->bytes, len));
    POLL_UNTIL(context, received, 1);
    out_of_memory = 0;
    CHECK(live == 0 && plain == before + !through_object);
    free(last);
}

static void release_nothing(void *object) { CHECK(object == NULL); }

static void change(void)
{
    wsrs_objects other = objects;
    other.release = release_nothing;
    CHECK_OK(wsrs_context_set_objects(context, &other));
}

static void end(void)
{
    CHECK_IS(wsrs_context_poll(context, 0), WSRS_ERR_REENTRY);
    CHECK_OK(wsrs_conn_abort(accepted));
    CHECK_OK(wsrs_context_free(context));
}

/* A message while whose callback `what` happens. */
static void beside(wsrs_conn client, void (*what)(void), wsrs_result polled)
{
    wsrs_result result;
    handed = 0;
    meanwhile = what;
    CHECK_OK(wsrs_conn_send_text(client, "x"));
    do
        result = wsrs_context_poll(context, 10);
    while (result == WSRS_OK && handed == 0);
    CHECK_IS(result, polled);
    CHECK(handed == 1 && live == 0);
    meanwhile = NULL;
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 125, 126, 65536, 300000};
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT, server = WSRS_CALLBACKS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    wsrs_conn client;
    size_t i;
    server.on_open = on_accepted;
    server.on_message = echo_plain;
    server.on_object = echo;
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    options.callbacks = &server;
    options.user_data = &live;
    context = check_context(&callbacks);
    client = check_connect(context, check_listen(context, &options), NULL);
    POLL_UNTIL(context, opened, 2);

    /* Without wsrs_objects everything is as if on_object were not set. */
    round_trip(client, WSRS_TEXT, 5, 0);
    CHECK_IS(wsrs_context_set_objects(context, &objects), WSRS_ERR_ARGUMENT);
    objects.make_text = make_text;
    objects.make_binary = make_binary;
    CHECK_IS(wsrs_context_set_objects(context, &objects), WSRS_ERR_ARGUMENT);
    objects.release = release;
    CHECK_OK(wsrs_context_set_objects(context, &objects));

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        round_trip(client, WSRS_TEXT, sizes[i], 1);
        round_trip(client, WSRS_BINARY, sizes[i], 1);
        round_trip(client, WSRS_BINARY, sizes[i], 0);
    }
    CHECK(pieces == 0);
    CHECK_OK(wsrs_conn_set_user_data(accepted, NULL));
    round_trip(client, WSRS_TEXT, 5, 0);

    CHECK_OK(wsrs_conn_set_user_data(accepted, &live));
    beside(client, change, WSRS_OK);
    CHECK_OK(wsrs_context_set_objects(context, &objects));
    beside(client, end, WSRS_ERR_CLOSED);
    return 0;
}
