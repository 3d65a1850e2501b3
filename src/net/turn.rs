//! The stages of a turn, from what is left of the last one to the timers: which connection's turn it is, and what else
//! there is to tell.
//!
//! Called by `context`, whose head says how a turn goes.

use super::context::{Context, Found, NEVER, Stage, Unsettled};
use super::event::{ConnId, Window};
use super::peer::{Peer, Phase};
use super::reading::Current;
use super::ready::{Kind, Ready};
use super::wake::Command;

impl Context {
    /// Does what had to wait until the last event was handled.
    pub(super) fn settle(&mut self, window: &mut Window) {
        match std::mem::replace(&mut self.unsettled, Unsettled::Nothing) {
            Unsettled::Nothing => {}
            Unsettled::Lent => self.core.shared.pool.give(std::mem::take(&mut window.lent)),
            Unsettled::Asked(id) => {
                if let Some(peer) = self.peers.get_mut(id.slot, id.generation)
                    && let Phase::Deciding { deferred: false } = peer.phase
                {
                    self.core.decide(id, peer);
                }
            }
            Unsettled::Opened(id) => {
                if let Some(peer) = self.peers.get_mut(id.slot, id.generation)
                    && !peer.profile.keep_head
                {
                    peer.rare().request = None;
                    peer.rare().response = None;
                    peer.drop_rare();
                }
            }
            Unsettled::Retried(id) => {
                if let Some(peer) = self.peers.get_mut(id.slot, id.generation) {
                    self.core.told_retry(id, peer);
                }
            }
            Unsettled::Gone(id) => self.forget(id),
        }
    }

    fn forget(&mut self, id: ConnId) {
        self.peers.remove(id.slot, id.generation);
        self.check_stopped();
        // A descriptor is free: listeners that wait for one go on.
        if self.accept_later.is_some() {
            self.accept_later = Some(0);
        }
    }

    #[inline]
    pub(super) fn find_event(&mut self, window: &mut Window) -> Option<Found> {
        loop {
            if self.current.is_some() {
                if let Some(found) = self.read_on(window) {
                    return Some(found);
                }
                self.flush_dirty();
            }
            if self.core.has_notice()
                && let Some(found) = self.notice()
            {
                return Some(found);
            }
            match self.stage {
                Stage::Leftover => self.take_leftover(),
                Stage::Ready if self.next_ready < self.ready.len() => self.take_ready(),
                Stage::Ready if self.has_rest() => self.stage = Stage::Door,
                Stage::Ready => self.stage = Stage::Idle,
                Stage::Door => self.take_door(),
                Stage::Rest => {
                    if let Some(found) = self.rest() {
                        return Some(found);
                    }
                }
                Stage::Idle => {
                    self.core.in_turn = false;
                    // Before the timer is armed: callbacks took their time.
                    self.core.clock.turn(false);
                    self.act();
                    return None;
                }
            }
        }
    }

    /// What came up beside receiving.
    #[cold]
    fn notice(&mut self) -> Option<Found> {
        if let Some((level, text)) = self.core.logs.pop_front() {
            return Some(Found::Log { level, text });
        }
        while let Some(id) = self.core.drained.pop_front() {
            if let Some(peer) = self.peers.get_mut(id.slot, id.generation) {
                if peer.check_open().is_ok() {
                    return Some(Found::Drain { id });
                }
                // Sending failed meanwhile: see `Core::next`.
                peer.wants_drain |= peer.write_dead;
            }
        }
        while let Some(id) = self.core.ended.pop_front() {
            match self.peers.get(id.slot, id.generation) {
                Some(Peer { phase: Phase::Waiting, .. }) => return Some(Found::Retry { id }),
                Some(peer) if peer.announced => return Some(Found::Last { id }),
                _ => self.forget(id),
            }
        }
        None
    }

    fn take_leftover(&mut self) {
        let Some(left) = self.leftover.checked_sub(1) else {
            self.stage = Stage::Ready;
            return;
        };
        self.leftover = left;
        if let Some(id) = self.core.again.pop_front()
            && let Some(peer) = self.peers.get_mut(id.slot, id.generation)
        {
            peer.again = false;
            self.current = Some(Current::new(id));
        }
    }

