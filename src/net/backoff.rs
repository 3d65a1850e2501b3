//! How long to wait before a connection is made again (RFC 6455 §7.2.3): numbers in, numbers out; clock and randomness are
//! the caller's.
//!
//! `again` keeps one [`Backoff`] for each connection that is to be kept up.

use std::time::Duration;

/// How a connection is made again.
///
/// RFC 6455 §7.2.3: "The first reconnect attempt SHOULD be delayed by a random amount of time", so that all clients of a
/// server that comes back do not come at once; "subsequent reconnect attempts SHOULD be delayed by increasingly longer
/// amounts of time, using a method such as truncated binary exponential backoff".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// Before the first retry.
    pub min_delay: Duration,
    /// No delay is longer.
    pub max_delay: Duration,
    /// Each delay is so many hundredths of the one before.
    pub factor_percent: u32,
    /// So many hundredths of a delay are left to chance; at most 100.
    pub jitter_percent: u32,
    /// Retries in a row; 0: for ever.
    pub max_tries: u32,
    /// A connection that was open for so long begins anew with the first delay.
    pub stable: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        // Half a second is not felt, half a minute finds a server soon after it came back. A server that accepts and
        // drops at once must not be taken for one that is back.
        Reconnect {
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            factor_percent: 200,
            jitter_percent: 50,
            max_tries: 0,
            stable: Duration::from_secs(10),
        }
    }
}

/// Where in the row of retries a connection is.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
    /// The delay to come, in milliseconds before chance; 0: the first.
    delay: u64,
}

impl Backoff {
    /// The connection was open for so long.
    pub(super) fn was_open(&mut self, reconnect: &Reconnect, time: Duration) {
        if time >= reconnect.stable {
            *self = Backoff::default();
        }
    }

    /// Number and delay of the next retry, `None` after the last. `asked`: the server wants to be left alone for so
    /// long; `chance`: random bits.
    pub(super) fn next(&mut self, how: &Reconnect, asked: Option<Duration>, chance: u32) -> Option<(u32, Duration)> {
        if how.max_tries != 0 && self.tries >= how.max_tries {
            return None;
        }
        self.tries = self.tries.saturating_add(1);
        let millis = |time: Duration| time.as_millis() as u64;
        let most = millis(how.max_delay);
        let whole = if self.delay == 0 { millis(how.min_delay) } else { self.delay }.min(most);
        // Longer by at least a millisecond, or a delay below 100 ms would never grow.
        let grown = (u128::from(whole) * u128::from(how.factor_percent) / 100) as u64;
        self.delay = if how.factor_percent > 100 { grown.max(whole + 1) } else { whole.max(1) }.min(most.max(1));
        let chance = (u128::from(whole) * u128::from(how.jitter_percent.min(100)) * u128::from(chance) / 100) >> 32;
        let delay = (whole - chance as u64).max(asked.map_or(0, millis).min(most));
        Some((self.tries, Duration::from_millis(delay)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(how: &Reconnect, chance: u32, count: usize) -> Vec<(u32, u64)> {
        let mut backoff = Backoff::default();
        let next = |_| backoff.next(how, None, chance).map(|(number, delay)| (number, delay.as_millis() as u64));
        (0..count).map_while(next).collect()
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn delays_grow_to_the_largest() {
        let how = Reconnect::default();
        let whole = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        assert_eq!(delays(&how, 0, 8), (1..).zip(whole).collect::<Vec<_>>());
        let half = [375, 750, 1500, 3000, 6000, 12_000, 22_500, 22_500];
        assert_eq!(delays(&how, 1 << 31, 8), (1..).zip(half).collect::<Vec<_>>());
        // All of what is left to chance, but for a 2^32th: rounded up.
        let least = [251, 501, 1001, 2001, 4001, 8001, 15_001, 15_001];
        assert_eq!(delays(&how, u32::MAX, 8), (1..).zip(least).collect::<Vec<_>>());
    }

    #[test]
    fn other_factors() {
        let how = |factor_percent| Reconnect { factor_percent, jitter_percent: 0, ..Reconnect::default() };
        let only = |how: &Reconnect| delays(how, 7, 4).into_iter().map(|(_, delay)| delay).collect::<Vec<_>>();
        assert_eq!(only(&how(150)), [500, 750, 1125, 1687]);
        assert_eq!(only(&how(100)), [500; 4]);
        assert_eq!(only(&how(u32::MAX)), [500, 30_000, 30_000, 30_000]);
        assert_eq!(only(&Reconnect { min_delay: MS(1), ..how(101) }), [1, 2, 3, 4]);
        assert_eq!(only(&Reconnect { min_delay: MS(0), ..how(200) }), [0, 1, 2, 4]);
        let zero = Reconnect { min_delay: MS(0), max_delay: MS(0), ..how(200) };
        assert_eq!(only(&zero)[0], 0);
        assert_eq!(only(&Reconnect { min_delay: MS(90_000), ..how(200) }), [30_000; 4]);
        let all = Reconnect { jitter_percent: u32::MAX, ..Reconnect::default() };
        assert_eq!(delays(&all, 1 << 31, 2), [(1, 250), (2, 500)]);
    }

    #[test]
    fn tries_end_and_begin_again_after_a_stable_time() {
        let how = Reconnect { max_tries: 2, jitter_percent: 0, ..Reconnect::default() };
        let mut backoff = Backoff::default();
        let mut next = |open: Option<u64>| {
            open.into_iter().for_each(|time| backoff.was_open(&how, MS(time)));
            backoff.next(&how, None, 0).map(|(number, delay)| (number, delay.as_millis()))
        };
        assert_eq!(next(None), Some((1, 500)));
        assert_eq!(next(Some(9_999)), Some((2, 1000)));
        assert_eq!(next(Some(9_999)), None);
        assert_eq!(next(Some(10_000)), Some((1, 500)));
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        let how = Reconnect { jitter_percent: 0, ..Reconnect::default() };
        let mut backoff = Backoff::default();
        let mut next = |seconds| backoff.next(&how, Some(Duration::from_secs(seconds)), 0).map(|(_, delay)| delay);
        assert_eq!(next(3), Some(MS(3000)));
        assert_eq!(next(0), Some(MS(1000)));
        assert_eq!(next(u64::MAX / 1000), Some(MS(30_000)));
    }
}
