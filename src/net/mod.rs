//! The event loop on mio: sockets, dialling, deadlines, queues. Knows nothing of C and calls nobody back.
//!
//! [`Context`] is the whole loop. Its user (the C surface) waits with [`Context::wait`], then pulls with
//! [`Context::next_event`] until there is nothing left, and sends in between. Other threads talk to it through a
//! [`Door`].

pub mod context;
pub mod error;
pub mod event;
pub mod limits;
pub mod options;
pub mod wake;

pub use context::Context;
pub use error::{Error, Result};
pub use event::{By, Closing, ConnEvent, ConnId, Event, Failure, ListenerId, Stage, State, TimerId, What, Window};
pub use limits::Limits;
pub use options::{ConnectOptions, ListenOptions};
pub use wake::Door;
