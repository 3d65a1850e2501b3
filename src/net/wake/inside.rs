//! The loop's side of the door: it opens it, says what connections can do, and takes what came.
//!
//! Called by `net` on the loop's thread.

use super::{Command, Door, Inner, Known};
use crate::net::counters::Counts;
use crate::net::error::Result;
use crate::net::event::{ConnId, State};
use crate::net::table::RESERVED;
use crate::proto::message::Kind;
use crate::sync::atomic::Ordering;
use std::sync::Arc;

/// Everything that came since the last turn.
#[derive(Default)]
pub(in crate::net) struct Delivery {
    pub(in crate::net) commands: Vec<Command>,
    /// Slots of connections whose senders were refused.
    pub(in crate::net) refused: Vec<u32>,
    /// Slots of connections with new frames.
    pub(in crate::net) sent_to: Vec<u32>,
}

impl Door {
    /// The loop is there.
    pub(in crate::net) fn open(&self, high_water: usize, connections: usize, counts: Arc<Counts>) {
        let known = Vec::with_capacity(connections.min(RESERVED));
        *self.lock() = Inner { high_water, known, counts: Some(counts), ..Inner::default() };
    }

    /// Whether somebody asked to stop.
    #[inline(always)]
    pub(in crate::net) fn wants_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes the wish to stop.
    pub(in crate::net) fn take_stop(&self) -> bool {
        self.wants_stop() && self.stop.swap(false, Ordering::AcqRel)
    }

    /// Says what a connection can do from now on.
    pub(in crate::net) fn tell(&self, id: ConnId, state: State) {
        let mut inner = self.lock();
        let slot = id.slot as usize;
        if inner.known.len() <= slot {
            inner.known.resize(slot + 1, Known { generation: 0, state: State::Closed });
        }
        if inner.known[slot].generation != id.generation
            && let Some(counts) = &inner.counts
        {
            counts.begin(id.slot);
        }
        inner.known[slot] = Known { generation: id.generation, state };
        // What was sent to the connection is gone, also where it is made again.
        let over = matches!(state, State::Closed | State::Connecting);
        if over && !inner.fragmented.is_empty() {
            inner.fragmented.remove(&id.slot);
        }
        if over && !inner.backlog.is_empty() {
            inner.backlog.remove(&id.slot);
        }
    }

    /// Sends that were refused here.
    pub(in crate::net) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The loop's thread sends a fragment.
    pub(in crate::net) fn begin_fragment(&self, slot: u32, kind: Kind, data: &[u8], last: bool) -> Result<()> {
        self.lock().fragment(slot, kind, data, last)
    }

    /// The loop's own queue for the connection is above its mark, or is not any more.
    pub(in crate::net) fn block(&self, slot: u32, blocked: bool) {
        let mut inner = self.lock();
        if blocked {
            inner.backlog.entry(slot).or_default().blocked = true;
        } else if let Some(backlog) = inner.backlog.get_mut(&slot) {
            backlog.blocked = false;
        }
    }

    /// Whether `take` would find something.
    #[inline]
    pub(in crate::net) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Takes everything that came.
    pub(in crate::net) fn take(&self) -> Delivery {
        let mut inner = self.lock();
        self.pending.store(false, Ordering::Release);
        let mut delivery = Delivery { commands: std::mem::take(&mut inner.mailbox), ..Delivery::default() };
        for (&slot, backlog) in &mut inner.backlog {
            if std::mem::take(&mut backlog.queued) > 0 {
                delivery.sent_to.push(slot);
            }
            if std::mem::take(&mut backlog.refused) {
                delivery.refused.push(slot);
            }
        }
        inner.backlog.retain(|_, backlog| backlog.blocked);
        delivery
    }
}
