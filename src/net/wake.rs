//! The door: the only way in from other threads. What comes through is queued and wakes the loop.
//!
//! Used by the C surface for calls off the loop's thread and by resolver threads; emptied by `net::context` once a
//! turn (`inside`). `stop` alone takes no lock, so that a signal handler may call it. Invariants: what the door says of a
//! connection was true when the loop last changed it; commands keep their order.

use super::commands::Outgoing;
use super::counters::{Counts, Stats, Totals};
use super::error::{Error, Result};
use super::event::{ConnId, State};
use super::prepared::Prepared;
use super::resolve::Found;
use super::send::{check_close, check_control, check_text};
use crate::proto::connection::NotNow;
use crate::proto::message::Kind;
use crate::proto::utf8::Utf8;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError};

mod inside;
#[cfg(all(test, loom))]
mod models;

pub(super) use self::inside::Delivery;

/// Shared by the loop and every thread that knows the context.
pub struct Door {
    wake: Arc<OwnedFd>,
    stop: AtomicBool,
    /// Something is in the mailbox: looked at once a turn, without the lock.
    pending: AtomicBool,
    /// Sends that were refused here.
    refused: AtomicU64,
    inner: Mutex<Inner>,
    #[cfg(all(test, loom))]
    model: models::Model,
}

#[derive(Default)]
struct Inner {
    /// By slot.
    known: Vec<Known>,
    /// Of connections that other threads send to.
    backlog: HashMap<u32, Backlog>,
    /// Connections that a fragmented message is being sent to, from whichever thread, by slot.
    fragmented: HashMap<u32, Fragmented>,
    mailbox: Vec<Command>,
    high_water: usize,
    /// What the loop counts, while there is one.
    counts: Option<Arc<Counts>>,
    /// The loop is not there yet, or gone.
    shut: bool,
}

#[derive(Clone, Copy)]
struct Known {
    generation: u32,
    state: State,
}

/// A message that is being sent in fragments.
struct Fragmented {
    kind: Kind,
    utf8: Utf8,
}

/// What keeps other threads from queueing without end.
#[derive(Default)]
struct Backlog {
    /// Bytes in the mailbox.
    queued: usize,
    /// The loop's own queue is above its mark.
    blocked: bool,
    /// A send was refused: `Drain` has to follow.
    refused: bool,
}

/// What came through the door.
#[derive(Debug)]
pub(super) enum Command {
    Send(ConnId, Outgoing, Vec<u8>),
    Fragment(ConnId, Outgoing, Vec<u8>, bool),
    Prepared(ConnId, Prepared),
    Ping(ConnId, Vec<u8>),
    Pong(ConnId, Vec<u8>),
    Close(ConnId, u16, Vec<u8>),
    Abort(ConnId),
    Pause(ConnId, bool),
    Post([usize; 2]),
    Resolved(Found),
}

impl Door {
    /// `wake` is an eventfd, in the loop's poll set.
    pub fn new(wake: Arc<OwnedFd>) -> Arc<Door> {
        Arc::new(Door {
            wake,
            stop: AtomicBool::new(false),
            pending: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            inner: Mutex::new(Inner { shut: true, ..Inner::default() }),
            #[cfg(all(test, loom))]
            model: models::Model::default(),
        })
    }

    /// The eventfd.
    pub fn wake_descriptor(&self) -> &OwnedFd {
        &self.wake
    }

    /// Queues a message: `Closed`, `NotOpen`, `Utf8` or `Again` at once, as far as that can be known here.
    pub fn send(&self, id: ConnId, outgoing: impl Into<Outgoing>, data: Vec<u8>) -> Result<()> {
        let outgoing = outgoing.into();
        check_text(outgoing.kind, &[&data])?;
        let inner = self.admit(id, data.len(), |inner| inner.whole(id.slot))?;
        self.put(inner, Command::Send(id, outgoing, data))
    }

    /// Queues a prepared message.
    pub fn send_prepared(&self, id: ConnId, prepared: Prepared) -> Result<()> {
        let inner = self.admit(id, prepared.len(), |inner| inner.whole(id.slot))?;
        self.put(inner, Command::Prepared(id, prepared))
    }

    /// Queues one fragment of a message.
    pub fn send_fragment(&self, id: ConnId, outgoing: impl Into<Outgoing>, data: Vec<u8>, last: bool) -> Result<()> {
        let outgoing = outgoing.into();
        let inner = self.admit(id, data.len(), |inner| inner.fragment(id.slot, outgoing.kind, &data, last))?;
        self.put(inner, Command::Fragment(id, outgoing, data, last))
    }

    /// Queues a ping.
    pub fn ping(&self, id: ConnId, data: &[u8]) -> Result<()> {
        check_control(data)?;
        let inner = self.admit(id, data.len(), |_| Ok(()))?;
        self.put(inner, Command::Ping(id, data.to_vec()))
    }

    /// Queues a pong.
    pub fn pong(&self, id: ConnId, data: &[u8]) -> Result<()> {
        check_control(data)?;
        let inner = self.admit(id, data.len(), |_| Ok(()))?;
        self.put(inner, Command::Pong(id, data.to_vec()))
    }

    /// Queues a close. `code` 0: none.
    pub fn close(&self, id: ConnId, code: u16, reason: &[u8]) -> Result<()> {
        check_close(code, reason)?;
        let mut inner = self.known(id)?;
        match inner.state(id) {
            State::Closing | State::Closed => return Err(Error::Closed),
            State::Connecting | State::Open => inner.known[id.slot as usize].state = State::Closing,
        }
        self.put(inner, Command::Close(id, code, reason.to_vec()))
    }

