//! Deadlines. Connections have one each, coarse, in a [`Wheel`] that costs a few instructions to set or take out;
//! the program's own timers are exact to the millisecond, in an ordered map.
//!
//! Used by `net::context`, which reads the [`Clock`] at most once a turn, and only in turns that need it, and arms one
//! timerfd with [`Wheel::next`] or the first timer, whichever is earlier. Nothing here is touched per message.

use super::event::TimerId;
use super::table::{RESERVED, Table};
use std::collections::BTreeMap;
use std::time::Instant;

/// A tick is 16 ms.
pub const TICK_MS: u64 = 16;
const BUCKETS: usize = 512;
const NONE: u32 = u32::MAX;

/// Milliseconds since the context was made.
pub struct Clock {
    start: Instant,
    now: u64,
    fresh: bool,
    in_turn: bool,
}

impl Clock {
    /// Starts at 0.
    pub fn new() -> Self {
        Clock { start: Instant::now(), now: 0, fresh: false, in_turn: false }
    }

    /// A turn begins or ends. Between turns any time may pass, so that each `now` looks at the clock.
    pub fn turn(&mut self, begins: bool) {
        self.in_turn = begins;
        self.fresh = false;
    }

    /// Milliseconds, exact to the turn.
    pub fn now(&mut self) -> u64 {
        if self.fresh { self.now } else { self.exact_now() }
    }

    /// Milliseconds, also after a callback that took its time.
    pub fn exact_now(&mut self) -> u64 {
        self.now = self.start.elapsed().as_millis() as u64;
        self.fresh = self.in_turn;
        self.now
    }
}

/// Deadlines of connections by slot: one place a connection, each in the bucket of its tick.
pub struct Wheel {
    nodes: Vec<Node>,
    heads: [u32; BUCKETS],
    /// The next tick to look at.
    tick: u64,
    /// No deadline lies before this tick.
    hint: u64,
    count: usize,
}

#[derive(Clone, Copy)]
struct Node {
    /// Tick, or `u64::MAX` when not in a bucket. Rounded up, so that no deadline comes early.
    due: u64,
    next: u32,
    previous: u32,
}

const OUT: Node = Node { due: u64::MAX, next: NONE, previous: NONE };

impl Wheel {
    /// An empty wheel with room for `count` connections, reserved as that of their table.
    pub fn new(count: usize) -> Self {
        Wheel {
            nodes: Vec::with_capacity(count.min(RESERVED)),
            heads: [NONE; BUCKETS],
            tick: 0,
            hint: u64::MAX,
            count: 0,
        }
    }

    /// Sets the deadline of `slot`, in milliseconds of the clock.
    pub fn set(&mut self, slot: u32, at: u64) {
        let due = at.div_ceil(TICK_MS).max(self.tick);
        self.clear(slot);
        if self.nodes.len() <= slot as usize {
            self.nodes.resize(slot as usize + 1, OUT);
        }
        let head = &mut self.heads[due as usize % BUCKETS];
        self.nodes[slot as usize] = Node { due, next: *head, previous: NONE };
        if let Some(next) = self.nodes.get_mut(*head as usize) {
            next.previous = slot;
        }
        *head = slot;
        self.hint = self.hint.min(due);
        self.count += 1;
    }

    /// `slot` has no deadline any more.
    pub fn clear(&mut self, slot: u32) {
        let Some(node) = self.nodes.get_mut(slot as usize).filter(|node| node.due != u64::MAX) else { return };
        let Node { due, next, previous } = std::mem::replace(node, OUT);
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => self.heads[due as usize % BUCKETS] = next,
        }
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
        self.count -= 1;
    }

    /// Takes out the slots whose deadline is at or before `now` and adds them to `due`.
    pub fn expire(&mut self, now: u64, due: &mut Vec<u32>) {
        let last = now / TICK_MS;
        if self.count == 0 {
            self.tick = self.tick.max(last + 1);
            self.hint = u64::MAX;
            return;
        }
        // After a long sleep every bucket is looked at once.
        let first = self.tick.max((last + 1).saturating_sub(BUCKETS as u64));
        for tick in first..=last {
            let mut slot = self.heads[tick as usize % BUCKETS];
            while let Some(node) = self.nodes.get(slot as usize).copied() {
                if node.due <= last {
                    self.clear(slot);
                    due.push(slot);
                }
                slot = node.next;
            }
        }
        self.tick = self.tick.max(last + 1);
        let ahead = (0..BUCKETS as u64).find(|ahead| self.heads[(self.tick + ahead) as usize % BUCKETS] != NONE);
        self.hint = ahead.map_or(u64::MAX, |ahead| self.tick + ahead);
    }

    /// When to look again, in milliseconds: not after the first deadline, but perhaps before it.
    #[inline]
    pub fn next(&self) -> Option<u64> {
        (self.count > 0).then(|| self.hint * TICK_MS)
    }
}

