//! Turns end: what a callback asks for again and again waits for the next turn, so that sockets get theirs; timers that
//! meet slow callbacks; what is left of a context after it was stopped.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{CLOSE, close_body, masked};
use loopback::{Loop, Seen, end};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wsrs::net::{By, ConnectOptions, Context, Error, Limits, ListenOptions};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Timers only: no pings.
fn quiet() -> Loop {
    Loop::new(Limits { ping_interval: ms(0), ..Limits::default() })
}

/// Turns until a turn ended with something seen; how often that was seen then. `act` gives up after a thousand.
fn seen_in_one_turn(l: &mut Loop, act: &mut dyn FnMut(&mut Context, &Seen)) -> usize {
    let mut count = 0;
    let mut counting = |context: &mut Context, seen: &Seen| {
        count += 1;
        if count < 1000 {
            act(context, seen);
        }
    };
    let before = l.seen.len();
    while l.seen.len() == before {
        l.turn_with(ms(20), &mut counting);
    }
    count
}

#[test]
fn a_post_that_posts_itself_waits_for_the_next_turn() {
    let mut l = quiet();
    l.door.post([1, 0]).unwrap();
    let door = Arc::clone(&l.door);
    for _ in 0..3 {
        assert_eq!(seen_in_one_turn(&mut l, &mut |_, _| door.post([1, 0]).unwrap()), 1);
    }
    let begin = Instant::now();
    l.turn(ms(5_000));
    assert!(begin.elapsed() < ms(1_000), "the descriptor tells of what was posted after the door was emptied");
}

#[test]
fn a_timer_that_sets_itself_waits_for_the_next_turn() {
    let mut l = quiet();
    l.context.add_timer(ms(0), None, [1, 0]).unwrap();
    let mut again = |context: &mut Context, _: &Seen| {
        context.add_timer(ms(0), None, [1, 0]).unwrap();
    };
    for _ in 0..3 {
        assert_eq!(seen_in_one_turn(&mut l, &mut again), 1);
    }
    // A repeating one whose callback takes longer than its interval, and asks for the time.
    let mut l = quiet();
    l.context.add_timer(ms(1), Some(ms(1)), [2, 0]).unwrap();
    let mut slow = |context: &mut Context, _: &Seen| {
        std::thread::sleep(ms(2));
        let timer = context.add_timer(ms(10_000), None, [3, 0]).unwrap();
        context.cancel_timer(timer).unwrap();
    };
    for _ in 0..3 {
        assert_eq!(seen_in_one_turn(&mut l, &mut slow), 1);
    }
}

/// What a callback takes is not added to the time of the next timer.
#[test]
fn a_slow_callback_does_not_put_off_a_timer() {
    let mut l = quiet();
    let begin = Instant::now();
    l.context.add_timer(ms(40), None, [1, 0]).unwrap();
    l.context.add_timer(ms(160), None, [2, 0]).unwrap();
    let mut slow = |_: &mut Context, _: &Seen| std::thread::sleep(ms(100));
    l.until_with("the first", &mut slow, &mut |l| l.seen.len() == 1);
    l.until_seen(&Seen::Timer([2, 0]));
    let took = begin.elapsed();
    assert!(took >= ms(159) && took < ms(230), "160 ms took {took:?}");
}

/// Nor is it taken from the time that a peer has to answer.
#[test]
fn a_slow_callback_does_not_use_up_the_deadline_of_its_close() {
    let mut l = Loop::new(Limits { close_timeout: ms(100), ping_interval: ms(0), ..Limits::default() });
    let (_, address) = l.listen(ListenOptions::default());
    let (mut raw, id) = l.accept_raw(address);
    l.context.add_timer(ms(1), None, [1, 0]).unwrap();
    let mut slow = |context: &mut Context, _: &Seen| {
        std::thread::sleep(ms(150));
        context.close(id, 1000, b"").unwrap();
    };
    l.until_with("the timer", &mut slow, &mut |l| l.seen.contains(&Seen::Timer([1, 0])));
    l.during(ms(30));
    raw.write(&masked(CLOSE, &close_body(1000, b"")));
    assert_eq!(l.closed(id), end(1000, "", true, By::Local));
}

/// "As soon as the queue is low, in the next poll if it is."
#[test]
fn asking_for_drain_in_drain_waits_for_the_next_turn() {
    let mut l = quiet();
    let (_, address) = l.listen(ListenOptions::default());
    let (_raw, id) = l.accept_raw(address);
    l.context.request_drain(id).unwrap();
    for _ in 0..3 {
        assert_eq!(seen_in_one_turn(&mut l, &mut |context, _| context.request_drain(id).unwrap()), 1);
    }
}

/// Polled, nobody asks whether the stop is over: it must not keep the loop awake, nor forbid what comes after.
#[test]
fn a_stopped_context_that_is_polled_sleeps_and_can_be_used_again() {
    let mut l = Loop::new(Limits { ping_interval: ms(0), stop_grace: ms(30), ..Limits::default() });
    for _ in 0..2 {
        let (_, address) = l.listen(ListenOptions::default());
        let (_raw, id) = l.accept_raw(address);
        l.context.stop();
        l.closed(id);
        l.during(ms(40));
        let turns = l.turns;
        l.during(ms(100));
        assert!(l.turns - turns <= 3, "{} turns of a stopped loop", l.turns - turns);
    }
}

/// A program that connects again whenever a connection ends would keep `run` from ever returning.
#[test]
fn a_context_that_is_being_stopped_does_not_connect() {
    let mut l = Loop::new(Limits { stop_grace: ms(30), ..Limits::default() });
    let (_, address) = l.listen(ListenOptions::default());
    let (_raw, _) = l.accept_raw(address);
    l.context.stop();
    let url = format!("ws://{address}/");
    let mut again = |context: &mut Context, seen: &Seen| {
        if matches!(seen, Seen::Closed(..) | Seen::Failed(..)) {
            assert!(matches!(context.connect(&url, ConnectOptions::default()), Err(Error::State(_))));
            assert!(matches!(context.listen("127.0.0.1:0", ListenOptions::default()), Err(Error::State(_))));
        }
    };
    l.until_with("the end", &mut again, &mut |l| l.context.take_stopped());
    assert!(l.context.connect(&url, ConnectOptions::default()).is_ok());
}

#[test]
fn a_grace_time_that_is_off_waits_for_the_peer() {
    let mut l = Loop::new(Limits { stop_grace: ms(0), ..Limits::default() });
    let (_, address) = l.listen(ListenOptions::default());
    let (_raw, _) = l.accept_raw(address);
    l.context.stop();
    l.during(ms(60));
    assert_eq!(l.count(|seen| matches!(seen, Seen::Closed(..))), 0);
}
