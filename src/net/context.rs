//! The loop: waits, and hands out one event after the other.
//!
//! Called by the C surface. One turn is one [`Context::wait`] and all [`Context::next_event`] after it:
//!
//! 1. connections that were not read empty in the last turn, or were resumed;
//! 2. sockets that the poll set named, one readiness at a time: receive, step, event, …, flush what was sent meanwhile;
//! 3. what came through the door, timers, deadlines, listeners that paused;
//! 4. after each of these: connections that ended, queues that are low again, lines for the log.
//!
//! Invariants: an event's bytes stay valid until the next `next_event`; so do request and answer of a connection, and
//! the connection itself after its last event. The loop is not borrowed while an event is handled, so anything may be
//! called then.

use super::core::Core;
use super::error::Result;
use super::event::{ConnEvent, ConnId, Event, Level, Timeout, TimerId, What, Window};
use super::limits::Limits;
use super::listener::Listener;
use super::peer::Peer;
use super::reading::{Current, WINDOW, Whole};
use super::ready::{Kind, Ready, token};
use super::table::Table;
use super::timers::Timers;
use super::wake::{Command, Door};
use crate::proto::buffer::Buffer;
use crate::proto::connection::Place;
use crate::proto::frame::MAX_HEADER;
use crate::proto::message;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

const EVENTS: usize = 1024;
/// A time that does not come.
pub(super) const NEVER: u64 = u64::MAX;

/// The whole loop of one context. `Send`, so that it may move to the thread that runs it; never `Sync`.
pub struct Context {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) timer_fd: OwnedFd,
    /// When the timerfd fires, in the clock's milliseconds.
    pub(super) armed: u64,
    /// What the poll set named in this turn.
    pub(super) ready: Vec<Ready>,
    pub(super) next_ready: usize,
    /// Connections left over from the last turn.
    pub(super) leftover: usize,
    pub(super) stage: Stage,
    pub(super) current: Option<Current>,
    pub(super) peers: Table<Peer>,
    pub(super) listeners: Table<Listener>,
    /// When to accept again: more may wait (0: in the next turn), or the system ran out of descriptors.
    pub(super) accept_later: Option<u64>,
    /// Accepting pauses until there is room for another connection.
    pub(super) full: bool,
    pub(super) timers: Timers,
    pub(super) due: Vec<u32>,
    /// The timerfd has fired in this turn, and when: what callbacks set from then on waits for the next turn.
    pub(super) tick: Option<u64>,
    pub(super) posted: VecDeque<Command>,
    /// The context is being stopped: until then, in the clock's milliseconds, or [`NEVER`]. `None` again when nothing is
    /// open any more.
    pub(super) stopping: Option<u64>,
    /// It was stopped: for `take_stopped`.
    pub(super) stopped: bool,
    pub(super) unsettled: Unsettled,
    pub(super) core: Core,
}

/// What is to be done once the last event was handled.
#[derive(Clone, Copy)]
pub(super) enum Unsettled {
    Nothing,
    /// A lent buffer is to be taken back.
    Lent,
    /// A request is to be decided, if the program has not.
    Asked(ConnId),
    /// Request or answer are no longer needed.
    Opened(ConnId),
    /// The delay of a retry begins.
    Retried(ConnId),
    /// The connection is to be forgotten.
    Gone(ConnId),
}

/// Where in a turn the loop is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Leftover,
    Ready,
    Door,
    Rest,
    Idle,
}

/// An event that was found, before it borrows from the window.
pub(super) enum Found {
    Whole(Whole),
    Request { id: ConnId },
    Open { id: ConnId },
    Message { id: ConnId, kind: message::Kind, place: Place, first: bool, last: bool },
    Ping { id: ConnId, place: Place },
    Pong { id: ConnId, place: Place },
    Drain { id: ConnId },
    Retry { id: ConnId },
    Last { id: ConnId },
    Timer { id: TimerId, words: [usize; 2] },
    Posted { words: [usize; 2] },
    Log { level: Level, text: String },
}

