//! Opening handshake, client side: writing the request (RFC 6455 §4.1).
//!
//! `net::peer` calls this through [`client`](super::client). A request is appended whole, or `out` stays as it was;
//! nothing that a program passes in can end a line early.

use std::error::Error;
use std::fmt;

use super::{Accept, HeaderFault, Key, accept_for, check_header, encode, headers_len, push_header, target};
use crate::proto::deflate::Settings;
use crate::proto::deflate::negotiation::Parameters;
use crate::proto::http1::{is_token, list};
use crate::proto::url::WsUrl;

/// What was asked, to compare the answer with.
#[derive(Clone, Debug)]
pub struct Offer {
    accept: Accept,
    /// As sent: separated by a comma and a space.
    subprotocols: String,
    pub(super) deflate: Option<Parameters>,
}

impl Offer {
    /// The only `Sec-WebSocket-Accept` that a server may answer with.
    pub fn accept(&self) -> &[u8; 28] {
        &self.accept
    }

    pub(super) fn has_subprotocol(&self, name: &[u8]) -> bool {
        is_token(name) && list(self.subprotocols.as_bytes()).any(|offered| offered == name)
    }
}

/// Why a request cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// A subprotocol is not a token, or is there twice.
    Subprotocol,
    /// A field is not allowed.
    Header(HeaderFault),
    /// Host or Origin is there twice.
    Duplicate,
    /// Host is not a name or address with an optional port.
    Host,
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subprotocol => "the subprotocols are not distinct tokens",
            Self::Header(fault) => return fault.fmt(f),
            Self::Duplicate => "the Host or Origin header is given twice",
            Self::Host => "the Host header is malformed",
        })
    }
}

impl Error for OfferError {}

impl From<HeaderFault> for OfferError {
    fn from(fault: HeaderFault) -> Self {
        Self::Header(fault)
    }
}

/// Writes the request for a WebSocket at `url`; on an error `out` is unchanged.
///
/// `nonce` is 16 fresh random bytes. `headers` may take the place of Host and of the Authorization that the address's
/// credentials make, and add Origin, Cookie and whatever else the library doesn't set itself. With `deflate` permessage-deflate
/// is offered.
pub fn write_request(
    out: &mut Vec<u8>,
    url: &WsUrl,
    nonce: [u8; 16],
    subprotocols: &[&str],
    deflate: Option<&Settings>,
    headers: &[(&str, &[u8])],
) -> Result<Offer, OfferError> {
    check_subprotocols(subprotocols)?;
    check_headers(headers)?;
    let key: Key = encode(&nonce);
    let deflate = deflate.map(Parameters::offer);
    let offer = Offer { accept: accept_for(&key), subprotocols: subprotocols.join(", "), deflate };
    const FIXED: usize = 416;
    out.reserve(FIXED + url.target.len() + offer.subprotocols.len() + headers_len(headers));
    for piece in ["GET ", &url.target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    let is_given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    if !is_given("host") {
        push_header(out, "Host", url.authority().as_bytes());
    }
    out.extend_from_slice(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
    push_header(out, "Sec-WebSocket-Key", &key);
    if !subprotocols.is_empty() {
        push_header(out, "Sec-WebSocket-Protocol", offer.subprotocols.as_bytes());
    }
    if let Some(parameters) = &offer.deflate {
        push_header(out, "Sec-WebSocket-Extensions", parameters.to_string().as_bytes());
    }
    if let Some(credentials) = &url.credentials
        && !is_given("authorization")
    {
        push_header(out, "Authorization", credentials.basic().as_bytes());
    }
    for (name, value) in headers {
        push_header(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
    Ok(offer)
}

/// RFC 6455 §4.1: "The elements that comprise this value MUST be non-empty strings […] and MUST all be unique strings."
fn check_subprotocols(subprotocols: &[&str]) -> Result<(), OfferError> {
    for (index, name) in subprotocols.iter().enumerate() {
        if !is_token(name.as_bytes()) || subprotocols[..index].contains(name) {
            return Err(OfferError::Subprotocol);
        }
    }
    Ok(())
}

fn check_headers(headers: &[(&str, &[u8])]) -> Result<(), OfferError> {
    for &(name, value) in headers {
        check_header(name, value)?;
        if name.eq_ignore_ascii_case("host") && !target::is_host(value) {
            return Err(OfferError::Host);
        }
    }
    for single in ["host", "origin"] {
        if headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(single)).count() > 1 {
            return Err(OfferError::Duplicate);
        }
    }
    Ok(())
}
