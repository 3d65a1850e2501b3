//! Queues that the socket takes piece by piece: nothing is forgotten in them, and nobody waits behind them for ever.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{BINARY, CLOSE, PING, PONG, TEXT, close_body, masked, pattern};
use loopback::{Loop, Raw, Seen, end, sent};
use std::time::{Duration, Instant};
use wsrs::net::{By, ConnId, Context, Limits, ListenOptions, Prepared};
use wsrs::proto::message::Kind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn server(limits: Limits) -> (Loop, Raw, ConnId) {
    let mut l = Loop::new(limits);
    let (_, address) = l.listen(ListenOptions::default());
    let (raw, id) = l.accept_raw(address);
    (l, raw, id)
}

/// More shared frames than one system call carries, and then a message too large to be copied, in one turn: the socket
/// takes all that it is offered, so no edge tells of what it was not.
#[test]
fn a_large_message_behind_many_shared_frames_leaves() {
    for shared in [15, 16, 17, 33] {
        let (mut l, mut raw, id) = server(Limits::default());
        raw.write(&masked(TEXT, b"go"));
        let data = pattern(200_000);
        let act = &mut |context: &mut Context, seen: &Seen| {
            if let Seen::Message(..) = seen {
                let prepared = Prepared::new(Kind::Text, b"shared").unwrap();
                (0..shared).for_each(|_| context.send_prepared(id, &prepared).unwrap());
                context.send(id, Kind::Binary, &data).unwrap();
            }
        };
        l.until_with("the message", act, &mut |l| l.messages(id).len() == 1);
        let frames = raw.until_frames(&mut l, shared + 1);
        assert!(frames[..shared].iter().all(|frame| *frame == sent(TEXT, b"shared")));
        assert!(frames[shared] == sent(BINARY, &data));
    }
}

/// A program that always has more to send: the queue is never empty, and the peer's ping is answered all the same.
#[test]
fn a_ping_is_answered_though_the_queue_is_never_empty() {
    let (mut l, mut raw, id) = server(Limits { high_water: 32 << 20, ..Limits::default() });
    while l.context.send(id, Kind::Binary, &[0; 100_000]).is_ok() {}
    raw.write(&masked(PING, b"there?"));
    let more = &mut |context: &mut Context, seen: &Seen| {
        if let Seen::Drain(id) = seen {
            while context.send(*id, Kind::Binary, &[0; 100_000]).is_ok() {}
        }
    };
    let mut got = Vec::new();
    l.until_with("the pong", more, &mut |l| {
        assert!(l.context.buffered(id).unwrap() > 0);
        raw.read_most(1 << 20);
        got.extend(raw.frames().into_iter().filter(|frame| frame.first == PONG));
        !got.is_empty()
    });
    assert_eq!(got, [sent(PONG, b"there?")]);
}

/// The closing deadline is for peers that do nothing: one that reads slowly gets all of it, and then our Close.
#[test]
fn a_slow_reader_gets_the_queue_before_the_close() {
    let (mut l, mut raw, id) = server(Limits { close_timeout: ms(150), high_water: 64 << 20, ..Limits::default() });
    let data = pattern(1 << 20);
    (0..24).for_each(|_| l.context.send(id, Kind::Binary, &data).unwrap());
    l.context.close(id, 1000, b"").unwrap();
    let (begin, mut bytes) = (Instant::now(), 0);
    while l.context.buffered(id).unwrap() > 0 {
        // Not a wait: so slowly does it read.
        std::thread::sleep(ms(6));
        bytes += raw.read_most(512 << 10);
        l.turn(ms(15));
    }
    assert!(begin.elapsed() > ms(200), "too fast to show anything");
    while bytes < 24 * (data.len() + 10) + 4 {
        bytes += raw.read_most(1 << 20);
        l.turn(ms(1));
    }
    assert!(raw.bytes.ends_with(&frames::plain(CLOSE, &close_body(1000, b""))));
    assert_eq!(l.closed(id).by, By::Timeout, "it never answers");
}

