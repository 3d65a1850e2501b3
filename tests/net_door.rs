//! The door: eight threads send, close and post to one loop; order, marks and ends hold.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{CLOSE, PING, PONG, close_body, masked};
use loopback::{Loop, Seen, end, sent};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wsrs::net::{By, ConnId, Door, Error, Limits, ListenOptions, State};
use wsrs::proto::message::Kind;

const THREADS: u32 = 8;

fn message(thread: u32, number: u32, length: usize) -> Vec<u8> {
    let mut data = [thread.to_be_bytes(), number.to_be_bytes()].concat();
    data.resize(length.max(8), thread as u8);
    data
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(*bytes.first_chunk().unwrap())
}

/// Sends until it is taken.
fn insist(door: &Door, id: ConnId, data: &[u8], refusals: &AtomicUsize) {
    loop {
        match door.send(id, Kind::Binary, data.to_vec()) {
            Ok(()) => return,
            Err(Error::Again) => {
                refusals.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Each thread's messages arrive in its order and exactly once, with refusals and without.
#[test]
fn messages_of_eight_threads_arrive_in_order_and_once() {
    for (high_water, length, count) in [(1 << 20, 20, 2_000), (20_000, 3_000, 300)] {
        let mut l = Loop::new(Limits { high_water, ..Limits::default() });
        let (_, address) = l.listen(ListenOptions::default());
        let (mut raw, id) = l.accept_raw(address);
        let refusals = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (door, refusals) = (l.door.clone(), refusals.clone());
                std::thread::spawn(move || {
                    (0..count).for_each(|n| insist(&door, id, &message(thread, n, length), &refusals));
                })
            })
            .collect();
        let (mut next, mut all) = ([0; THREADS as usize], 0);
        raw.until(&mut l, "all messages", |raw| {
            for frame in raw.frames() {
                let (thread, n) = (number(&frame.payload), number(&frame.payload[4..]));
                assert_eq!(next[thread as usize], n, "thread {thread}");
                assert_eq!(frame, sent(frames::BINARY, &message(thread, n, length)));
                next[thread as usize] += 1;
                all += 1;
            }
            all == THREADS * count
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(next, [count; THREADS as usize]);
        l.during(Duration::from_millis(5));
        let drains = l.count(|seen| *seen == Seen::Drain(id));
        assert!(drains <= refusals.load(Ordering::Relaxed), "{drains} Drains");
        assert_eq!(refusals.load(Ordering::Relaxed) > 0, drains > 0);
    }
}

/// A peer that does not read: every thread is refused at last, the queue has an end, and one Drain follows when it is
/// low again.
#[test]
fn all_threads_are_refused_and_one_drain_follows() {
    let mut l = Loop::new(Limits { high_water: 50_000, ..Limits::default() });
    let (_, address) = l.listen(ListenOptions::default());
    let (mut raw, id) = l.accept_raw(address);
    let data = vec![7; 10_000];
    let mut accepted = 0;
    // The loop takes what came; then the queue is above its mark, and it says so to the door.
    for _ in 0..2_000 {
        match l.door.send(id, Kind::Binary, data.clone()) {
            Ok(()) => accepted += 1,
            Err(Error::Again) if l.context.buffered(id).unwrap() >= 50_000 => break,
            Err(Error::Again) => {}
            Err(error) => panic!("{error}"),
        }
        l.turn(Duration::ZERO);
    }
    l.turn(Duration::ZERO);
    let drains = l.count(|seen| *seen == Seen::Drain(id));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (door, data) = (l.door.clone(), data.clone());
            std::thread::spawn(move || {
                (0..100).all(|_| matches!(door.send(id, Kind::Binary, data.clone()), Err(Error::Again)))
            })
        })
        .collect();
    let refused: Vec<bool> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(refused, [true; THREADS as usize]);
    l.during(Duration::from_millis(20));
    let buffered = l.context.buffered(id).unwrap();
    assert!((50_000..120_000).contains(&buffered), "{buffered}");
    assert_eq!(l.count(|seen| *seen == Seen::Drain(id)), drains, "the peer has not read");
    let mut got = 0;
    raw.until(&mut l, "everything", |raw| {
        got += raw.frames().len();
        got == accepted
    });
    l.during(Duration::from_millis(10));
    assert_eq!(l.count(|seen| *seen == Seen::Drain(id)), drains + 1, "one for 800 refusals");
    l.door.send(id, Kind::Binary, b"x".to_vec()).unwrap();
    assert_eq!(raw.until_frames(&mut l, 1), [sent(frames::BINARY, b"x")]);
}

/// Everything else that comes through the door, in its order.
#[test]
fn all_commands_in_order() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions::default());
    let (mut raw, id) = l.accept_raw(address);
    let door = l.door.clone();
    let other = std::thread::spawn(move || {
        door.send_fragment(id, Kind::Text, b"a".to_vec(), false).unwrap();
        door.ping(id, b"p").unwrap();
        door.send_fragment(id, Kind::Text, b"b".to_vec(), true).unwrap();
        door.pong(id, b"q").unwrap();
        assert!(matches!(door.ping(id, &[0; 126]), Err(Error::TooLarge(_))));
        assert!(matches!(door.send(id, Kind::Text, vec![0xff]), Err(Error::Utf8)));
        assert!(matches!(door.close(id, 1005, b""), Err(Error::CloseCode(1005))));
        door.post([1, 2]).unwrap();
        door.close(id, 4000, b"done").unwrap();
        assert_eq!(door.state(id), State::Closing);
        assert!(matches!(door.send(id, Kind::Text, b"late".to_vec()), Err(Error::Closed)));
        assert!(matches!(door.close(id, 4000, b""), Err(Error::Closed)));
    });
    other.join().unwrap();
    assert_eq!(l.context.state(id), State::Open, "the loop has not turned");
    let expected = [
        sent(0x01, b"a"),
        sent(PING, b"p"),
        sent(0x80, b"b"),
        sent(PONG, b"q"),
        sent(CLOSE, &close_body(4000, b"done")),
    ];
    assert_eq!(raw.until_frames(&mut l, 5), expected);
    assert_eq!(l.count(|seen| *seen == Seen::Posted([1, 2])), 1);
    raw.write(&masked(CLOSE, &close_body(4000, b"")));
    assert_eq!(l.closed(id), end(4000, "", true, By::Local));
}