    /// Queues an abort.
    pub fn abort(&self, id: ConnId) -> Result<()> {
        let inner = self.known(id)?;
        self.put(inner, Command::Abort(id))
    }

    /// Queues a pause (true) or a resume.
    pub fn pause(&self, id: ConnId, paused: bool) -> Result<()> {
        let inner = self.known(id)?;
        self.put(inner, Command::Pause(id, paused))
    }

    /// Queues two words for `Event::Posted`; an error when the loop is gone.
    pub fn post(&self, words: [usize; 2]) -> Result<()> {
        let inner = self.lock();
        if inner.shut {
            return Err(Error::Closed);
        }
        self.put(inner, Command::Post(words))
    }

    /// What the loop last said of a connection; `Closed` for unknown ones.
    pub fn state(&self, id: ConnId) -> State {
        self.lock().state(id)
    }

    /// Asks the loop to stop, as `Context::stop`. Async-signal-safe: an atomic store and a write.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.ring();
    }

    /// From now on everything is `Closed`: the context is being freed. What was posted before is still delivered.
    pub fn shut(&self) {
        let mut inner = self.lock();
        let mut mailbox = std::mem::take(&mut inner.mailbox);
        mailbox.retain(|command| matches!(command, Command::Post(_)));
        *inner = Inner { shut: true, mailbox, ..Inner::default() };
        self.stop.store(false, Ordering::Release);
    }

    /// What a resolver thread found.
    pub(super) fn resolved(&self, found: Found) {
        let inner = self.lock();
        if !inner.shut {
            // Fails only where the loop is gone, and with it whoever asked.
            let _ = self.put(inner, Command::Resolved(found));
        }
    }

    /// What a connection counted up to its last readiness.
    pub fn stats(&self, id: ConnId) -> Result<Stats> {
        let inner = self.known(id)?;
        inner.counts.as_ref().map(|counts| counts.stats(id.slot)).ok_or(Error::Closed)
    }

    /// What all connections counted up to their last readiness.
    pub fn totals(&self) -> Result<Totals> {
        let mut totals = self.lock().counts.as_ref().map(|counts| counts.totals()).ok_or(Error::Closed)?;
        totals.all.sends_refused += self.refused();
        Ok(totals)
    }

    /// Wakes the loop. An eventfd takes 2^64 - 2 of these before it would block.
    pub(super) fn ring(&self) {
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
        #[cfg(all(test, loom))]
        self.model.ring();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held leaves plain data behind, never half a step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, id: ConnId) -> Result<MutexGuard<'_, Inner>> {
        let inner = self.lock();
        if inner.state(id) == State::Closed { Err(Error::Closed) } else { Ok(inner) }
    }

    /// Whether a frame of `length` bytes may be queued; `check` is about fragmented messages and comes last.
    fn admit(
        &self,
        id: ConnId,
        length: usize,
        check: impl FnOnce(&mut Inner) -> Result<()>,
    ) -> Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        match inner.state(id) {
            State::Connecting => return Err(Error::NotOpen),
            State::Closing | State::Closed => return Err(Error::Closed),
            State::Open => {}
        }
        let high_water = inner.high_water;
        let backlog = inner.backlog.entry(id.slot).or_default();
        if backlog.blocked || backlog.queued >= high_water {
            backlog.refused = true;
            if backlog.blocked {
                // Nothing may be in the mailbox, and then nobody else tells the loop that `Drain` is wanted.
                self.pending.store(true, Ordering::Release);
                self.ring();
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Again);
        }
        check(&mut inner)?;
        // A short message costs its place in the mailbox above all.
        inner.backlog.entry(id.slot).or_default().queued += length + size_of::<Command>();
        Ok(inner)
    }

    fn put(&self, mut inner: MutexGuard<'_, Inner>, command: Command) -> Result<()> {
        inner.mailbox.push(command);
        let first = !self.pending.swap(true, Ordering::AcqRel);
        drop(inner);
        if first {
            self.ring();
        }
        Ok(())
    }
}

impl Inner {
    /// A whole message may be queued.
    fn whole(&self, slot: u32) -> Result<()> {
        if self.fragmented.contains_key(&slot) { Err(NotNow::Fragmented.into()) } else { Ok(()) }
    }

    /// A fragment is sent or queued: the message begins, goes on, or ends. Text may end inside a character in all but
    /// the last fragment.
    fn fragment(&mut self, slot: u32, kind: Kind, data: &[u8], last: bool) -> Result<()> {
        let begun = self.fragmented.get(&slot);
        if begun.is_some_and(|begun| begun.kind != kind) {
            return Err(NotNow::Fragmented.into());
        }
        let mut utf8 = begun.map(|begun| begun.utf8).unwrap_or_default();
        if kind == Kind::Text && (utf8.push(data).is_err() || (last && !utf8.is_complete())) {
            return Err(Error::Utf8);
        }
        if last {
            self.fragmented.remove(&slot);
        } else {
            self.fragmented.insert(slot, Fragmented { kind, utf8 });
        }
        Ok(())
    }

    fn state(&self, id: ConnId) -> State {
        match self.known.get(id.slot as usize) {
            Some(known) if known.generation == id.generation => known.state,
            _ => State::Closed,
        }
    }
}
