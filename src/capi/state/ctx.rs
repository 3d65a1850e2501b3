//! The context object: the loop, and what the C surface keeps beside it.
//!
//! Made by `wsrs_context_new`, run by [`super::turn`]. It may move between threads while no thread runs it; it is
//! never shared. No borrow of its cells is alive while C code runs, except that of `window`, which only a turn takes,
//! and a second turn inside a turn is refused.

use super::fault::Fault;
use super::registry;
use crate::boundary::handle::{self, Kind};
use crate::capi::callbacks::wsrs_callbacks;
use crate::capi::dispatch::Receiver;
use crate::capi::log::LogTo;
use crate::capi::objects::Objects;
use crate::capi::result::*;
use crate::capi::types::wsrs_context;
use crate::net::{self, ConnId, Door, ListenerId, TimerId};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// One context.
pub(in crate::capi) struct Ctx {
    pub(in crate::capi) net: RefCell<net::Context>,
    /// The callback sets given so far, each once; the loop's `tag` is an index here. The context's own comes first.
    pub(in crate::capi) sets: RefCell<Vec<wsrs_callbacks>>,
    /// What was looked up last in `sets`, which never forget: who gets the messages of this tag.
    pub(in crate::capi) receiver: Cell<(u32, Receiver)>,
    pub(in crate::capi) objects: Cell<Option<Objects>>,
    pub(super) conn_prefix: u64,
    pub(super) slot: u32,
    pub(super) generation: u32,
    epoch: u32,
    /// First user data of connections whose listener or connect brings neither callbacks nor user data.
    pub(in crate::capi) user_data: usize,
    pub(super) window: RefCell<net::Window>,
    /// A turn is running.
    pub(super) polling: Cell<bool>,
    /// `wsrs_context_free` was called.
    pub(super) freed: Cell<bool>,
    pub(super) logging: Cell<bool>,
    pub(super) log: Cell<LogTo>,
    pub(in crate::capi) shared: Arc<Shared>,
}

/// What all threads may use of a context.
pub(in crate::capi) struct Shared {
    pub(in crate::capi) door: Arc<Door>,
    /// A panic went through it: nothing in it can be trusted.
    pub(super) poisoned: AtomicBool,
    pub(super) log_level: AtomicI32,
    late: Mutex<Vec<(i32, String)>>,
    has_late: AtomicBool,
}

/// Log lines that other threads may leave for the next turn.
const LATE_LINES: usize = 64;

impl Shared {
    pub(super) fn new(door: Arc<Door>) -> Shared {
        Shared {
            door,
            poisoned: AtomicBool::new(false),
            log_level: AtomicI32::new(0),
            late: Mutex::new(Vec::new()),
            has_late: AtomicBool::new(false),
        }
    }

    /// A panic left the context unusable?
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.poisoned.load(Relaxed) {
            return Err(Fault::Call(WSRS_ERR_PANIC, "the context failed inside; it can only be freed"));
        }
        Ok(())
    }

    /// Leaves a line for the loop's thread. Beyond the limit lines are lost: a log must not fill the memory.
    pub(super) fn log_later(&self, level: i32, text: String) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        if late.len() < LATE_LINES {
            late.push((level, text));
            self.has_late.store(true, Relaxed);
        }
    }

    /// The lines left so far.
    pub(super) fn take_late(&self) -> Vec<(i32, String)> {
        if !self.has_late.swap(false, Relaxed) {
            return Vec::new();
        }
        std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ctx {
    pub(in crate::capi) fn new(
        (slot, generation): (u32, u32),
        (net, window): (net::Context, net::Window),
        (callbacks, user_data): (wsrs_callbacks, usize),
        shared: Arc<Shared>,
    ) -> Ctx {
        Ctx {
            net: RefCell::new(net),
            sets: RefCell::new(vec![callbacks]),
            receiver: Cell::new((Receiver::UNKNOWN, Receiver::default())),
            objects: Cell::new(None),
            conn_prefix: handle::prefix(Kind::Conn, slot),
            slot,
            generation,
            epoch: registry::epoch(),
            user_data,
            window: RefCell::new(window),
            polling: Cell::new(false),
            freed: Cell::new(false),
            logging: Cell::new(false),
            log: Cell::new(LogTo::default()),
            shared,
        }
    }

    /// The id of its handle.
    pub(in crate::capi) fn id(&self) -> u64 {
        handle::pack(handle::prefix(Kind::Context, self.slot), 0, self.generation)
    }

    /// The id of a connection's handle.
    #[inline(always)]
    pub(in crate::capi) fn conn(&self, id: ConnId) -> u64 {
        handle::pack(self.conn_prefix, id.slot, id.generation)
    }

    /// The id of a listener's handle.
    pub(in crate::capi) fn listener(&self, id: ListenerId) -> u64 {
        handle::pack(handle::prefix(Kind::Listener, self.slot), id.slot, id.generation)
    }

    /// The id of a timer's handle.
    pub(in crate::capi) fn timer(&self, id: TimerId) -> u64 {
        handle::pack(handle::prefix(Kind::Timer, self.slot), id.slot, id.generation)
    }

    /// Sends its log lines somewhere else from now on.
    pub(in crate::capi) fn set_log(&self, log: LogTo) {
        self.log.set(log);
        self.shared.log_level.store(log.level, Relaxed);
        self.net.borrow_mut().set_log_level(log.net_level());
    }

    /// The tag of a callback set.
    pub(in crate::capi) fn tag(&self, set: &wsrs_callbacks) -> u32 {
        let mut sets = self.sets.borrow_mut();
        let index = sets.iter().position(|known| known.same(set)).unwrap_or_else(|| {
            sets.push(*set);
            sets.len() - 1
        });
        index as u32
    }

    /// The handle of this context.
    pub(in crate::capi) fn handle(&self) -> wsrs_context {
        wsrs_context { id: self.id() }
    }

    /// Whether calls may go on.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.check_alive()?;
        if self.freed.get() {
            return Err(Fault::Call(WSRS_ERR_CLOSED, "the context is being freed"));
        }
        Ok(())
    }

    /// Whether the loop may be touched.
    pub(super) fn check_alive(&self) -> Result<(), Fault> {
        if self.forked() {
            return Err(FORKED);
        }
        self.shared.check()
    }

    /// Whether this is the copy of a context in the child of a fork.
    pub(super) fn forked(&self) -> bool {
        self.epoch != registry::epoch()
    }
}

/// The fault of every call in the child of a fork.
pub(super) const FORKED: Fault = Fault::Call(WSRS_ERR_FORKED, "the context was made before this process was forked");
