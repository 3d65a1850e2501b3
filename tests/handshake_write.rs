//! What the opening handshake writes, byte by byte, and what it refuses to write.
#![allow(clippy::unwrap_used)]

use wsrs::proto::deflate::Settings;
use wsrs::proto::handshake::HeaderFault;
use wsrs::proto::handshake::client::{self, OfferError};
use wsrs::proto::handshake::server::{self, Incoming, Refusal, Request, ResponseError};
use wsrs::proto::http1::{HeadLimits, Scanned, is_field_value, is_reserved_header, is_token};
use wsrs::proto::url::WsUrl;

const NONCE: [u8; 16] = *b"the sample nonce";

fn request(text: &str) -> Request {
    match server::parse(text.as_bytes(), &mut Scanned::default(), &HeadLimits::default()) {
        Incoming::Request { request, .. } => request,
        other => panic!("{other:?}"),
    }
}

fn upgrade(more: &str) -> Request {
    request(&format!(
        "GET /a%20b?c=d HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    ))
}

/// Fields that would break a head, or the library's own.
const FORBIDDEN: &[(&str, &[u8], HeaderFault)] = &[
    ("X", b"a\r\nSet-Cookie: b", HeaderFault::Value),
    ("X", b"a\nb", HeaderFault::Value),
    ("X", b"a\rb", HeaderFault::Value),
    ("X", b"a\r\n\r\nHTTP/1.1 200 OK", HeaderFault::Value),
    ("X", b"a\0", HeaderFault::Value),
    ("X", b"\x1b[2J", HeaderFault::Value),
    ("X", b"\x7f", HeaderFault::Value),
    ("", b"a", HeaderFault::Name),
    ("X Y", b"a", HeaderFault::Name),
    ("X:", b"a", HeaderFault::Name),
    (" X", b"a", HeaderFault::Name),
    ("X\r\nY", b"a", HeaderFault::Name),
    ("X\0", b"a", HeaderFault::Name),
    ("X\u{e9}", b"a", HeaderFault::Name),
    ("Connection", b"close", HeaderFault::Reserved),
    ("UPGRADE", b"websocket", HeaderFault::Reserved),
    ("content-length", b"0", HeaderFault::Reserved),
    ("Transfer-Encoding", b"chunked", HeaderFault::Reserved),
    ("Sec-WebSocket-Accept", b"x", HeaderFault::Reserved),
    ("sec-websocket-key", b"x", HeaderFault::Reserved),
    ("Sec-WebSocket-Protocol", b"x", HeaderFault::Reserved),
    ("Sec-WebSocket-Extensions", b"x", HeaderFault::Reserved),
    ("Sec-WebSocket-Version", b"13", HeaderFault::Reserved),
    ("Sec-WebSocket-", b"x", HeaderFault::Reserved),
];

#[test]
fn forbidden_fields_are_written_by_nobody() {
    let (url, request) = (WsUrl::parse("ws://example.com").unwrap(), upgrade(""));
    for &(name, value, fault) in FORBIDDEN {
        let headers = [("X-Fine", &b"yes"[..]), (name, value)];
        let mut out = b"before".to_vec();
        let sent = client::write_request(&mut out, &url, NONCE, &[], None, &headers);
        assert_eq!(sent.err(), Some(OfferError::Header(fault)), "{name}");
        let accepted = server::write_accept(&mut out, &request, None, None, &headers);
        assert_eq!(accepted, Err(ResponseError::Header(fault)), "{name}");
        let answered = server::write_response(&mut out, 200, &headers, b"", false);
        assert_eq!(answered, Err(ResponseError::Header(fault)), "{name}");
        assert_eq!(out, b"before", "{name}");
    }
}

#[test]
fn a_request_is_written_to_the_byte() {
    let url = WsUrl::parse("ws://Example.com:8080/chat?x").unwrap();
    let mut out = b"before".to_vec();
    let headers = [("Origin", &b"http://a"[..]), ("Cookie", b"a=b")];
    client::write_request(&mut out, &url, NONCE, &["chat", "superchat"], None, &headers).unwrap();
    let expected = "beforeGET /chat?x HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://a\r\nCookie: a=b\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    let mut out = Vec::new();
    let settings = Settings { takeover: false, ..Settings::default() };
    client::write_request(&mut out, &url, NONCE, &["chat"], Some(&settings), &headers[..1]).unwrap();
    let expected = "GET /chat?x HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; \
        client_max_window_bits\r\nOrigin: http://a\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// RFC 7617's own example; a header of the program's own wins.
#[test]
fn credentials_of_the_address_become_an_authorization() {
    let url = WsUrl::parse("ws://Aladdin:open%20sesame@example.com/chat").unwrap();
    let authorizations = |headers: &[(&str, &[u8])]| {
        let mut out = Vec::new();
        client::write_request(&mut out, &url, NONCE, &[], None, headers).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("GET /chat HTTP/1.1\r\nHost: example.com\r\n"), "{text}");
        let is_one = |line: &&str| line.to_lowercase().starts_with("authorization:");
        text.lines().filter(is_one).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(authorizations(&[]), ["Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
    assert_eq!(authorizations(&[("AUTHORIZATION", b"Bearer x")]), ["AUTHORIZATION: Bearer x"]);
}

#[test]
fn a_program_may_name_another_host() {
    let url = WsUrl::parse("ws://192.0.2.1/").unwrap();
    let write = |headers: &[(&str, &[u8])]| {
        let mut out = Vec::new();
        let result = client::write_request(&mut out, &url, NONCE, &[], None, headers);
        result.map(|_| String::from_utf8(out).unwrap())
    };
    let text = write(&[("hOST", b"example.com")]).unwrap();
    assert!(text.contains("hOST: example.com\r\n") && !text.contains("192.0.2.1"));
    for host in [&b""[..], b"a b", b"a/b", b"u@a", b"a:b", b"a, b"] {
        assert_eq!(write(&[("Host", host)]), Err(OfferError::Host));
    }
    assert_eq!(write(&[("Host", b"a"), ("host", b"b")]), Err(OfferError::Duplicate));
    assert_eq!(write(&[("Origin", b"a"), ("origin", b"a")]), Err(OfferError::Duplicate));
}

#[test]
fn subprotocols_that_are_offered_are_distinct_tokens() {
    let url = WsUrl::parse("ws://example.com").unwrap();
    for bad in [&["a", "a"][..], &[""], &["a b"], &["a,b"], &["a\r\nX: y"], &["caf\u{e9}"], &["a", "b", "a"]] {
        let mut out = Vec::new();
        let result = client::write_request(&mut out, &url, NONCE, bad, None, &[]);
        assert_eq!((result.err(), out.len()), (Some(OfferError::Subprotocol), 0), "{bad:?}");
    }
}

#[test]
fn an_accept_is_written_to_the_byte() {
    let request = upgrade("Sec-WebSocket-Protocol: chat, superchat\r\n");
    let mut out = b"before".to_vec();
    server::write_accept(&mut out, &request, Some("superchat"), None, &[("Set-Cookie", b"a=b")]).unwrap();
    let expected = "beforeHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: superchat\r\n\
        Set-Cookie: a=b\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let mut out = Vec::new();
    server::write_accept(&mut out, &request, None, Some("permessage-deflate; x"), &[("X", b"y")]).unwrap();
    let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate; x\r\n\
        X: y\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    for other in ["Chat", "", "chat, superchat", "other", "chat\r\nX: y"] {
        let mut out = Vec::new();
        let result = server::write_accept(&mut out, &request, Some(other), None, &[]);
        assert_eq!((result, out.len()), (Err(ResponseError::SubprotocolNotOffered), 0));
    }
    let page = request_for_page();
    let result = server::write_accept(&mut Vec::new(), &page, None, None, &[]);
    assert_eq!(result, Err(ResponseError::NotAnUpgrade));
}

fn request_for_page() -> Request {
    request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn responses_are_written_to_the_byte() {
    let write = |status, headers: &[(&str, &[u8])], body: &[u8], head_only| {
        let mut out = Vec::new();
        let result = server::write_response(&mut out, status, headers, body, head_only);
        result.map(|()| String::from_utf8(out).unwrap())
    };
    let page = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\nX: y\r\n\r\n";
    assert_eq!(write(200, &[("X", b"y")], b"Hello", false).unwrap(), format!("{page}Hello"));
    assert_eq!(write(200, &[("X", b"y")], b"Hello", true).unwrap(), page);
    assert_eq!(
        write(404, &[], b"", false).unwrap(),
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(write(204, &[], b"", false).unwrap(), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    assert_eq!(write(599, &[], b"", false).unwrap(), "HTTP/1.1 599 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        write(426, &[], b"", false).unwrap(),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
    );
    for status in [0, 100, 101, 199, 600, 999, u16::MAX] {
        assert_eq!(write(status, &[], b"", false), Err(ResponseError::Status));
    }
    for status in [204, 304] {
        assert_eq!(write(status, &[], b"x", false), Err(ResponseError::Body));
    }
}

#[test]
fn a_refusal_is_written_to_the_byte() {
    let refusal = Refusal { status: 405, why: "no", head_only: false };
    let mut out = Vec::new();
    server::write_refusal(&mut out, &refusal);
    let expected = "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 2\r\n\
        Content-Type: text/plain; charset=utf-8\r\nAllow: GET\r\n\r\nno";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_request_shows_its_parts() {
    let request = upgrade(
        "Origin: null\r\nSec-WebSocket-Protocol: a ,b\r\nX:  1 \r\nSec-WebSocket-Protocol: c\r\nx: 2\r\nEmpty:\r\n\
         Sec-WebSocket-Extensions: foo; a=1\r\n",
    );
    assert_eq!((request.method(), request.target()), ("GET", "/a%20b?c=d"));
    assert_eq!((request.path(), request.query()), ("/a%20b", Some("c=d")));
    assert_eq!((request.host(), request.origin()), (Some(&b"example.com"[..]), Some(&b"null"[..])));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(request.extensions().collect::<Vec<_>>(), [b"foo; a=1"]);
    let head = request.head();
    assert_eq!((head.header("x"), head.header("EMPTY"), head.header("no")), (Some(&b"1"[..]), Some(&b""[..]), None));
    assert_eq!(head.all("X").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!((head.len(), head.is_empty(), head.headers().count()), (12, false, 12));
    assert_eq!(head.header_at(0), Some(("Host", &b"example.com"[..])));
    assert_eq!(head.header_at(12), None);
    assert!(request.is_upgrade());
}

#[test]
fn an_absolute_target_has_a_path() {
    let parts = |target| {
        let request = request(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        (request.path().to_owned(), request.query().map(str::to_owned), request.target() == target)
    };
    assert_eq!(parts("http://a"), ("/".into(), None, true));
    assert_eq!(parts("ws://a?x"), ("/".into(), Some("x".into()), true));
    assert_eq!(parts("http://a/b/?"), ("/b/".into(), Some("".into()), true));
    assert_eq!(parts("/b"), ("/b".into(), None, true));
}

/// Values may be secrets: they must not come out in a log line.
#[test]
fn debug_output_has_names_but_no_values() {
    let text = format!("{:?}", upgrade("Cookie: secret\r\n").head());
    assert!(text.contains("Cookie") && !text.contains("secret"));
}

#[test]
fn character_classes() {
    let tokens = (0..=255u8).filter(|&byte| is_token(&[byte])).count();
    assert_eq!(tokens, 26 + 26 + 10 + 15);
    assert!(!is_token(b"") && !is_token(b"a b") && is_token(b"x-y_1"));
    let values = (0..=255u8).filter(|&byte| is_field_value(&[byte])).count();
    assert_eq!(values, 256 - 32 - 1 + 1);
    assert!(is_field_value(b"") && !is_field_value(b"a\nb"));
    assert!(is_reserved_header("SEC-WEBSOCKET-x") && !is_reserved_header("Sec-Fetch-Mode"));
    assert!(!is_reserved_header("Host") && !is_reserved_header("") && !is_reserved_header("sec-websocket"));
}
