//! What is said to proxies and what their answers mean: exact bytes, in every cut; addresses of proxies.
#![allow(clippy::unwrap_used)]

use wsrs::proto::http1::HeadLimits;
use wsrs::proto::proxy::address::{ProxyUrl, ProxyUrlError, Scheme};
use wsrs::proto::proxy::{Handshake, Limits, ProxyError, Step, Target};
use wsrs::proto::url::{Host, UrlError};

/// What follows the proxy's last answer: the first bytes of the next layer.
const NEXT: &[u8] = b"\x16\x03";
const LIMITS: Limits = Limits { head: HeadLimits { max_bytes: 1000, max_headers: 5, max_target: 0 }, max_body: 20 };

fn handshake(proxy: &str, target: &str) -> Result<Handshake, ProxyError> {
    let url = wsrs::proto::url::WsUrl::parse(&format!("ws://{target}")).unwrap();
    let target = Target { host: url.host, port: url.port };
    Handshake::new(&ProxyUrl::parse(proxy).unwrap(), target, LIMITS, [0xab; 16])
}

/// Feeds the pieces until something comes of them: everything that was sent, the outcome, and what was not taken.
fn run(handshake: &mut Handshake, pieces: &[&[u8]]) -> (Vec<u8>, String, Vec<u8>) {
    let mut sent = Vec::new();
    handshake.start(&mut sent);
    for (index, piece) in pieces.iter().enumerate() {
        let rest = |from: usize| [&[&piece[from..]], &pieces[index + 1..]].concat().concat();
        let outcome = match handshake.push(piece, &mut sent) {
            Step::More => continue,
            Step::Done { consumed } => return (sent, "done".into(), rest(consumed)),
            step => describe(step),
        };
        return (sent, outcome, Vec::new());
    }
    (sent, "more".into(), Vec::new())
}

fn describe(step: Step) -> String {
    match step {
        Step::More => "more".into(),
        Step::Done { consumed } => format!("done after {consumed}"),
        Step::Reconnect => "reconnect".into(),
        Step::Invalid(error) => format!("invalid: {error}"),
        Step::Refused(refusal) => {
            let body = String::from_utf8(refusal.body).unwrap();
            assert!(refusal.response.is_none_or(|response| response.status() == refusal.status));
            format!("refused {}: {}; {body}", refusal.status, refusal.text)
        }
    }
}

/// In one piece, byte by byte, and in two pieces at every place. `sent` is all that must have been sent until then.
fn check(proxy: &str, target: &str, sent: &[u8], received: &[u8], outcome: &str) {
    let with_next = [received, NEXT].concat();
    let whole = if outcome == "done" { &with_next } else { received };
    let cuts = (0..=whole.len()).map(|cut| vec![&whole[..cut], &whole[cut..]]);
    for pieces in cuts.chain([whole.chunks(1).collect()]) {
        let got = run(&mut handshake(proxy, target).unwrap(), &pieces);
        assert_eq!(got.1, outcome, "{proxy} {target} {pieces:?}");
        assert_eq!(String::from_utf8_lossy(&got.0), String::from_utf8_lossy(sent), "{proxy} {target} {pieces:?}");
        assert_eq!(got.0, sent);
        assert_eq!(got.2, if outcome == "done" { NEXT } else { b"" }, "{proxy} {target} {pieces:?}");
    }
}

const ASKED: &[u8] = b"CONNECT host:80 HTTP/1.1\r\nHost: host:80\r\n\r\n";
/// `user:pass` in base64.
const BASIC: &[u8] = b"CONNECT host:80 HTTP/1.1\r\nHost: host:80\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n";

