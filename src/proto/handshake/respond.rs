//! Opening handshake, server side: writing the response (RFC 6455 §4.2.2, RFC 7231 §6).
//!
//! `net::peer` calls these through [`server`](super::server). Each appends a whole response, or leaves `out` as it was
//! and returns why; nothing that a program passes in can end a line early.

use std::error::Error;
use std::fmt;

use super::server::{Refusal, Request};
use super::{HeaderFault, accept_for, check_header, headers_len, push_header};

/// Why a response cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// A 101 needs a request for a WebSocket.
    NotAnUpgrade,
    /// The subprotocol was not offered.
    SubprotocolNotOffered,
    /// A field is not allowed.
    Header(HeaderFault),
    /// The status is not between 200 and 599.
    Status,
    /// A response of this status has no body.
    Body,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnUpgrade => "the request does not ask for a WebSocket",
            Self::SubprotocolNotOffered => "the client did not offer this subprotocol",
            Self::Header(fault) => return fault.fmt(f),
            Self::Status => "the status is not between 200 and 599",
            Self::Body => "a response with this status has no body",
        })
    }
}

impl Error for ResponseError {}

impl From<HeaderFault> for ResponseError {
    fn from(fault: HeaderFault) -> Self {
        Self::Header(fault)
    }
}

/// Writes the 101 that opens the WebSocket, with one of the offered subprotocols or none, the text of the `extension` that
/// was agreed on, and the program's `headers`.
pub fn write_accept(
    out: &mut Vec<u8>,
    request: &Request,
    subprotocol: Option<&str>,
    extension: Option<&str>,
    headers: &[(&str, &[u8])],
) -> Result<(), ResponseError> {
    let key = request.key().ok_or(ResponseError::NotAnUpgrade)?;
    // RFC 6455 §4.2.2: "The value chosen MUST be derived from the client's handshake, specifically by selecting one
    // of the values from the |Sec-WebSocket-Protocol| field".
    if subprotocol.is_some_and(|chosen| request.subprotocols().all(|offered| offered != chosen)) {
        return Err(ResponseError::SubprotocolNotOffered);
    }
    check_headers(headers)?;
    const START: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    const FIXED: usize = START.len()
        + "Sec-WebSocket-Accept: \r\nSec-WebSocket-Protocol: \r\nSec-WebSocket-Extensions: \r\n\r\n".len()
        + 28;
    out.reserve(FIXED + subprotocol.map_or(0, str::len) + extension.map_or(0, str::len) + headers_len(headers));
    out.extend_from_slice(START);
    push_header(out, "Sec-WebSocket-Accept", &accept_for(key));
    for (name, value) in [("Sec-WebSocket-Protocol", subprotocol), ("Sec-WebSocket-Extensions", extension)] {
        if let Some(value) = value {
            push_header(out, name, value.as_bytes());
        }
    }
    for (name, value) in headers {
        push_header(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Writes any other response, after which the connection closes.
///
/// With `head_only`, for a HEAD request, `body` gives the length but is not sent.
pub fn write_response(
    out: &mut Vec<u8>,
    status: u16,
    headers: &[(&str, &[u8])],
    body: &[u8],
    head_only: bool,
) -> Result<(), ResponseError> {
    if !(200..=599).contains(&status) {
        return Err(ResponseError::Status);
    }
    // RFC 7230 §3.3.3: "Any response to a HEAD request and any response with a 1xx (Informational), 204 (No
    // Content), or 304 (Not Modified) status code is always terminated by the first empty line".
    let has_body = status != 204 && status != 304;
    if !has_body && !body.is_empty() {
        return Err(ResponseError::Body);
    }
    check_headers(headers)?;
    out.reserve(192 + headers_len(headers) + body.len());
    push_status_line(out, status);
    if status == 426 {
        // RFC 7230 §6.7: "A sender of Upgrade MUST also send an "Upgrade" connection option in the Connection header
        // field".
        out.extend_from_slice(b"Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    if has_body {
        push_header(out, "Content-Length", decimal(body.len(), &mut [0; 20]));
    }
    for (name, value) in headers {
        push_header(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
    if !head_only {
        out.extend_from_slice(body);
    }
    Ok(())
}

/// Writes the response to a request that was refused, with the reason as its body.
pub fn write_refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    const TEXT: (&str, &[u8]) = ("Content-Type", b"text/plain; charset=utf-8");
    // RFC 7231 §6.5.5: "The origin server MUST generate an Allow header field in a 405 response".
    const ALLOW: (&str, &[u8]) = ("Allow", b"GET");
    let headers: &[_] = if refusal.status == 405 { &[TEXT, ALLOW] } else { &[TEXT] };
    let written = write_response(out, refusal.status, headers, refusal.why.as_bytes(), refusal.head_only);
    debug_assert_eq!(written, Ok(()));
}

fn check_headers(headers: &[(&str, &[u8])]) -> Result<(), HeaderFault> {
    headers.iter().try_for_each(|(name, value)| check_header(name, value))
}

fn push_status_line(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(decimal(status.into(), &mut [0; 20]));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `number` in decimal digits, at the end of `digits`.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

/// The phrase of RFC 7231 §6.1 and its successors; unknown ones go without, which RFC 7230 §3.1.2 allows.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        416 => "Range Not Satisfiable",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
