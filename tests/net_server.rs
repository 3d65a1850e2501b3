//! Listening, over real sockets: the program's decisions on requests, limits on who may come, shared ports, wrong
//! addresses.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{TEXT, masked};
use loopback::{ANSWER, Loop, REQUEST, Raw, Seen, end, sent};
use std::net::SocketAddr;
use std::time::Duration;
use wsrs::net::event::{Level, SocketName};
use wsrs::net::{By, ConnId, Context, Error, Limits, ListenOptions, Stage, State};
use wsrs::proto::message::Kind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn asking() -> (Loop, SocketAddr) {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions { ask: true, ..ListenOptions::default() });
    (l, address)
}

/// Sends `bytes`, and lets `decide` handle the request.
fn ask(l: &mut Loop, address: SocketAddr, bytes: &[u8], decide: &mut dyn FnMut(&mut Context, ConnId)) -> (Raw, ConnId) {
    let mut raw = Raw::connect(address);
    raw.write(bytes);
    let mut asked = None;
    let mut act = |context: &mut Context, seen: &Seen| {
        if let Seen::Request(id) = seen {
            decide(context, *id);
            asked = Some(*id);
        }
    };
    let before = l.count(|seen| matches!(seen, Seen::Request(_)));
    l.until_with("Request", &mut act, &mut |l| l.count(|seen| matches!(seen, Seen::Request(_))) > before);
    (raw, asked.unwrap())
}

/// Accepted at once, by default, or later: frames that came with the request are delivered after `Open`, in order.
#[test]
fn accepting_now_by_default_and_later() {
    let pipelined = [REQUEST, &masked(TEXT, b"one"), &masked(TEXT, b"two")].concat();
    for way in ["by default", "now", "later"] {
        let (mut l, address) = asking();
        let (mut raw, id) = ask(&mut l, address, &pipelined, &mut |context, id| match way {
            "now" => {
                context.accept(id, None, &[("X-Way", b"now")]).unwrap();
                assert!(matches!(context.accept(id, None, &[]), Err(Error::State(_))), "once only");
                context.send(id, Kind::Text, b"welcome").unwrap();
            }
            "later" => context.defer(id).unwrap(),
            _ => {}
        });
        if way == "later" {
            raw.write(&masked(TEXT, b"three"));
            l.during(ms(20));
            assert_eq!(l.seen, [Seen::Request(id)]);
            assert_eq!(l.context.state(id), State::Connecting);
            assert!(matches!(l.context.send(id, Kind::Text, b"x"), Err(Error::NotOpen)));
            assert_eq!(l.context.request(id).unwrap().target(), "/chat", "kept until it is decided");
            l.context.accept(id, None, &[]).unwrap();
        } else {
            raw.write(&masked(TEXT, b"three"));
        }
        l.until("three messages", |l| l.messages(id).len() == 3);
        let text = |data: &str| Seen::Message(id, Kind::Text, data.into());
        assert_eq!(l.seen, [Seen::Request(id), Seen::Open(id), text("one"), text("two"), text("three")], "{way}");
        raw.until(&mut l, "the 101", |raw| raw.head().is_some());
        let head = raw.skip_head();
        if way == "now" {
            assert_eq!(head, ANSWER.replace("\r\n\r\n", "\r\nX-Way: now\r\n\r\n"));
            assert_eq!(raw.until_frames(&mut l, 1), [sent(TEXT, b"welcome")]);
        } else {
            assert_eq!(head, ANSWER);
        }
        assert!(l.context.request(id).is_err(), "gone after Open");
    }
}

#[test]
fn responding_with_another_status() {
    let response = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 9\r\nX-Why: no\r\n\r\nnot today";
    for later in [false, true] {
        let (mut l, address) = asking();
        let respond = |context: &mut Context, id: ConnId| {
            assert!(matches!(context.respond(id, 101, &[], b""), Err(Error::Argument(_))));
            assert!(matches!(context.respond(id, 403, &[("A\r\nB", b"")], b""), Err(Error::Header(_))));
            context.respond(id, 403, &[("X-Why", b"no")], b"not today").unwrap();
            assert!(matches!(context.respond(id, 403, &[], b""), Err(Error::State(_))));
        };
        let bytes = [REQUEST, &masked(TEXT, b"ignored")].concat();
        let (mut raw, id) = ask(&mut l, address, &bytes, &mut |context, id| match later {
            true => context.defer(id).unwrap(),
            false => respond(context, id),
        });
        if later {
            l.during(ms(10));
            respond(&mut l.context, id);
        }
        raw.until_end(&mut l);
        assert_eq!((std::str::from_utf8(&raw.bytes).unwrap(), raw.ended), (response, Some(Ok(()))));
        drop(raw);
        assert_eq!(l.closed(id), end(0, "", true, By::Local));
        assert_eq!(l.seen.len(), 2, "neither Open nor a message: {:?}", l.seen);
    }
}

