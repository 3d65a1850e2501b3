//! Frames as bytes, written and read without the library's own code, so that both can't be wrong in the same way.
#![allow(dead_code)]

/// The masking key of RFC 6455 §5.7.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// FIN with an opcode.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// A header with the shortest length field.
pub fn header(first: u8, length: u64, key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = match length {
        0..=125 => vec![first, length as u8],
        126..=0xffff => vec![first, 126, (length >> 8) as u8, length as u8],
        _ => [&[first, 127], &length.to_be_bytes()[..]].concat(),
    };
    if let Some(key) = key {
        bytes[1] |= 0x80;
        bytes.extend_from_slice(&key);
    }
    bytes
}

/// A whole frame.
pub fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64, key);
    let key = key.unwrap_or_default();
    bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
    bytes
}

/// A client's frame.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, Some(KEY))
}

/// A server's frame.
pub fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, None)
}

/// The body of a Close.
pub fn close_body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

/// A frame that was read, its payload unmasked.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pub first: u8,
    pub payload: Vec<u8>,
    pub key: Option<[u8; 4]>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.payload[..self.payload.len().min(40)];
        write!(f, "{:#04x} {} bytes \"{}\"", self.first, self.payload.len(), shown.escape_ascii())
    }
}

/// The whole frames at the start of `bytes`, and how long they are.
pub fn split(bytes: &[u8]) -> (Vec<Frame>, usize) {
    let (mut frames, mut at) = (Vec::new(), 0);
    while let Some((frame, length)) = read(&bytes[at..]) {
        frames.push(frame);
        at += length;
    }
    (frames, at)
}

fn read(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, mut at) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let key = if second & 0x80 != 0 { Some(*bytes.get(at..)?.first_chunk()?) } else { None };
    at += if key.is_some() { 4 } else { 0 };
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let mask = key.unwrap_or_default();
    let payload = bytes.get(at..end)?.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
    Some((Frame { first, payload, key }, end))
}

/// Bytes that repeat late and contain every value.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
}
