//! Clients behind a proxy, over real sockets: what the proxy is told, by whom names are looked up, what its refusals
//! become, and that one which hangs doesn't hang us. `tests/interop/proxies.py` has real proxies.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use loopback::{Fault, Loop, Raw, Seen, answer_to};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use wsrs::net::event::Level;
use wsrs::net::{ConnId, ConnectOptions, Limits, ProxyChoice, Reconnect, Stage};
use wsrs::proto::proxy::address::ProxyUrl;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn proxy() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn connect(l: &mut Loop, url: &str, proxy: &str) -> ConnId {
    let proxy = ProxyChoice::Url(ProxyUrl::parse(proxy).unwrap());
    l.context.connect(url, ConnectOptions { proxy, ..ConnectOptions::default() }).unwrap()
}

/// The next connection to the proxy, when it has sent so many bytes.
fn asked(l: &mut Loop, listener: &TcpListener, length: usize) -> (Raw, Vec<u8>) {
    listener.set_nonblocking(true).unwrap();
    let mut accepted = None;
    l.until("a connection to the proxy", |_| {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let mut raw = Raw::new(accepted.unwrap().0);
    let bytes = next(l, &mut raw, length);
    (raw, bytes)
}

fn next(l: &mut Loop, raw: &mut Raw, length: usize) -> Vec<u8> {
    raw.until(l, "what the proxy is told", |raw| raw.bytes.len() >= length);
    std::mem::take(&mut raw.bytes)
}

/// Answers the upgrade as the server does that the proxy has connected to.
fn upgrade(l: &mut Loop, raw: &mut Raw, id: ConnId, host: &str) {
    raw.until(l, "the request", |raw| raw.head().is_some());
    let request = raw.skip_head();
    assert!(request.starts_with(&format!("GET /x HTTP/1.1\r\nHost: {host}\r\n")), "{request}");
    assert!(!request.to_ascii_lowercase().contains("proxy"), "{request}");
    raw.write(answer_to(request.as_bytes()).as_bytes());
    l.until_seen(&Seen::Open(id));
}

const BASIC: &str = "CONNECT no-such-name.invalid:80 HTTP/1.1\r\nHost: no-such-name.invalid:80\r\n\
    Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n";

/// A name that we could not find is the proxy's business.
#[test]
fn connect_with_a_name_that_only_the_proxy_knows() {
    let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("http://user:secret@127.0.0.1:{port}"));
    let (mut raw, told) = asked(&mut l, &listener, BASIC.len());
    assert_eq!(String::from_utf8(told).unwrap(), BASIC);
    for byte in b"HTTP/1.0 200 Connection established\r\n\r\n" {
        raw.write(&[*byte]);
        l.turn(ms(0));
    }
    upgrade(&mut l, &mut raw, id, "no-such-name.invalid");
    assert_eq!(l.seen.len(), 1, "{:?}", l.seen);
}

#[test]
fn socks5_with_a_name_that_only_the_proxy_knows() {
    let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("socks5h://u:p@127.0.0.1:{port}"));
    let (mut raw, told) = asked(&mut l, &listener, 4);
    assert_eq!(told, b"\x05\x02\x00\x02");
    raw.write(b"\x05\x02");
    assert_eq!(next(&mut l, &mut raw, 5), b"\x01\x01u\x01p");
    raw.write(b"\x01\x00");
    assert_eq!(next(&mut l, &mut raw, 27), b"\x05\x01\x00\x03\x14no-such-name.invalid\x00\x50");
    raw.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34");
    upgrade(&mut l, &mut raw, id, "no-such-name.invalid");
}

/// `socks5` and `socks4` get an address: the name is looked up on our side, and one without addresses fails here.
#[test]
fn socks_with_names_that_we_look_up() {
    let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
    let id = connect(&mut l, "ws://localhost:9/x", &format!("socks5://127.0.0.1:{port}"));
    let (mut raw, told) = asked(&mut l, &listener, 3);
    assert_eq!(told, b"\x05\x01\x00");
    raw.write(b"\x05\x00");
    assert_eq!(next(&mut l, &mut raw, 10), b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x09");
    raw.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34");
    upgrade(&mut l, &mut raw, id, "localhost:9");

    let id = connect(&mut l, "ws://localhost:9/x", &format!("socks4://127.0.0.1:{port}"));
    let (mut raw, told) = asked(&mut l, &listener, 9);
    assert_eq!(told, b"\x04\x01\x00\x09\x7f\x00\x00\x01\x00");
    raw.write(b"\x00\x5a\x00\x00\x00\x00\x00\x00");
    upgrade(&mut l, &mut raw, id, "localhost:9");

    for scheme in ["socks5", "socks4"] {
        let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("{scheme}://127.0.0.1:{port}"));
        let fault = l.failed(id);
        assert_eq!(fault.stage, Stage::Resolve);
        assert!(fault.text.starts_with("looking up no-such-name.invalid:80: "), "{}", fault.text);
    }
}

