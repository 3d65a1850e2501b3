// uWebSockets as a peer: uwebsockets server [permessage-deflate[;PARAMETER...]]. The words are explained in
// tests/interop/ends.py.
//
// One thread reads standard input; the commands run in the loop, which is where the library's calls are allowed.
#include <App.h>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <thread>

struct Session {
    std::string subprotocol;
};

using Socket = uWS::WebSocket<false, true, Session>;

static Socket *current;

// ---- words ----

static std::string hex(std::string_view data)
{
    static const char digits[] = "0123456789abcdef";
    std::string word;
    for (unsigned char byte : data) {
        word += digits[byte >> 4];
        word += digits[byte & 15];
    }
    return word.empty() ? "-" : word;
}

static std::string unhex(const std::string &word)
{
    std::string data;
    for (std::size_t at = 0; word != "-" && at < word.size(); at += 2)
        data += static_cast<char>(std::stoi(word.substr(at, 2), nullptr, 16));
    return data;
}

static void say(const std::string &line)
{
    std::cout << line << std::endl;
}

// ---- compression ----

// The number behind "NAME=" in the word of the command line.
static int bits_of(const std::string &word, const std::string &name)
{
    auto at = word.find(name + "=");
    return at == std::string::npos ? 15 : std::atoi(word.c_str() + at + name.size() + 1);
}

// As its constants are made: of a compressor the window and the memory level, of an inflater the window.
static uWS::CompressOptions compression(const std::string &word)
{
    int server = bits_of(word, "server_max_window_bits"), client = bits_of(word, "client_max_window_bits");
    int compressor = server << 4 | (server - 7), decompressor = client << 8;
    if (word.find("server_no_context_takeover") != std::string::npos)
        compressor = uWS::SHARED_COMPRESSOR;
    if (word.find("client_no_context_takeover") != std::string::npos)
        decompressor = uWS::SHARED_DECOMPRESSOR;
    return static_cast<uWS::CompressOptions>(compressor | decompressor);
}

// ---- server ----

static void answer(uWS::HttpResponse<false> *response, uWS::HttpRequest *request, us_socket_context_t *context)
{
    if (request->getUrl() == "/refuse") {
        response->writeStatus("403 Forbidden")->end("no");
        return;
    }
    auto offered = request->getHeader("sec-websocket-protocol");
    std::string chosen = offered.find("chat.v2") == std::string_view::npos ? "" : "chat.v2";
    response->upgrade<Session>({chosen}, request->getHeader("sec-websocket-key"), chosen,
                               request->getHeader("sec-websocket-extensions"), context);
}

static void closed(Socket *socket, int code, std::string_view reason)
{
    if (socket == current)
        current = nullptr;
    say("closed " + std::to_string(code) + " " + hex(reason));
}

static uWS::App::WebSocketBehavior<Session> behaviour()
{
    uWS::App::WebSocketBehavior<Session> told;
    told.maxPayloadLength = 16 << 20;
    told.maxBackpressure = 64 << 20;
    told.idleTimeout = 0;
    told.upgrade = answer;
    told.open = [](Socket *socket) {
        current = socket;
        auto &subprotocol = socket->getUserData()->subprotocol;
        say("open " + (subprotocol.empty() ? "-" : subprotocol));
    };
    told.message = [](Socket *, std::string_view data, uWS::OpCode opcode) {
        say((opcode == uWS::TEXT ? "message text " : "message binary ") + hex(data));
    };
    told.ping = [](Socket *, std::string_view data) { say("ping " + hex(data)); };
    told.pong = [](Socket *, std::string_view data) { say("pong " + hex(data)); };
    told.close = closed;
    return told;
}

// ---- commands ----

// As they are: the library compresses a fragment as if it were a message, and leaves out what has to stand before the next.
static void fragments(std::istringstream &words)
{
    std::string kind, word, following;
    words >> kind >> word;
    auto opcode = kind == "text" ? uWS::TEXT : uWS::BINARY;
    while (words >> following) {
        current->send(unhex(word), opcode, false, false);
        opcode = uWS::CONTINUATION;
        word = following;
    }
    current->send(unhex(word), opcode, false, true);
}

static void obey(const std::string &line)
{
    std::istringstream words(line);
    std::string command, first, second;
    words >> command;
    if (current == nullptr) {
        say("error nobody is connected");
        return;
    }
    if (command == "fragments") {
        fragments(words);
    } else {
        words >> first >> second;
        if (command == "text" || command == "binary")
            current->send(unhex(first), command == "text" ? uWS::TEXT : uWS::BINARY, true);
        else if (command == "ping")
            current->send(unhex(first), uWS::PING);
        else
            current->end(std::stoi(first), unhex(second));
    }
    say("done");
}

static void read_commands(uWS::Loop *loop)
{
    std::string line;
    while (std::getline(std::cin, line))
        loop->defer([line] { obey(line); });
    std::_Exit(0);
}

int main(int argc, char **argv)
{
    auto told = behaviour();
    if (argc > 2)
        told.compression = compression(argv[2]);
    std::thread(read_commands, uWS::Loop::get()).detach();
    uWS::App()
        .ws<Session>("/*", std::move(told))
        .listen("127.0.0.1", 0, [](us_listen_socket_t *socket) {
            say("version " UWS_VERSION);
            say("listening " + std::to_string(us_socket_local_port(0, reinterpret_cast<us_socket_t *>(socket))));
        })
        .run();
}
