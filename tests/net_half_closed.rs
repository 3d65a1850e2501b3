//! Peers that end their side of TCP first and still read: they get what was meant for them. And connections that wait
//! for less than they seem to.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{BINARY, CLOSE, TEXT, close_body, masked, pattern, plain};
use loopback::{Loop, Raw, Seen, end, sent};
use std::net::Shutdown;
use std::time::Duration;
use wsrs::net::{By, ConnectOptions, Context, Limits, ListenOptions};
use wsrs::proto::message::Kind;

fn server() -> (Loop, std::net::SocketAddr) {
    let mut l = Loop::new(Limits { high_water: 64 << 20, ..Limits::default() });
    let (_, address) = l.listen(ListenOptions { ask: true, ..ListenOptions::default() });
    (l, address)
}

/// `nc -N` and health checks do this: a request, the end, and then they read.
#[test]
fn a_half_closed_client_gets_its_page() {
    let page = "x".repeat(8 << 20);
    let respond = &mut |context: &mut Context, seen: &Seen| {
        if let Seen::Request(id) = seen {
            context.respond(*id, 200, &[], page.as_bytes()).unwrap();
        }
    };
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        let (mut l, address) = server();
        let mut raw = Raw::connect(address);
        raw.write(request.as_bytes());
        raw.stream.shutdown(Shutdown::Write).unwrap();
        l.until_with("the end", respond, &mut |_| {
            raw.read();
            raw.ended.is_some()
        });
        let length = raw.bytes.len();
        let head = raw.skip_head();
        let whole = if request.contains("Host") { page.len() } else { "there is no Host header".len() };
        assert!(length >= head.len() + whole && raw.ended == Some(Ok(())), "{length} bytes: {head}");
    }
}

/// Replies that were gathered, a Close that answers, a Close with the reason: all leave, though the end came with them.
#[test]
fn what_was_gathered_leaves_though_the_peer_ended_its_side() {
    let answer = masked(CLOSE, &close_body(1000, b""));
    for (last, expected) in [
        (vec![], vec![]),
        (answer, vec![sent(CLOSE, &close_body(1000, b""))]),
        (plain(TEXT, b""), vec![sent(CLOSE, &close_body(1002, b"frame without mask"))]),
    ] {
        let (mut l, address) = server();
        let (mut raw, id) = l.accept_raw(address);
        raw.write(&[masked(TEXT, b"ask"), last].concat());
        raw.stream.shutdown(Shutdown::Write).unwrap();
        let reply = &mut |context: &mut Context, seen: &Seen| {
            if let Seen::Message(id, ..) = seen {
                context.send(*id, Kind::Text, b"reply").unwrap();
            }
        };
        l.until_with("the end", reply, &mut |_| {
            raw.read();
            raw.ended.is_some()
        });
        assert_eq!(raw.frames(), [vec![sent(TEXT, b"reply")], expected].concat());
        l.closed(id);
    }
}

/// The peer's Close and the end of its side come while a long queue is on its way.
#[test]
fn a_close_with_the_end_does_not_drop_the_queue() {
    let (mut l, address) = server();
    let (mut raw, id) = l.accept_raw(address);
    let data = pattern(1 << 20);
    (0..16).for_each(|_| l.context.send(id, Kind::Binary, &data).unwrap());
    assert!(l.context.buffered(id).unwrap() > 1 << 20, "the socket took it all");
    raw.write(&masked(CLOSE, &close_body(1001, b"")));
    raw.stream.shutdown(Shutdown::Write).unwrap();
    l.during(Duration::from_millis(20));
    let got = raw.until_frames(&mut l, 17);
    assert!(got[..16].iter().all(|frame| *frame == sent(BINARY, &data)));
    assert_eq!(got[16], sent(CLOSE, &close_body(1001, b"")));
    raw.until_end(&mut l);
    assert_eq!(l.closed(id), end(1001, "", true, By::Remote));
}

/// The end of its side without a Close: it gets the queue all the same, and nothing is added to it. One that does not
/// read on has the closing deadline.
#[test]
fn an_end_without_close_does_not_drop_the_queue() {
    for reads in [true, false] {
        let limits = Limits { high_water: 64 << 20, close_timeout: Duration::from_millis(150), ..Limits::default() };
        let mut l = Loop::new(limits);
        let (_, address) = l.listen(ListenOptions::default());
        let (mut raw, id) = l.accept_raw(address);
        let data = pattern(1 << 20);
        (0..16).for_each(|_| l.context.send(id, Kind::Binary, &data).unwrap());
        assert!(l.context.buffered(id).unwrap() > 1 << 20, "the socket took it all");
        raw.stream.shutdown(Shutdown::Write).unwrap();
        l.during(Duration::from_millis(20));
        assert!(l.context.send(id, Kind::Text, b"late").is_err());
        if reads {
            let got = raw.until_frames(&mut l, 16);
            assert!(got.iter().all(|frame| *frame == sent(BINARY, &data)));
            raw.until_end(&mut l);
            assert!(raw.frames().is_empty());
        }
        assert_eq!(l.closed(id), end(1006, "", false, By::Network));
    }
}

/// Pausing keeps messages back, not the answer to the upgrade.
#[test]
fn a_client_that_is_paused_while_it_connects_opens() {
    let (mut l, address) = server();
    let id = l.context.connect(&format!("ws://{address}/"), ConnectOptions::default()).unwrap();
    l.context.pause(id, true).unwrap();
    let greet = &mut |context: &mut Context, seen: &Seen| {
        if let Seen::Open(other) = seen
            && *other != id
        {
            context.send(*other, Kind::Text, b"hello").unwrap();
        }
    };
    l.until_with("Open", greet, &mut |l| l.seen.contains(&Seen::Open(id)));
    l.during(Duration::from_millis(20));
    assert_eq!(l.messages(id).len(), 0, "paused");
    l.context.pause(id, false).unwrap();
    l.until_seen(&Seen::Message(id, Kind::Text, b"hello".into()));
}

/// Accepted and dropped in one callback: it never opened, so that is no `Closed`.
#[test]
fn an_end_before_open_is_a_failure() {
    let (mut l, address) = server();
    let mut raw = Raw::connect(address);
    raw.write(loopback::REQUEST);
    let mut asked = None;
    let act = &mut |context: &mut Context, seen: &Seen| {
        if let Seen::Request(id) = seen {
            context.accept(*id, None, &[]).unwrap();
            context.abort(*id).unwrap();
            asked = Some(*id);
        }
    };
    l.until_with("the end", act, &mut |l| l.seen.len() > 1);
    let fault = l.failed(asked.unwrap());
    assert!(fault.text.contains("before it opened"), "{}", fault.text);
    assert_eq!(l.count(|seen| matches!(seen, Seen::Open(_) | Seen::Closed(..))), 0);
}
