//! The event loop on mio: sockets, dialling, deadlines, queues. Knows nothing of C and calls nobody back.
//!
//! [`Context`] is the whole loop. Its user (the C surface) waits with [`Context::wait`], then pulls with
//! [`Context::next_event`] until there is nothing left, and sends in between. Other threads talk to it through a
//! [`Door`].
#![forbid(unsafe_code)]

mod again;
mod backoff;
pub mod commands;
pub mod context;
mod core;
mod count;
pub mod counters;
mod deadlines;
mod deflating;
mod delivery;
mod dial;
mod ending;
pub mod error;
pub mod event;
mod inspect;
pub mod limits;
mod listener;
mod opening;
pub mod options;
mod outbox;
mod peer;
mod prepared;
mod proxy;
pub mod reading;
mod ready;
mod resolve;
mod rows;
mod send;
mod stopping;
mod table;
pub mod tcp;
mod timers;
mod timings;
pub mod tls;
mod transport;
mod turn;
mod upgrade;
pub mod wake;

pub use backoff::Reconnect;
pub use commands::Outgoing;
pub use context::Context;
pub use error::{Error, Result};
pub use event::{
    By, Closing, ConnEvent, ConnId, Event, Failure, ListenerId, Retry, Stage, State, TimerId, What, Window,
};
pub use limits::Limits;
pub use options::{ConnectOptions, ListenOptions, ProxyChoice};
pub use prepared::Prepared;
pub use tcp::{Origin, SocketOptions};
pub use timings::Timings;
pub use transport::note_fork;
pub use wake::Door;
