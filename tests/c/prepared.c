/* Prepared messages: to connections of every kind, between messages of their own, from other threads and other contexts, and
 * after they were freed. */
#include "check_deflate.h"
#include <pthread.h>
#include <sys/wait.h>

enum { TEXT_SIZE = 6000, NOISE_SIZE = 300, KINDS = 6, ROUNDS = 5 };

static wsrs_context context;
static wsrs_conn accepted;
static int opened, received, closed;
static char words[2][TEXT_SIZE];
static uint8_t noise[NOISE_SIZE];
static const char *expected;
static size_t expected_len;

static void on_accepted(wsrs_conn conn, void *user_data)
{
    accepted = conn;
    opened++;
}

static void on_open(wsrs_conn conn, void *user_data) { opened++; }
static void on_close(wsrs_conn conn, const wsrs_close *close, void *user_data) { closed++; }

static void on_message(wsrs_conn conn, const wsrs_message *message, void *user_data)
{
    CHECK(message->len == expected_len && memcmp(message->data, expected, expected_len) == 0);
    received++;
}

/* What compresses well, of a language of its own for each `salt`, and what doesn't. */
static void make_data(void)
{
    uint32_t random = 1;
    size_t i, salt;
    for (salt = 0; salt < 2; salt++)
        for (i = 0; i < TEXT_SIZE; i++) {
            random = random * 1664525 + 1013904223;
            words[salt][i] = (char)((salt == 0 ? 'a' : 'A') + (random >> 24) % 4);
        }
    for (i = 0; i < NOISE_SIZE; i++) {
        random = random * 1664525 + 1013904223;
        noise[i] = (uint8_t)(random >> 24);
    }
}

static wsrs_prepared prepare(int32_t type, const void *data, size_t len)
{
    wsrs_prepared prepared = WSRS_PREPARED_NONE;
    CHECK_OK(wsrs_prepared_new(type, data, len, &prepared));
    CHECK(prepared.id != 0);
    return prepared;
}

static void arrives(int count)
{
    POLL_UNTIL(context, received, count);
    CHECK(received == count);
    received = 0;
}

/* Connections without compression, and with different kinds of it. */
static const struct {
    uint32_t level, memory_level, window_bits, no_takeover;
    int on;
} kinds[KINDS] = {{0, 0, 0, 0, 0}, {1, 0, 0, 0, 1}, {9, 1, 0, 0, 1}, {6, 0, 8, 0, 1}, {6, 0, 0, 1, 1}, {6, 0, 9, 1, 1}};

static uint16_t listen_as(int kind)
{
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    deflate.level = kinds[kind].level;
    deflate.memory_level = kinds[kind].memory_level;
    deflate.window_bits = kinds[kind].window_bits;
    deflate.no_takeover = kinds[kind].no_takeover;
    if (kinds[kind].on)
        options.deflate = &deflate;
    return check_listen(context, &options);
}

static wsrs_conn connect_offering(uint16_t port)
{
    static const wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_conn conn;
    char url[64];
    callbacks.on_open = on_open;
    callbacks.on_message = on_message;
    options.callbacks = &callbacks;
    options.deflate = &deflate;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)port);
    opened = 0;
    CHECK_OK(wsrs_context_connect(context, url, &options, &conn));
    POLL_UNTIL(context, opened, 2);
    return conn;
}

static wsrs_conn servers[KINDS], clients[KINDS];

static void connect_all(void)
{
    int kind;
    for (kind = 0; kind < KINDS; kind++) {
        clients[kind] = connect_offering(listen_as(kind));
        servers[kind] = accepted;
    }
}