#[test]
fn connect_done() {
    check("http://p", "host", ASKED, b"HTTP/1.1 200 Connection established\r\n\r\n", "done");
    check("https://p", "host", ASKED, b"HTTP/1.0 200\r\n\r\n", "done");
    check("http://user:pass@p", "host", BASIC, b"HTTP/1.1 200 OK\r\n\r\n", "done");
    check("http://us%65r:p%61ss@p:1/", "host", BASIC, b"HTTP/1.1 204 x\r\n\r\n", "done");
    // RFC 7231 §4.3.6: both fields are ignored.
    let odd = b"HTTP/1.1 299 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    check("http://p", "host", ASKED, odd, "done");
    check("http://p", "host", ASKED, b"HTTP/1.1 100 wait\r\n\r\nHTTP/1.1 200 x\r\n\r\n", "done");
    let v6 = b"CONNECT [::1]:9001 HTTP/1.1\r\nHost: [::1]:9001\r\n\r\n";
    check("http://p", "[::1]:9001", v6, b"HTTP/1.1 200 x\r\n\r\n", "done");
}

#[test]
fn connect_refused() {
    let refused = |answer: &[u8], outcome: &str| check("http://p", "host", ASKED, answer, outcome);
    refused(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nrule",
        "refused 403: the proxy refused to connect to host:80: 403 Forbidden; rule",
    );
    refused(
        b"HTTP/1.1 502 \r\nContent-Length: 0\r\n\r\n",
        "refused 502: the proxy refused to connect to host:80: 502; ",
    );
    refused(
        b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "refused 503: the proxy refused to connect to host:80: 503 x; ab",
    );
    refused(
        b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n123456789.123456789.1",
        "refused 302: the proxy refused to connect to host:80: 302 x; 123456789.123456789.",
    );
    refused(
        b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n",
        "refused 407: the proxy wants user name and password: 407 x; ",
    );
    let basic = |answer: &[u8], outcome: &str| check("http://user:pass@p", "host", BASIC, answer, outcome);
    basic(
        b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n",
        "refused 407: the proxy did not accept user name and password: 407 x; ",
    );
    basic(
        b"HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
        "refused 407: the proxy wants authentication by Negotiate or NTLM, which is not supported: 407 x; ",
    );
}

/// A body without a length ends with the connection, and what there is of any body counts when time is over.
#[test]
fn connect_refused_and_ended() {
    for answer in [&b"HTTP/1.1 500 x\r\n\r\nabc"[..], b"HTTP/1.1 500 x\r\nContent-Length: 9\r\n\r\nabc"] {
        let mut one = handshake("http://p", "host").unwrap();
        assert_eq!(run(&mut one, &[answer]).1, "more");
        assert_eq!(describe(one.end()), "refused 500: the proxy refused to connect to host:80: 500 x; abc");
        let mut one = handshake("http://p", "host").unwrap();
        assert!(one.refusal().is_none());
        run(&mut one, &[answer]);
        assert_eq!(one.refusal().unwrap().body, b"abc");
    }
}

#[test]
fn connect_invalid() {
    let invalid = |answer: &[u8], why: &str| check("http://p", "host", ASKED, answer, &format!("invalid: {why}"));
    invalid(b"SSH-2.0", "the proxy does not answer in HTTP");
    invalid(b"\x05\xff", "the proxy does not answer in HTTP");
    invalid(b"HTTP/2.0 200 x\r\n\r\n", "the proxy does not answer in HTTP/1");
    invalid(b"HTTP/1.1 20 x\r\n\r\n", "the proxy's answer can't be read: the status line is malformed");
    invalid(b"HTTP/1.1 101 x\r\n\r\n", "the proxy switches to another protocol instead of connecting");
    invalid(b"HTTP/1.1 200 x\n", "the proxy's answer can't be read: a header of the answer is malformed");
    invalid(
        b"HTTP/1.1 200 x\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\n",
        "the proxy's answer can't be read: the answer has too many headers",
    );
    invalid(
        b"HTTP/1.1 403 x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "the proxy's answer can't be read: the length of the answer's body is invalid",
    );
    let endless = [b"HTTP/1.1 200 x\r\na: ".to_vec(), vec![b'a'; 981]].concat();
    invalid(&endless, "the proxy's answer can't be read: the answer's head is too large");
    let mut one = handshake("http://p", "host").unwrap();
    assert_eq!(run(&mut one, &[b"HTTP/1.1 200"]).1, "more");
    assert_eq!(describe(one.end()), "invalid: the proxy closed the connection before it had answered");
}