const CHALLENGE: &str = "HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=r, nonce=n, qop=auth\r\n";

/// A 407 that asks for Digest, on a connection that is kept and on one that is not.
#[test]
fn a_challenge_is_answered_once() {
    for (end, closes) in [("Content-Length: 2\r\n\r\nno", false), ("Connection: close\r\n\r\nno", true)] {
        let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
        let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("http://user:secret@127.0.0.1:{port}"));
        let (mut raw, told) = asked(&mut l, &listener, BASIC.len());
        assert_eq!(told, BASIC.as_bytes());
        raw.write(format!("{CHALLENGE}{end}").as_bytes());
        if closes {
            drop(raw);
            let told;
            (raw, told) = asked(&mut l, &listener, 1);
            raw.bytes = told;
        }
        raw.until(&mut l, "the second request", |raw| raw.head().is_some());
        let request = raw.skip_head();
        let lines: Vec<_> = request.lines().collect();
        assert_eq!(lines[..2], BASIC.lines().take(2).collect::<Vec<_>>());
        assert!(lines[2].starts_with("Proxy-Authorization: Digest username=\"user\", realm=\"r\", nonce=\"n\""));
        assert!(!request.contains("secret") && !request.contains("Basic"), "{request}");
        raw.write(b"HTTP/1.1 200 x\r\n\r\n");
        upgrade(&mut l, &mut raw, id, "no-such-name.invalid");
    }
}

/// It ends in one `Failed` that shows no credentials; neither does the log.
fn fault(answer: &[u8], stays: bool) -> Fault {
    let limits = Limits { handshake_timeout: ms(200), ..Limits::default() };
    let (mut l, (listener, port)) = (Loop::new(limits), proxy());
    l.context.set_log_level(Some(Level::Debug));
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("http://user:secret@127.0.0.1:{port}"));
    let (mut raw, _) = asked(&mut l, &listener, BASIC.len());
    let begin = Instant::now();
    raw.write(answer);
    let raw = stays.then_some(raw);
    let mut fault = l.failed(id);
    let time = begin.elapsed();
    assert!(if stays { time >= ms(190) && time < ms(500) } else { time < ms(150) }, "{time:?}");
    drop(raw);
    l.during(ms(5));
    assert!(!format!("{:?}", l.seen).contains("secret"), "{:?}", l.seen);
    assert_eq!(l.count(|seen| !matches!(seen, Seen::Log(_))), 1, "{:?}", l.seen);
    assert_eq!(fault.stage, Stage::Proxy);
    let through = format!("through http://127.0.0.1:{port}: ");
    fault.text = fault.text.strip_prefix(&through).expect("the proxy's address").into();
    fault
}

#[test]
fn refusals_have_status_text_and_body() {
    let told = fault(b"HTTP/1.1 403 Forbidden\r\n\r\nnot there", false);
    assert_eq!(told.text, "the proxy refused to connect to no-such-name.invalid:80: 403 Forbidden");
    assert_eq!((told.status, &told.body[..]), (403, &b"not there"[..]));
    let told = fault(b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=r\r\nContent-Length: 2\r\n\r\nno", false);
    assert_eq!(told.text, "the proxy did not accept user name and password: 407 x");
    assert_eq!((told.status, &told.body[..]), (407, &b"no"[..]));
    assert!(told.error.starts_with("Proxy("), "{}", told.error);
}

#[test]
fn a_proxy_that_goes_away() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\n"] {
        assert_eq!(fault(answer, false).text, "the proxy closed the connection before it had answered");
    }
    assert_eq!(fault(b"\x05\x00", false).text, "the proxy does not answer in HTTP");
}

/// The deadline holds wherever the answer stops; of a refusal, what has come by then is told.
#[test]
fn a_proxy_that_hangs() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\n"] {
        let told = fault(answer, true);
        assert_eq!((&*told.text, told.status), ("timed out: the proxy did not answer in time", 0));
    }
    let told = fault(b"HTTP/1.1 502 x\r\nContent-Length: 100\r\n\r\nbecause", true);
    assert_eq!((told.status, &told.body[..]), (502, &b"because"[..]));
    let told = fault(format!("{CHALLENGE}Content-Length: 100\r\n\r\nbecause").as_bytes(), true);
    assert_eq!((told.status, &told.body[..]), (407, &b"because"[..]));
}

