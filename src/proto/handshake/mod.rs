//! The opening handshake of RFC 6455 §4, both roles, without I/O.
//!
//! [`server`] reads a request and writes a response; [`client`] writes a request and checks the response. Both get
//! the bytes received so far and say either "more", or what they mean, or what is wrong with them. What follows the
//! head in the same bytes is left to the caller. `net::peer` drives them. [`redirect`] finds where a 3xx sends a client.
//!
//! Here is what both roles share: the accept value and the check of fields that a program adds.

mod check;
pub mod client;
pub(in crate::proto) mod extensions;
mod offer;
pub mod redirect;
mod respond;
pub mod server;
mod target;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::http1::{is_field_value, is_reserved_header, is_token};

/// A key as it stands in the request: 16 bytes in base64.
type Key = [u8; 24];
/// An accept value as it stands in the response: a SHA-1 digest in base64.
type Accept = [u8; 28];

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// RFC 6455 §4.2.2: "concatenating this value with the string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the
/// SHA-1 hash of this concatenated value to obtain a 20-byte value and base64-encoding this 20-byte hash".
fn accept_for(key: &Key) -> Accept {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    encode(&digest)
}

/// Base64 into an array that has exactly the right size.
fn encode<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    // Cannot fail: 16 bytes make 24 characters, 20 make 28, and those are the only two uses.
    let written = STANDARD.encode_slice(bytes, &mut text);
    debug_assert_eq!(written, Ok(N));
    text
}

/// Why a field that a program wants to add is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The name is not a token.
    Name,
    /// The value has a control character, such as a line end.
    Value,
    /// The library sets this field itself.
    Reserved,
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a header name is not a token",
            Self::Value => "a header value contains a control character",
            Self::Reserved => "a header is set by the library and cannot be set by the program",
        })
    }
}

fn check_header(name: &str, value: &[u8]) -> Result<(), HeaderFault> {
    if !is_token(name.as_bytes()) {
        Err(HeaderFault::Name)
    } else if !is_field_value(value) {
        Err(HeaderFault::Value)
    } else if is_reserved_header(name) {
        Err(HeaderFault::Reserved)
    } else {
        Ok(())
    }
}

fn push_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// What [`push_header`] will add for all of `headers`, to grow the output once.
fn headers_len(headers: &[(&str, &[u8])]) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
}