/* Between messages of the connection's own, which may not refer to what was before the prepared one. */
static void between_others(void)
{
    wsrs_prepared prepared[2];
    int kind, round, salt;
    for (salt = 0; salt < 2; salt++)
        prepared[salt] = prepare(WSRS_TEXT, words[salt], TEXT_SIZE);
    for (round = 0; round < ROUNDS; round++)
        for (salt = 0; salt < 2; salt++) {
            expected = words[salt];
            expected_len = TEXT_SIZE;
            for (kind = 0; kind < KINDS; kind++) {
                wsrs_stats before = stats_of(servers[kind]), after;
                CHECK_OK(wsrs_conn_send_prepared(servers[kind], prepared[salt]));
                after = stats_of(servers[kind]);
                CHECK(after.messages_sent == before.messages_sent + 1 && after.bytes_sent == before.bytes_sent + TEXT_SIZE);
                CHECK(after.deflated_from == before.deflated_from + (kinds[kind].on ? TEXT_SIZE : 0));
                CHECK(kinds[kind].on == (after.deflated_to > before.deflated_to));
                CHECK(after.deflated_to < before.deflated_to + TEXT_SIZE);
                CHECK_OK(wsrs_conn_send(servers[kind], WSRS_TEXT, words[salt], TEXT_SIZE));
            }
            arrives(2 * KINDS);
        }
    /* A client's frames are masked, each in its own way. */
    expected = words[0];
    for (kind = 0; kind < KINDS; kind++) {
        CHECK_OK(wsrs_conn_send_prepared(clients[kind], prepared[0]));
        CHECK_OK(wsrs_conn_send(clients[kind], WSRS_TEXT, words[0], TEXT_SIZE));
        CHECK_OK(wsrs_conn_send_prepared(clients[kind], prepared[0]));
    }
    arrives(3 * KINDS);
    for (kind = 0; kind < KINDS; kind++)
        CHECK(stats_of(servers[kind]).inflated_to == (kinds[kind].on ? 3 * TEXT_SIZE : 0));
    CHECK_OK(wsrs_context_broadcast(context, WSRS_TEXT, words[0], TEXT_SIZE, NULL));
    CHECK_OK(wsrs_context_send_many(context, servers, KINDS, WSRS_TEXT, words[0], TEXT_SIZE, NULL));
    arrives(3 * KINDS); /* a broadcast goes both ways here */
    for (salt = 0; salt < 2; salt++)
        CHECK_OK(wsrs_prepared_free(prepared[salt]));
}

/* What is not worth it, or not wanted: not a byte of it is compressed. */
static void as_it_is(void)
{
    wsrs_prepared all[3];
    size_t lengths[3] = {NOISE_SIZE, TEXT_SIZE, 63};
    const void *data[3] = {noise, words[0], words[0]};
    int kind, i;
    all[0] = prepare(WSRS_BINARY, noise, NOISE_SIZE);
    all[1] = prepare(WSRS_BINARY | WSRS_UNCOMPRESSED, words[0], TEXT_SIZE);
    all[2] = prepare(WSRS_BINARY, words[0], 63); /* below min_size */
    for (i = 0; i < 3; i++) {
        expected = data[i];
        expected_len = lengths[i];
        for (kind = 0; kind < KINDS; kind++) {
            uint64_t before = stats_of(servers[kind]).deflated_from;
            CHECK_OK(wsrs_conn_send_prepared(servers[kind], all[i]));
            CHECK(stats_of(servers[kind]).deflated_from == before);
        }
        arrives(KINDS);
        CHECK_OK(wsrs_prepared_free(all[i]));
    }
}

static void on_the_wire(void)
{
    wsrs_prepared hello = prepare(WSRS_TEXT, "Hello", 5), none = prepare(WSRS_TEXT, NULL, 0);
    wsrs_prepared text = prepare(WSRS_BINARY, words[0], 100);
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_listen_options options = WSRS_LISTEN_OPTIONS_INIT;
    int fd;
    options.deflate = &deflate;
    deflate.min_size = 1;
    opened = 0;
    fd = raw_offer(context, check_listen(context, &options), "permessage-deflate", "permessage-deflate");
    POLL_UNTIL(context, opened, 1);
    CHECK_OK(wsrs_conn_send_prepared(accepted, hello)); /* 7 bytes if it were compressed */
    RAW_EXPECT(context, fd, "\x81\x05Hello");
    CHECK_OK(wsrs_conn_send_prepared(accepted, none));
    RAW_EXPECT(context, fd, "\x81\x00");
    CHECK_OK(wsrs_conn_send_prepared(accepted, text));
    CHECK(raw_frame(context, fd, 0xc2) < 100);
    CHECK_OK(wsrs_conn_send_fragment(accepted, WSRS_TEXT | WSRS_UNCOMPRESSED, "a", 1, 0));
    CHECK_IS(wsrs_conn_send_prepared(accepted, hello), WSRS_ERR_STATE);
    CHECK_OK(wsrs_conn_send_fragment(accepted, WSRS_TEXT, "b", 1, 1));
    RAW_EXPECT(context, fd, "\x01\x01" "a" "\x80\x01" "b");
    CHECK_OK(wsrs_prepared_free(hello));
    CHECK_OK(wsrs_prepared_free(none));
    CHECK_OK(wsrs_prepared_free(text));
    CHECK(close(fd) == 0);
}

/* ---- threads ---- */

static wsrs_prepared shared;

static void *send_from_elsewhere(void *argument)
{
    int i, kind;
    for (i = 0; i < ROUNDS; i++)
        for (kind = 0; kind < KINDS; kind++) {
            wsrs_result result;
            while ((result = wsrs_conn_send_prepared(servers[kind], shared)) == WSRS_ERR_AGAIN)
                check_sleep_ms(1);
            CHECK_OK(result);
        }
    return NULL;
}

