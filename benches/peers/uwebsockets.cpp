// Echo on uWebSockets: uwebsockets PORT; uwebsockets --tls CERT KEY PORT where it is compiled with OpenSSL; and
// uwebsockets --deflate 6 [--no-takeover] PORT where it is compiled with zlib: other levels it does not know.
#include <App.h>
#include <cstdlib>
#include <cstring>
#include <sys/resource.h>

struct Session {};

template <typename App> static int serve(App app, int port, uWS::CompressOptions compression = uWS::DISABLED)
{
    typename App::template WebSocketBehavior<Session> behaviour;
    bool compress = compression != uWS::DISABLED;
    behaviour.compression = compression;
    behaviour.maxPayloadLength = 16 << 20;
    behaviour.maxBackpressure = 64 << 20;
    behaviour.idleTimeout = 0;
    behaviour.message = [compress](auto *socket, std::string_view message, uWS::OpCode opcode) {
        socket->send(message, opcode, compress);
    };
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
    if (argc < 4 || std::strcmp(argv[1], "--deflate") != 0)
        return serve(uWS::App(), port);
    if (argc == 5)
        return serve(uWS::App(), port, uWS::CompressOptions(uWS::SHARED_COMPRESSOR | uWS::SHARED_DECOMPRESSOR));
    return serve(uWS::App(), port, uWS::CompressOptions(uWS::DEDICATED_COMPRESSOR | uWS::DEDICATED_DECOMPRESSOR));
#else
    uWS::SocketContextOptions files;
    files.cert_file_name = argv[2];
    files.key_file_name = argv[3];
    return serve(uWS::SSLApp(files), port);
#endif
}