/// A whole message between the fragments of another thread is refused where it is sent, whichever thread began them.
#[test]
fn a_message_between_fragments_is_refused() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions::default());
    let (mut raw, id) = l.accept_raw(address);
    l.door.send_fragment(id, Kind::Text, b"a".to_vec(), false).unwrap();
    assert!(matches!(l.door.send(id, Kind::Text, b"whole".to_vec()), Err(Error::State(_))));
    assert!(matches!(l.door.send_fragment(id, Kind::Binary, b"x".to_vec(), true), Err(Error::State(_))));
    l.door.send_fragment(id, Kind::Text, b"b".to_vec(), true).unwrap();
    raw.until_frames(&mut l, 2);
    l.context.send_fragment(id, Kind::Text, "\u{e9}".as_bytes().split_at(1).0, false).unwrap();
    assert!(matches!(l.door.send(id, Kind::Text, b"whole".to_vec()), Err(Error::State(_))));
    // The character that the first fragment cut has to be finished.
    assert!(matches!(l.context.send_fragment(id, Kind::Text, b"e", true), Err(Error::Utf8)));
    l.context.send_fragment(id, Kind::Text, "\u{e9}".as_bytes().split_at(1).1, true).unwrap();
    raw.until_frames(&mut l, 2);
    l.door.send(id, Kind::Text, b"whole".to_vec()).unwrap();
    raw.until_frames(&mut l, 1);
}

/// After the end everything is Closed, for every thread, and nothing is delivered to who has the place next.
#[test]
fn after_the_end_everything_is_closed() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions::default());
    let (raw, id) = l.accept_raw(address);
    l.door.pause(id, true).unwrap();
    // On its way while the connection ends.
    l.door.send(id, Kind::Text, b"too late".to_vec()).unwrap();
    l.door.abort(id).unwrap();
    assert_eq!(l.closed(id), end(1006, "", false, By::Local));
    drop(raw);
    let (mut next, other) = l.accept_raw(address);
    assert_eq!((other.slot, other.generation), (id.slot, id.generation + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let door = l.door.clone();
            std::thread::spawn(move || {
                assert!(matches!(door.send(id, Kind::Text, b"x".to_vec()), Err(Error::Closed)));
                assert!(matches!(door.ping(id, b""), Err(Error::Closed)));
                assert!(matches!(door.close(id, 1000, b""), Err(Error::Closed)));
                assert!(matches!(door.abort(id), Err(Error::Closed)));
                assert!(matches!(door.pause(id, true), Err(Error::Closed)));
                assert_eq!((door.state(id), door.state(other)), (State::Closed, State::Open));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    l.during(Duration::from_millis(10));
    next.read();
    assert_eq!((next.frames(), next.ended), (vec![], None));
    l.door.shut();
    assert!(matches!(l.door.send(other, Kind::Text, b"x".to_vec()), Err(Error::Closed)));
    assert!(matches!(l.door.post([0, 0]), Err(Error::Closed)));
}

/// Threads that send while connections come and go: each send is either delivered or refused, never misdelivered.
#[test]
fn threads_race_with_connections_that_end() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions::default());
    for round in 0..20u32 {
        let (mut raw, id) = l.accept_raw(address);
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let door = l.door.clone();
                std::thread::spawn(move || {
                    let mut n = 0;
                    loop {
                        match door.send(id, Kind::Binary, message(round, n, 8)) {
                            Ok(()) => n += 1,
                            Err(Error::Again) => std::thread::yield_now(),
                            Err(Error::Closed) => return,
                            Err(error) => panic!("{error}"),
                        }
                        if thread == 0 && n == 50 {
                            let _ = door.close(id, 1000, b"");
                        }
                    }
                })
            })
            .collect();
        let mut got = Vec::new();
        raw.until(&mut l, "the Close", |raw| {
            got.extend(raw.frames());
            got.last().is_some_and(|frame| frame.first == CLOSE)
        });
        let close = got.pop().unwrap();
        assert_eq!(close, sent(CLOSE, &close_body(1000, b"")));
        assert!(got.len() >= 50 && got.iter().all(|frame| number(&frame.payload) == round));
        raw.write(&masked(CLOSE, &close_body(1000, b"")));
        assert!(l.closed(id).clean);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// A loop that waits for ever is woken by a post, and stopped by `stop`.
#[test]
fn a_sleeping_loop_is_woken() {
    let mut l = Loop::new(Limits::default());
    let door = l.door.clone();
    let other = std::thread::spawn(move || {
        for n in 0..100 {
            door.post([n, n]).unwrap();
            if n % 10 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        door.stop();
    });
    while !l.context.take_stopped() {
        l.context.wait(None).unwrap();
        while let Some(event) = l.context.next_event(&mut l.window) {
            if let wsrs::net::Event::Posted { words } = event {
                l.seen.push(Seen::Posted(words));
            }
        }
    }
    other.join().unwrap();
    assert_eq!(l.seen, (0..100).map(|n| Seen::Posted([n, n])).collect::<Vec<_>>());
}