static void *in_a_fragment(void *argument)
{
    CHECK_IS(wsrs_conn_send_prepared(servers[0], shared), WSRS_ERR_STATE);
    return NULL;
}

static void from_threads(void)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int i;
    shared = prepare(WSRS_TEXT, words[1], TEXT_SIZE);
    expected = words[1];
    expected_len = TEXT_SIZE;
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, send_from_elsewhere, NULL) == 0);
    POLL_UNTIL(context, received, THREADS * ROUNDS * KINDS);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    arrives(THREADS * ROUNDS * KINDS);
    CHECK_OK(wsrs_conn_send_fragment(servers[0], WSRS_TEXT, words[1], 1, 0));
    CHECK(pthread_create(&threads[0], NULL, in_a_fragment, NULL) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    CHECK_OK(wsrs_conn_send_fragment(servers[0], WSRS_TEXT, words[1] + 1, TEXT_SIZE - 1, 1));
    arrives(1);
}

/* What was sent or queued of it comes; afterwards nobody has it, whoever has its place. */
static void freed(void)
{
    wsrs_prepared next;
    int kind;
    for (kind = 0; kind < KINDS; kind++)
        CHECK_OK(wsrs_conn_send_prepared(servers[kind], shared));
    CHECK_OK(wsrs_prepared_free(shared));
    next = prepare(WSRS_TEXT, "x", 1);
    CHECK(next.id != shared.id);
    CHECK_IS(wsrs_conn_send_prepared(servers[0], shared), WSRS_ERR_CLOSED);
    CHECK_OK(wsrs_prepared_free(shared));
    arrives(KINDS);
    expected = "x";
    expected_len = 1;
    CHECK_OK(wsrs_conn_send_prepared(servers[0], next));
    arrives(1);
    CHECK_OK(wsrs_prepared_free(next));
}

/* ---- other contexts ---- */

static void *another_loop(void *argument)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    wsrs_deflate_options deflate = WSRS_DEFLATE_OPTIONS_INIT;
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    wsrs_context own;
    wsrs_conn conn;
    char url[64];
    int i;
    deflate.level = 6;
    options.deflate = &deflate;
    CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &own));
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)*(uint16_t *)argument);
    CHECK_OK(wsrs_context_connect(own, url, &options, &conn));
    while (wsrs_conn_state(conn) != WSRS_STATE_OPEN)
        CHECK_OK(wsrs_context_poll(own, 10));
    for (i = 0; i < ROUNDS; i++)
        CHECK_OK(wsrs_conn_send_prepared(conn, shared));
    CHECK_OK(wsrs_conn_close(conn, 1000, NULL, 0));
    while (wsrs_conn_state(conn) != WSRS_STATE_CLOSED)
        CHECK_OK(wsrs_context_poll(own, 10));
    CHECK_OK(wsrs_context_free(own));
    return NULL;
}

static void from_contexts(void)
{
    enum { LOOPS = 3 };
    pthread_t threads[LOOPS];
    uint16_t port = listen_as(4);
    int i;
    closed = 0;
    shared = prepare(WSRS_TEXT, words[0], TEXT_SIZE);
    expected = words[0];
    expected_len = TEXT_SIZE;
    for (i = 0; i < LOOPS; i++)
        CHECK(pthread_create(&threads[i], NULL, another_loop, &port) == 0);
    arrives(LOOPS * ROUNDS);
    POLL_UNTIL(context, closed, LOOPS); /* their closing handshakes need this loop */
    for (i = 0; i < LOOPS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* In the child of a fork prepared messages are as good as before: they have no descriptors. */
static void in_a_child(void)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
        CHECK_IS(wsrs_conn_send_prepared(servers[0], shared), WSRS_ERR_FORKED);
        callbacks.on_open = on_accepted;
        callbacks.on_message = on_message;
        CHECK_OK(wsrs_context_new(NULL, &callbacks, NULL, &context));
        received = 0;
        connect_offering(listen_as(4));
        CHECK_OK(wsrs_conn_send_prepared(accepted, shared));
        arrives(1);
        CHECK(stats_of(accepted).deflated_from == TEXT_SIZE);
        check_leave();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(wsrs_prepared_free(shared));
}

int main(void)
{
    wsrs_callbacks callbacks = WSRS_CALLBACKS_INIT;
    callbacks.on_open = on_accepted;
    callbacks.on_message = on_message;
    callbacks.on_close = on_close;
    context = check_context(&callbacks);
    make_data();
    connect_all();
    between_others();
    as_it_is();
    on_the_wire();
    from_threads();
    freed();
    from_contexts();
    in_a_child();
    CHECK_OK(wsrs_context_free(context));
    return 0;
}
