//! One connection of the loop: socket, protocol state, queue. Plain state; what happens to it is in `reading`,
//! `opening`, `dial`, `send`, `ending` and `deadlines`.
//!
//! An idle connection is this struct and nothing else: whatever it needs rarely is boxed and dropped when done.

use super::again::Upkeep;
use super::dial::Dial;
use super::error::Error;
use super::event::{By, Failure};
use super::limits::Limits;
use super::outbox::Outbox;
use super::proxy::Proxying;
use super::timings::Stopwatch;
use super::tls::{Info, Session, Tls};
use super::transport::Socket;
use super::upgrade::{Asking, Plan};
use crate::proto::connection::{Connection, Role};
use crate::proto::deflate;
use crate::proto::handshake::client::Response;
use crate::proto::handshake::server::Request;
use crate::proto::http1::Scanned;
use std::sync::Arc;
use std::time::Instant;

/// What connections of one listener or connect call share.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) limits: Limits,
    pub(super) tag: u32,
    pub(super) user_data: usize,
    pub(super) subprotocols: Vec<String>,
    pub(super) ask: bool,
    pub(super) streaming: bool,
    pub(super) deflate: Option<deflate::Settings>,
    pub(super) keep_head: bool,
    pub(super) tls: Option<Tls>,
    pub(super) tls_or_plain: bool,
}

/// Where a connection is in its life.
#[derive(Debug)]
pub(super) enum Phase {
    /// Client: there is no socket until the next attempt, or the next hop of this one.
    Waiting,
    /// Client: looking up the name, connecting.
    Dialing(Box<Dial>),
    /// Client: asking a proxy for the way.
    Proxying(Box<Proxying>),
    /// Client: the TLS handshake.
    Securing(Box<Plan>),
    /// Client: the request is on its way.
    Asking(Box<Asking>),
    /// Server: waiting for the request; a box as soon as a part of it has come.
    Asked(Option<Box<Asked>>),
    /// Server: the program decides.
    Deciding {
        /// Later, not when the callback returns.
        deferred: bool,
    },
    /// The handshake is done.
    Open,
    /// Nothing more is read or sent but the rest of the queue: waiting for the peer to end.
    Lingering,
    /// The socket is closed; the last event is on its way.
    Ended,
}

/// The part of a request that has come.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) bytes: Vec<u8>,
    pub(super) scanned: Scanned,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) socket: Socket,
    /// Between the socket and everything else.
    pub(super) tls: Option<Box<Session>>,
    pub(super) phase: Phase,
    pub(super) proto: Connection,
    pub(super) profile: Arc<Profile>,
    pub(super) user_data: usize,
    pub(super) outbox: Option<Box<Outbox>>,
    pub(super) rare: Option<Box<Rare>>,
    /// Client: it follows redirects, or is made again when it is lost.
    pub(super) upkeep: Option<Box<Upkeep>>,
    /// Index into the counts of connections per address, or [`Peer::NO_ADDRESS`].
    pub(super) address: u32,
    /// Milliseconds of silence, and without messages, up to the last check.
    pub(super) silent: u32,
    pub(super) unused: u32,
    /// Something was received since the last check.
    pub(super) heard: bool,
    /// A message was received or sent since the last check.
    pub(super) used: bool,
    pub(super) awaiting_pong: bool,
    /// The program wants nothing delivered.
    pub(super) paused: bool,
    /// There may be bytes to receive.
    pub(super) readable: bool,
    /// The peer has ended its side: receive until the end shows.
    pub(super) read_closed: bool,
    /// The socket took less than it was offered.
    pub(super) blocked: bool,
    /// Sending failed: nothing is sent any more.
    pub(super) write_dead: bool,
    /// What waits to be sent was told to the counters.
    pub(super) queue_counted: bool,
    /// `Drain` is wanted.
    pub(super) wants_drain: bool,
    /// Other threads wait until the queue is low.
    pub(super) unblocks_door: bool,
    /// Is in the list of queues to be flushed.
    pub(super) dirty: bool,
    /// Is in the list for the next turn.
    pub(super) again: bool,
    /// The last message was large: receive its successor's beginning only.
    pub(super) large: bool,
    /// `Request` or `Open` was delivered, or the program connected it: a last event is due.
    pub(super) announced: bool,
    /// `Open` is to be delivered.
    pub(super) opening: bool,
    /// Our side of TCP was ended.
    pub(super) shut: bool,
}

