//! Opening handshake, server side: reading the request (RFC 6455 §4.2.1).
//!
//! `net::peer` calls [`parse`] with what a new connection has sent so far, then [`write_accept`], [`write_response`] or
//! [`write_refusal`].
//!
//! Invariants: a [`Request`] is well-formed HTTP without a body, with one Host (unless it is HTTP/1.0) and a method of
//! GET or HEAD; one whose [`Request::is_upgrade`] is true satisfies all of §4.2.1 and can be accepted. Everything else
//! is a [`Refusal`], after which the connection must close: what follows in the input has no defined meaning. Nothing
//! is copied before the head is complete.

pub use super::respond::{ResponseError, write_accept, write_refusal, write_response};

use super::Key;
use super::check::check;
use crate::proto::http1::{self, Found, Head, HeadLimits, Scanned, Span, is_token, list};

/// A request that may be answered, with its own copy of the head.
#[derive(Debug)]
pub struct Request {
    head: Head,
    method: Span,
    target: Span,
    path: Span,
    query: Option<Span>,
    key: Option<Key>,
}

impl Request {
    /// `GET`, or `HEAD` where no upgrade is asked for.
    pub fn method(&self) -> &str {
        self.method.text(self.head.bytes())
    }

    /// The target as it was sent.
    pub fn target(&self) -> &str {
        self.target.text(self.head.bytes())
    }

    /// The target's path, still percent-encoded; starts with `/`.
    pub fn path(&self) -> &str {
        match self.path.text(self.head.bytes()) {
            "" => "/",
            path => path,
        }
    }

    /// What follows the `?`, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        self.query.map(|query| query.text(self.head.bytes()))
    }

    /// The header fields.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether this is a complete request for a WebSocket. If not, it asks for a page: it says nothing of WebSocket.
    pub fn is_upgrade(&self) -> bool {
        self.key.is_some()
    }

    /// The subprotocols offered, the preferred one first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        let values = self.head.all("sec-websocket-protocol");
        // Checked to be tokens, which are ASCII.
        values.flat_map(list).filter_map(|name| std::str::from_utf8(name).ok())
    }

    /// The values of `Sec-WebSocket-Extensions`, whose grammar has been checked.
    pub fn extensions(&self) -> impl Iterator<Item = &[u8]> {
        self.head.all("sec-websocket-extensions")
    }

    /// The page that asks, if a browser does.
    pub fn origin(&self) -> Option<&[u8]> {
        self.head.header("origin")
    }

    /// The Host field: a name or address, and a port unless it is the default one. Only HTTP/1.0 may lack it.
    pub fn host(&self) -> Option<&[u8]> {
        self.head.header("host")
    }

    pub(super) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }
}

/// Why a request cannot be answered by the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status to answer with.
    pub status: u16,
    /// The reason in words, for the log and the response's body.
    pub why: &'static str,
    /// The request's method was HEAD, whose response has no body.
    pub head_only: bool,
}

/// What the bytes received so far mean.
#[derive(Debug)]
pub enum Incoming {
    /// Nothing yet: call again when there are more.
    Partial,
    /// A request, and how many bytes it took.
    Request {
        /// The request.
        request: Request,
        /// Bytes of the head; what follows belongs to the connection.
        consumed: usize,
    },
    /// Answer with [`write_refusal`] and close.
    Refused(Refusal),
}

/// Reads a request from the start of `bytes`, which holds all that was received.
///
/// `scanned` starts as its default and remembers how far the end of the head has been searched for.
pub fn parse(bytes: &[u8], scanned: &mut Scanned, limits: &HeadLimits) -> Incoming {
    match read(bytes, scanned, limits) {
        Ok(None) => Incoming::Partial,
        Ok(Some(request)) => Incoming::Request { request, consumed: scanned.position() },
        Err(refusal) => Incoming::Refused(refusal),
    }
}

pub(super) type Checked<T> = Result<T, Refusal>;

pub(super) fn refuse<T>(status: u16, why: &'static str) -> Checked<T> {
    Err(Refusal { status, why, head_only: false })
}

/// More than any registered method, so that a first word that never ends is recognised.
const MAX_METHOD: usize = 24;
/// What follows the target in a request line.
const AFTER_TARGET: usize = " HTTP/1.1\r\n".len();

fn read(bytes: &[u8], scanned: &mut Scanned, limits: &HeadLimits) -> Checked<Option<Request>> {
    let Some(method_length) = first_word(bytes, scanned)? else {
        return Ok(None);
    };
    let line_max = (method_length + 1 + AFTER_TARGET).saturating_add(limits.max_target);
    match scanned.find_end(bytes, limits, line_max) {
        Found::More => Ok(None),
        Found::End(end) => interpret(&bytes[scanned.start()..end]).map(Some),
        Found::BareLf => refuse(400, "a line ends in LF without CR"),
        Found::StartLineTooLong => refuse(414, "the request target is too long"),
        Found::TooManyHeaders => refuse(431, "too many header fields"),
        Found::TooBig => refuse(431, "the request head is too large"),
    }
}

/// The length of the method, once it is there. What cannot be one, such as a TLS hello, is refused at its first byte.
fn first_word(bytes: &[u8], scanned: &mut Scanned) -> Checked<Option<usize>> {
    // RFC 7230 §3.5: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty
    // line (CRLF) received prior to the request-line": exactly one.
    if scanned.start() == 0 && bytes.starts_with(b"\r\n") {
        scanned.restart(2);
    }
    if bytes == b"\r" {
        return Ok(None);
    }
    let line = bytes.get(scanned.start()..).unwrap_or_default();
    let word = &line[..line.len().min(MAX_METHOD + 1)];
    match word.iter().position(|&byte| byte == b' ') {
        Some(length) if is_token(&word[..length]) => Ok(Some(length)),
        None if word.len() <= MAX_METHOD && (word.is_empty() || is_token(word)) => Ok(None),
        _ => refuse(400, "this is not an HTTP request"),
    }
}

fn interpret(bytes: &[u8]) -> Checked<Request> {
    let (line, head) = match http1::parse_request(bytes) {
        Ok(parsed) => parsed,
        Err(error) => return malformed(bytes, error),
    };
    let head_only = line.method.of(bytes) == b"HEAD";
    match check(&line, &head) {
        Ok((target, key)) => Ok(Request {
            method: line.method,
            target: line.target,
            path: line.target.part(target.path),
            query: target.query.map(|query| line.target.part(query)),
            key,
            head,
        }),
        Err(refusal) => Err(Refusal { head_only, ..refusal }),
    }
}

fn malformed<T>(bytes: &[u8], error: httparse::Error) -> Checked<T> {
    use httparse::Error;
    match error {
        Error::Version if names_http_version(bytes) => refuse(505, "only HTTP/1.1 is supported"),
        Error::HeaderName => refuse(400, "a header name is malformed"),
        Error::HeaderValue => refuse(400, "a header value contains a control character"),
        Error::TooManyHeaders => refuse(431, "too many header fields"),
        _ => refuse(400, "the request line is malformed"),
    }
}

/// Whether the request line is complete but for the number of its version (RFC 7230 §2.6: one digit, a point, one digit).
fn names_http_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    let version = words.next().and_then(|word| word.strip_prefix(b"HTTP/"));
    let is_version = version.is_some_and(|version| match version {
        [major, b'.', minor] => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    });
    is_version && words.next().is_none()
}
