//! The numbers of `counters`: one thread changes them, all may read them.
//!
//! That one thread alone writes makes an addition a load and a store.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A count.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// A count of one connection, where it stays small.
#[derive(Debug, Default)]
pub(super) struct Small(AtomicU32);

impl Count {
    #[inline(always)]
    pub(super) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    #[inline(always)]
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    #[inline(always)]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Small {
    pub(super) fn one_more(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(u32::try_from(value).unwrap_or(u32::MAX), Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed).into()
    }
}
