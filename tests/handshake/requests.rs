//! Requests, and what a server must make of them (RFC 6455 §4.2.1; hazards H8 and H10).

use super::{CONNECTION, Expect, RFC_ACCEPT, RequestCase, UPGRADE, head, replaced};

const GET: &str = "GET /chat HTTP/1.1";
const HOST: &str = "Host: server.example.com";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const FIELDS: [&str; 5] = [HOST, UPGRADE, CONNECTION, KEY, VERSION];

/// A valid request with another request line.
fn line(line: &str) -> Vec<u8> {
    head(&[&[line], &FIELDS[..]].concat())
}

/// A valid request and further lines.
fn plus(lines: &[&str]) -> Vec<u8> {
    head(&[&[GET], &FIELDS[..], lines].concat())
}

/// A valid request in which `lines` take the place of `field`.
fn instead(field: &str, lines: &[&str]) -> Vec<u8> {
    let mut all = vec![GET];
    for each in FIELDS {
        if each == field {
            all.extend_from_slice(lines);
        } else {
            all.push(each);
        }
    }
    head(&all)
}

/// A request that says nothing of WebSocket.
fn page(line: &str, lines: &[&str]) -> Vec<u8> {
    head(&[&[line, HOST], lines].concat())
}

/// Bytes as they are.
fn raw(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// A valid request in which `from` is replaced by bytes that need not be text.
fn patched(from: &str, to: &[u8]) -> Vec<u8> {
    replaced(&plus(&[]), from, to)
}

fn key(value: &str) -> Vec<u8> {
    instead(KEY, &[&format!("Sec-WebSocket-Key: {value}")])
}

fn many_fields(count: usize) -> Vec<u8> {
    let mut lines = vec!["a: b"; count - FIELDS.len()];
    lines.extend_from_slice(&FIELDS);
    lines.insert(0, GET);
    head(&lines)
}

/// A valid request of exactly `size` bytes.
fn sized(size: usize) -> Vec<u8> {
    let filler = size - plus(&["Filler: "]).len();
    plus(&[&format!("Filler: {}", "x".repeat(filler))])
}

fn target(length: usize) -> Vec<u8> {
    line(&format!("GET /{} HTTP/1.1", "x".repeat(length - 1)))
}

/// All requests.
pub(crate) fn requests() -> Vec<RequestCase> {
    let groups = [accepted(), pages(), request_lines(), framing(), http_fields(), websocket_fields(), limits()];
    let all = groups.into_iter().flatten();
    all.map(|(name, expect, request)| RequestCase { name, request, expect }).collect()
}

type Row = (&'static str, Expect, Vec<u8>);

#[rustfmt::skip]
fn accepted() -> Vec<Row> {
    let ok = Expect::Accept(RFC_ACCEPT);
    let other_key = [
        "GET / HTTP/1.1",
        "Host: 127.0.0.1:9001",
        "Connection: keep-alive, Upgrade",
        UPGRADE,
        VERSION,
        "Origin: null",
        "Sec-WebSocket-Key: BE/bv0JO2wBVnABhxQO5kQ==",
    ];
    let browser = [
        "Pragma: no-cache",
        "Cache-Control: no-cache",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
        "Origin: https://server.example.com",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: en-GB,en;q=0.9",
        "Cookie: a=b; c=\"d e\"",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    ];
    vec![
        ("sample of the RFC", ok, plus(&["Origin: http://example.com", "Sec-WebSocket-Protocol: chat, superchat"])),
        ("origin null, keep-alive", Expect::Accept("qBPI+1rPa4lNhVJ0cztOjbvugAQ="), head(&other_key)),
        ("bare minimum", ok, plus(&[])),
        ("a browser's", ok, plus(&browser)),
        ("one empty line before", ok, [b"\r\n", &plus(&[])[..]].concat()),
        ("names in lower case", ok, patched("Sec-WebSocket-Key", b"sec-websocket-key")),
        ("names in upper case", ok, patched("Sec-WebSocket-Version", b"SEC-WEBSOCKET-VERSION")),
        ("upgrade in mixed case", ok, instead(UPGRADE, &["UPGRADE: WebSocket"])),
        ("upgrade list", ok, instead(UPGRADE, &["Upgrade: h2c, websocket"])),
        ("connection in lower case", ok, instead(CONNECTION, &["connection: upgrade"])),
        ("connection in upper case", ok, instead(CONNECTION, &["CONNECTION: UPGRADE"])),
        ("connection list", ok, instead(CONNECTION, &["Connection: keep-alive, Upgrade"])),
        ("connection list without spaces", ok, instead(CONNECTION, &["Connection:close,upgrade,x"])),
        ("connection list with gaps", ok, instead(CONNECTION, &["Connection: , ,Upgrade ,"])),
        ("connection on two lines", ok, instead(CONNECTION, &["Connection: keep-alive", CONNECTION])),
        ("no space after colons", ok, instead(HOST, &["Host:server.example.com"])),
        ("spaces and tabs around values", ok, instead(VERSION, &["Sec-WebSocket-Version: \t 13 \t "])),
        ("empty value of a field", ok, plus(&["X-Empty:"])),
        ("value beyond ASCII", ok, patched("Host:", b"X-Name: caf\xe9\r\nHost:")),
        ("tab in a value", ok, plus(&["X-Tab: a\tb"])),
        ("content length 0", ok, plus(&["Content-Length: 0"])),
        ("host with port", ok, instead(HOST, &["Host: server.example.com:8080"])),
        ("host with empty port", ok, instead(HOST, &["Host: server.example.com:"])),
        ("host is IPv6", ok, instead(HOST, &["Host: [::1]:8080"])),
        ("host with underscore", ok, instead(HOST, &["Host: my_service"])),
        ("target with query", ok, line("GET /chat?a=b&c=%20d?e HTTP/1.1")),
        ("target with two slashes", ok, line("GET //chat HTTP/1.1")),
        ("target with a colon", ok, line("GET /a:b@c HTTP/1.1")),
        ("absolute target", ok, line("GET http://server.example.com/chat HTTP/1.1")),
        ("absolute target, ws", ok, line("GET ws://server.example.com/chat HTTP/1.1")),
        ("absolute target, other case", ok, line("GET HTTP://SERVER.example.com HTTP/1.1")),
        ("absolute target, default port", ok, line("GET http://server.example.com:80/ HTTP/1.1")),
        ("absolute target, default port of TLS", ok, line("GET wss://server.example.com:443?x HTTP/1.1")),
        ("protocols on two lines", ok, plus(&["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"])),
        ("protocols that differ in case", ok, plus(&["Sec-WebSocket-Protocol: a, A"])),
        ("extensions unknown", ok, plus(&["Sec-WebSocket-Extensions: x-webkit-deflate-frame, foo;bar;baz=1"])),
        ("extensions quoted", ok, plus(&["Sec-WebSocket-Extensions: foo; a=\"1\\5\" , bar"])),
        ("extensions on two lines", ok, plus(&["Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar"])),
        ("key of zeros", Expect::Accept("ICX+Yqv66kxgM0FcWaLWlFLwTAI="), key("AAAAAAAAAAAAAAAAAAAAAA==")),
        ("100 fields", ok, many_fields(100)),
        ("largest head", ok, sized(16_384)),
        ("longest target", ok, target(8_192)),
    ]
}

#[rustfmt::skip]
fn pages() -> Vec<Row> {
    let ok = Expect::Page;
    vec![
        ("page", ok, page("GET / HTTP/1.1", &[])),
        ("page by HEAD", ok, page("HEAD / HTTP/1.1", &["Accept: */*"])),
        ("page of HTTP/1.0", ok, page("GET / HTTP/1.0", &[])),
        ("page of HTTP/1.0 without host", ok, head(&["GET / HTTP/1.0"])),
        ("page kept alive", ok, page("GET /a HTTP/1.1", &["Connection: keep-alive"])),
        (
            "upgrade to something else",
            ok,
            page("GET / HTTP/1.1", &["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"]),
        ),
        ("connection upgrade alone", ok, page("GET / HTTP/1.1", &[CONNECTION])),
    ]
}

#[rustfmt::skip]
fn request_lines() -> Vec<Row> {
    let bad = Expect::Refuse(400);
    let method = Expect::Refuse(405);
    let version = Expect::Refuse(505);
    vec![
        ("upgrade by POST", method, line("POST /chat HTTP/1.1")),
        ("upgrade by HEAD", method, line("HEAD /chat HTTP/1.1")),
        ("upgrade by get", method, line("get /chat HTTP/1.1")),
        ("upgrade by unknown method", method, line("WEBSOCKET /chat HTTP/1.1")),
        ("page by POST", method, page("POST / HTTP/1.1", &["Content-Length: 5"])),
        ("page by OPTIONS", method, page("OPTIONS * HTTP/1.1", &[])),
        ("CONNECT", method, page("CONNECT server.example.com:443 HTTP/1.1", &[])),
        ("upgrade by HTTP/1.0", bad, line("GET /chat HTTP/1.0")),
        ("HTTP/0.9", version, line("GET /chat HTTP/0.9")),
        ("HTTP/1.2", version, line("GET /chat HTTP/1.2")),
        ("HTTP/2.0", version, line("GET /chat HTTP/2.0")),
        ("HTTP/2 preface", version, raw(b"PRI * HTTP/2.0\r\n\r\n")),
        ("no version", bad, line("GET /chat")),
        ("word after another version", bad, line("GET /chat HTTP/2.0 x")),
        ("no target", bad, line("GET HTTP/1.1")),
        ("method alone", bad, line("GET")),
        ("version in lower case", bad, line("GET /chat http/1.1")),
        ("version without minor", bad, line("GET /chat HTTP/1")),
        ("version with many digits", bad, line("GET /chat HTTP/1.10")),
        ("version with leading zero", bad, line("GET /chat HTTP/01.1")),
        ("version of another protocol", bad, line("GET /chat HTCPCP/1.1")),
        ("two spaces before target", bad, line("GET  /chat HTTP/1.1")),
        ("two spaces after target", bad, line("GET /chat  HTTP/1.1")),
        ("tab after method", bad, line("GET\t/chat HTTP/1.1")),
        ("tab after target", bad, line("GET /chat\tHTTP/1.1")),
        ("space before method", bad, line(" GET /chat HTTP/1.1")),
        ("space after version", bad, line("GET /chat HTTP/1.1 ")),
        ("word after version", bad, line("GET /chat HTTP/1.1 x")),
        ("space in target", bad, line("GET /ch at HTTP/1.1")),
        ("method not a token", bad, line("G(T /chat HTTP/1.1")),
        ("method too long", bad, line("GETGETGETGETGETGETGETGETGET /chat HTTP/1.1")),
        ("target is a fragment", bad, line("GET /chat#x HTTP/1.1")),
        ("target with empty fragment", bad, line("GET /chat# HTTP/1.1")),
        ("target beyond ASCII", bad, patched("/chat", "/caf\u{e9}".as_bytes())),
        ("target beyond UTF-8", bad, patched("/chat", b"/caf\xe9")),
        ("target with NUL", bad, patched("/chat", b"/ch\0at")),
        ("target with DEL", bad, patched("/chat", b"/ch\x7fat")),
        ("target with CR", bad, patched("/chat", b"/ch\rat")),
        ("target without slash", bad, line("GET chat HTTP/1.1")),
        ("target is a query", bad, line("GET ?chat HTTP/1.1")),
        ("target is an asterisk", bad, line("GET * HTTP/1.1")),
        ("target is an authority", bad, line("GET server.example.com:80 HTTP/1.1")),
        ("target of scheme ftp", bad, line("GET ftp://server.example.com/ HTTP/1.1")),
        ("absolute target, other host", bad, line("GET http://evil.example.com/chat HTTP/1.1")),
        ("absolute target, other port", bad, line("GET http://server.example.com:81/ HTTP/1.1")),
        ("absolute target, port of the other scheme", bad, line("GET https://server.example.com:80/ HTTP/1.1")),
        ("absolute target without host", bad, line("GET http:///chat HTTP/1.1")),
        ("absolute target with user", bad, line("GET http://u@server.example.com/chat HTTP/1.1")),
        ("TLS hello", bad, raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")),
        ("NUL first", bad, raw(b"\0GET / HTTP/1.1\r\n\r\n")),
        ("SSH banner", bad, raw(b"SSH-2.0-OpenSSH_9.6p1 Debian\r\n\r\n")),
        ("proxy protocol", bad, raw(b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\n\r\n")),
        ("a word that never ends", bad, raw(&[b'A'; 100])),
        ("a frame instead of a request", bad, raw(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")),
        ("two empty lines before", bad, [b"\r\n\r\n", &plus(&[])[..]].concat()),
        ("bare LF before", bad, [b"\n", &plus(&[])[..]].concat()),
        ("bare CR before", bad, [b"\r", &plus(&[])[..]].concat()),
    ]
}

/// H10: where one reader sees a line, a field or a body that another doesn't.
#[rustfmt::skip]
fn framing() -> Vec<Row> {
    let bad = Expect::Refuse(400);
    let bare: Vec<u8> = plus(&[]).into_iter().filter(|&byte| byte != b'\r').collect();
    vec![
        ("bare LF everywhere", bad, bare),
        ("bare LF after the request line", bad, patched("HTTP/1.1\r\n", b"HTTP/1.1\n")),
        ("bare LF after a field", bad, patched("Version: 13\r\n", b"Version: 13\n")),
        ("bare LF within a value", bad, patched("server.example", b"server\n.example")),
        ("bare LF as the empty line", bad, patched("13\r\n\r\n", b"13\r\n\n")),
        ("bare CR after a field", bad, patched("Version: 13\r\n", b"Version: 13\rX: y\r\n")),
        ("bare CR as the empty line", bad, patched("13\r\n\r\n", b"13\r\n\r\r\n\r\n")),
        ("CR CR LF", bad, patched("Version: 13\r\n", b"Version: 13\r\r\n")),
        ("folded line by space", bad, plus(&["X-Folded: a", " b"])),
        ("folded line by tab", bad, plus(&["X-Folded: a", "\tb"])),
        ("folded connection", bad, instead(CONNECTION, &["Connection:", " Upgrade"])),
        ("fold before the first field", bad, head(&[&[GET, " x"], &FIELDS[..]].concat())),
        ("line of a space", bad, plus(&[" "])),
        ("space before colon", bad, instead(HOST, &["Host : server.example.com"])),
        ("tab before colon", bad, instead(KEY, &["Sec-WebSocket-Key\t: dGhlIHNhbXBsZSBub25jZQ=="])),
        ("space within a name", bad, plus(&["X Name: y"])),
        ("empty name", bad, plus(&[": y"])),
        ("no colon", bad, plus(&["nonsense"])),
        ("name with parentheses", bad, plus(&["X(y): z"])),
        ("name beyond ASCII", bad, patched("Host:", b"X-\xe9: y\r\nHost:")),
        ("NUL in a name", bad, patched("Host:", b"X\0Y: z\r\nHost:")),
        ("NUL in a value", bad, patched("server.example", b"server\0.example")),
        ("NUL in an unknown value", bad, patched("Host:", b"X: \0\r\nHost:")),
        ("escape in a value", bad, patched("Host:", b"X: \x1b[2J\r\nHost:")),
        ("DEL in a value", bad, patched("Host:", b"X: \x7f\r\nHost:")),
        ("vertical tab in a value", bad, patched("Host:", b"X: \x0b\r\nHost:")),
        ("body", bad, plus(&["Content-Length: 5"])),
        ("body of a page", bad, page("GET / HTTP/1.1", &["Content-Length: 5"])),
        ("content length 00", bad, plus(&["Content-Length: 00"])),
        ("content length +0", bad, plus(&["Content-Length: +0"])),
        ("content length -1", bad, plus(&["Content-Length: -1"])),
        ("content length 0, 0", bad, plus(&["Content-Length: 0, 0"])),
        ("content length empty", bad, plus(&["Content-Length:"])),
        ("content length twice", bad, plus(&["Content-Length: 0", "Content-Length: 0"])),
        ("content length twice, different", bad, plus(&["Content-Length: 0", "Content-Length: 7"])),
        ("content length beyond 64 bits", bad, plus(&["Content-Length: 18446744073709551616"])),
        ("transfer encoding", bad, plus(&["Transfer-Encoding: chunked"])),
        ("transfer encoding identity", bad, plus(&["Transfer-Encoding: identity"])),
        ("transfer encoding empty", bad, plus(&["Transfer-Encoding:"])),
        ("transfer encoding and length", bad, plus(&["Content-Length: 0", "Transfer-Encoding: chunked"])),
        (
            "length and transfer encoding of a page",
            bad,
            page("GET / HTTP/1.1", &["transfer-encoding: chunked", "content-length: 4"]),
        ),
    ]
}

#[rustfmt::skip]
fn http_fields() -> Vec<Row> {
    let bad = Expect::Refuse(400);
    vec![
        ("no host", bad, instead(HOST, &[])),
        ("no host for a page", bad, head(&["GET / HTTP/1.1", "Accept: */*"])),
        ("host twice", bad, instead(HOST, &[HOST, HOST])),
        ("host twice, different", bad, instead(HOST, &[HOST, "Host: evil.example.com"])),
        ("host twice, other case", bad, instead(HOST, &[HOST, "hOST: server.example.com"])),
        ("host twice for a page", bad, page("GET / HTTP/1.1", &[HOST])),
        ("host twice for HTTP/1.0", bad, page("GET / HTTP/1.0", &[HOST])),
        ("host empty", bad, instead(HOST, &["Host:"])),
        ("host of spaces", bad, instead(HOST, &["Host:   "])),
        ("host is a port", bad, instead(HOST, &["Host: :80"])),
        ("host is a list", bad, instead(HOST, &["Host: a.example.com, b.example.com"])),
        ("host with space", bad, instead(HOST, &["Host: a b"])),
        ("host with path", bad, instead(HOST, &["Host: server.example.com/chat"])),
        ("host with user", bad, instead(HOST, &["Host: u@server.example.com"])),
        ("host with port in letters", bad, instead(HOST, &["Host: server.example.com:http"])),
        ("host with long port", bad, instead(HOST, &["Host: server.example.com:000080"])),
        ("host of bare IPv6", bad, instead(HOST, &["Host: ::1"])),
        ("host of open bracket", bad, instead(HOST, &["Host: [::1"])),
        ("host of empty brackets", bad, instead(HOST, &["Host: []"])),
        ("host beyond ASCII", bad, patched("server.example", b"s\xe9rver.example")),
    ]
}

#[rustfmt::skip]
fn websocket_fields() -> Vec<Row> {
    let bad = Expect::Refuse(400);
    let version = Expect::Refuse(426);
    let of_version = |value: &str| instead(VERSION, &[&format!("Sec-WebSocket-Version: {value}")]);
    let protocol = |value: &str| plus(&[&format!("Sec-WebSocket-Protocol: {value}")]);
    let extension = |value: &str| plus(&[&format!("Sec-WebSocket-Extensions: {value}")]);
    vec![
        ("no upgrade", bad, instead(UPGRADE, &[])),
        ("upgrade empty", bad, instead(UPGRADE, &["Upgrade:"])),
        ("upgrade to another", bad, instead(UPGRADE, &["Upgrade: h2c"])),
        ("upgrade with version", bad, instead(UPGRADE, &["Upgrade: websocket/13"])),
        ("upgrade with suffix", bad, instead(UPGRADE, &["Upgrade: websockets"])),
        ("upgrade without comma", bad, instead(UPGRADE, &["Upgrade: h2c websocket"])),
        ("upgrade twice", bad, instead(UPGRADE, &[UPGRADE, UPGRADE])),
        ("upgrade twice, different", bad, instead(UPGRADE, &["Upgrade: h2c", UPGRADE])),
        ("no connection", bad, instead(CONNECTION, &[])),
        ("connection empty", bad, instead(CONNECTION, &["Connection:"])),
        ("connection keep-alive", bad, instead(CONNECTION, &["Connection: keep-alive"])),
        ("connection close", bad, instead(CONNECTION, &["Connection: close"])),
        ("connection with suffix", bad, instead(CONNECTION, &["Connection: Upgraded"])),
        ("connection without comma", bad, instead(CONNECTION, &["Connection: keep-alive Upgrade"])),
        ("connection with semicolon", bad, instead(CONNECTION, &["Connection: keep-alive; Upgrade"])),
        ("connection quoted", bad, instead(CONNECTION, &["Connection: \"Upgrade\""])),
        ("no version header", bad, instead(VERSION, &[])),
        ("version header twice", bad, instead(VERSION, &[VERSION, VERSION])),
        ("version header twice, different", bad, instead(VERSION, &[VERSION, "Sec-WebSocket-Version: 8"])),
        ("version header empty", version, of_version("")),
        ("version 8", version, of_version("8")),
        ("version 0", version, of_version("0")),
        ("version 14", version, of_version("14")),
        ("version 1", version, of_version("1")),
        ("version 013", version, of_version("013")),
        ("version +13", version, of_version("+13")),
        ("version 13.0", version, of_version("13.0")),
        ("version 13 and 8", version, of_version("13, 8")),
        ("version quoted", version, of_version("\"13\"")),
        ("version in words", version, of_version("thirteen")),
        ("version 269", version, of_version("269")),
        ("no key", bad, instead(KEY, &[])),
        ("key twice", bad, instead(KEY, &[KEY, KEY])),
        ("key twice, different", bad, instead(KEY, &[KEY, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="])),
        ("key empty", bad, key("")),
        ("key of 15 bytes", bad, key("dGhlIHNhbXBsZSBub25j")),
        ("key of 17 bytes", bad, key("dGhlIHNhbXBsZSBub25jZSE=")),
        ("key of 18 bytes", bad, key("dGhlIHNhbXBsZSBub25jZSEh")),
        ("key with digits for padding", bad, key("dGhlIHNhbXBsZSBub25jZQAA")),
        ("key with a digit after padding", bad, key("dGhlIHNhbXBsZSBub25jZQ=A")),
        ("key without padding", bad, key("dGhlIHNhbXBsZSBub25jZQ")),
        ("key with one padding", bad, key("dGhlIHNhbXBsZSBub25jZQ=")),
        ("key with three paddings", bad, key("dGhlIHNhbXBsZSBub25jZ===")),
        ("key with padding inside", bad, key("dGhlIHNhbXBs=SBub25jZQ==")),
        ("key with stray bits", bad, key("dGhlIHNhbXBsZSBub25jZR==")),
        ("key in the alphabet for addresses", bad, key("BE_bv0JO2wBVnABhxQO5kQ==")),
        ("key with a space", bad, key("dGhlIHNhbXBs ZSBub25jZQ==")),
        ("key with a space for a digit", bad, key("dGhlIHNhbXBs SBub25jZQ==")),
        ("key quoted", bad, key("\"dGhlIHNhbXBsZSBub25jZQ==\"")),
        ("key twice in one", bad, key("dGhlIHNhbXBsZSBub25jZQ==, AAAAAAAAAAAAAAAAAAAAAA==")),
        ("key beyond ASCII", bad, patched("dGhl", b"dGh\xe9")),
        ("origin twice", bad, plus(&["Origin: http://a.example", "Origin: http://b.example"])),
        ("origin twice, equal", bad, plus(&["Origin: null", "origin: null"])),
        ("protocol empty", bad, protocol("")),
        ("protocol of a comma", bad, protocol(",")),
        ("protocol with gap", bad, protocol("chat,,superchat")),
        ("protocol with trailing comma", bad, protocol("chat,")),
        ("protocol with space", bad, protocol("super chat")),
        ("protocol with slash", bad, protocol("chat/1")),
        ("protocol quoted", bad, protocol("\"chat\"")),
        ("protocol twice", bad, protocol("chat, superchat, chat")),
        ("protocol twice on two lines", bad, plus(&["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"])),
        ("extension empty", bad, extension("")),
        ("extension of a comma", bad, extension(",")),
        ("extension with gap", bad, extension("foo,,bar")),
        ("extension with empty parameter", bad, extension("foo;")),
        ("extension with empty value", bad, extension("foo; a=")),
        ("extension with nameless value", bad, extension("foo; =a")),
        ("extension starting with parameter", bad, extension("; a=b")),
        ("extension with two values", bad, extension("foo; a=b=c")),
        ("extension with space", bad, extension("foo bar")),
        ("extension with open quote", bad, extension("foo; a=\"b")),
        ("extension with lone quote", bad, extension("foo; a=\"")),
        ("extension with empty quotes", bad, extension("foo; a=\"\"")),
        ("extension with space in quotes", bad, extension("foo; a=\"b c\"")),
        ("extension with comma in quotes", bad, extension("foo; a=\"b,c\"")),
        ("extension with escape at the end", bad, extension("foo; a=\"b\\\"")),
        ("extension with escaped quote", bad, extension("foo; a=\"b\\\"c\"")),
        ("extension with words after quotes", bad, extension("foo; a=\"b\"c")),
        ("nothing but a key", bad, page("GET / HTTP/1.1", &[KEY])),
        ("nothing but a protocol", bad, page("GET / HTTP/1.1", &["Sec-WebSocket-Protocol: chat"])),
        ("nothing but an extension", bad, page("GET / HTTP/1.1", &["Sec-WebSocket-Extensions: foo"])),
        ("nothing but a version", bad, page("GET / HTTP/1.1", &[VERSION])),
    ]
}

/// H8: what would cost time or memory.
#[rustfmt::skip]
fn limits() -> Vec<Row> {
    let long = Expect::Refuse(414);
    let large = Expect::Refuse(431);
    let no_end = |mut request: Vec<u8>| {
        request.truncate(request.len() - 4);
        request
    };
    let protocols: Vec<String> = (0..1_000).map(|number| format!("p{number}")).collect();
    vec![
        ("101 fields", large, many_fields(101)),
        ("10000 fields", large, many_fields(10_000)),
        ("101 fields without end", large, no_end(many_fields(102))),
        ("head one byte too large", large, sized(16_385)),
        ("head without end", large, no_end(sized(20_000))),
        ("name without end", large, [b"GET / HTTP/1.1\r\n", &[b'x'; 17_000][..]].concat()),
        ("target one byte too long", long, target(8_193)),
        ("target as long as a head", long, target(20_000)),
        ("target without end", long, [b"GET /", &[b'x'; 10_000][..]].concat()),
        ("1000 protocols", Expect::Refuse(400), plus(&[&format!("Sec-WebSocket-Protocol: {}", protocols.join(","))])),
    ]
}
