//! A row for each place of a table, shared with other threads: made by the hundred when the first of them is needed.
//!
//! Used by `counters`. Invariant: a row never moves.

use super::table::MAX_SLOTS;
use std::sync::OnceLock;

/// Rows made together: so few that a single busy connection costs no more than a page or two.
const TOGETHER: usize = 128;

/// The rows.
#[derive(Debug)]
pub(super) struct Rows<T> {
    groups: Box<[OnceLock<Box<[T; TOGETHER]>>]>,
    /// For a place beyond all: tables go there only when places before were retired.
    spare: T,
}

impl<T: Default> Rows<T> {
    /// For the first `places`.
    pub(super) fn new(places: usize) -> Rows<T> {
        let groups = places.min(MAX_SLOTS).div_ceil(TOGETHER);
        Rows { groups: (0..groups).map(|_| OnceLock::new()).collect(), spare: T::default() }
    }

    /// The row of this place, which is there from now on.
    #[inline(always)]
    pub(super) fn row(&self, slot: u32) -> &T {
        let slot = slot as usize;
        match self.groups.get(slot / TOGETHER) {
            Some(group) => match group.get() {
                Some(rows) => &rows[slot % TOGETHER],
                None => Self::make(group, slot),
            },
            None => &self.spare,
        }
    }

    /// The row of this place, if one near it was needed so far.
    pub(super) fn find(&self, slot: u32) -> Option<&T> {
        let rows = self.groups.get(slot as usize / TOGETHER)?.get()?;
        Some(&rows[slot as usize % TOGETHER])
    }

    #[cold]
    fn make(group: &OnceLock<Box<[T; TOGETHER]>>, slot: usize) -> &T {
        &group.get_or_init(|| Box::new(std::array::from_fn(|_| T::default())))[slot % TOGETHER]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    #[test]
    fn rows_come_when_needed_and_stay() {
        let rows: Rows<AtomicU32> = Rows::new(200);
        assert!(rows.find(130).is_none());
        rows.row(130).store(7, Relaxed);
        assert_eq!(rows.find(130).map(|row| row.load(Relaxed)), Some(7));
        assert_eq!(rows.find(131).map(|row| row.load(Relaxed)), Some(0));
        assert!(rows.find(127).is_none());
    }

    #[test]
    fn places_beyond_all_share_one() {
        let rows: Rows<AtomicU32> = Rows::new(usize::MAX);
        assert_eq!(rows.groups.len(), MAX_SLOTS / TOGETHER);
        assert!(std::ptr::eq(rows.row(u32::MAX), &raw const rows.spare));
        assert!(rows.find(u32::MAX).is_none());
    }
}
