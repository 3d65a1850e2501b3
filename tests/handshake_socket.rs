//! The opening handshake over TCP: every case of `handshake/cases.rs` against a listener and against a client of the
//! loop, with exact status lines, fields and ends.
#![allow(clippy::unwrap_used)]

#[path = "handshake/cases.rs"]
mod cases;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use cases::{Expect, RequestCase, Verdict};
use frames::{TEXT, masked};
use loopback::{ANSWER, Loop, Raw, Seen, answer_to};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use wsrs::net::{ConnectOptions, Limits, ListenOptions, Stage};
use wsrs::proto::handshake::client::BodyLength;
use wsrs::proto::message::Kind;

/// A loop in a thread of its own that echoes, until it is told to stop.
struct Server {
    address: SocketAddr,
    door: std::sync::Arc<wsrs::net::Door>,
    thread: Option<JoinHandle<Vec<Seen>>>,
}

impl Server {
    fn start() -> Server {
        let (send, receive) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut l = Loop::new(Limits::default());
            let (_, address) = l.listen(ListenOptions::default());
            send.send((address, l.door.clone())).unwrap();
            while !l.context.take_stopped() {
                l.turn_with(Duration::from_secs(1), &mut |context, seen| {
                    if let Seen::Message(id, kind, data) = seen {
                        context.send(*id, *kind, data).unwrap();
                    }
                });
            }
            l.seen
        });
        let (address, door) = receive.recv().unwrap();
        Server { address, door, thread: Some(thread) }
    }

    fn stop(mut self) -> Vec<Seen> {
        self.door.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Everything that the server sends, to the end or until `enough`.
fn receive(raw: &mut Raw, enough: impl Fn(&Raw) -> bool) {
    let begin = std::time::Instant::now();
    while raw.ended.is_none() && !enough(raw) {
        assert!(begin.elapsed() < loopback::PATIENCE, "{:?}", String::from_utf8_lossy(&raw.bytes));
        raw.read();
        std::thread::sleep(Duration::from_micros(200));
    }
}

const PHRASES: [(u16, &str); 9] = [
    (400, "Bad Request"),
    (405, "Method Not Allowed"),
    (413, "Content Too Large"),
    (414, "URI Too Long"),
    (417, ""),
    (426, "Upgrade Required"),
    (431, "Request Header Fields Too Large"),
    (501, "Not Implemented"),
    (505, "HTTP Version Not Supported"),
];

/// A refusal: its status line, its fields in their order, a body of the length it gives.
fn check_refusal(name: &str, text: &str, status: u16, head_request: bool) {
    let phrase = PHRASES.iter().find(|(of, _)| *of == status).unwrap_or_else(|| panic!("{name}: {status}")).1;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = vec![format!("HTTP/1.1 {status} {phrase}")];
    if status == 426 {
        lines.extend(
            ["Connection: close, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"].map(String::from),
        );
    } else {
        lines.push("Connection: close".into());
    }
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    lines.push(format!("Content-Length: {length}"));
    lines.push("Content-Type: text/plain; charset=utf-8".into());
    if status == 405 {
        lines.push("Allow: GET".into());
    }
    assert_eq!(head.split("\r\n").collect::<Vec<_>>(), lines, "{name}");
    if head_request {
        assert_eq!(body, "", "{name}");
    } else {
        assert_eq!(body.len().to_string(), length, "{name}");
        assert!(body.len() > 5, "{name}: {body:?}");
    }
}

/// Sends `pieces`, and looks at what comes back. A message follows the head in the same bytes.
fn check_request(address: SocketAddr, case: &RequestCase, pieces: &[&[u8]]) {
    let mut raw = Raw::connect(address);
    for piece in pieces {
        // A refusal may come before all of it was sent, and then nobody reads the rest.
        let mut rest = *piece;
        while !rest.is_empty() && raw.ended.is_none() {
            match std::io::Write::write(&mut raw.stream, rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    }
    let echo = frames::plain(TEXT, b"Hello");
    let enough = |raw: &Raw| raw.bytes.ends_with(&echo) || matches!(case.expect, Expect::Refuse(_) | Expect::Page);
    if let Expect::Accept(accept) = case.expect {
        receive(&mut raw, enough);
        assert_eq!(raw.ended, None, "{}", case.name);
        let expected = ANSWER.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", accept);
        assert_eq!(raw.skip_head(), expected, "{}", case.name);
        assert_eq!(raw.bytes, echo, "{}: what came with the request", case.name);
    } else {
        receive(&mut raw, |_| false);
        assert_eq!(raw.ended, Some(Ok(())), "{}: closed in order, not reset", case.name);
        let status = if let Expect::Refuse(status) = case.expect { status } else { 426 };
        let head_request = case.request.starts_with(b"HEAD ");
        check_refusal(case.name, std::str::from_utf8(&raw.bytes).unwrap(), status, head_request);
    }
}

/// H10: a whole request with a message behind it, in one piece, and in two that cut the head.
///
/// Checked by: as its neighbour in handshake_core.rs.
#[test]
fn h10_every_request_gets_its_answer_and_every_refusal_closes() {
    let server = Server::start();
    let message = masked(TEXT, b"Hello");
    let (mut opened, mut refused) = (0, 0);
    for case in cases::requests() {
        let bytes = [&case.request[..], &message].concat();
        let half = case.request.len() / 2;
        check_request(server.address, &case, &[&bytes]);
        check_request(server.address, &case, &[&bytes[..half], &bytes[half..]]);
        check_request(server.address, &case, &[&bytes[..case.request.len() - 1], &bytes[case.request.len() - 1..]]);
        match case.expect {
            Expect::Accept(_) => opened += 3,
            _ => refused += 3,
        }
    }
    let seen = server.stop();
    let count = |which: fn(&Seen) -> bool| seen.iter().filter(|seen| which(seen)).count();
    assert_eq!(count(|seen| matches!(seen, Seen::Open(_))), opened);
    assert_eq!(count(|seen| matches!(seen, Seen::Message(_, Kind::Text, data) if data == b"Hello")), opened);
    assert_eq!(count(|seen| matches!(seen, Seen::Closed(..))), opened, "who was refused is not announced");
    assert_eq!(count(|seen| matches!(seen, Seen::Failed(..) | Seen::Request(_))), 0);
    assert!(opened > 60 && refused > 200, "{opened}, {refused}");
}

/// Connects to a server that gives this answer, with a frame behind a 101, and then ends.
fn client_sees(l: &mut Loop, case: &cases::ResponseCase, whole: bool) -> (Seen, Option<Seen>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/chat", listener.local_addr().unwrap());
    let subprotocols = vec!["chat".to_string(), "superchat".to_string()];
    l.seen.clear();
    let id = l.context.connect(&url, ConnectOptions { subprotocols, ..ConnectOptions::default() }).unwrap();
    let mut raw = Raw::new(listener.accept().unwrap().0);
    raw.until(l, "the request", |raw| raw.head().is_some());
    let request = raw.skip_head();
    assert!(request.contains("Sec-WebSocket-Protocol: chat, superchat\r\n"), "{request}");
    let answer = answer_to(request.as_bytes());
    let accept = answer.split("Sec-WebSocket-Accept: ").nth(1).unwrap().trim_end();
    let mut bytes = case.with_accept(accept.as_bytes());
    let behind = match case.expect {
        Verdict::Rejected(..) => b"a body of the server".to_vec(),
        _ => frames::plain(TEXT, b"first"),
    };
    bytes.extend_from_slice(&behind);
    if whole {
        raw.write(&bytes);
    } else {
        for piece in bytes.chunks(bytes.len() / 3 + 1) {
            raw.write_some(piece);
            l.turn(Duration::from_millis(1));
        }
    }
    let _ = raw.stream.shutdown(std::net::Shutdown::Write);
    l.until("an end", |l| l.seen.iter().any(|seen| matches!(seen, Seen::Failed(..) | Seen::Closed(..))));
    let first = l.seen[0].clone();
    assert_eq!(first, l.seen.iter().find(|s| matches!(s, Seen::Failed(..) | Seen::Open(_))).unwrap().clone());
    assert!(matches!(&first, Seen::Failed(i, _) | Seen::Open(i) if *i == id));
    (first, l.seen.get(1).cloned(), behind.len())
}

/// H14: the same over a socket.
///
/// Checked by: as its neighbour in handshake_core.rs.
#[test]
fn h14_every_response_opens_the_client_or_fails_it_with_the_reason() {
    let mut l = Loop::new(Limits::default());
    for case in cases::responses() {
        for whole in [true, false] {
            let (first, second, behind) = client_sees(&mut l, &case, whole);
            match (case.expect, first) {
                (Verdict::Accepted(_), Seen::Open(id)) => {
                    assert_eq!(second, Some(Seen::Message(id, Kind::Text, b"first".into())), "{}", case.name);
                }
                (Verdict::Rejected(status, body), Seen::Failed(_, fault)) => {
                    let length = match body {
                        // What follows the head has no end of a chunk's size in it: none of it is data.
                        BodyLength::None | BodyLength::Chunked => 0,
                        BodyLength::Known(length) => behind.min(usize::try_from(length).unwrap_or(usize::MAX)),
                        BodyLength::UntilClose => behind,
                    };
                    assert_eq!(fault.body, b"a body of the server"[..length], "{}", case.name);
                    assert_eq!((fault.stage, fault.status), (Stage::Handshake, status), "{}", case.name);
                    assert_eq!(fault.error, format!("Rejected({status})"), "{}", case.name);
                    let text = format!("the server refused the upgrade: {status}");
                    assert!(fault.text.starts_with(&text), "{}: {}", case.name, fault.text);
                }
                (Verdict::Invalid(error), Seen::Failed(_, fault)) => {
                    assert_eq!((fault.stage, fault.status), (Stage::Handshake, 0), "{}", case.name);
                    assert_eq!(fault.text, error.to_string(), "{}", case.name);
                    assert_eq!(fault.error, format!("Handshake({:?})", error.to_string()), "{}", case.name);
                }
                (expected, got) => panic!("{}: {expected:?}, but {got:?}", case.name),
            }
        }
    }
}

/// The subprotocol that both have, and the answer's fields, can be read while `Open` is handled.
#[test]
fn the_clients_answer_and_subprotocol_can_be_read_in_open() {
    let mut l = Loop::new(Limits::default());
    for (ours, offered, chosen) in [
        (vec!["b", "a"], vec!["a", "b"], Some("b")),
        (vec!["a"], vec!["x", "a"], Some("a")),
        (vec!["a"], vec!["x"], None),
        (vec![], vec!["x"], None),
    ] {
        let own = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let (listener, address) = l.listen(ListenOptions { subprotocols: own(&ours), ..ListenOptions::default() });
        let options = ConnectOptions { subprotocols: own(&offered), tag: 7, ..ConnectOptions::default() };
        let client = l.context.connect(&format!("ws://{address}/p?q"), options).unwrap();
        let mut opens = 0;
        l.until_with(
            "both Opens",
            &mut |context, seen| {
                let Seen::Open(id) = seen else { return };
                assert_eq!(context.subprotocol(*id).unwrap(), chosen);
                if *id == client {
                    assert_eq!(context.response(*id).unwrap().status(), 101);
                } else {
                    assert_eq!(context.request(*id).unwrap().method(), "GET");
                }
                opens += 1;
            },
            &mut |l| l.count(|seen| matches!(seen, Seen::Open(_))) == 2,
        );
        l.turn(Duration::ZERO);
        assert!(l.context.response(client).is_err(), "gone after Open");
        assert_eq!(l.context.subprotocol(client).unwrap(), chosen, "stays");
        l.context.abort(client).unwrap();
        l.context.close_listener(listener).unwrap();
        l.closed(client);
        l.seen.clear();
    }
}
