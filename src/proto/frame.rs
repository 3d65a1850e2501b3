//! Frame headers (RFC 6455 §5.2): reading them strictly, writing them.
//!
//! ```text
//!   byte 0           byte 1            then
//!  +-+---+-------+ +-+-------------+ +---------------------------+------------------+
//!  |F|RSV|opcode | |M| length 7    | | length 16 (126), 64 (127) | masking key (M)  |
//!  +-+---+-------+ +-+-------------+ +---------------------------+------------------+
//! ```
//!
//! Called by `connection` and `message` for what comes, by `net` for what goes. Whatever is wrong is said as soon as
//! the byte that shows it is there.

use super::error::ProtocolError;
use super::mask::{self, Key};

/// The longest header: two bytes, eight of length, four of mask.
pub const MAX_HEADER: usize = 14;
/// The most that a control frame carries (§5.5).
pub const MAX_CONTROL: usize = 125;

/// Opcodes (§5.2).
pub mod opcode {
    /// A further fragment.
    pub const CONTINUATION: u8 = 0x0;
    /// Text.
    pub const TEXT: u8 = 0x1;
    /// Binary.
    pub const BINARY: u8 = 0x2;
    /// Close.
    pub const CLOSE: u8 = 0x8;
    /// Ping.
    pub const PING: u8 = 0x9;
    /// Pong.
    pub const PONG: u8 = 0xa;
}

/// FIN, the highest bit of the first byte.
pub const FIN: u8 = 0x80;
/// The first reserved bit: the message is compressed (RFC 7692 §6).
pub const RSV1: u8 = 0x40;
const RSV: u8 = 0x70;
const MASK: u8 = 0x80;

/// A header that [`Header::parse_plain`] read.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// Binary, not text.
    pub binary: bool,
    /// Bytes of payload.
    pub length: u64,
    /// Its key.
    pub key: Key,
    /// The header's own length.
    pub end: usize,
}

/// A header that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The last frame of a message.
    pub fin: bool,
    /// It begins a compressed message.
    pub compressed: bool,
    /// One of [`opcode`].
    pub opcode: u8,
    /// Bytes of payload, below 2^63.
    pub length: u64,
    /// All zero where frames are not masked, which changes nothing when applied.
    pub key: Key,
}

impl Header {
    /// Reads the header at the start of `bytes`, with its own length. `None`: more bytes are needed.
    /// `masked`: whether this peer has to mask. `deflate`: whether it may compress.
    #[inline]
    pub fn parse(bytes: &[u8], masked: bool, deflate: bool) -> Result<Option<(Header, usize)>, ProtocolError> {
        let &[first, second, ref rest @ ..] = bytes else {
            return match bytes.first() {
                Some(&first) => check_first(first, deflate).map(|()| None),
                None => Ok(None),
            };
        };
        check_first(first, deflate)?;
        check_second(first, second, masked)?;
        let (length, extended) = match second & !MASK {
            126 => match rest.first_chunk() {
                Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(bytes) => (u64::from_be_bytes(*bytes), 8),
                None => return Ok(None),
            },
            short => (u64::from(short), 0),
        };
        // §5.2: "the minimal number of bytes MUST be used to encode the length", "the most significant bit MUST be 0"
        if (extended == 2 && length < 126) || (extended == 8 && (length < 1 << 16 || length >> 63 != 0)) {
            return Err(ProtocolError::Length);
        }
        let (key, key_length) = match (masked, rest.get(extended..).and_then(<[u8]>::first_chunk)) {
            (false, _) => ([0; 4], 0),
            (true, Some(key)) => (*key, 4),
            (true, None) => return Ok(None),
        };
        let header = Header { fin: first & FIN != 0, compressed: first & RSV1 != 0, opcode: first & 0x0f, length, key };
        Ok(Some((header, 2 + extended + key_length)))
    }

    /// The same for the frame that nearly all are: final, text or binary, right in every respect. `head` has what may be
    /// a header and, after a short one, any bytes. `None`: look with [`Header::parse`].
    #[inline(always)]
    pub fn parse_plain<const MASKED: bool>(head: &[u8; MAX_HEADER]) -> Option<Plain> {
        let first = head[0];
        // Text is 1, binary 2, and FIN makes the rest of the byte fixed.
        if !matches!(first ^ FIN, opcode::TEXT | opcode::BINARY) {
            return None;
        }
        let mask = if MASKED { MASK } else { 0 };
        let key_at = |at: usize| if MASKED { [head[at], head[at + 1], head[at + 2], head[at + 3]] } else { [0; 4] };
        let key_length = if MASKED { 4 } else { 0 };
        let binary = first == FIN | opcode::BINARY;
        let short = head[1] ^ mask;
        if short < 126 {
            return Some(Plain { binary, length: short.into(), key: key_at(2), end: 2 + key_length });
        }
        let (length, key, end) = match short {
            126 => (u64::from(u16::from_be_bytes([head[2], head[3]])), key_at(4), 4),
            127 => {
                let [_, _, a, b, c, d, e, f, g, h, ..] = *head;
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), key_at(10), 10)
            }
            _ => return None,
        };
        let least = if end == 4 { 126 } else { 1 << 16 };
        (length >= least && length >> 63 == 0).then_some(Plain { binary, length, key, end: end + key_length })
    }

    /// Close, Ping or Pong.
    #[inline]
    pub fn is_control(&self) -> bool {
        self.opcode & 0x8 != 0
    }
}

