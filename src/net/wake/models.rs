//! The door under loom: each model runs in every order that its threads can take. A wake-up that is lost is a deadlock.
//!
//! That each model can fail was checked by breaking what it is about; its comment says how.

use super::super::counters::Counts;
use super::super::event::State;
use super::{Command, Delivery, Door};
use crate::net::{ConnId, Error};
use crate::proto::message::Kind;
use loom::sync::Notify;
use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::thread::{self, JoinHandle};
use rustix::event::{EventfdFlags, eventfd};
use std::sync::{Arc, LazyLock};

const ID: ConnId = ConnId { slot: 0, generation: 1 };
const HIGH_WATER: usize = 1000;

/// A door that a loop has opened.
fn door() -> Arc<Door> {
    static WAKE: LazyLock<Arc<std::os::fd::OwnedFd>> =
        LazyLock::new(|| Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).expect("a descriptor")));
    let door = Door::new(WAKE.clone());
    door.open(HIGH_WATER, 1, Arc::new(Counts::new(1)));
    door
}

fn with<T: 'static>(door: &Arc<Door>, work: impl FnOnce(&Door) -> T + 'static) -> JoinHandle<T> {
    let door = door.clone();
    thread::spawn(move || work(&door))
}

/// What loom sees of a door beside its lock and flags.
pub(super) struct Model {
    /// What the poll set makes of the eventfd.
    rung: Notify,
    /// Loads of it are seen, but make no order.
    used: AtomicU32,
}

impl Default for Model {
    fn default() -> Model {
        Model { rung: Notify::new(), used: AtomicU32::new(0) }
    }
}

impl Model {
    pub(super) fn ring(&self) {
        self.used.load(Relaxed);
        self.rung.notify();
    }
}

impl Door {
    /// Nobody rings any more: the model fails where somebody might.
    pub(crate) fn end(&mut self) {
        self.model.used.with_mut(|_| ());
    }

    /// `take_stop` for models of other layers.
    pub(crate) fn was_stopped(&self) -> bool {
        self.take_stop()
    }
}

/// Waits as the poll set does and takes what came, as a turn does.
fn turn(door: &Door) -> Delivery {
    door.model.rung.wait();
    if door.is_pending() { door.take() } else { Delivery::default() }
}

fn posted(delivery: Delivery) -> Vec<[usize; 2]> {
    let word = |command| match command {
        Command::Post(words) => words,
        other => panic!("{other:?}"),
    };
    delivery.commands.into_iter().map(word).collect()
}

/// Fails when `take` lowers the flag after it has let go of the lock, or when `put` raises it after.
#[test]
fn what_is_queued_wakes_the_loop_and_keeps_its_order() {
    loom::model(|| {
        let door = door();
        let senders = [1, 2].map(|thread| {
            with(&door, move |door| {
                door.post([thread, 1]).expect("open");
                door.post([thread, 2]).expect("open");
            })
        });
        let mut all = Vec::new();
        while all.len() < 4 {
            all.extend(posted(turn(&door)));
        }
        for thread in [1, 2] {
            let of: Vec<_> = all.iter().filter(|words| words[0] == thread).map(|words| words[1]).collect();
            assert_eq!(of, [1, 2]);
        }
        senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
    });
}

/// Fails when `stop` rings before it stores, or when `take_stop` takes the wish with a load and a store.
#[test]
fn a_stop_wakes_the_loop_and_is_taken_once() {
    loom::model(|| {
        let door = door();
        let stoppers = [(); 2].map(|()| with(&door, |door| door.stop()));
        let mut stops = 0;
        while stops == 0 {
            turn(&door);
            stops += usize::from(door.take_stop());
        }
        stoppers.into_iter().for_each(|stopper| stopper.join().expect("no panic"));
        stops += usize::from(door.take_stop());
        assert!((1..=2).contains(&stops));
        assert!(!door.take_stop());
    });
}

/// Fails when `admit` looks at the state under one lock and queues under another.
#[test]
fn a_send_beside_a_close_on_the_loop_is_queued_before_or_refused() {
    loom::model(|| {
        let door = door();
        door.tell(ID, State::Open);
        let sender = with(&door, |door| door.send(ID, Kind::Binary, vec![1]));
        door.tell(ID, State::Closed);
        assert_eq!(door.send(ID, Kind::Binary, vec![2]).err().map(|error| error.to_string()), Some(closed()));
        let before = door.take().commands.len();
        let sent = sender.join().expect("no panic");
        assert!(door.take().commands.is_empty(), "queued after the end");
        assert_eq!(before, usize::from(sent.is_ok()));
    });
}

fn closed() -> String {
    Error::Closed.to_string()
}

/// Fails when `close` looks at the state and changes it under two locks.
#[test]
fn of_two_closes_one_is_queued_and_no_send_after_it() {
    loom::model(|| {
        let door = door();
        door.tell(ID, State::Open);
        let closers = [(); 2].map(|()| with(&door, |door| door.close(ID, 1000, b"").is_ok()));
        let sent = door.send(ID, Kind::Text, Vec::new()).is_ok();
        let closed: Vec<_> = closers.into_iter().map(|closer| closer.join().expect("no panic")).collect();
        assert_eq!(closed.iter().filter(|closed| **closed).count(), 1);
        let commands = door.take().commands;
        assert_eq!(commands.len(), 1 + usize::from(sent));
        assert!(matches!(commands.last(), Some(Command::Close(..))), "{commands:?}");
    });
}

/// Fails when `admit` does not ring for a blocked connection, or `take` forgets who was refused.
#[test]
fn a_refused_sender_is_told_of_to_the_loop() {
    loom::model(|| {
        let door = door();
        door.tell(ID, State::Open);
        door.block(ID.slot, true);
        let sender = with(&door, |door| door.send(ID, Kind::Binary, vec![0; 10]));
        let other = with(&door, |door| door.post([0, 0]));
        let (mut refused, mut posts) = (0, 0);
        while refused + posts < 2 {
            let delivery = turn(&door);
            (refused, posts) = (refused + delivery.refused.len(), posts + delivery.commands.len());
        }
        assert_eq!((refused, posts), (1, 1));
        assert!(matches!(sender.join().expect("no panic"), Err(Error::Again)));
        other.join().expect("no panic").expect("open");
    });
}

/// Fails when `shut` empties the mailbox in one lock and shuts in another.
#[test]
fn a_post_beside_the_end_is_delivered_or_refused() {
    loom::model(|| {
        let door = door();
        let poster =
            with(&door, |door| usize::from(door.post([1, 1]).is_ok()) + usize::from(door.post([1, 2]).is_ok()));
        door.shut();
        let delivered = posted(door.take());
        let taken = poster.join().expect("no panic");
        assert!(door.take().commands.is_empty(), "posted after the end");
        assert_eq!(delivered.len(), taken);
        assert_eq!(delivered, [[1, 1], [1, 2]][..taken]);
    });
}