const CHALLENGE: &str =
    "Proxy-Authenticate: Basic realm=\"r\"\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";

fn digest_request(count: u32, response: &str) -> Vec<u8> {
    let cnonce = "ab".repeat(16);
    let request = format!(
        "CONNECT host:80 HTTP/1.1\r\nHost: host:80\r\nProxy-Authorization: Digest username=\"user\", realm=\"r\", \
         nonce=\"n\", uri=\"host:80\", response=\"{response}\", cnonce=\"{cnonce}\", nc={count:08x}, qop=auth\r\n\r\n"
    );
    request.into_bytes()
}

/// Computed with Python's hashlib.
const RESPONSES: [&str; 2] = ["09cfd783bba67843d8367fa423215fd8", "51dc91ad08ec73a523c177cfd4935fb7"];

/// RFC 7616, over the same connection where the proxy keeps it open.
#[test]
fn digest_on_the_same_connection() {
    let sent = [BASIC, &digest_request(1, RESPONSES[0])].concat();
    let digest = |received: &str, outcome: &str| {
        check("http://user:pass@p", "host", &sent, received.as_bytes(), outcome);
    };
    let done = "HTTP/1.1 200 x\r\n\r\n";
    digest(&format!("HTTP/1.1 407 x\r\n{CHALLENGE}Content-Length: 4\r\n\r\nbody{done}"), "done");
    digest(
        &format!("HTTP/1.1 407 x\r\n{CHALLENGE}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n{done}"),
        "done",
    );
    digest(
        &format!("HTTP/1.0 407 x\r\n{CHALLENGE}Proxy-Connection: Keep-Alive\r\nContent-Length: 0\r\n\r\n{done}"),
        "done",
    );
    let twice = format!("HTTP/1.1 407 x\r\n{CHALLENGE}Content-Length: 1\r\n\r\na");
    digest(
        &[twice.as_str(), &twice].concat(),
        "refused 407: the proxy did not accept user name and password: 407 x; a",
    );
}

#[test]
fn digest_on_a_new_connection() {
    for rest in [
        "Connection: close\r\nContent-Length: 1\r\n\r\na",
        "Proxy-Connection: close\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: 100\r\n\r\nmore than is kept: no",
    ] {
        let received = format!("HTTP/1.1 407 x\r\n{CHALLENGE}{rest}");
        check("http://user:pass@p", "host", BASIC, received.as_bytes(), "reconnect");
    }
    let old = format!("HTTP/1.0 407 x\r\n{CHALLENGE}Content-Length: 0\r\n\r\n");
    check("http://user:pass@p", "host", BASIC, old.as_bytes(), "reconnect");

    let mut one = handshake("http://user:pass@p", "host").unwrap();
    let until_close = format!("HTTP/1.1 407 x\r\n{CHALLENGE}\r\nabc");
    assert_eq!(run(&mut one, &[until_close.as_bytes()]).1, "more");
    assert_eq!(describe(one.end()), "reconnect");
    let (sent, outcome, _) = run(&mut one, &[b"HTTP/1.1 200 x\r\n\r\n"]);
    assert_eq!((sent, outcome.as_str()), (digest_request(1, RESPONSES[0]), "done"));
}

/// The proxy said that it keeps the connection and then closed it: the request is sent once more, with a new count.
#[test]
fn digest_after_a_connection_that_was_not_kept() {
    let mut one = handshake("http://user:pass@p", "host").unwrap();
    let kept = format!("HTTP/1.1 407 x\r\n{CHALLENGE}Content-Length: 0\r\n\r\n");
    assert_eq!(run(&mut one, &[kept.as_bytes()]).1, "more");
    assert_eq!(describe(one.end()), "reconnect");
    assert_eq!(run(&mut one, &[]).0, digest_request(2, RESPONSES[1]));
    assert_eq!(describe(one.end()), "invalid: the proxy closed the connection before it had answered");
}