#[inline]
fn check_first(first: u8, deflate: bool) -> Result<(), ProtocolError> {
    // FIN with text or binary: what nearly every frame begins with.
    if first == FIN | opcode::BINARY || first == FIN | opcode::TEXT {
        return Ok(());
    }
    // §5.2: "If a nonzero value is received and none of the negotiated extensions defines the meaning of such a
    // nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_."
    if first & RSV != 0 {
        // RFC 7692 §6: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames and non-first
        // fragments of a data message."
        if deflate && first & RSV == RSV1 && matches!(first & 0x0f, opcode::TEXT | opcode::BINARY) {
            return Ok(());
        }
        return Err(ProtocolError::ReservedBits);
    }
    match first & 0x0f {
        0x0..=0x2 => Ok(()),
        // §5.5: "All control frames [...] MUST NOT be fragmented."
        0x8..=0xa if first & FIN == 0 => Err(ProtocolError::FragmentedControl),
        0x8..=0xa => Ok(()),
        _ => Err(ProtocolError::Opcode),
    }
}

#[inline]
fn check_second(first: u8, second: u8, masked: bool) -> Result<(), ProtocolError> {
    // §5.1: "The server MUST close the connection upon receiving a frame that is not masked." "A client MUST close a
    // connection if it detects a masked frame."
    if (second & MASK != 0) != masked {
        return Err(if masked { ProtocolError::Unmasked } else { ProtocolError::Masked });
    }
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less"
    if first & 0x8 != 0 && second & !MASK > 125 {
        return Err(ProtocolError::LongControl);
    }
    Ok(())
}

/// A header to send.
#[derive(Clone, Copy)]
pub struct Written {
    bytes: [u8; MAX_HEADER],
    length: u8,
}

impl Written {
    /// `first`: FIN and opcode. `key`: a client's.
    #[inline]
    pub fn new(first: u8, length: usize, key: Option<Key>) -> Written {
        let mut bytes = [0; MAX_HEADER];
        bytes[0] = first;
        let mask = if key.is_some() { MASK } else { 0 };
        let mut end = match length {
            0..=125 => {
                bytes[1] = length as u8 | mask;
                2
            }
            126..=0xffff => {
                bytes[1] = 126 | mask;
                bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127 | mask;
                bytes[2..10].copy_from_slice(&(length as u64).to_be_bytes());
                10
            }
        };
        if let Some(key) = key {
            bytes[end..end + 4].copy_from_slice(&key);
            end += 4;
        }
        Written { bytes, length: end as u8 }
    }

    /// As it goes on the wire.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(MAX_HEADER)]
    }
}

/// Appends a whole frame, masked with `key`.
pub fn write(out: &mut Vec<u8>, first: u8, payload: &[u8], key: Key) {
    write_gathered(out, first, &[payload], Some(key));
}

/// Writes a whole frame that is not masked to the start of `room`, which is [`MAX_HEADER`] bytes longer than the payload.
/// Its length.
#[inline(always)]
pub fn write_plain(room: &mut [u8], first: u8, payload: &[u8]) -> usize {
    let Some(head) = room.first_chunk_mut::<MAX_HEADER>() else { return 0 };
    head[0] = first;
    let length = payload.len();
    let header = match length {
        0..126 => {
            head[1] = length as u8;
            2
        }
        126..65536 => {
            head[1] = 126;
            [head[2], head[3]] = (length as u16).to_be_bytes();
            4
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    room[header..header + length].copy_from_slice(payload);
    header + length
}

/// Appends a whole frame with a payload in several pieces, masked in `out` where there is a key.
pub fn write_gathered(out: &mut Vec<u8>, first: u8, parts: &[&[u8]], key: Option<Key>) {
    let length = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + MAX_HEADER);
    out.extend_from_slice(Written::new(first, length, key).as_bytes());
    let mut key = key;
    for part in parts {
        key = append_masked(out, part, key);
    }
}

#[inline]
fn append_masked(out: &mut Vec<u8>, payload: &[u8], key: Option<Key>) -> Option<Key> {
    let start = out.len();
    out.extend_from_slice(payload);
    key.map(|key| mask::apply(&mut out[start..], key))
}