    /// The next connection that the poll set named, if it is readable (or writable) and nothing else.
    #[inline(always)]
    pub(super) fn next_plain_ready(&self) -> Option<ConnId> {
        let ready = self.ready.get(self.next_ready).filter(|ready| ready.plain && self.stage == Stage::Ready)?;
        let (slot, generation) = ready.name();
        Some(ConnId { slot, generation })
    }

    /// It was handled.
    #[inline(always)]
    pub(super) fn took_ready(&mut self) {
        self.next_ready += 1;
    }

    #[inline]
    fn take_ready(&mut self) {
        let Some(&ready) = self.ready.get(self.next_ready) else { return };
        self.next_ready += 1;
        let (slot, generation) = ready.name();
        match ready.kind() {
            Kind::Peer => self.peer_ready(ConnId { slot, generation }, ready),
            Kind::Listener => self.accept_from(slot, generation),
            Kind::Attempt if ready.writable => self.attempt_ready((slot, generation)),
            Kind::Attempt => {}
            Kind::Timer => {
                // Edge-triggered and armed for one time: there is nothing to be read.
                self.armed = NEVER;
                self.tick = Some(self.core.clock.exact_now());
            }
            // What came through the door is looked at in every turn.
            Kind::Wake => {}
        }
    }

    #[inline]
    fn peer_ready(&mut self, id: ConnId, ready: Ready) {
        let Some(peer) = self.peers.get_mut(id.slot, id.generation) else { return };
        peer.readable |= ready.readable || ready.read_closed;
        peer.read_closed |= ready.read_closed;
        if ready.writable && peer.blocked {
            self.core.writable(id, peer);
        }
        // A client that ends its side has no use for a WebSocket any more; it may still wait for a page.
        if let Phase::Deciding { .. } = peer.phase
            && ready.read_closed
            && peer.rare().request.as_ref().is_some_and(|request| request.is_upgrade())
        {
            return self.core.lost(id, peer, None);
        }
        if peer.readable && !peer.is_held() {
            self.current = Some(Current::new(id));
        }
    }

    /// Whether the rest of a turn would find anything to do.
    #[inline(always)]
    fn has_rest(&self) -> bool {
        self.tick.is_some()
            || self.accept_later.is_some()
            || self.full
            || !self.posted.is_empty()
            || self.core.door.is_pending()
            || self.core.door.wants_stop()
    }

    /// What came through the door until now. What comes later waits for the next turn: others are to get theirs, however
    /// busy the door is.
    fn take_door(&mut self) {
        self.stage = Stage::Rest;
        if self.core.door.take_stop() {
            self.stop();
        }
        if self.core.door.is_pending() {
            let delivery = self.core.door.take();
            let rest = self.deliver(delivery);
            self.posted.extend(rest);
        }
    }

    /// Posts, timers, deadlines, listeners that paused. `None` goes on to the end of the turn.
    fn rest(&mut self) -> Option<Found> {
        if let Some(command) = self.posted.pop_front() {
            match command {
                Command::Post(words) => return Some(Found::Posted { words }),
                Command::Resolved(found) => self.resolved(found),
                _ => {}
            }
            return None;
        }
        if let Some(found) = self.on_time() {
            return Some(found);
        }
        self.stage = Stage::Idle;
        None
    }

    /// Deadlines, timers, and listeners that paused.
    fn on_time(&mut self) -> Option<Found> {
        if self.accept_later == Some(0) || (self.full && self.has_room()) {
            self.accept_again();
        }
        let now = self.tick?;
        self.core.wheel.expire(now, &mut self.due);
        while let Some(slot) = self.due.pop() {
            let Some((generation, _)) = self.peers.at(slot) else { continue };
            if let Some(peer) = self.peers.get_mut(slot, generation) {
                self.core.on_deadline(ConnId { slot, generation }, peer);
            }
            // Each at once: thousands may be due together, and a queue is free for the next.
            self.flush_dirty();
        }
        if self.accept_later.is_some_and(|at| at <= now) {
            self.accept_again();
        }
        if self.stopping.is_some_and(|at| at <= now) {
            self.stopping = Some(NEVER);
            self.drop_all();
        }
        if let Some((id, words)) = self.timers.take_due(now) {
            return Some(Found::Timer { id, words });
        }
        self.tick = None;
        None
    }
}