#[test]
fn socks5_done() {
    let none = b"\x05\x01\x00\x05\x01\x00\x03\x04host\x00\x50";
    check("socks5h://p", "host", none, b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34", "done");
    check("socks5h://p", "host", none, b"\x05\x00\x05\x00\x00\x03\x02ab\x12\x34", "done");
    check("socks5h://p", "host", none, b"\x05\x00\x05\x00\x00\x03\x00\x12\x34", "done");
    let v6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[1; 18]].concat();
    check("socks5h://p", "host", none, &v6, "done");
    let user = b"\x05\x02\x00\x02\x01\x04user\x04pass\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x29";
    check(
        "socks5://user:pass@p",
        "127.0.0.1:9001",
        user,
        b"\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34",
        "done",
    );
    let no_need =
        b"\x05\x02\x00\x02\x05\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50";
    check("socks5://user@p", "[::1]", no_need, b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", "done");
}

#[test]
fn socks5_refused() {
    let (hello, asked) = (b"\x05\x01\x00", b"\x05\x01\x00\x05\x01\x00\x03\x04host\x00\x50");
    let refused = |proxy: &str, sent: &[u8], received: &[u8], outcome: &str| {
        check(proxy, "host", sent, received, &format!("refused {outcome}; "));
    };
    refused("socks5h://p", hello, b"\x05\xff", "0: the proxy wants authentication, and no user name is set");
    let (offer, told) = (b"\x05\x02\x00\x02", b"\x05\x02\x00\x02\x01\x01u\x00");
    let neither = "0: the proxy accepts neither user name and password nor a connection without them";
    refused("socks5h://u:p@p", offer, b"\x05\xff", neither);
    refused("socks5h://u@p", told, b"\x05\x02\x01\x01", "0: the proxy did not accept user name and password");
    for (code, why) in [
        (1, "the proxy failed to connect to host:80 (reply 1)"),
        (2, "the proxy's rules don't allow a connection to host:80 (reply 2)"),
        (3, "the proxy can't reach the network of host:80 (reply 3)"),
        (4, "the proxy can't reach the host host:80 (reply 4)"),
        (5, "host:80 refused the proxy's connection (reply 5)"),
        (6, "the time to live ran out on the proxy's way to host:80 (reply 6)"),
        (7, "the proxy does not support CONNECT (reply 7)"),
        (8, "the proxy does not support this kind of address: host:80 (reply 8)"),
        (9, "the proxy refused the connection to host:80 with an unknown reply (9)"),
    ] {
        refused("socks5h://p", asked, &[5, 0, 5, code], &format!("{code}: {why}"));
    }
}

#[test]
fn socks5_invalid() {
    let version = "invalid: the proxy does not answer in the version of SOCKS that it was asked in";
    check("socks5h://p", "host", b"\x05\x01\x00", b"H", version);
    let asked = b"\x05\x01\x00\x05\x01\x00\x03\x04host\x00\x50";
    check("socks5h://p", "host", asked, b"\x05\x00\x04", version);
    check(
        "socks5h://p",
        "host",
        asked,
        b"\x05\x00\x05\x00\x00\x02",
        "invalid: the proxy's reply has an address of an unknown type",
    );
    let method = "invalid: the proxy chose an authentication that was not offered";
    check("socks5h://p", "host", b"\x05\x01\x00", b"\x05\x02", method);
    check("socks5h://u@p", "host", b"\x05\x02\x00\x02", b"\x05\x01", method);
    let mut one = handshake("socks5h://p", "host").unwrap();
    assert_eq!(describe(one.end()), "invalid: the proxy closed the connection before it had answered");
}

#[test]
fn socks4() {
    let name = b"\x04\x01\x00\x50\x00\x00\x00\x01\x00host\x00";
    check("socks4a://p", "host", name, b"\x00\x5a\x00\x00\x00\x00\x00\x00", "done");
    let user = b"\x04\x01\x00\x50\x7f\x00\x00\x01user\x00";
    check("socks4://user@p", "127.0.0.1", user, b"\x00\x5a\x12\x34\x01\x02\x03\x04", "done");
    for (code, why) in [
        (91, "the proxy rejected the connection to host:80, or it failed (reply 91)"),
        (92, "the proxy can't reach an identd on this machine, which it wants (reply 92)"),
        (93, "the proxy got another user from this machine's identd than it was told (reply 93)"),
        (94, "the proxy refused the connection to host:80 with an unknown reply (94)"),
    ] {
        check("socks4a://p", "host", name, &[0, code], &format!("refused {code}: {why}; "));
    }
    let version = "invalid: the proxy does not answer in the version of SOCKS that it was asked in";
    check("socks4a://p", "host", name, b"\x05", version);
    assert_eq!(handshake("socks4a://p", "[::1]").unwrap_err(), ProxyError::Target);
}

#[test]
fn addresses() {
    for (text, scheme, shown) in [
        ("http://p", Scheme::Http, "http://p:80"),
        ("HTTPS://P.example/", Scheme::Https, "https://p.example:443"),
        ("socks5://127.0.0.1", Scheme::Socks5, "socks5://127.0.0.1:1080"),
        ("socks5h://[::1]:99", Scheme::Socks5h, "socks5h://[::1]:99"),
        ("socks4a://u@p", Scheme::Socks4a, "socks4a://p:1080"),
        ("socks4://p", Scheme::Socks4, "socks4://p:1080"),
        ("p:3128", Scheme::Http, "http://p:3128"),
        ("user:secret@p:3128", Scheme::Http, "http://p:3128"),
        ("http://@p", Scheme::Http, "http://p:80"),
        ("http://u%40x:%3a%2F@p", Scheme::Http, "http://p:80"),
    ] {
        let proxy = ProxyUrl::parse(text).unwrap();
        assert_eq!((proxy.scheme, proxy.to_string().as_str()), (scheme, shown));
        assert!(!format!("{proxy:?}").contains("secret"), "{proxy:?}");
    }
    assert_eq!(ProxyUrl::parse("http://p").unwrap().host, Host::Name("p".into()));
}

#[test]
fn addresses_that_are_none() {
    use ProxyUrlError::*;
    let long = format!("socks5://{}@p", "u".repeat(256));
    for (text, error) in [
        ("", Address(UrlError::EmptyHost)),
        ("ftp://p", Scheme),
        ("socks://p", Scheme),
        ("http://", Address(UrlError::EmptyHost)),
        ("http://u@", Address(UrlError::EmptyHost)),
        ("http://p/path", Path),
        ("http://p?x", Path),
        ("http://u:a/b@p", Path),
        ("http://u:a@b@p", At),
        ("http://u:a#b@p", Address(UrlError::Fragment)),
        ("http://u%3Av:p@p", Address(UrlError::Credentials)),
        ("http://u:p%0d%0a@p", Address(UrlError::Credentials)),
        ("socks4://u%00@p", Address(UrlError::Credentials)),
        ("http://u:a b@p", Address(UrlError::Space)),
        ("http://u:%4@p", Address(UrlError::Percent)),
        ("http://p:0", Address(UrlError::Port)),
        ("http://p:66666", Address(UrlError::Port)),
        ("http://p:x", Address(UrlError::Port)),
        ("http://[::1", Address(UrlError::V6)),
        ("http://1.2.3", Address(UrlError::V4)),
        ("http://p\u{e9}", Address(UrlError::NonAscii)),
        ("socks5://:p@p", Credentials),
        ("socks4://u:p@p", Credentials),
        (&long, Credentials),
    ] {
        assert_eq!(ProxyUrl::parse(text), Err(error), "{text}");
    }
}
