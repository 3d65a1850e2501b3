//! Responses, and what a client must make of them (RFC 6455 §4.1; hazard H14).

use super::{CONNECTION, RFC_KEY, ResponseCase, UPGRADE, Verdict, head, replaced};
use wsrs::proto::deflate::negotiation::Fault;
use wsrs::proto::handshake::client::AnswerError::*;
use wsrs::proto::handshake::client::BodyLength;

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols";
const ACCEPT: &str = "Sec-WebSocket-Accept: {accept}";
const ANSWER: [&str; 3] = [UPGRADE, CONNECTION, ACCEPT];

/// A valid answer with another status line.
fn status(line: &str) -> Vec<u8> {
    head(&[&[line], &ANSWER[..]].concat())
}

/// A valid answer and further lines.
fn and(lines: &[&str]) -> Vec<u8> {
    head(&[&[SWITCH], &ANSWER[..], lines].concat())
}

/// A valid answer in which `lines` take the place of `field`.
fn but(field: &str, lines: &[&str]) -> Vec<u8> {
    let mut all = vec![SWITCH];
    for each in ANSWER {
        if each == field {
            all.extend_from_slice(lines);
        } else {
            all.push(each);
        }
    }
    head(&all)
}

fn but_bytes(from: &str, to: &[u8]) -> Vec<u8> {
    replaced(&and(&[]), from, to)
}

/// All responses.
pub(crate) fn responses() -> Vec<ResponseCase> {
    let groups = [answers(), rejections(), status_lines(), answer_framing(), answer_fields(), answer_limits()];
    let all = groups.into_iter().flatten();
    all.map(|(name, expect, response)| ResponseCase { name, response, expect }).collect()
}

