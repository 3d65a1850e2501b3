//! HTTP/1.1 heads (RFC 7230 §3): finding their end, their header fields, and the rules for names and values.
//!
//! Used by both roles of [`handshake`](super::handshake), which `net::peer` calls with the bytes received so far.
//!
//! Invariants: no byte is searched twice, however a head is cut ([`Scanned`] only moves forward); nothing is looked at
//! beyond [`HeadLimits::max_bytes`]; a limit is reported when it is passed, not when the head ends; only CRLF ends a
//! line. A [`Head`] holds two allocations, whatever the number of its fields.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

use memchr::memchr_iter;

/// What a head may cost. A peer that goes beyond is refused as soon as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head, the empty line included; for a client, all interim responses together.
    pub max_bytes: usize,
    /// Header fields, at most [`MAX_HEADERS`].
    pub max_headers: usize,
    /// Bytes of the request target.
    pub max_target: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        // What nginx, Apache and Node accept, within a factor of two: cookies of real users fit, floods don't.
        Self { max_bytes: 16_384, max_headers: 100, max_target: 8_192 }
    }
}

/// The largest useful [`HeadLimits::max_headers`]: fields are collected on the stack.
pub const MAX_HEADERS: usize = 256;

/// A copy of a head's bytes and where its header fields are in it.
pub struct Head {
    bytes: Box<[u8]>,
    fields: Box<[Field]>,
}

impl Head {
    /// The value of the first field called `name`, in any case, without the white space around it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The values of all fields called `name`, in the order received.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields
            .iter()
            .filter(move |field| field.name.of(&self.bytes).eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value.of(&self.bytes))
    }

    /// The field at `index`, in the order received.
    pub fn header_at(&self, index: usize) -> Option<(&str, &[u8])> {
        let field = self.fields.get(index)?;
        Some((field.name.text(&self.bytes), field.value.of(&self.bytes)))
    }

    /// The number of header fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no header fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// All header fields, in the order received.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (field.name.text(&self.bytes), field.value.of(&self.bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Names and values as bytes, for the checks of a handshake: names need not be text to be compared.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (field.name.of(&self.bytes), field.value.of(&self.bytes)))
    }

    fn new(bytes: &[u8], parsed: &[httparse::Header<'_>]) -> Self {
        let fields = parsed.iter().map(|header| Field {
            name: Span::within(bytes, header.name.as_bytes()),
            value: Span::within(bytes, header.value),
        });
        Self { fields: fields.collect(), bytes: bytes.into() }
    }
}

impl fmt::Debug for Head {
    /// Names only: values hold cookies and passwords, which don't belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers().map(|(name, _)| name)).finish()
    }
}

#[derive(Clone, Copy)]
struct Field {
    name: Span,
    value: Span,
}

/// A piece of a head. Four bytes are enough for each end: [`Scanned::find_end`] never accepts a longer head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// Where `part` lies in `whole`.
    fn within(whole: &[u8], part: &[u8]) -> Self {
        // The parser gives an empty value as a constant of its own, which lies nowhere.
        if part.is_empty() {
            return Self::default();
        }
        let start = part.as_ptr().addr() - whole.as_ptr().addr();
        Self::new(start, start + part.len())
    }

    /// A part of this piece, `range` counting from its start.
    pub(super) fn part(self, range: Range<usize>) -> Self {
        let start = self.start as usize;
        Self::new(start + range.start, start + range.end)
    }

    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The piece as text; empty where it isn't UTF-8, which only a reason phrase can be.
    pub(super) fn text(self, bytes: &[u8]) -> &str {
        std::str::from_utf8(self.of(bytes)).unwrap_or_default()
    }
}

/// How far the end of a head has been searched for: kept by the caller from one piece of input to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    start: usize,
    position: usize,
    lines: usize,
}

/// What a search for the end of a head found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    More,
    /// The head lies between [`Scanned::start`] and here.
    End(usize),
    BareLf,
    StartLineTooLong,
    TooManyHeaders,
    TooBig,
}

