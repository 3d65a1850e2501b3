// Echo on uWebSockets: uwebsockets PORT.
#include <App.h>
#include <cstdlib>
#include <sys/resource.h>

struct Session {};

int main(int argc, char **argv)
{
    rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    uWS::App::WebSocketBehavior<Session> behaviour;
    behaviour.maxPayloadLength = 16 << 20;
    behaviour.maxBackpressure = 64 << 20;
    behaviour.idleTimeout = 0;
    behaviour.message = [](auto *socket, std::string_view message, uWS::OpCode opcode) { socket->send(message, opcode); };
    bool listens = false;
    uWS::App()
        .ws<Session>("/*", std::move(behaviour))
        .listen("127.0.0.1", argc == 2 ? std::atoi(argv[1]) : 9001, [&](auto *socket) { listens = socket != nullptr; })
        .run();
    return listens ? 0 : 1;
}
