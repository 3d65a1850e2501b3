//! The end of a context: stopping with a grace time, ending at once.
//!
//! Called by the C surface, and by `context` when another thread asked or the grace time is over.

use super::context::{Context, NEVER, Stage};
use super::core::Core;
use super::error::{Error, Result};
use super::event::{By, ConnId};
use super::peer::{Peer, Phase};
use super::wake::Command;

impl Context {
    /// Closes listeners, and every connection with 1001; after the grace time what is left is dropped. Until then there
    /// are no new ones: a program that connects again whenever it loses a connection would never come to an end.
    pub fn stop(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        let grace = self.core.limits.stop_grace.as_millis() as u64;
        self.stopping = Some(if grace == 0 { NEVER } else { self.core.clock.now() + grace });
        self.close_listeners();
        self.each_peer(|core, id, peer| match peer.phase {
            Phase::Open if peer.proto.close_sent() => {}
            Phase::Open => core.close(id, peer, 1001, "", By::Local),
            Phase::Lingering | Phase::Ended => {}
            _ => core.cancel(id, peer, "the context was stopped"),
        });
        self.check_stopped();
        self.act();
    }

    /// The stop is over when nothing is left.
    #[inline]
    pub(super) fn check_stopped(&mut self) {
        if self.stopping.is_some() && self.peers.len() == 0 {
            self.stopping = None;
            self.stopped = true;
        }
    }

    /// A stop was asked for and is over; told once. `run` ends here, and may be called again.
    pub fn take_stopped(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }

    /// New connections and listeners are refused while a stop is going on.
    pub(super) fn check_going_on(&self) -> Result<()> {
        match self.stopping {
            Some(_) => Err(Error::State("the context is stopping")),
            None => Ok(()),
        }
    }

    /// Ends everything now (1001 is sent where the socket takes it); `next_event` then gives the last events.
    pub fn end(&mut self) {
        self.close_listeners();
        self.timers.clear();
        self.each_peer(|core, id, peer| match peer.phase {
            Phase::Open if !peer.proto.close_sent() => core.close(id, peer, 1001, "", By::Local),
            Phase::Open | Phase::Lingering | Phase::Ended => {}
            _ => core.cancel(id, peer, "the context was freed"),
        });
        self.flush_dirty();
        self.drop_all();
        // What other threads posted is delivered: its argument may have to be freed.
        let delivery = self.core.door.take();
        let rest = self.deliver(delivery);
        self.posted.extend(rest.into_iter().filter(|command| matches!(command, Command::Post(_))));
        self.stage = Stage::Rest;
    }

    pub(super) fn drop_all(&mut self) {
        self.each_peer(|core, id, peer| match peer.phase {
            Phase::Open | Phase::Lingering | Phase::Ended => core.end(id, peer),
            _ => core.cancel(id, peer, "the context was stopped"),
        });
    }

    fn each_peer(&mut self, mut act: impl FnMut(&mut Core, ConnId, &mut Peer)) {
        let mut from = 0;
        while let Some((slot, generation)) = self.peers.next(from) {
            if let Some(peer) = self.peers.get_mut(slot, generation) {
                act(&mut self.core, ConnId { slot, generation }, peer);
            }
            from = slot + 1;
        }
    }
}