impl Scanned {
    /// Bytes that need no further look; never decreases.
    pub fn position(&self) -> usize {
        self.position
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The head starts (again) at `start`: an empty line or an interim response came before it.
    ///
    /// Lines already seen stay counted, so that the limits hold for all interim responses together.
    pub(super) fn restart(&mut self, start: usize) {
        self.start = start;
        self.position = self.position.max(start);
    }

    /// Searches on for the empty line, each limit being checked in the order of the bytes: the outcome is the same
    /// however the head is cut.
    pub(super) fn find_end(&mut self, bytes: &[u8], limits: &HeadLimits, start_line_max: usize) -> Found {
        let max_bytes = limits.max_bytes.min(u32::MAX as usize);
        let max_headers = limits.max_headers.min(MAX_HEADERS);
        let window = &bytes[..bytes.len().min(max_bytes)];
        let begin = self.position.min(window.len());
        for at in memchr_iter(b'\n', &window[begin..]).map(|skipped| begin + skipped) {
            if self.lines == 0 && at + 1 - self.start > start_line_max {
                return Found::StartLineTooLong;
            }
            // RFC 7230 §3.5: "a recipient MAY recognize a single LF as a line terminator": it is what smuggling
            // is made of, so this one doesn't.
            if at == self.start || window[at - 1] != b'\r' {
                return Found::BareLf;
            }
            self.position = at + 1;
            if at >= self.start + 2 && window[at - 2] == b'\n' {
                return Found::End(at + 1);
            }
            self.lines += 1;
            if self.lines > max_headers + 1 {
                return Found::TooManyHeaders;
            }
        }
        self.position = self.position.max(window.len());
        if self.lines == 0 && window.len() - self.start >= start_line_max {
            Found::StartLineTooLong
        } else if bytes.len() >= max_bytes {
            Found::TooBig
        } else {
            Found::More
        }
    }
}

/// A request line: method and target lie one space apart at the start of the head.
pub(super) struct RequestLine {
    pub(super) method: Span,
    pub(super) target: Span,
    pub(super) minor_version: u8,
}

/// Reads a whole request head, from the method to the empty line.
pub(super) fn parse_request(bytes: &[u8]) -> Result<(RequestLine, Head), httparse::Error> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    complete(request.parse_with_uninit_headers(bytes, &mut fields)?, bytes)?;
    let (Some(method), Some(target), Some(minor_version)) = (request.method, request.path, request.version) else {
        return Err(httparse::Error::Token);
    };
    let line = RequestLine {
        method: Span::within(bytes, method.as_bytes()),
        target: Span::within(bytes, target.as_bytes()),
        minor_version,
    };
    Ok((line, Head::new(bytes, request.headers)))
}

/// A status line.
pub(super) struct StatusLine {
    pub(super) status: u16,
    pub(super) reason: Span,
    pub(super) minor_version: u8,
}

/// Reads a whole response head, from the version to the empty line.
pub(super) fn parse_response(bytes: &[u8]) -> Result<(StatusLine, Head), httparse::Error> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut fields)?;
    complete(parsed, bytes)?;
    let (Some(status), Some(reason), Some(minor_version)) = (response.code, response.reason, response.version) else {
        return Err(httparse::Error::Status);
    };
    let line = StatusLine { status, reason: Span::within(bytes, reason.as_bytes()), minor_version };
    Ok((line, Head::new(bytes, response.headers)))
}

/// The parser and [`Scanned::find_end`] must agree on where a head ends, or one of them is being fooled.
fn complete(parsed: httparse::Status<usize>, bytes: &[u8]) -> Result<(), httparse::Error> {
    match parsed {
        httparse::Status::Complete(length) if length == bytes.len() => Ok(()),
        _ => Err(httparse::Error::NewLine),
    }
}

/// Whether `bytes` are a token (RFC 7230 §3.2.6), as names, methods and subprotocols are.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| TOKEN[byte as usize])
}

/// Whether `bytes` may stand as a field's value: no control character but the tab, so nothing that ends a line.
pub fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// Whether a field is the library's business, so that a program may not set it.
pub fn is_reserved_header(name: &str) -> bool {
    const RESERVED: [&str; 4] = ["connection", "upgrade", "content-length", "transfer-encoding"];
    const PREFIX: &[u8] = b"sec-websocket-";
    RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
        || name.as_bytes().get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The elements of a comma-separated list, without the white space around them; empty ones too.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// Removes optional white space (RFC 7230 §3.2.3: spaces and tabs) from both ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether each byte may stand in a token.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
};