/// The deadline is that of the whole way: a slow proxy leaves the server less.
#[test]
fn one_deadline_for_proxy_and_server() {
    let limits = Limits { handshake_timeout: ms(300), ..Limits::default() };
    let (mut l, (listener, port)) = (Loop::new(limits), proxy());
    let begin = Instant::now();
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("http://127.0.0.1:{port}"));
    let (mut raw, _) = asked(&mut l, &listener, 10);
    l.during(ms(200));
    raw.write(b"HTTP/1.1 200 x\r\n\r\n");
    raw.until(&mut l, "the request", |raw| raw.head().is_some());
    let timings = l.context.timings(id).unwrap();
    assert!(timings.proxy >= ms(190) && timings.upgrade == ms(0), "{timings:?}");
    let fault = l.failed(id);
    let time = begin.elapsed();
    assert!(time >= ms(290) && time < ms(450), "{time:?}");
    assert_eq!(fault.stage, Stage::Handshake);
}

/// What follows the proxy's answer in the same segment is the server's.
#[test]
fn bytes_after_the_answer_are_not_lost() {
    let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("http://127.0.0.1:{port}"));
    let (mut raw, _) = asked(&mut l, &listener, 10);
    raw.write(b"HTTP/1.1 200 x\r\n\r\nHTTP/1.1 503 busy\r\nContent-Length: 2\r\n\r\nno");
    let fault = l.failed(id);
    assert_eq!((fault.stage, fault.status, &fault.body[..]), (Stage::Handshake, 503, &b"no"[..]));
}

#[test]
fn nobody_listens_there() {
    let mut l = Loop::new(Limits::default());
    let (listener, port) = proxy();
    drop(listener);
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("http://u:secret@127.0.0.1:{port}"));
    let fault = l.failed(id);
    assert_eq!(fault.stage, Stage::Connect);
    let told = format!("through http://127.0.0.1:{port}: connect to 127.0.0.1:{port}: ");
    assert!(fault.text.starts_with(&told), "{}", fault.text);
}

#[test]
fn a_connection_that_is_cancelled_meanwhile() {
    let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
    let id = connect(&mut l, "ws://no-such-name.invalid/x", &format!("socks5h://127.0.0.1:{port}"));
    let (mut raw, _) = asked(&mut l, &listener, 3);
    l.context.abort(id).unwrap();
    let fault = l.failed(id);
    assert_eq!((fault.stage, &*fault.text), (Stage::Proxy, "aborted by the program"));
    raw.until_end(&mut l);
}

/// SOCKS4 has no IPv6, and a Unix socket is nothing that a proxy reaches.
#[test]
fn targets_that_a_proxy_can_not_reach() {
    let (mut l, (_listener, port)) = (Loop::new(Limits::default()), proxy());
    let id = connect(&mut l, "ws://[::1]:9/x", &format!("socks4a://127.0.0.1:{port}"));
    let fault = l.failed(id);
    assert!(fault.text.ends_with("the proxy can't be asked for an IPv6 address: SOCKS4 has IPv4 only"));
    let proxy = ProxyChoice::Url(ProxyUrl::parse("http://127.0.0.1").unwrap());
    let options = ConnectOptions { proxy, ..ConnectOptions::default() };
    assert!(l.context.connect("ws+unix:/socket", options).is_err());
}

/// With reconnect, what a proxy may get over is tried again, with all of the conversation from its beginning; wrong
/// credentials are the end.
#[test]
fn refusals_that_another_try_may_mend() {
    let (mut l, (listener, port)) = (Loop::new(Limits::default()), proxy());
    let address = format!("http://user:secret@127.0.0.1:{port}");
    let options = ConnectOptions {
        proxy: ProxyChoice::Url(ProxyUrl::parse(&address).unwrap()),
        reconnect: Some(Reconnect { min_delay: ms(1), jitter_percent: 0, ..Reconnect::default() }),
        ..ConnectOptions::default()
    };
    let id = l.context.connect("ws://no-such-name.invalid/x", options).unwrap();
    let (mut raw, _) = asked(&mut l, &listener, BASIC.len());
    raw.write(format!("{CHALLENGE}Connection: close\r\n\r\n").as_bytes());
    drop(raw);
    let (mut raw, told) = asked(&mut l, &listener, BASIC.len());
    assert!(String::from_utf8(told).unwrap().contains("Digest"));
    raw.write(b"HTTP/1.1 502 x\r\nContent-Length: 0\r\n\r\n");
    let (raw, told) = asked(&mut l, &listener, BASIC.len());
    assert_eq!(told, BASIC.as_bytes());
    drop(raw);
    let (mut raw, _) = asked(&mut l, &listener, BASIC.len());
    raw.write(b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=r\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((l.failed(id).stage, l.failed(id).status), (Stage::Proxy, 407));
    let retries = l.seen.iter().filter_map(|seen| match seen {
        Seen::Retry(_, number, _, Err(fault)) => Some((*number, fault.stage, fault.status)),
        _ => None,
    });
    assert_eq!(retries.collect::<Vec<_>>(), [(1, Stage::Proxy, 502), (2, Stage::Proxy, 0)]);
}