/// What few connections need, or all of them only for a moment.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) request: Option<Box<Request>>,
    pub(super) response: Option<Box<Response>>,
    pub(super) subprotocol: Option<Box<str>>,
    /// Received and not looked at: the program paused or has not decided.
    pub(super) held: Vec<u8>,
    /// The last ping that could not be answered yet (§5.5.3 allows to answer only the most recent one).
    pub(super) owed_pong: Option<Vec<u8>>,
    /// The last ping that was not answered yet: when it was sent, and with what.
    pub(super) pinged: Option<(Instant, Box<[u8]>)>,
    pub(super) ending: Option<Ending>,
    /// Made when the program asked for it, and kept: it has pointers into it.
    pub(super) tls_info: Option<Box<Info>>,
    pub(super) failure: Option<Box<Failure>>,
    /// Clients: how long it took to make the connection.
    pub(super) stopwatch: Option<Box<Stopwatch>>,
    /// A response was sent instead of a 101.
    pub(super) responded: bool,
    /// It ended before all that was queued was sent.
    pub(super) cut: bool,
    /// TCP ended without TLS saying so.
    pub(super) truncated: bool,
}

/// How the connection is going to end, as far as is known.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) code: u16,
    pub(super) reason: Box<str>,
    pub(super) by: By,
}

impl Peer {
    pub(super) const NO_ADDRESS: u32 = u32::MAX;

    /// Accepted or dialled.
    pub(super) fn new(socket: Socket, phase: Phase, role: Role, profile: Arc<Profile>) -> Peer {
        Peer {
            socket,
            tls: None,
            phase,
            proto: Connection::new(role, profile.streaming),
            user_data: profile.user_data,
            profile,
            outbox: None,
            rare: None,
            upkeep: None,
            address: Peer::NO_ADDRESS,
            silent: 0,
            unused: 0,
            heard: false,
            used: false,
            awaiting_pong: false,
            paused: false,
            readable: false,
            read_closed: false,
            blocked: false,
            write_dead: false,
            queue_counted: false,
            wants_drain: false,
            unblocks_door: false,
            dirty: false,
            again: false,
            large: false,
            announced: false,
            opening: false,
            shut: false,
        }
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Messages may be delivered as they come: open, and nothing special about it.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && !(self.paused | self.opening | self.proto.close_sent() | self.proto.close_received())
    }

    /// A whole message may be sent without a mask, and the socket keeps up.
    #[inline(always)]
    pub(super) fn sends_plain(&self) -> bool {
        matches!(self.phase, Phase::Open) && !(self.blocked | self.write_dead) & self.proto.sends_plain()
    }

    /// Nothing may be delivered now. A pause is for messages: a client's handshake goes on.
    #[inline]
    pub(super) fn is_held(&self) -> bool {
        match self.phase {
            Phase::Open => self.paused,
            Phase::Deciding { .. } => true,
            _ => false,
        }
    }

    /// The peer's end was read.
    pub(super) fn has_ended(&self) -> bool {
        self.read_closed && !self.readable
    }

    /// Bytes that wait to be sent.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        let sealed = self.tls.as_ref().map_or(0, |tls| tls.queued());
        sealed + self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// The rare part goes when nothing is in it.
    pub(super) fn drop_rare(&mut self) {
        let empty = |rare: &Rare| {
            rare.request.is_none()
                && rare.response.is_none()
                && rare.subprotocol.is_none()
                && rare.held.is_empty()
                && rare.owed_pong.is_none()
                && rare.pinged.is_none()
                && rare.ending.is_none()
                && rare.tls_info.is_none()
                && rare.failure.is_none()
                && rare.stopwatch.is_none()
                && !(rare.responded | rare.truncated)
        };
        if self.rare.as_deref().is_some_and(empty) {
            self.rare = None;
        }
    }

    /// May frames be sent?
    #[inline]
    pub(super) fn check_open(&self) -> Result<(), Error> {
        if let Phase::Open = self.phase
            && !self.write_dead
            && !self.proto.close_sent()
        {
            return Ok(());
        }
        match self.phase {
            Phase::Open => Err(Error::Closed),
            Phase::Lingering | Phase::Ended => Err(Error::Closed),
            _ => Err(Error::NotOpen),
        }
    }
}
