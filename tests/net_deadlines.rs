//! Deadlines over real sockets: handshake, close, ping and pong, idle; timers; what an embedder's descriptor shows.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{CLOSE, PING, PONG, TEXT, close_body, masked};
use loopback::{Loop, Raw, Seen, end, sent};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use wsrs::net::{By, ConnectOptions, Limits, ListenOptions, Stage};
use wsrs::proto::message::Kind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn server(limits: Limits) -> (Loop, SocketAddr) {
    let mut l = Loop::new(limits);
    let (_, address) = l.listen(ListenOptions::default());
    (l, address)
}

/// The time is within [`from`, `to`]: a tick of 16 ms and a busy machine are allowed for.
fn took(begin: Instant, from: u64, to: u64) {
    let time = begin.elapsed();
    assert!(time >= ms(from) && time <= ms(to), "{time:?} is not within {from} to {to} ms");
}

/// H24: the whole handshake has one deadline, which bytes do not extend.
///
/// Checked by: when hear_request() of net/opening.rs sets the deadline anew, or accepted() of net/listener.rs sets none,
/// this fails.
#[test]
fn h24_the_handshake_deadline_is_not_extended_by_bytes() {
    let (mut l, address) = server(Limits { handshake_timeout: ms(200), ..Limits::default() });
    for trickle in [false, true] {
        let begin = Instant::now();
        let mut raw = Raw::connect(address);
        let mut next = 0;
        raw.until(&mut l, "the end", |raw| {
            if trickle && begin.elapsed() > ms(50) * next as u32 {
                raw.write_some(&loopback::REQUEST[next..=next]);
                next += 1;
            }
            raw.ended.is_some()
        });
        took(begin, 200, 450);
        assert!(raw.bytes.is_empty() && (!trickle || next >= 4));
    }
    assert_eq!(l.seen, [], "who never asked is not announced");
}

/// H24: a request that the program puts off has the same deadline, and ends in `Failed`.
///
/// Checked by: when accepted() of net/listener.rs sets no deadline this fails.
#[test]
fn h24_a_deferred_request_has_the_deadline_too() {
    let mut l = Loop::new(Limits { handshake_timeout: ms(100), ..Limits::default() });
    let (_, address) = l.listen(ListenOptions { ask: true, ..ListenOptions::default() });
    let mut raw = Raw::connect(address);
    raw.write(loopback::REQUEST);
    let begin = Instant::now();
    let mut asked = None;
    let mut defer = |context: &mut wsrs::net::Context, seen: &Seen| {
        if let Seen::Request(id) = seen {
            context.defer(*id).unwrap();
            asked = Some(*id);
        }
    };
    l.until_with("Failed", &mut defer, &mut |l| l.count(|seen| matches!(seen, Seen::Failed(..))) == 1);
    took(begin, 90, 350);
    let fault = l.failed(asked.unwrap());
    assert_eq!((fault.stage, &*fault.error), (Stage::Handshake, "Timeout(\"handshake\")"));
    raw.until_end(&mut l);
}

/// H24: a server that takes the connection and says nothing, or half of it.
///
/// Checked by: when net/dial.rs sets no deadline for the handshake this fails.
#[test]
fn h24_the_clients_handshake_deadline() {
    let mut l = Loop::new(Limits { handshake_timeout: ms(150), ..Limits::default() });
    for answer in [&b""[..], b"HTTP/1.1 101 Switching"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let begin = Instant::now();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let id = l.context.connect(&url, ConnectOptions::default()).unwrap();
        let mut raw = Raw::new(listener.accept().unwrap().0);
        raw.write(answer);
        let fault = l.failed(id);
        took(begin, 150, 400);
        assert_eq!((fault.stage, fault.status), (Stage::Handshake, 0));
        assert_eq!(fault.text, "the server did not answer the handshake in time");
    }
}

/// H17: a peer that never answers our Close, and one that answers and leaves TCP open.
///
/// Checked by: when await_end() of net/ending.rs sets no deadline this fails.
#[test]
fn h17_the_close_deadline() {
    let (mut l, address) = server(Limits { close_timeout: ms(120), ..Limits::default() });
    let (mut raw, id) = l.accept_raw(address);
    let begin = Instant::now();
    l.context.close(id, 1000, b"bye").unwrap();
    raw.write(&masked(TEXT, b"still talking"));
    assert_eq!(l.closed(id), end(1000, "bye", false, By::Timeout));
    took(begin, 120, 350);
    raw.until_end(&mut l);
    assert_eq!(raw.frames(), [sent(CLOSE, &close_body(1000, b"bye"))]);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let id = l.context.connect(&url, ConnectOptions::default()).unwrap();
    let mut raw = Raw::new(listener.accept().unwrap().0);
    raw.until(&mut l, "the request", |raw| raw.head().is_some());
    let answer = loopback::answer_to(raw.skip_head().as_bytes());
    raw.write(answer.as_bytes());
    l.until_seen(&Seen::Open(id));
    let begin = Instant::now();
    raw.write(&frames::plain(CLOSE, &close_body(1000, b"")));
    assert_eq!(l.closed(id), end(1000, "", true, By::Remote), "the handshake was done: clean");
    took(begin, 120, 350);
}