/// A peer that takes what is sent is not silent: its pong waits behind the queue.
#[test]
fn a_slow_reader_is_not_taken_for_dead() {
    let limits = Limits { ping_interval: ms(50), pong_timeout: ms(50), high_water: 64 << 20, ..Limits::default() };
    let (mut l, mut raw, id) = server(limits);
    let data = pattern(1 << 20);
    (0..24).for_each(|_| l.context.send(id, Kind::Binary, &data).unwrap());
    let begin = Instant::now();
    while l.context.buffered(id).unwrap_or_default() > 0 {
        std::thread::sleep(ms(6));
        raw.read_most(512 << 10);
        l.turn(ms(10));
        assert_eq!(l.count(|seen| matches!(seen, Seen::Closed(..))), 0, "after {:?}", begin.elapsed());
    }
    assert!(begin.elapsed() > ms(200), "too fast to show anything");
}

/// The program keeps a message, pauses and waits for the drain; the peer goes. No drain comes, so the end has to.
#[test]
fn a_paused_connection_that_waits_for_its_drain_ends_with_its_peer() {
    let (mut l, mut raw, id) = server(Limits::default());
    raw.write(&masked(TEXT, b"go"));
    let fill = &mut |context: &mut Context, seen: &Seen| {
        if let Seen::Message(id, ..) = seen {
            while context.send(*id, Kind::Binary, &[0; 100_000]).is_ok() {}
            context.pause(*id, true).unwrap();
        }
    };
    l.until_with("the message", fill, &mut |l| l.messages(id).len() == 1);
    raw.write(&masked(TEXT, b"unread"));
    l.during(ms(5));
    raw.reset();
    assert_eq!(l.closed(id), end(1006, "", false, By::Network));
    assert_eq!(l.messages(id), [b"go"]);
    assert_eq!(l.count(|seen| matches!(seen, Seen::Drain(..))), 0);
}

/// Sending to a peer that went fails. What it had sent is there when the program resumes; a program that asks for a drain
/// instead is refused, and told of the end.
#[test]
fn a_paused_connection_whose_peer_went_waits_for_the_program() {
    for resumes in [true, false] {
        let (mut l, mut raw, id) = server(Limits::default());
        l.context.pause(id, true).unwrap();
        raw.write(&masked(TEXT, b"unread"));
        raw.reset();
        l.during(ms(5));
        l.until("a send that fails", |l| l.context.send(id, Kind::Text, b"into nothing").is_err());
        l.during(ms(20));
        assert_eq!(l.count(|seen| matches!(seen, Seen::Closed(..))), 0);
        match resumes {
            true => l.context.pause(id, false).unwrap(),
            false => assert!(l.context.request_drain(id).is_err()),
        }
        assert_eq!(l.closed(id), end(1006, "", false, By::Network));
        assert_eq!(l.messages(id).len(), usize::from(resumes));
    }
}

/// The queue goes from above its mark to nothing at once: other threads may send again.
#[test]
fn the_door_opens_when_the_queue_empties_at_once() {
    let (mut l, mut raw, id) = server(Limits { high_water: 20_000, ..Limits::default() });
    let mut count = 0;
    while l.context.buffered(id).unwrap() < 20_000 {
        l.door.send(id, Kind::Binary, vec![0; 10_000]).unwrap();
        count += 1;
        l.turn(ms(0));
    }
    raw.until(&mut l, "all", |raw| raw.bytes.len() == count * 10_004);
    l.during(ms(5));
    assert_eq!(l.context.buffered(id).unwrap(), 0);
    assert!(l.door.send(id, Kind::Binary, vec![0; 1]).is_ok(), "refused though nothing waits");
}

/// What a short message costs is not its bytes: a mailbox of a mebibyte is not to take fifty.
#[test]
fn short_messages_fill_the_mailbox_by_what_they_cost() {
    let (l, _raw, id) = server(Limits::default());
    let count = (0..1 << 20).take_while(|_| l.door.send(id, Kind::Binary, vec![0]).is_ok()).count();
    assert!(count < 40_000, "{count} messages");
}
