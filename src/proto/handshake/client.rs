//! Opening handshake, client side: checking the answer (RFC 6455 §4.1).
//!
//! `net::peer` calls [`write_request`] once connected, then [`parse`] with what the server has sent so far.
//!
//! Invariant: [`Answer::Accepted`] means that every condition of §4.1 holds for what was asked; nothing is excused.

pub use super::offer::{Offer, OfferError, write_request};
pub use crate::proto::body::BodyLength;

use std::error::Error;
use std::fmt;

use super::check::has_token;
use crate::proto::deflate::Agreed;
use crate::proto::deflate::negotiation::{self, Fault};
use crate::proto::http1::{self, Found, Head, HeadLimits, Scanned, Span, StatusLine, list};

/// A response, with its own copy of the head.
#[derive(Debug)]
pub struct Response {
    head: Head,
    status: u16,
    reason: Span,
    has_subprotocol: bool,
    deflate: Option<Agreed>,
}

impl Response {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The phrase beside the status; often empty, never to be relied on.
    pub fn reason(&self) -> &str {
        self.reason.text(self.head.bytes())
    }

    /// The header fields.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The subprotocol that the server chose, one of those offered.
    pub fn subprotocol(&self) -> Option<&str> {
        let value = self.head.header("sec-websocket-protocol").filter(|_| self.has_subprotocol)?;
        std::str::from_utf8(value).ok()
    }

    /// What was agreed on for compressing messages, None: they are not.
    pub fn deflate(&self) -> Option<Agreed> {
        self.deflate
    }
}

/// What the bytes received so far mean.
#[derive(Debug)]
pub enum Answer {
    /// Nothing yet: call again when there are more.
    Partial,
    /// The WebSocket is open.
    Accepted {
        /// The response.
        response: Response,
        /// Bytes up to the end of the head; the first frame follows.
        consumed: usize,
    },
    /// The server answered something other than 101.
    Rejected {
        /// The response.
        response: Response,
        /// Bytes up to the end of the head; the body follows.
        consumed: usize,
        /// How long the body is.
        body: BodyLength,
    },
    /// The answer breaks the protocol.
    Invalid(AnswerError),
}

/// How an answer breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// It doesn't start like HTTP.
    NotHttp,
    /// It starts with an alert: a TLS server got plain text.
    Tls,
    /// The status line is malformed.
    StatusLine,
    /// The version isn't HTTP/1.1.
    Version,
    /// A header field is malformed, or a line doesn't end in CRLF.
    Header,
    /// The head exceeds its limit in bytes.
    TooBig,
    /// The head has too many fields.
    TooManyHeaders,
    /// Upgrade isn't `websocket`.
    Upgrade,
    /// Connection doesn't contain `Upgrade`.
    Connection,
    /// `Sec-WebSocket-Accept` is missing or repeated.
    AcceptMissing,
    /// `Sec-WebSocket-Accept` is not the answer to this request.
    AcceptWrong,
    /// The subprotocol was not offered, or there are several.
    Subprotocol,
    /// The extension is not one that was offered, or not as it was offered.
    Extension(Fault),
    /// A 101 announces a body, or the length of a body is contradictory.
    Body,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "the server does not answer in HTTP",
            Self::Tls => "the server speaks TLS there: its address begins with wss://",
            Self::StatusLine => "the status line is malformed",
            Self::Version => "the server does not answer in HTTP/1.1",
            Self::Header => "a header of the answer is malformed",
            Self::TooBig => "the answer's head is too large",
            Self::TooManyHeaders => "the answer has too many headers",
            Self::Upgrade => "the answer's Upgrade header is not websocket",
            Self::Connection => "the answer's Connection header lacks Upgrade",
            Self::AcceptMissing => "the answer does not have exactly one Sec-WebSocket-Accept header",
            Self::AcceptWrong => "the answer's Sec-WebSocket-Accept header is wrong",
            Self::Subprotocol => "the server chose a subprotocol that was not offered",
            Self::Extension(fault) => return fault.fmt(f),
            Self::Body => "the length of the answer's body is invalid",
        })
    }
}

impl Error for AnswerError {}

/// Reads the answer from the start of `bytes`, which holds all that was received.
///
/// `scanned` starts as its default and remembers how far the end of the head has been searched for.
pub fn parse(bytes: &[u8], scanned: &mut Scanned, limits: &HeadLimits, offer: &Offer) -> Answer {
    read(bytes, scanned, limits, offer).unwrap_or_else(Answer::Invalid)
}

fn read(bytes: &[u8], scanned: &mut Scanned, limits: &HeadLimits, offer: &Offer) -> Result<Answer, AnswerError> {
    match read_head(bytes, scanned, limits)? {
        None => Ok(Answer::Partial),
        Some((line, head, end)) if line.status == 101 => accepted(line, head, offer, end),
        Some((line, head, end)) => rejected(line, head, end),
    }
}

