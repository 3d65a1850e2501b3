// A C++11 program: lambdas as callbacks, an object as user data, a client and a server that talk.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <wsrs.h>

static void check(bool fine, const char *what)
{
    if (!fine) {
        std::fprintf(stderr, "cplusplus.cpp: not true: %s\n", what);
        std::exit(1);
    }
}
#define CHECK(condition) check((condition), #condition)

struct Session {
    wsrs_context context = WSRS_CONTEXT_NONE;
    std::string heard;
    int code = 0;
};

// Frees the context however the program leaves.
class Context {
public:
    explicit Context(const wsrs_callbacks &callbacks) { CHECK(wsrs_context_new(nullptr, &callbacks, nullptr, &handle_) == WSRS_OK); }
    ~Context() { wsrs_context_free(handle_); }
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
    operator wsrs_context() const { return handle_; }

private:
    wsrs_context handle_ = WSRS_CONTEXT_NONE;
};

int main()
{
    alarm(240);
    wsrs_callbacks server = WSRS_CALLBACKS_INIT;
    server.on_message = [](wsrs_conn conn, const wsrs_message *message, void *) {
        CHECK(wsrs_conn_send(conn, message->type, message->data, message->len) == WSRS_OK);
    };
    Context context(server);
    wsrs_listener listener = WSRS_LISTENER_NONE;
    CHECK(wsrs_context_listen(context, "127.0.0.1:0", nullptr, &listener) == WSRS_OK);
    std::uint16_t port = 0;
    CHECK(wsrs_listener_port(listener, &port) == WSRS_OK);

    Session session;
    session.context = context;
    wsrs_callbacks client = WSRS_CALLBACKS_INIT;
    client.on_open = [](wsrs_conn conn, void *) { CHECK(wsrs_conn_send_text(conn, "Grüße") == WSRS_OK); };
    client.on_message = [](wsrs_conn conn, const wsrs_message *message, void *user_data) {
        auto &of = *static_cast<Session *>(user_data);
        of.heard.assign(reinterpret_cast<const char *>(message->data), message->len);
        CHECK(wsrs_conn_close(conn, 4000, "done", 4) == WSRS_OK);
    };
    client.on_close = [](wsrs_conn, const wsrs_close *close, void *user_data) {
        auto &of = *static_cast<Session *>(user_data);
        of.code = close->code;
        CHECK(wsrs_context_stop(of.context) == WSRS_OK);
    };
    client.on_error = [](wsrs_conn, const wsrs_error *error, void *) { check(false, error->text); };
    wsrs_connect_options options = WSRS_CONNECT_OPTIONS_INIT;
    options.callbacks = &client;
    options.user_data = &session;
    const std::string url = "ws://127.0.0.1:" + std::to_string(port) + "/";
    CHECK(wsrs_context_connect(context, url.c_str(), &options, nullptr) == WSRS_OK);
    CHECK(wsrs_context_run(context) == WSRS_OK);
    CHECK(session.heard == "Grüße");
    CHECK(session.code == 4000);
    return 0;
}
