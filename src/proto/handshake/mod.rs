//! The opening handshake of RFC 6455 §4, both roles, without I/O.
//!
//! [`server`] reads a request and writes a response; [`client`] writes a request and checks the response. Both get
//! the bytes received so far and say either "more", or what they mean, or what is wrong with them. What follows the
//! head in the same bytes is left to the caller.

pub mod client;
pub mod server;
