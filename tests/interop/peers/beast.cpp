// Boost.Beast as a peer: beast server|client [permessage-deflate[;PARAMETER...]]. The words are explained in tests/interop/ends.py.
//
// One thread runs it all; a command has ended, and says "done", before the next line of standard input is read.
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <iostream>
#include <memory>
#include <sstream>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using Stream = websocket::stream<tcp::socket>;

static asio::io_context context;
static std::shared_ptr<Stream> current;
static websocket::permessage_deflate compression;

// ---- words ----

static std::string hex(const std::string &data)
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

static std::string or_dash(const std::string &word)
{
    return word.empty() ? "-" : word;
}

// ---- receiving ----

static void read(std::shared_ptr<Stream> stream)
{
    auto buffer = std::make_shared<beast::flat_buffer>();
    stream->async_read(*buffer, [stream, buffer](error_code error, std::size_t) {
        if (error) {
            // The reason stands only where the peer sent a Close.
            auto reason = stream->reason();
            say("closed " + std::to_string(error == websocket::error::closed ? reason.code : 1006) + " " +
                hex(std::string(reason.reason.data(), reason.reason.size())));
            return;
        }
        say(std::string("message ") + (stream->got_text() ? "text " : "binary ") + hex(beast::buffers_to_string(buffer->data())));
        read(stream);
    });
}

// The number behind "NAME=" in the word of the command line.
static int bits_of(const std::string &word, const std::string &name)
{
    auto at = word.find(name + "=");
    return at == std::string::npos ? 15 : std::stoi(word.substr(at + name.size() + 1));
}

static void use_deflate(const std::string &word)
{
    compression.server_enable = compression.client_enable = true;
    compression.server_max_window_bits = bits_of(word, "server_max_window_bits");
    compression.client_max_window_bits = bits_of(word, "client_max_window_bits");
    compression.server_no_context_takeover = word.find("server_no_context_takeover") != std::string::npos;
    compression.client_no_context_takeover = word.find("client_no_context_takeover") != std::string::npos;
}

static void open(std::shared_ptr<Stream> stream, const std::string &subprotocol)
{
    current = stream;
    stream->auto_fragment(false);
    stream->read_message_max(0);
    stream->control_callback([](websocket::frame_type type, beast::string_view data) {
        if (type != websocket::frame_type::close)
            say(std::string(type == websocket::frame_type::ping ? "ping " : "pong ") + hex(std::string(data)));
    });
    say("open " + or_dash(subprotocol));
    read(stream);
}

// ---- server ----

static void answer(std::shared_ptr<Stream> stream, const http::request<http::string_body> &request)
{
    if (request.target() == "/refuse") {
        http::response<http::empty_body> refusal(http::status::forbidden, 11);
        refusal.prepare_payload();
        http::write(stream->next_layer(), refusal);
        stream->next_layer().close();
        return;
    }
    std::string chosen;
    for (auto offered : http::token_list(request[http::field::sec_websocket_protocol]))
        if (offered == "chat.v2")
            chosen = "chat.v2";
    if (!chosen.empty())
        stream->set_option(websocket::stream_base::decorator(
            [chosen](websocket::response_type &response) { response.set(http::field::sec_websocket_protocol, chosen); }));
    stream->accept(request);
    open(stream, chosen);
}

static void accept(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](error_code error, tcp::socket socket) {
        if (error)
            return;
        auto stream = std::make_shared<Stream>(std::move(socket));
        stream->set_option(compression);
        beast::flat_buffer buffer;
        http::request<http::string_body> request;
        http::read(stream->next_layer(), buffer, request);
        answer(stream, request);
        accept(acceptor);
    });
}

// ---- commands ----

static void connect(const std::string &url, const std::string &subprotocols)
{
    auto stream = std::make_shared<Stream>(context);
    stream->set_option(compression);
    auto colon = url.rfind(':'), slash = url.find('/', colon);
    websocket::response_type response;
    error_code error;
    stream->next_layer().connect({asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoi(url.substr(colon + 1)))});
    if (subprotocols != "-")
        stream->set_option(websocket::stream_base::decorator(
            [=](websocket::request_type &request) { request.set(http::field::sec_websocket_protocol, subprotocols); }));
    stream->handshake(response, url.substr(5, slash - 5), url.substr(slash), error);
    if (error)
        say("failed 0"); // the response is not handed out then
    else
        open(stream, std::string(response[http::field::sec_websocket_protocol]));
}

static void done(error_code error)
{
    say(error ? "error " + error.message() : "done");
}

// Frames one after the other; the last one ends the message.
static void fragments(std::shared_ptr<std::istringstream> words, const std::string &word)
{
    std::string following;
    bool last = !(*words >> following);
    auto data = std::make_shared<std::string>(unhex(word));
    current->async_write_some(last, asio::buffer(*data), [=](error_code error, std::size_t) {
        if (error || last)
            done(error);
        else
            fragments(words, following);
    });
}

static void obey(const std::string &line)
{
    auto words = std::make_shared<std::istringstream>(line);
    std::string command, first, second;
    *words >> command >> first;
    if (command == "fragments") {
        *words >> second;
        current->text(first == "text");
        fragments(words, second);
    } else if (command == "text" || command == "binary") {
        auto data = std::make_shared<std::string>(unhex(first));
        current->text(command == "text");
        current->async_write(asio::buffer(*data), [data](error_code error, std::size_t) { done(error); });
    } else if (command == "ping") {
        auto data = unhex(first);
        current->async_ping({data.data(), data.size()}, done);
    } else if (command == "close") {
        *words >> second;
        websocket::close_reason reason(static_cast<websocket::close_code>(std::stoi(first)));
        reason.reason = unhex(second);
        current->async_close(reason, [](error_code) {});
        say("done");
    } else {
        *words >> second;
        connect(first, second);
        say("done");
    }
}

static void read_commands(asio::posix::stream_descriptor &input, std::string &buffer)
{
    asio::async_read_until(input, asio::dynamic_buffer(buffer), '\n', [&](error_code error, std::size_t length) {
        if (error) {
            context.stop();
            return;
        }
        obey(buffer.substr(0, length - 1));
        buffer.erase(0, length);
        read_commands(input, buffer);
    });
}

int main(int argc, char **argv)
{
    std::string buffer;
    asio::posix::stream_descriptor input(context, 0);
    tcp::acceptor acceptor(context);
    say("version " + std::to_string(BOOST_BEAST_VERSION) + " of Boost " + std::to_string(BOOST_VERSION / 100000) + "." +
        std::to_string(BOOST_VERSION / 100 % 1000));
    if (argc == 3)
        use_deflate(argv[2]);
    if (argc >= 2 && std::string(argv[1]) == "server") {
        acceptor = tcp::acceptor(context, {asio::ip::address_v4::loopback(), 0});
        say("listening " + std::to_string(acceptor.local_endpoint().port()));
        accept(acceptor);
    }
    read_commands(input, buffer);
    context.run();
}
