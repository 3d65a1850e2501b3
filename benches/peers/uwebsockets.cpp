// Echo on uWebSockets: uwebsockets PORT, and uwebsockets --tls CERT KEY PORT where it is compiled with OpenSSL.
#include <App.h>
#include <cstdlib>
#include <sys/resource.h>

struct Session {};

template <typename App> static int serve(App app, int port)
{
    typename App::template WebSocketBehavior<Session> behaviour;
    behaviour.maxPayloadLength = 16 << 20;
    behaviour.maxBackpressure = 64 << 20;
    behaviour.idleTimeout = 0;
    behaviour.message = [](auto *socket, std::string_view message, uWS::OpCode opcode) { socket->send(message, opcode); };
    bool listens = false;
    app.template ws<Session>("/*", std::move(behaviour))
        .listen("127.0.0.1", port, [&](auto *socket) { listens = socket != nullptr; })
        .run();
    return listens ? 0 : 1;
}

int main(int argc, char **argv)
{
    rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int port = std::atoi(argv[argc - 1]);
#ifdef LIBUS_NO_SSL
    return serve(uWS::App(), port);
#else
    uWS::SocketContextOptions files;
    files.cert_file_name = argv[2];
    files.key_file_name = argv[3];
    return serve(uWS::SSLApp(files), port);
#endif
}