/// A page is answered by the program, or with 426; HEAD gets no body.
#[test]
fn a_plain_request_is_a_page_or_426() {
    let get = b"GET /page?q HTTP/1.1\r\nHost: x\r\n\r\n";
    let head = b"HEAD /page?q HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut l, address) = asking();
    for (request, body) in [(&get[..], "<p>"), (head, "")] {
        let (mut raw, _) = ask(&mut l, address, request, &mut |context, id| {
            assert!(matches!(context.accept(id, None, &[]), Err(Error::State(_))), "no upgrade");
            context.respond(id, 200, &[("Content-Type", b"text/html")], b"<p>").unwrap();
        });
        raw.until_end(&mut l);
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\nContent-Type: text/html\r\n\r\n";
        assert_eq!(std::str::from_utf8(&raw.bytes).unwrap(), format!("{head}{body}"));
        let (mut raw, id) = ask(&mut l, address, request, &mut |_, _| {});
        raw.until_end(&mut l);
        let text = std::str::from_utf8(&raw.bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\n"), "{text}");
        assert_eq!(text.split("\r\n\r\n").nth(1).unwrap().is_empty(), body.is_empty());
        drop(raw);
        assert_eq!(l.closed(id), end(0, "", true, By::Local));
    }
}

/// A large response arrives whole though the client reads late, and though it sent more than was looked at.
#[test]
fn a_large_response_arrives_whole() {
    let (mut l, address) = asking();
    let page = frames::pattern(3 << 20);
    let (mut raw, _) = ask(&mut l, address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", &mut |context, id| {
        context.respond(id, 200, &[], &page).unwrap();
    });
    raw.write_some(&[b'x'; 50_000]);
    l.during(ms(20));
    raw.until_end(&mut l);
    raw.skip_head();
    assert!(raw.bytes == page && raw.ended == Some(Ok(())), "{} bytes, {:?}", raw.bytes.len(), raw.ended);
}

/// A client that goes away while the program decides ends in one `Failed`.
#[test]
fn a_client_that_vanishes_between_request_and_open() {
    let (mut l, address) = asking();
    let (raw, id) = ask(&mut l, address, REQUEST, &mut |context, id| context.defer(id).unwrap());
    raw.reset();
    l.during(ms(10));
    let result = l.context.accept(id, None, &[]);
    assert!(result.is_ok() || matches!(result, Err(Error::Closed)));
    l.until("an end", |l| l.seen.iter().any(|seen| matches!(seen, Seen::Failed(..) | Seen::Closed(..))));
    if let Some(Seen::Failed(_, fault)) = l.seen.last() {
        assert_eq!((fault.stage, fault.status), (Stage::Handshake, 0));
    }
    assert_eq!(l.seen.iter().filter(|seen| matches!(seen, Seen::Failed(..) | Seen::Closed(..))).count(), 1);
    assert_eq!(l.context.state(id), State::Closed);
}

