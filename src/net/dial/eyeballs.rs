//! Which address is tried when (RFC 8305): families in turn, a new attempt every quarter of a second, or at once when
//! one fails. Without sockets and clock: the time is an argument, in milliseconds.
//!
//! Used by `dial`. The addresses of a family come in the order of the system's resolver, which is that of RFC 6724.

use crate::names::Family;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long an answer with IPv4 addresses waits for one with IPv6 addresses (§3: the recommended Resolution Delay).
pub(super) const RESOLUTION_DELAY: u64 = 50;
/// From one attempt to the next (§5: the recommended Connection Attempt Delay).
pub(super) const ATTEMPT_DELAY: u64 = 250;

/// The addresses that are left, and when the next may be tried.
#[derive(Debug)]
pub(super) struct Eyeballs {
    v6: Addresses,
    v4: Addresses,
    /// Whose turn it is where both have some.
    turn: Family,
    /// No attempt begins before.
    not_before: u64,
    begun: bool,
}

/// Of one family.
#[derive(Debug, Default)]
struct Addresses {
    /// The answer is not here yet.
    pending: bool,
    untried: VecDeque<SocketAddr>,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Try this one.
    Try(SocketAddr),
    /// Ask again at that time, or when something happens.
    WaitUntil(u64),
    /// Ask again when something happens: an answer, an attempt that fails.
    Wait,
    /// No address is left, and none will come.
    Empty,
}

impl Eyeballs {
    /// Answers for these families will come.
    pub(super) fn pending(families: &[Family]) -> Eyeballs {
        let of = |family| Addresses { pending: families.contains(&family), untried: VecDeque::new() };
        Eyeballs { v6: of(Family::V6), v4: of(Family::V4), turn: Family::V6, not_before: 0, begun: false }
    }

    /// An answer: what it has is added. Its family is no longer pending.
    pub(super) fn found(&mut self, family: Family, addresses: Vec<SocketAddr>, now: u64) {
        let some = !addresses.is_empty();
        let of = self.of(family);
        of.pending = false;
        for address in addresses {
            if !of.untried.contains(&address) {
                of.untried.push_back(address);
            }
        }
        if !self.begun {
            // §3: "If a positive A response is received first due to reordering, the client SHOULD wait a short time for
            // the AAAA response to ensure that preference is given to IPv6".
            let waits = family == Family::V4 && some && self.v6.pending;
            self.not_before = if waits { now + RESOLUTION_DELAY } else { now };
        }
    }

    /// An attempt failed: the next begins at once.
    pub(super) fn failed(&mut self) {
        self.not_before = 0;
    }

    /// What to do now. An address that it names is tried: it is not named again.
    pub(super) fn step(&mut self, now: u64) -> Step {
        if self.v6.untried.is_empty() && self.v4.untried.is_empty() {
            return if self.v6.pending || self.v4.pending { Step::Wait } else { Step::Empty };
        }
        if now < self.not_before {
            return Step::WaitUntil(self.not_before);
        }
        // §4: "the remaining addresses […] are interleaved".
        if self.of(self.turn).untried.is_empty() {
            self.turn = other(self.turn);
        }
        let turn = self.turn;
        let Some(address) = self.of(turn).untried.pop_front() else { return Step::Empty };
        self.turn = other(turn);
        self.begun = true;
        self.not_before = now + ATTEMPT_DELAY;
        Step::Try(address)
    }

    fn of(&mut self, family: Family) -> &mut Addresses {
        match family {
            Family::V6 => &mut self.v6,
            Family::V4 => &mut self.v4,
        }
    }
}

fn other(family: Family) -> Family {
    match family {
        Family::V6 => Family::V4,
        Family::V4 => Family::V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Family::{V4, V6};

    fn v6(last: u16) -> SocketAddr {
        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 80).into()
    }

    fn v4(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 80).into()
    }

    fn both() -> Eyeballs {
        Eyeballs::pending(&[V6, V4])
    }

    #[test]
    fn families_take_turns_every_quarter_of_a_second() {
        let mut race = both();
        race.found(V6, vec![v6(1), v6(2), v6(3)], 1000);
        assert_eq!(race.step(1000), Step::Try(v6(1)));
        race.found(V4, vec![v4(1), v4(2)], 1001);
        assert_eq!(race.step(1001), Step::WaitUntil(1250));
        assert_eq!(race.step(1249), Step::WaitUntil(1250));
        assert_eq!(race.step(1250), Step::Try(v4(1)));
        assert_eq!(race.step(1251), Step::WaitUntil(1500));
        assert_eq!(race.step(1510), Step::Try(v6(2)));
        assert_eq!(race.step(1760), Step::Try(v4(2)));
        assert_eq!(race.step(1761), Step::WaitUntil(2010));
        assert_eq!(race.step(2010), Step::Try(v6(3)));
        assert_eq!(race.step(2011), Step::Empty);
    }

    #[test]
    fn the_next_attempt_begins_when_one_fails() {
        let mut race = both();
        race.found(V6, vec![v6(1), v6(2)], 0);
        race.found(V4, vec![v4(1)], 0);
        assert_eq!(race.step(0), Step::Try(v6(1)));
        race.failed();
        assert_eq!(race.step(3), Step::Try(v4(1)));
        assert_eq!(race.step(4), Step::WaitUntil(253));
        race.failed();
        assert_eq!(race.step(5), Step::Try(v6(2)));
    }

    #[test]
    fn ipv4_waits_fifty_milliseconds_for_ipv6() {
        let mut late = both();
        late.found(V4, vec![v4(1)], 10);
        assert_eq!(late.step(10), Step::WaitUntil(60));
        assert_eq!(late.step(60), Step::Try(v4(1)));
        assert_eq!(late.step(60), Step::Wait);
        // An answer that comes later joins in, at its time.
        late.found(V6, vec![v6(1)], 100);
        assert_eq!(late.step(100), Step::WaitUntil(310));
        assert_eq!(late.step(310), Step::Try(v6(1)));

        let mut soon = both();
        soon.found(V4, vec![v4(1)], 10);
        soon.found(V6, vec![v6(1)], 30);
        assert_eq!(soon.step(30), Step::Try(v6(1)));

        let mut none = both();
        none.found(V4, vec![v4(1)], 10);
        none.found(V6, vec![], 11);
        assert_eq!(none.step(11), Step::Try(v4(1)));

        let mut before = both();
        before.found(V6, vec![], 10);
        assert_eq!(before.step(10), Step::Wait);
        before.found(V4, vec![v4(1)], 11);
        assert_eq!(before.step(11), Step::Try(v4(1)));
    }

    #[test]
    fn names_without_addresses_end() {
        let mut race = both();
        assert_eq!(race.step(0), Step::Wait);
        race.found(V4, vec![], 1);
        assert_eq!(race.step(1), Step::Wait);
        race.found(V6, vec![], 2);
        assert_eq!(race.step(2), Step::Empty);
    }

    #[test]
    fn one_family_alone_waits_for_nothing() {
        let mut race = Eyeballs::pending(&[V4]);
        race.found(V4, vec![v4(1), v4(1), v4(2)], 7);
        assert_eq!(race.step(7), Step::Try(v4(1)));
        assert_eq!(race.step(257), Step::Try(v4(2)));
        assert_eq!(race.step(257), Step::Empty);
    }
}