/// Silence: pings go out after one to one and a half intervals, and the connection lives while pongs come.
#[test]
fn pings_keep_a_silent_connection_and_a_missing_pong_ends_it() {
    let (mut l, address) = server(Limits { ping_interval: ms(80), pong_timeout: ms(60), ..Limits::default() });
    let (mut raw, id) = l.accept_raw(address);
    for round in 0..3 {
        let begin = Instant::now();
        assert_eq!(raw.until_frames(&mut l, 1), [sent(PING, b"")]);
        if round == 0 {
            took(begin, 60, 250);
        }
        raw.write(&masked(PONG, b""));
    }
    assert_eq!(raw.until_frames(&mut l, 1), [sent(PING, b"")]);
    let begin = Instant::now();
    assert_eq!(l.closed(id), end(1006, "", false, By::Timeout));
    took(begin, 50, 250);
    assert_eq!(l.count(|seen| matches!(seen, Seen::Pong(..))), 3);
    raw.until_end(&mut l);
    assert_eq!(raw.frames(), []);
}

/// Anything that comes is a sign of life: no pings while the peer talks, and any frame answers one.
#[test]
fn who_talks_is_not_pinged() {
    let (mut l, address) = server(Limits { ping_interval: ms(100), pong_timeout: ms(100), ..Limits::default() });
    let (mut raw, id) = l.accept_raw(address);
    for _ in 0..20 {
        raw.write(&masked(TEXT, b"x"));
        l.during(ms(15));
    }
    raw.read();
    assert_eq!(raw.frames(), []);
    assert_eq!(raw.until_frames(&mut l, 1), [sent(PING, b"")]);
    raw.write(&masked(TEXT, b"not a pong"));
    l.during(ms(110));
    assert_eq!(l.context.state(id), wsrs::net::State::Open);
}

/// A connection that the program paused is not taken for dead.
#[test]
fn a_paused_connection_outlives_the_pong_deadline() {
    let (mut l, address) = server(Limits { ping_interval: ms(40), pong_timeout: ms(40), ..Limits::default() });
    let (mut raw, id) = l.accept_raw(address);
    l.context.pause(id, true).unwrap();
    raw.write(&masked(TEXT, b"later"));
    l.during(ms(250));
    assert_eq!(l.seen.len(), 1, "Open only: {:?}", l.seen);
    l.context.pause(id, false).unwrap();
    l.until_seen(&Seen::Message(id, Kind::Text, b"later".into()));
}

#[test]
fn an_idle_connection_is_closed_with_1001() {
    let (mut l, address) = server(Limits {
        idle_timeout: ms(120),
        ping_interval: ms(60),
        pong_timeout: ms(1_000),
        close_timeout: ms(50),
        ..Limits::default()
    });
    let (mut raw, id) = l.accept_raw(address);
    for _ in 0..4 {
        raw.write(&masked(TEXT, b"x"));
        l.during(ms(50));
        l.context.send(id, Kind::Text, b"y").unwrap();
        l.during(ms(50));
    }
    let begin = Instant::now();
    let closing = sent(CLOSE, &close_body(1001, b"idle"));
    let mut got = Vec::new();
    raw.until(&mut l, "the Close", |raw| {
        let new = raw.frames();
        // Pongs are no use of a connection.
        new.iter().filter(|frame| frame.first == PING).for_each(|_| raw.write(&masked(PONG, b"")));
        got.extend(new);
        got.contains(&closing)
    });
    took(begin, 60, 400);
    assert!(got.iter().any(|frame| frame.first == PING));
    assert_eq!(l.closed(id), end(1001, "idle", false, By::Timeout));
}

/// H13: no deadlines, no wake-ups: nothing to do is nothing done.
///
/// Checked by: when open connections count as work (has_work in net/context.rs) this fails.
#[test]
fn h13_an_idle_loop_sleeps() {
    let (mut l, address) = server(Limits { ping_interval: ms(0), ..Limits::default() });
    let (_raw, _) = l.accept_raw(address);
    l.during(ms(20));
    let turns = l.turns;
    l.during(ms(300));
    assert!(l.turns - turns <= 3, "{} turns of an idle loop", l.turns - turns);
    assert_eq!(l.context.timeout(), None);
}

