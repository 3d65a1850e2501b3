//! What the parts of the loop share beside the table of connections: queues of work, buffers, time, randomness, log.
//!
//! Apart from [`Context`](super::Context), so that a connection and this can be changed at the same time.

use super::counters::Counts;
use super::dial::Attempt;
use super::error::Result;
use super::event::{ConnId, Level};
use super::limits::Limits;
use super::listener::Addresses;
use super::outbox::Outbox;
use super::peer::Peer;
use super::resolve::Lookups;
use super::table::Table;
use super::timers::{Clock, Wheel};
use super::tls;
use super::wake::Door;
use crate::proto::deflate::codecs::Codecs;
use crate::proto::shared::Shared;
use mio::Registry;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Empty outboxes kept, and the largest that is.
const STOCK: usize = 64;
const STOCK_BYTES: usize = 512 << 10;

/// Shared state of the loop.
pub(super) struct Core {
    pub(super) limits: Limits,
    pub(super) door: Arc<Door>,
    pub(super) counts: Arc<Counts>,
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    pub(super) wheel: Wheel,
    pub(super) shared: Shared,
    pub(super) tls: tls::Shared,
    pub(super) addresses: Addresses,
    /// Server connections that are not open yet.
    pub(super) pending: usize,
    /// Connections whose queues have something new.
    pub(super) dirty: Vec<ConnId>,
    /// Connections to be read again in the next turn.
    pub(super) again: VecDeque<ConnId>,
    /// Connections that have ended.
    pub(super) ended: VecDeque<ConnId>,
    /// Connections whose queues are low again.
    pub(super) drained: VecDeque<ConnId>,
    /// Connections whose program asked for `Drain`, and whose queues are low: told in the next turn.
    pub(super) drain_asked: Vec<ConnId>,
    /// Connections whose redirects are to be followed.
    pub(super) redial: Vec<ConnId>,
    /// The context is being stopped or freed: nothing is tried again.
    pub(super) stopping: bool,
    pub(super) logs: VecDeque<(Level, String)>,
    pub(super) log_level: Option<Level>,
    pub(super) lookups: Lookups,
    /// Sockets that are being connected.
    pub(super) attempts: Table<Attempt>,
    /// Between `wait` and the end of the turn, when queues are flushed at its end.
    pub(super) in_turn: bool,
    // Boxes, since peers take and give back the box itself.
    #[expect(clippy::vec_box)]
    stock: Vec<Box<Outbox>>,
    random: Random,
}

impl Core {
    pub(super) fn new(limits: Limits, door: Arc<Door>, registry: Registry) -> Core {
        let counts = Arc::new(Counts::new(limits.max_connections));
        door.open(limits.high_water, limits.max_connections, counts.clone());
        Core {
            wheel: Wheel::new(limits.max_connections),
            door,
            counts,
            registry,
            clock: Clock::new(),
            shared: Shared { codecs: Codecs::new(limits.max_compressors), ..Shared::default() },
            tls: tls::Shared::default(),
            limits,
            addresses: Addresses::default(),
            pending: 0,
            dirty: Vec::new(),
            again: VecDeque::new(),
            ended: VecDeque::new(),
            drained: VecDeque::new(),
            drain_asked: Vec::new(),
            redial: Vec::new(),
            stopping: false,
            logs: VecDeque::new(),
            log_level: None,
            in_turn: false,
            lookups: Lookups::default(),
            attempts: Table::new(1),
            stock: Vec::new(),
            random: Random::default(),
        }
    }

    /// The connection's queue, to be flushed when what is being handled now is done.
    #[inline]
    pub(super) fn outbox<'p>(&mut self, id: ConnId, peer: &'p mut Peer) -> &'p mut Outbox {
        self.begin_outbox(id, &mut peer.outbox, &mut peer.dirty)
    }

    /// The same, of the parts of a connection.
    #[inline(always)]
    pub(super) fn begin_outbox<'p>(
        &mut self,
        id: ConnId,
        outbox: &'p mut Option<Box<Outbox>>,
        dirty: &mut bool,
    ) -> &'p mut Outbox {
        if !std::mem::replace(dirty, true) {
            self.dirty.push(id);
        }
        match outbox {
            Some(outbox) => outbox,
            None => outbox.insert(self.stock.pop().unwrap_or_default()),
        }
    }

    /// Something came up beside receiving: the last event of a connection, a queue that is low again, a log line.
    #[inline(always)]
    pub(super) fn has_notice(&self) -> bool {
        !(self.logs.is_empty() && self.ended.is_empty() && self.drained.is_empty())
    }

    /// Takes an empty queue back.
    #[inline(always)]
    pub(super) fn give_back(&mut self, mut outbox: Box<Outbox>) {
        if self.stock.len() < STOCK && outbox.capacity() <= STOCK_BYTES {
            outbox.reset();
            self.stock.push(outbox);
        }
    }

    /// Fresh random bytes: keys, and the mask of each client's frame (RFC 6455 §5.3).
    pub(super) fn random<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.random.take()
    }

    /// The deadline of a connection, from now; zero: none.
    pub(super) fn arm(&mut self, id: ConnId, after: Duration) {
        if after.is_zero() {
            self.wheel.clear(id.slot);
        } else {
            self.wheel.set(id.slot, self.clock.now() + after.as_millis() as u64);
        }
    }

    /// Reads the connection in the next turn, even if no edge comes.
    pub(super) fn read_again(&mut self, id: ConnId, peer: &mut Peer) {
        if !std::mem::replace(&mut peer.again, true) {
            self.again.push_back(id);
        }
    }

    /// A line for the log, made only when somebody reads it.
    pub(super) fn log(&mut self, level: Level, text: impl FnOnce() -> String) {
        if self.log_level.is_some_and(|most| level <= most) {
            self.logs.push_back((level, text()));
        }
    }
}

/// Random bytes by the kilobyte: a system call for each mask would cost more than the frame.
struct Random {
    bytes: [u8; 1024],
    used: usize,
}

impl Default for Random {
    fn default() -> Self {
        Random { bytes: [0; 1024], used: 1024 }
    }
}

impl Random {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        if self.used + N > self.bytes.len() {
            getrandom::fill(&mut self.bytes).map_err(std::io::Error::from)?;
            self.used = 0;
        }
        let mut taken = [0; N];
        // What was given out is wiped: it never leaves the process a second time.
        taken.swap_with_slice(&mut self.bytes[self.used..self.used + N]);
        self.used += N;
        Ok(taken)
    }
}