type Line = (&'static str, Verdict, Vec<u8>);

#[rustfmt::skip]
fn answers() -> Vec<Line> {
    let ok = Verdict::Accepted(None);
    let continue_ = b"HTTP/1.1 100 Continue\r\n\r\n";
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    vec![
        ("bare minimum", ok, and(&[])),
        ("subprotocol", Verdict::Accepted(Some("chat")), and(&["Sec-WebSocket-Protocol: chat"])),
        ("other subprotocol", Verdict::Accepted(Some("superchat")), and(&["sec-websocket-protocol:superchat "])),
        ("no reason", ok, status("HTTP/1.1 101 ")),
        ("no reason and no space", ok, status("HTTP/1.1 101")),
        ("other reason", ok, status("HTTP/1.1 101 Web Socket Protocol Handshake")),
        ("upgrade in mixed case", ok, but(UPGRADE, &["UPGRADE: WebSocket"])),
        ("connection in lower case", ok, but(CONNECTION, &["connection: upgrade"])),
        ("connection list", ok, but(CONNECTION, &["Connection: keep-alive, Upgrade"])),
        ("connection on two lines", ok, but(CONNECTION, &["Connection: keep-alive", CONNECTION])),
        ("content length 0", ok, and(&["Content-Length: 0"])),
        ("further fields", ok, and(&["Server: x", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Set-Cookie: a=b"])),
        ("100 before", ok, [continue_, &and(&[])[..]].concat()),
        ("100 and 103 before", ok, [&continue_[..], hints, &and(&[])].concat()),
        ("accept padded with tabs", ok, but(ACCEPT, &["Sec-WebSocket-Accept:\t{accept}\t"])),
        ("100 fields", ok, and(&vec!["a: b"; 97])),
    ]
}

#[rustfmt::skip]
fn rejections() -> Vec<Line> {
    use BodyLength::{Chunked, Known, None, UntilClose};
    use Verdict::Rejected;
    let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    vec![
        ("200", Rejected(200, UntilClose), status("HTTP/1.1 200 OK")),
        ("200 with length", Rejected(200, Known(5)), head(&["HTTP/1.1 200 OK", "Content-Length: 5"])),
        ("204", Rejected(204, None), head(&["HTTP/1.1 204 No Content", "Content-Length: 5"])),
        ("302", Rejected(302, None), head(&["HTTP/1.1 302 Found", "Location: /x", "Content-Length: 0"])),
        ("304", Rejected(304, None), head(&["HTTP/1.1 304 Not Modified", "Content-Length: 5"])),
        ("401", Rejected(401, Chunked), head(&["HTTP/1.1 401 Unauthorized", "Transfer-Encoding: chunked"])),
        ("403", Rejected(403, Chunked), head(&["HTTP/1.1 403 Forbidden", "Transfer-Encoding: gzip, Chunked"])),
        ("404", Rejected(404, UntilClose), head(&["HTTP/1.1 404 Not Found", "Transfer-Encoding: gzip"])),
        (
            "426",
            Rejected(426, Known(1)),
            head(&["HTTP/1.1 426 Upgrade Required", "Content-Length: 1", "Content-Length: 1"]),
        ),
        ("503 of HTTP/1.0", Rejected(503, UntilClose), head(&["HTTP/1.0 503 Service Unavailable"])),
        ("599 without reason", Rejected(599, UntilClose), head(&["HTTP/1.1 599"])),
        (
            "chunked and length",
            Rejected(500, Chunked),
            head(&["HTTP/1.1 500 x", "Content-Length: 7", "Transfer-Encoding: chunked"]),
        ),
        (
            "largest length",
            Rejected(500, Known(u64::MAX)),
            head(&["HTTP/1.1 500 x", "Content-Length: 18446744073709551615"]),
        ),
        ("103 before 401", Rejected(401, UntilClose), [&hints[..], &head(&["HTTP/1.1 401 Unauthorized"])].concat()),
        (
            "length that overflows",
            Verdict::Invalid(Body),
            head(&["HTTP/1.1 500 x", "Content-Length: 18446744073709551616"]),
        ),
        ("length with sign", Verdict::Invalid(Body), head(&["HTTP/1.1 500 x", "Content-Length: +5"])),
        ("length negative", Verdict::Invalid(Body), head(&["HTTP/1.1 500 x", "Content-Length: -5"])),
        ("length empty", Verdict::Invalid(Body), head(&["HTTP/1.1 500 x", "Content-Length:"])),
        ("length list", Verdict::Invalid(Body), head(&["HTTP/1.1 500 x", "Content-Length: 5, 5"])),
        (
            "length twice, different",
            Verdict::Invalid(Body),
            head(&["HTTP/1.1 500 x", "Content-Length: 5", "Content-Length: 6"]),
        ),
    ]
}

#[rustfmt::skip]
fn status_lines() -> Vec<Line> {
    let version = Verdict::Invalid(Version);
    let malformed = Verdict::Invalid(StatusLine);
    let foreign = Verdict::Invalid(NotHttp);
    vec![
        ("101 of HTTP/1.0", version, status("HTTP/1.0 101 Switching Protocols")),
        ("101 of HTTP/2.0", version, status("HTTP/2.0 101 Switching Protocols")),
        ("101 of HTTP/1.2", version, status("HTTP/1.2 101 Switching Protocols")),
        ("101 of HTTP/2", version, status("HTTP/2 101 Switching Protocols")),
        ("100 of HTTP/1.0", version, [b"HTTP/1.0 100 Continue\r\n\r\n", &and(&[])[..]].concat()),
        ("status of two digits", malformed, status("HTTP/1.1 10 Switching Protocols")),
        ("status of four digits", malformed, status("HTTP/1.1 1010 Switching Protocols")),
        ("status with leading zero", malformed, status("HTTP/1.1 0101 Switching Protocols")),
        ("status below 100", malformed, status("HTTP/1.1 099 x")),
        ("status in letters", malformed, status("HTTP/1.1 abc Switching Protocols")),
        ("no status", malformed, status("HTTP/1.1 ")),
        ("two spaces before status", malformed, status("HTTP/1.1  101 Switching Protocols")),
        ("version in lower case", foreign, status("http/1.1 101 Switching Protocols")),
        ("version of another protocol", foreign, status("ICY 200 OK")),
        ("empty line before", foreign, [b"\r\n", &and(&[])[..]].concat()),
        ("space before", foreign, [b" ", &and(&[])[..]].concat()),
        ("TLS alert", Verdict::Invalid(Tls), Vec::from(b"\x15\x03\x03\x00\x02\x02\x28")),
        ("SSH banner", foreign, Vec::from(b"SSH-2.0-OpenSSH_9.6p1 Debian\r\n")),
        ("a request", foreign, head(&["GET / HTTP/1.1", "Host: x"])),
        ("a frame", foreign, Vec::from(b"\x81\x05Hello")),
        ("empty line after 100", foreign, [b"HTTP/1.1 100 Continue\r\n\r\n\r\n", &and(&[])[..]].concat()),
        ("frame after 100", foreign, Vec::from(b"HTTP/1.1 100 Continue\r\n\r\n\x81\x05Hello")),
        ("NUL in the reason", malformed, but_bytes("Switching ", b"Switching\0")),
    ]
}

#[rustfmt::skip]
fn answer_framing() -> Vec<Line> {
    let bad = Verdict::Invalid(Header);
    let bare: Vec<u8> = and(&[]).into_iter().filter(|&byte| byte != b'\r').collect();
    vec![
        ("bare LF everywhere", bad, bare),
        ("bare LF after the status line", bad, but_bytes("Protocols\r\n", b"Protocols\n")),
        ("bare LF as the empty line", bad, but_bytes("\r\n\r\n", b"\r\n\n")),
        ("bare CR in a value", bad, but_bytes("websocket\r\n", b"websocket\rX: y\r\n")),
        ("folded line", bad, and(&["X: a", " b"])),
        ("space before colon", bad, but(UPGRADE, &["Upgrade : websocket"])),
        ("empty name", bad, and(&[": x"])),
        ("no colon", bad, and(&["nonsense"])),
        ("NUL in a value", bad, but_bytes("websocket", b"web\0socket")),
        ("NUL in a name", bad, but_bytes("Upgrade:", b"Up\0grade:")),
        ("bad line in a 100", bad, [b"HTTP/1.1 100 Continue\r\nx y\r\n\r\n", &and(&[])[..]].concat()),
    ]
}

/// H14: what a client must look at.
#[rustfmt::skip]
fn answer_fields() -> Vec<Line> {
    use Verdict::Invalid;
    let accept = |value: &str| but(ACCEPT, &[&format!("Sec-WebSocket-Accept: {value}")]);
    vec![
        ("no upgrade", Invalid(Upgrade), but(UPGRADE, &[])),
        ("upgrade empty", Invalid(Upgrade), but(UPGRADE, &["Upgrade:"])),
        ("upgrade to another", Invalid(Upgrade), but(UPGRADE, &["Upgrade: h2c"])),
        ("upgrade list", Invalid(Upgrade), but(UPGRADE, &["Upgrade: h2c, websocket"])),
        ("upgrade with version", Invalid(Upgrade), but(UPGRADE, &["Upgrade: websocket/13"])),
        ("upgrade twice", Invalid(Upgrade), but(UPGRADE, &[UPGRADE, UPGRADE])),
        ("no connection", Invalid(Connection), but(CONNECTION, &[])),
        ("connection empty", Invalid(Connection), but(CONNECTION, &["Connection:"])),
        ("connection close", Invalid(Connection), but(CONNECTION, &["Connection: close"])),
        ("connection with suffix", Invalid(Connection), but(CONNECTION, &["Connection: Upgraded"])),
        ("connection without comma", Invalid(Connection), but(CONNECTION, &["Connection: keep-alive Upgrade"])),
        ("no accept", Invalid(AcceptMissing), but(ACCEPT, &[])),
        ("accept twice", Invalid(AcceptMissing), but(ACCEPT, &[ACCEPT, ACCEPT])),
        ("accept twice, different", Invalid(AcceptMissing), but(ACCEPT, &[ACCEPT, "Sec-WebSocket-Accept: x"])),
        ("accept empty", Invalid(AcceptWrong), accept("")),
        ("accept of another key", Invalid(AcceptWrong), accept("ICX+Yqv66kxgM0FcWaLWlFLwTAI=")),
        ("accept is the key", Invalid(AcceptWrong), accept(RFC_KEY)),
        ("accept quoted", Invalid(AcceptWrong), accept("\"{accept}\"")),
        ("accept with more", Invalid(AcceptWrong), accept("{accept}=")),
        ("accept with a word after", Invalid(AcceptWrong), accept("{accept} x")),
        ("accept in a list", Invalid(AcceptWrong), accept("{accept}, {accept}")),
        ("accept without padding", Invalid(AcceptWrong), accept("s3pPLMBiTxaQ9kYGzzhZRbK+xOo")),
        ("accept in upper case", Invalid(AcceptWrong), accept("S3PPLMBITXAQ9KYGZZHZRBK+XOO=")),
        ("subprotocol not offered", Invalid(Subprotocol), and(&["Sec-WebSocket-Protocol: other"])),
        ("subprotocol in other case", Invalid(Subprotocol), and(&["Sec-WebSocket-Protocol: Chat"])),
        ("subprotocol empty", Invalid(Subprotocol), and(&["Sec-WebSocket-Protocol:"])),
        ("both subprotocols", Invalid(Subprotocol), and(&["Sec-WebSocket-Protocol: chat, superchat"])),
        (
            "subprotocol twice",
            Invalid(Subprotocol),
            and(&["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"]),
        ),
        ("extension", Invalid(Extension(Fault::NotOffered)), and(&["Sec-WebSocket-Extensions: permessage-deflate"])),
        ("extension empty", Invalid(Extension(Fault::NotOffered)), and(&["Sec-WebSocket-Extensions:"])),
        ("body", Invalid(Body), and(&["Content-Length: 5"])),
        ("body of nothing twice", Invalid(Body), and(&["Content-Length: 0", "Content-Length: 5"])),
        ("body in chunks", Invalid(Body), and(&["Transfer-Encoding: chunked"])),
    ]
}

#[rustfmt::skip]
fn answer_limits() -> Vec<Line> {
    use Verdict::Invalid;
    let fields = Invalid(TooManyHeaders);
    let large = Invalid(TooBig);
    let continue_ = b"HTTP/1.1 100 Continue\r\n\r\n";
    let hint = format!("HTTP/1.1 103 x\r\nLink: {}\r\n\r\n", "x".repeat(1_000));
    vec![
        ("101 fields", fields, and(&vec!["a: b"; 98])),
        ("10000 fields", fields, and(&vec!["a: b"; 10_000])),
        ("1000 times 100", fields, continue_.repeat(1_000)),
        ("large hints without end", large, hint.into_bytes().repeat(20)),
        ("head without end", large, [b"HTTP/1.1 101 x\r\nX: ", &[b'x'; 17_000][..]].concat()),
        ("reason without end", large, [b"HTTP/1.1 101 ", &[b'x'; 17_000][..]].concat()),
    ]
}
