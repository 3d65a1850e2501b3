//! The WebSocket protocol without I/O (RFC 6455): no sockets, no clock, no randomness, no unsafe code.
//!
//! Callers bring bytes, time and random numbers; they get back steps (what a piece of input meant) and bytes to send.
//! [`connection::Connection`] is the state machine of an open connection in both roles, [`handshake`] the opening
//! handshake over the heads of [`http1`], [`url`] the parser of `ws:` addresses, [`proxy`] the way through a proxy.
#![forbid(unsafe_code)]

pub mod body;
pub mod buffer;
pub mod chunked;
pub mod close;
pub mod connection;
pub mod credentials;
pub mod deflate;
pub mod error;
pub mod frame;
pub mod handshake;
pub mod http1;
pub mod mask;
pub mod message;
pub mod proxy;
pub mod retry_after;
pub mod shared;
pub mod url;
pub mod utf8;
