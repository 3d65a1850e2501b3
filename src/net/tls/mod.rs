//! TLS (RFC 8446, RFC 5246) by rustls: what an endpoint is and whom it trusts, and the session of one connection.
//!
//! ```text
//! options   what a program asks for: plain data
//! config    Tls: the configurations of both roles made from it, shared by connections of any context
//! certs     the own certificates, chosen by server name, changed while running
//! verify    whom to trust: trust stores, pins, client certificates
//! session   one connection: handshake, what came and what leaves
//! records   content out of records, records around content
//! text      errors in words, certificates in words
//! absent    all of it in a build without TLS
//! ```
//!
//! `reading` and `send` use a [`Session`] where a connection has one; nothing else of the loop knows of records.

#[cfg(feature = "rustls")]
mod certs;
#[cfg(feature = "rustls")]
mod config;
mod options;
#[cfg(feature = "rustls")]
mod records;
#[cfg(feature = "rustls")]
mod session;
#[cfg(feature = "rustls")]
mod text;
#[cfg(feature = "rustls")]
mod verify;

#[cfg(not(feature = "rustls"))]
mod absent;
#[cfg(not(feature = "rustls"))]
pub use absent::Tls;
#[cfg(not(feature = "rustls"))]
pub(super) use absent::{Opened, Received, Session, Shared};

#[cfg(feature = "rustls")]
pub use config::Tls;
#[cfg(feature = "rustls")]
pub(super) use session::{Opened, Received, Session, Shared};

pub use options::{ClientCerts, Identity, Info, TlsOptions, Trust, Version};

/// Why a session ended before its time.
#[derive(Debug)]
pub struct Broken {
    /// One sentence that says what to do.
    pub text: String,
    /// The alert that was sent or received; 0 without one.
    pub alert: u8,
    /// It is the peer's certificate that was refused.
    pub certificate: bool,
}
