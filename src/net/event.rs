//! What the loop tells its user: events, the names of things, and how connections end.
//!
//! Made by `net::context`, turned into callbacks by the C surface. An event borrows from the [`Window`] and never
//! from the loop, so that the loop is free while the event is handled.

use super::error::Error;
use crate::proto::buffer::Buffer;
use crate::proto::message::Kind;
use std::time::Duration;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// Place in the table; below 2^20.
            pub slot: u32,
            /// How often the place was given away before; below 2^31, never 0, never repeated in one place.
            pub generation: u32,
        }
    };
}
id!(/// A connection.
    ConnId);
id!(/// A listener.
    ListenerId);
id!(/// A timer.
    TimerId);

/// Received bytes that events point into: the buffer that all connections of a context share, and the large message
/// that was handed out last. Lives beside the loop, not in it.
pub struct Window {
    pub(super) shared: Vec<u8>,
    pub(super) lent: Buffer,
}

/// One event. Valid until the next call of `next_event`.
#[derive(Debug)]
pub enum Event<'w> {
    /// Something of a connection.
    Conn(ConnEvent<'w>),
    /// A timer is due. One that does not repeat is gone after.
    Timer {
        /// Which.
        id: TimerId,
        /// The two words given with it.
        words: [usize; 2],
    },
    /// Another thread posted two words.
    Posted {
        /// The two words.
        words: [usize; 2],
    },
    /// A line for the log.
    Log {
        /// How bad.
        level: Level,
        /// One line, no newline.
        text: String,
    },
}

/// How bad a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something asked for could not be done.
    Error = 1,
    /// Something is wrong and was dealt with: a limit reached, a peer that breaks the protocol.
    Warning = 2,
    /// Connections that come and go.
    Info = 3,
    /// What a developer of the library wants to know.
    Debug = 4,
}

/// Something that happened to a connection.
#[derive(Debug)]
pub struct ConnEvent<'w> {
    /// Which connection.
    pub id: ConnId,
    /// The word of the listener or connect call that it came from.
    pub tag: u32,
    /// The connection's own word.
    pub user_data: usize,
    /// What happened.
    pub what: What<'w>,
}

/// What happened. `Request` or `Open` come first; one `Closed` or one `Failed` comes last, `Closed` if there was `Open`.
/// `Retry` may come instead of either, and then `Open` again.
#[derive(Debug)]
pub enum What<'w> {
    /// A client asks (listeners with `ask`): read it with `Context::request`; answer with `accept`, `respond` or
    /// `defer`. Unanswered when the next event is asked for: an upgrade is accepted, anything else gets 426.
    Request,
    /// The handshake is done. Request or response can be read until the next event is asked for.
    Open,
    /// A message, or in streaming mode a piece of one.
    Message {
        /// Text or binary.
        kind: Kind,
        /// The bytes. Text is valid UTF-8; a piece of text may end inside a character.
        data: &'w [u8],
        /// Begins a message.
        first: bool,
        /// Ends a message.
        last: bool,
    },
    /// A ping, answered already.
    Ping(&'w [u8]),
    /// A pong.
    Pong(&'w [u8]),
    /// The queue is low again after a send was refused with `Again`, or `request_drain` asked.
    Drain,
    /// An attempt of a connection that is kept up is over, and another one follows; `Context::retarget` changes where it
    /// goes, `close` ends it.
    Retry(Box<Retry>),
    /// The end of a connection that was open.
    Closed(Closing),
    /// The end of a connection that never opened: a connect that failed, or a peer that vanished after `Request`.
    Failed(Box<Failure>),
}

/// How a connection ended.
#[derive(Debug)]
pub struct Closing {
    /// From the peer's Close, or ours where it never sent one; 1005: a Close without code, 1006: no Close at all;
    /// 0: it never opened, since its request was answered with a status.
    pub code: u16,
    /// The peer's words (or ours), valid UTF-8.
    pub reason: Box<str>,
    /// Both Close frames were exchanged.
    pub clean: bool,
    /// TCP ended without the end of TLS (close_notify) and without the peer's Close: somebody may have cut it off.
    pub truncated: bool,
    /// Who ended it.
    pub by: By,
    /// Why the last attempt failed of a connection that was open before.
    pub failure: Option<Box<Failure>>,
}

/// An attempt that is over, and the one that follows.
#[derive(Debug)]
pub struct Retry {
    /// In a row, from 1.
    pub number: u32,
    /// Until it begins.
    pub delay: Duration,
    /// How the attempt before ended.
    pub outcome: Result<Closing, Box<Failure>>,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// This program, or the library for it (protocol error, limit).
    Local = 1,
    /// The peer, by a Close frame.
    Remote = 2,
    /// TCP ended or failed without a Close frame.
    Network = 3,
    /// A deadline: no pong, no answer to our Close, idle.
    Timeout = 4,
}

/// How far a connection came that never opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding addresses of a name.
    Resolve = 1,
    /// Connecting to one of them.
    Connect = 2,
    /// Asking a proxy for the way.
    Proxy = 3,
    /// The TLS handshake.
    Tls = 4,
    /// The HTTP upgrade.
    Handshake = 5,
}

/// Why a connection never opened.
#[derive(Debug)]
pub struct Failure {
    /// How far it came.
    pub stage: Stage,
    /// What went wrong.
    pub error: Error,
    /// One sentence for people, with address and cause.
    pub text: String,
    /// HTTP status of a refused upgrade; 0 without one. Its head can be read with `Context::response`.
    pub status: u16,
    /// Body of a refused upgrade, as far as the limit allows.
    pub body: Vec<u8>,
}

/// What a connection can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not open yet.
    Connecting = 0,
    /// Open.
    Open = 1,
    /// A Close was sent or received.
    Closing = 2,
    /// Over.
    Closed = 3,
}

/// A local or remote end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketName {
    /// TCP.
    Tcp(std::net::SocketAddr),
    /// A Unix socket; empty without a name.
    Unix(std::path::PathBuf),
}

impl std::fmt::Display for SocketName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SocketName::Tcp(address) => address.fmt(f),
            SocketName::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// How long a wait may last.
pub type Timeout = Option<Duration>;