/// The event of a message that is whole in the window.
#[inline(always)]
fn message(whole: Whole, window: &Window) -> Event<'_> {
    let what = What::Message { kind: whole.kind, data: window.of(&whole), first: true, last: true };
    Event::Conn(ConnEvent { id: whole.id, tag: whole.tag, user_data: whole.user_data, what })
}

impl Context {
    /// `first_generation` (at least 1): ids begin there, so that they don't repeat those of an earlier context.
    pub fn new(limits: Limits, door: Arc<Door>, first_generation: u32) -> Result<(Context, Window)> {
        let poll = Poll::new()?;
        let timer_fd =
            rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)
                .map_err(std::io::Error::from)?;
        for (descriptor, kind) in [(door.wake_descriptor(), Kind::Wake), (&timer_fd, Kind::Timer)] {
            poll.registry().register(&mut SourceFd(&descriptor.as_raw_fd()), token(kind, 0, 0), Interest::READABLE)?;
        }
        let core = Core::new(limits, door, poll.registry().try_clone()?);
        let context = Context {
            poll,
            events: Events::with_capacity(EVENTS),
            timer_fd,
            armed: NEVER,
            ready: Vec::new(),
            next_ready: 0,
            leftover: 0,
            stage: Stage::Idle,
            current: None,
            peers: Table::with_room(first_generation, core.limits.max_connections),
            listeners: Table::new(first_generation),
            accept_later: None,
            full: false,
            tick: None,
            timers: Timers::new(first_generation),
            due: Vec::new(),
            posted: VecDeque::new(),
            stopping: None,
            stopped: false,
            unsettled: Unsettled::Nothing,
            core,
        };
        Ok((context, Window { shared: vec![0; WINDOW + MAX_HEADER], lent: Buffer::default() }))
    }

    /// The highest generation given away so far.
    pub fn last_generation(&self) -> u32 {
        self.peers.highest().max(self.listeners.highest()).max(self.timers.highest())
    }

    /// Readable whenever `wait` would find something, timers included.
    pub fn descriptor(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// How long a wait on `descriptor` may last; None: for ever, since the timerfd is in the poll set.
    pub fn timeout(&self) -> Timeout {
        self.has_work().then_some(Duration::ZERO)
    }

    /// Lines more talkative than this are not made. Default: none are.
    pub fn set_log_level(&mut self, level: Option<Level>) {
        self.core.log_level = level;
    }

    /// Work that no descriptor tells of.
    fn has_work(&self) -> bool {
        !self.core.again.is_empty()
            || !self.core.ended.is_empty()
            || !self.core.drained.is_empty()
            || !self.core.drain_asked.is_empty()
            || !self.core.redial.is_empty()
            || !self.core.logs.is_empty()
            || self.accept_later == Some(0)
            || (self.full && self.has_room())
    }

    /// Waits for something to do: at most `timeout`, not at all while work remains. Interrupted by a signal: returns
    /// early.
    pub fn wait(&mut self, timeout: Timeout) -> Result<()> {
        let timeout = if self.has_work() { Some(Duration::ZERO) } else { timeout };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error.into()),
            Err(_) => self.events.clear(),
            Ok(()) => {}
        }
        self.ready.clear();
        self.next_ready = 0;
        self.ready.extend(self.events.iter().map(Ready::new));
        self.core.clock.turn(true);
        self.core.in_turn = true;
        while let Some(id) = self.core.drain_asked.pop() {
            if let Some(peer) = self.peers.get_mut(id.slot, id.generation) {
                self.core.check_drain(id, peer);
            }
        }
        self.follow_redirects();
        self.leftover = self.core.again.len();
        self.stage = if self.leftover == 0 { Stage::Ready } else { Stage::Leftover };
        Ok(())
    }

    /// Sets the timerfd to the first deadline or timer.
    fn arm_timer(&mut self) -> Result<()> {
        let at = |time: Option<u64>| time.unwrap_or(NEVER);
        let accept = if self.accept_later == Some(0) { None } else { self.accept_later };
        let first = at(self.core.wheel.next()).min(at(self.timers.next())).min(at(accept)).min(at(self.stopping));
        if first != self.armed {
            self.set_timer(first)?;
            self.armed = first;
        }
        Ok(())
    }

    #[cold]
    fn set_timer(&mut self, at: u64) -> Result<()> {
        let value = match at {
            NEVER => Timespec { tv_sec: 0, tv_nsec: 0 },
            at => {
                let after = at.saturating_sub(self.core.clock.now()).max(1);
                Timespec { tv_sec: (after / 1000) as i64, tv_nsec: (after % 1000 * 1_000_000) as i64 }
            }
        };
        let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        rustix::time::timerfd_settime(&self.timer_fd, TimerfdTimerFlags::empty(), &spec)
            .map_err(std::io::Error::from)?;
        Ok(())
    }

    /// The next event of this turn. `None` ends the turn; what is left then (fairness) is done after the next wait.
    #[inline]
    pub fn next_event<'w>(&mut self, window: &'w mut Window) -> Option<Event<'w>> {
        if self.is_unsettled() {
            self.settle(window);
        }
        self.find_event(window).map(|found| self.present(found, window))
    }

    /// Whether something waits until the last event was handled.
    #[inline(always)]
    pub(super) fn is_unsettled(&self) -> bool {
        !matches!(self.unsettled, Unsettled::Nothing)
    }

    /// After a command outside a turn, and at a turn's end: sends what was queued, and makes sure that whoever waits for
    /// the descriptor learns of work that no socket tells of, and of the next deadline.
    #[inline]
    pub(super) fn act(&mut self) {
        if self.core.in_turn {
            return;
        }
        self.flush_dirty();
        if let Err(error) = self.arm_timer() {
            self.core.log(Level::Error, || format!("the timer can't be set: {error}"));
        }
        if self.has_work() {
            self.core.door.ring();
        }
    }

    /// Turns what was found into the event.
    #[inline]
    fn present<'w>(&mut self, found: Found, window: &'w mut Window) -> Event<'w> {
        let (id, what) = match found {
            Found::Message { id, kind, place, first, last } => {
                if let Place::Lent = place {
                    self.unsettled = Unsettled::Lent;
                }
                (id, What::Message { kind, data: window.bytes(&place), first, last })
            }
            Found::Ping { id, place } => (id, What::Ping(window.bytes(&place))),
            Found::Pong { id, place } => (id, What::Pong(window.bytes(&place))),
            Found::Request { id } => {
                self.unsettled = Unsettled::Asked(id);
                (id, What::Request)
            }
            Found::Open { id } => {
                self.unsettled = Unsettled::Opened(id);
                (id, What::Open)
            }
            Found::Drain { id } => (id, What::Drain),
            Found::Retry { id } => {
                self.unsettled = Unsettled::Retried(id);
                (id, self.peers.get_mut(id.slot, id.generation).map_or(What::Drain, Peer::retry_event))
            }
            Found::Last { id } => {
                self.unsettled = Unsettled::Gone(id);
                (id, self.peers.get_mut(id.slot, id.generation).map_or(What::Drain, Peer::last_event))
            }
            Found::Whole(whole) => return message(whole, window),
            Found::Timer { id, words } => return Event::Timer { id, words },
            Found::Posted { words } => return Event::Posted { words },
            Found::Log { level, text } => return Event::Log { level, text },
        };
        // The connection was found a moment ago.
        let (tag, user_data) = match self.peers.get(id.slot, id.generation) {
            Some(peer) => (peer.profile.tag, peer.user_data),
            None => (0, 0),
        };
        Event::Conn(ConnEvent { id, tag, user_data, what })
    }
}