#[test]
fn timers_come_in_time_once_or_again_and_again() {
    let mut l = Loop::new(Limits::default());
    let begin = Instant::now();
    l.context.add_timer(ms(30), None, [1, 0]).unwrap();
    let cancelled = l.context.add_timer(ms(10), None, [2, 0]).unwrap();
    let repeating = l.context.add_timer(ms(20), Some(ms(20)), [3, 0]).unwrap();
    l.context.cancel_timer(cancelled).unwrap();
    assert!(l.context.cancel_timer(cancelled).is_err());
    l.until_seen(&Seen::Timer([1, 0]));
    took(begin, 30, 150);
    l.until("the third", |l| l.count(|seen| *seen == Seen::Timer([3, 0])) == 3);
    took(begin, 60, 200);
    l.context.cancel_timer(repeating).unwrap();
    l.during(ms(50));
    assert_eq!(l.count(|seen| *seen == Seen::Timer([1, 0])), 1);
    assert_eq!(l.count(|seen| *seen == Seen::Timer([3, 0])), 3);
    assert_eq!(l.count(|seen| *seen == Seen::Timer([2, 0])), 0);
}

fn is_readable(l: &Loop, patience: i64) -> bool {
    // SAFETY: the loop owns the descriptor and outlives the call.
    let fd = unsafe { BorrowedFd::borrow_raw(l.context.descriptor()) };
    let timeout = Timespec { tv_sec: 0, tv_nsec: patience * 1_000_000 };
    rustix::event::poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).unwrap() == 1
}

/// Empties the loop until its descriptor is quiet.
fn settle(l: &mut Loop) {
    l.during(ms(10));
    while is_readable(l, 2) {
        l.turn(ms(0));
    }
}

/// An embedder that polls the descriptor alone sees every kind of work, also what its own calls make outside a turn.
#[test]
fn the_descriptor_shows_work_made_outside_a_turn() {
    let limits = Limits { ping_interval: ms(0), ..Limits::default() };
    let mut l = Loop::new(limits);
    let (_, address) = l.listen(ListenOptions::default());
    let (_, asking) = l.listen(ListenOptions { ask: true, ..ListenOptions::default() });

    let (_raw, id) = l.accept_raw(address);
    settle(&mut l);
    l.context.request_drain(id).unwrap();
    assert!(is_readable(&l, 0), "request_drain");
    settle(&mut l);
    l.context.abort(id).unwrap();
    assert!(is_readable(&l, 0), "abort");
    settle(&mut l);

    let (mut raw, id) = l.accept_raw(address);
    l.context.pause(id, true).unwrap();
    raw.write(&masked(TEXT, b"x"));
    settle(&mut l);
    l.context.pause(id, false).unwrap();
    assert!(is_readable(&l, 0), "resume");
    settle(&mut l);
    assert_eq!(l.messages(id), [b"x"]);

    let mut raw = Raw::connect(asking);
    raw.write(&[loopback::REQUEST, &masked(TEXT, b"y")].concat());
    let mut asked = None;
    let mut defer = |context: &mut wsrs::net::Context, seen: &Seen| {
        if let Seen::Request(id) = seen {
            context.defer(*id).unwrap();
            asked = Some(*id);
        }
    };
    l.until_with("Request", &mut defer, &mut |l| l.count(|seen| matches!(seen, Seen::Request(_))) == 1);
    settle(&mut l);
    l.context.accept(asked.unwrap(), None, &[]).unwrap();
    assert!(is_readable(&l, 0), "accept later");
    settle(&mut l);
    assert_eq!(l.messages(asked.unwrap()), [b"y"]);

    let id = l.context.connect("ws+unix:/nowhere/at/all", ConnectOptions::default()).unwrap();
    assert!(is_readable(&l, 0), "connect that fails at once");
    settle(&mut l);
    l.failed(id);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let id = l.context.connect(&url, ConnectOptions::default()).unwrap();
    settle(&mut l);
    l.context.close(id, 1000, b"").unwrap();
    assert!(is_readable(&l, 0), "close that cancels");
    settle(&mut l);
    l.failed(id);
    l.context.add_timer(ms(20), None, [0, 0]).unwrap();
    l.turn(ms(0));
    assert!(is_readable(&l, 500), "timer");
    l.door.post([1, 2]).unwrap();
    l.until_seen(&Seen::Posted([1, 2]));
}