#[test]
fn connections_of_one_address_are_limited() {
    let limits = Limits { max_connections_per_address: 3, ..Limits::default() };
    let mut l = Loop::new(limits);
    l.context.set_log_level(Some(Level::Warning));
    let (_, address) = l.listen(ListenOptions::default());
    let mut first = l.accept_raw(address);
    let _others = [l.accept_raw(address), l.accept_raw(address)];
    for _ in 0..3 {
        let mut fourth = Raw::connect(address);
        fourth.until_end(&mut l);
        assert!(fourth.bytes.is_empty());
    }
    let logged =
        l.count(|seen| matches!(seen, Seen::Log(text) if text.ends_with("more than 3 connections from one address")));
    assert_eq!(logged, 3);
    let from_elsewhere = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    from_elsewhere.bind(&"127.0.0.2:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    from_elsewhere.connect(&address.into()).unwrap();
    let mut raw = Raw::new(from_elsewhere.into());
    raw.write(REQUEST);
    raw.until(&mut l, "the 101", |raw| raw.head().is_some());
    first.0.stream.shutdown(std::net::Shutdown::Both).unwrap();
    l.closed(first.1);
    first = l.accept_raw(address);
    l.context.send(first.1, Kind::Text, b"in again").unwrap();
}

/// H24: accepting pauses while too many handshakes are open; who waits gets in as soon as one is done or gives up.
///
/// Checked by: without max_pending_handshakes in has_room() of net/listener.rs this fails.
#[test]
fn h24_pending_handshakes_are_limited() {
    let limits = Limits { max_pending_handshakes: 2, handshake_timeout: ms(300), ..Limits::default() };
    let mut l = Loop::new(limits);
    let (_, address) = l.listen(ListenOptions::default());
    let mut slow = Raw::connect(address);
    let _slower = Raw::connect(address);
    l.during(ms(10));
    let mut waiting: Vec<Raw> = (0..3).map(|_| Raw::connect(address)).collect();
    waiting.iter_mut().for_each(|raw| raw.write(REQUEST));
    let turns = l.turns;
    l.during(ms(50));
    assert_eq!(l.seen, []);
    assert!(l.turns - turns < 15, "{} turns of a loop that can only wait", l.turns - turns);
    slow.write(REQUEST);
    l.until("all but the slowest", |l| l.count(|seen| matches!(seen, Seen::Open(_))) == 4);
    for raw in &mut waiting {
        raw.until(&mut l, "the 101", |raw| raw.head().is_some());
    }
}

/// The same for connections in all, and the place of one that ends is taken by the next.
#[test]
fn connections_are_limited() {
    let mut l = Loop::new(Limits { max_connections: 2, ..Limits::default() });
    let (_, address) = l.listen(ListenOptions::default());
    let (first, id) = l.accept_raw(address);
    let (_second, _) = l.accept_raw(address);
    let mut third = Raw::connect(address);
    third.write(REQUEST);
    let turns = l.turns;
    l.during(ms(50));
    assert!(l.count(|seen| matches!(seen, Seen::Open(_))) == 2 && l.turns - turns < 15);
    drop(first);
    l.closed(id);
    third.until(&mut l, "the 101", |raw| raw.head().is_some());
}

/// More connections than one turn accepts.
#[test]
fn a_burst_of_connections_is_accepted() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions::default());
    let mut burst: Vec<Raw> = (0..200).map(|_| Raw::connect(address)).collect();
    burst.iter_mut().for_each(|raw| raw.write(REQUEST));
    l.until("all of them", |l| l.count(|seen| matches!(seen, Seen::Open(_))) == 200);
}

/// Two listeners of one port share it when both want so, and not otherwise; what one gets the other does not.
#[test]
fn shared_ports() {
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let (mut a, mut b) = (Loop::new(Limits::default()), Loop::new(Limits::default()));
    let (_, address) = a.listen(options.clone());
    let in_use = b.context.listen(&address.to_string(), ListenOptions::default());
    assert!(matches!(in_use, Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::AddrInUse));
    b.context.listen(&address.to_string(), options).unwrap();
    let mut raws: Vec<Raw> = (0..64).map(|_| Raw::connect(address)).collect();
    raws.iter_mut().for_each(|raw| raw.write(REQUEST));
    let opened = |l: &Loop| l.count(|seen| matches!(seen, Seen::Open(_)));
    a.until("64 in all", |a| {
        b.turn(ms(0));
        opened(a) + opened(&b) == 64
    });
    assert!(opened(&a) > 0 && opened(&b) > 0, "{} and {}", opened(&a), opened(&b));
}

#[test]
fn addresses_to_listen_on() {
    let mut l = Loop::new(Limits::default());
    let wrong =
        ["", "80", "localhost:80", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:-1", "*:", "*:x", "::1:80", "unix:"];
    for text in wrong {
        let result = l.context.listen(text, ListenOptions::default());
        assert!(matches!(&result, Err(Error::Address(why)) if why.contains(text)), "{text}: {result:?}");
    }
    for text in ["192.0.2.1:0", "unix:/nowhere/at/all/socket"] {
        let result = l.context.listen(text, ListenOptions::default());
        assert!(matches!(result, Err(Error::Io(_))), "{text}: {result:?}");
    }
    let any = l.context.listen("*:0", ListenOptions::default()).unwrap();
    let SocketName::Tcp(address) = l.context.listener_address(any).unwrap() else { panic!() };
    let (_raw, id) = l.accept_raw(SocketAddr::from(([127, 0, 0, 1], address.port())));
    assert_eq!(l.context.state(id), State::Open);
    l.context.close_listener(any).unwrap();
    assert!(matches!(l.context.close_listener(any), Err(Error::Closed)));
    assert!(matches!(l.context.listener_address(any), Err(Error::Closed)));
    assert!(std::net::TcpStream::connect(("127.0.0.1", address.port())).is_err());
    l.context.send(id, Kind::Text, b"those accepted stay").unwrap();
}
