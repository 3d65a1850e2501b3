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
    /// Closes listeners, and every connection with 1001; after the grace time what is left is dropped. Until nothing is
    /// open any more, no connection is made: a program that always connects again would keep it from ending.
    pub fn stop(&mut self) {
        let grace = match self.core.limits.stop_grace.as_millis() as u64 {
            0 => NEVER,
            grace => self.core.clock.exact_now() + grace,
        };
        self.stopping = Some(self.stopping.unwrap_or(NEVER).min(grace));
        self.core.stopping = true;
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

    /// Stopped, and nothing is open any more. `run` ends here and forgets the stop, so that it may be called again.
    pub fn take_stopped(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }

    /// Nothing begins while the context is being stopped.
    pub(super) fn check_running(&self) -> Result<()> {
        match self.stopping {
            None => Ok(()),
            Some(_) => Err(Error::State("the context is being stopped")),
        }
    }

    /// The stop is over when nothing is open any more.
    pub(super) fn check_stopped(&mut self) {
        if self.stopping.is_some() && self.peers.len() == 0 {
            self.stopping = None;
            self.core.stopping = false;
            self.stopped = true;
        }
    }

    /// Ends everything now (1001 is sent where the socket takes it); `next_event` then gives the last events.
    pub fn end(&mut self) {
        self.core.stopping = true;
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