/// The program's timers, exact to the millisecond.
pub struct Timers {
    table: Table<Timer>,
    /// By time, then by slot.
    order: BTreeMap<(u64, u32), u32>,
}

struct Timer {
    at: u64,
    interval: Option<u64>,
    words: [usize; 2],
}

impl Timers {
    /// Generations begin with `first`.
    pub fn new(first: u32) -> Self {
        Timers { table: Table::new(first), order: BTreeMap::new() }
    }

    /// A timer due at `at`, and then every `interval` milliseconds; `None` when there are too many.
    pub fn add(&mut self, at: u64, interval: Option<u64>, words: [usize; 2]) -> Option<TimerId> {
        let (slot, generation) = self.table.insert(Timer { at, interval, words })?;
        self.order.insert((at, slot), generation);
        Some(TimerId { slot, generation })
    }

    /// Takes it out; whether it was there.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        match self.table.remove(id.slot, id.generation) {
            Some(timer) => self.order.remove(&(timer.at, id.slot)).is_some(),
            None => false,
        }
    }

    /// When the first is due.
    #[inline]
    pub fn next(&self) -> Option<u64> {
        self.order.first_key_value().map(|((at, _), _)| *at)
    }

    /// The first that is due, if any; a repeating one is put to its next time after `now`: what was missed is left out.
    pub fn take_due(&mut self, now: u64) -> Option<(TimerId, [usize; 2])> {
        let (&(at, slot), &generation) = self.order.first_key_value()?;
        if at > now {
            return None;
        }
        self.order.remove(&(at, slot));
        let timer = self.table.get_mut(slot, generation)?;
        let words = timer.words;
        match timer.interval {
            Some(interval) => {
                timer.at = (at + interval).max(now + 1);
                self.order.insert((timer.at, slot), generation);
            }
            None => drop(self.table.remove(slot, generation)),
        }
        Some((TimerId { slot, generation }, words))
    }

    /// The highest generation given out.
    pub fn highest(&self) -> u32 {
        self.table.highest()
    }

    /// Takes out all of them.
    pub fn clear(&mut self) {
        for ((_, slot), generation) in std::mem::take(&mut self.order) {
            self.table.remove(slot, generation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.expire(now, &mut due);
        due.sort_unstable();
        due
    }

    #[test]
    fn deadlines_come_in_time_and_never_early() {
        let mut wheel = Wheel::new(8);
        for (slot, at) in [(0, 100), (1, 100), (2, 101), (3, 20_000), (9, 113)] {
            wheel.set(slot, at);
        }
        assert_eq!(wheel.next(), Some(112));
        assert_eq!(expired(&mut wheel, 111), []);
        assert_eq!(expired(&mut wheel, 112), [0, 1, 2]);
        wheel.clear(9);
        wheel.clear(9);
        assert_eq!(expired(&mut wheel, 19_999), []);
        assert_eq!(expired(&mut wheel, 20_000), [3]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_deadline_can_be_moved_and_the_wheel_laps() {
        let mut wheel = Wheel::new(8);
        wheel.set(5, 50);
        wheel.set(5, 9_000);
        assert_eq!(expired(&mut wheel, 8_999), []);
        assert_eq!(expired(&mut wheel, 9_200), [5]);
        wheel.set(5, 1);
        assert_eq!(expired(&mut wheel, 9_216 + 16), [5], "a deadline in the past is due at the next tick");
    }

    #[test]
    fn many_deadlines_each_once() {
        let mut wheel = Wheel::new(8);
        (0..5000).for_each(|slot| wheel.set(slot, u64::from(slot) * 7 % 30_000));
        let mut seen = vec![0; 5000];
        for now in (0..31_000).step_by(160) {
            for slot in expired(&mut wheel, now) {
                seen[slot as usize] += 1;
                assert!(u64::from(slot) * 7 % 30_000 <= now);
            }
        }
        assert!(seen.iter().all(|&count| count == 1));
    }
}