/// The first head that is not just interim, and where it ends; None: it isn't whole yet. Also for a proxy's answers.
pub(in crate::proto) fn read_head(
    bytes: &[u8],
    scanned: &mut Scanned,
    limits: &HeadLimits,
) -> Result<Option<(StatusLine, Head, usize)>, AnswerError> {
    // Beyond the limit nothing is looked at, or the verdict would depend on how much came at once.
    let window = &bytes[..bytes.len().min(limits.max_bytes)];
    loop {
        let rest = window.get(scanned.start()..).unwrap_or_default();
        // What cannot be an answer is refused at its first byte, not after waiting for the end of a head.
        const START: &[u8] = b"HTTP/";
        // RFC 8446 §5.1: the type of a record with an alert.
        const ALERT: u8 = 21;
        if rest.first() == Some(&ALERT) {
            return Err(AnswerError::Tls);
        }
        if rest.iter().zip(START).any(|(byte, expected)| byte != expected) {
            return Err(AnswerError::NotHttp);
        }
        let end = match scanned.find_end(bytes, limits, limits.max_bytes) {
            Found::More => return Ok(None),
            Found::End(end) => end,
            Found::BareLf => return Err(AnswerError::Header),
            Found::TooManyHeaders => return Err(AnswerError::TooManyHeaders),
            Found::TooBig | Found::StartLineTooLong => return Err(AnswerError::TooBig),
        };
        let (line, head) = http1::parse_response(&bytes[scanned.start()..end]).map_err(fault)?;
        match line.status {
            101 | 200.. => return Ok(Some((line, head, end))),
            // RFC 7231 §6.2: "A client MUST be able to parse one or more 1xx responses received prior to a final
            // response, even if the client does not expect one."
            100..200 if line.minor_version == 1 => scanned.restart(end),
            100..200 => return Err(AnswerError::Version),
            _ => return Err(AnswerError::StatusLine),
        }
    }
}

fn fault(error: httparse::Error) -> AnswerError {
    use httparse::Error;
    match error {
        Error::Version => AnswerError::Version,
        Error::TooManyHeaders => AnswerError::TooManyHeaders,
        Error::Status | Error::Token => AnswerError::StatusLine,
        _ => AnswerError::Header,
    }
}

impl Response {
    pub(in crate::proto) fn new(line: StatusLine, head: Head, has_subprotocol: bool) -> Self {
        Self { head, status: line.status, reason: line.reason, has_subprotocol, deflate: None }
    }
}

/// The conditions of RFC 6455 §4.1 on a 101, in their order.
fn accepted(line: StatusLine, head: Head, offer: &Offer, consumed: usize) -> Result<Answer, AnswerError> {
    if line.minor_version != 1 {
        return Err(AnswerError::Version);
    }
    // "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a value that is not an
    // ASCII case-insensitive match for the value "websocket", the client MUST _Fail the WebSocket Connection_."
    if !single(&head, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
        return Err(AnswerError::Upgrade);
    }
    // "If the response lacks a |Connection| header field or the |Connection| header field doesn't contain a token
    // that is an ASCII case-insensitive match for the value "Upgrade", the client MUST _Fail …_."
    if !head.all("connection").any(|value| has_token(value, b"upgrade")) {
        return Err(AnswerError::Connection);
    }
    // "If the response lacks a |Sec-WebSocket-Accept| header field or the |Sec-WebSocket-Accept| contains a value
    // other than the base64-encoded SHA-1 of […], the client MUST _Fail …_."
    let accept = single(&head, "sec-websocket-accept").ok_or(AnswerError::AcceptMissing)?;
    if accept != offer.accept() {
        return Err(AnswerError::AcceptWrong);
    }
    let deflate = negotiation::check(offer.deflate.as_ref(), head.all("sec-websocket-extensions"));
    let deflate = deflate.map_err(AnswerError::Extension)?;
    // "If the response includes a |Sec-WebSocket-Protocol| header field and this header field indicates the use of a
    // subprotocol that was not present in the client's handshake […], the client MUST _Fail …_."
    let has_subprotocol = head.header("sec-websocket-protocol").is_some();
    if has_subprotocol && !single(&head, "sec-websocket-protocol").is_some_and(|name| offer.has_subprotocol(name)) {
        return Err(AnswerError::Subprotocol);
    }
    // RFC 7230 §3.3.3: a 1xx response "cannot contain a message body".
    if head.header("transfer-encoding").is_some() || head.all("content-length").any(|length| length != b"0") {
        return Err(AnswerError::Body);
    }
    Ok(Answer::Accepted { response: Response { deflate, ..Response::new(line, head, has_subprotocol) }, consumed })
}

fn rejected(line: StatusLine, head: Head, consumed: usize) -> Result<Answer, AnswerError> {
    let body = body_length(line.status, &head)?;
    Ok(Answer::Rejected { response: Response::new(line, head, false), consumed, body })
}

/// RFC 7230 §3.3.3, for the response to a GET, or one that refuses a CONNECT.
pub(in crate::proto) fn body_length(status: u16, head: &Head) -> Result<BodyLength, AnswerError> {
    if status == 204 || status == 304 {
        return Ok(BodyLength::None);
    }
    // "If a message is received with both a Transfer-Encoding and a Content-Length header field, the
    // Transfer-Encoding overrides the Content-Length."
    if let Some(coding) = head.all("transfer-encoding").flat_map(list).last() {
        // "If a Transfer-Encoding header field is present in a response and the chunked transfer coding is not the
        // final encoding, the message body length is determined by reading the connection until it is closed".
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        return Ok(if chunked { BodyLength::Chunked } else { BodyLength::UntilClose });
    }
    let mut lengths = head.all("content-length");
    let Some(first) = lengths.next() else {
        return Ok(BodyLength::UntilClose);
    };
    // "[…] multiple Content-Length header fields having differing field-values or a single Content-Length header
    // field having an invalid value, then the message framing is invalid".
    let length = decimal(first).filter(|_| lengths.all(|other| other == first));
    match length {
        Some(0) => Ok(BodyLength::None),
        Some(length) => Ok(BodyLength::Known(length)),
        None => Err(AnswerError::Body),
    }
}

/// Digits only: no sign, no space, no overflow.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The value of a field that is there exactly once.
fn single<'a>(head: &'a Head, name: &str) -> Option<&'a [u8]> {
    let mut values = head.all(name);
    let first = values.next();
    first.filter(|_| values.next().is_none())
}
