//! The messages: made once, compressed if they are to be, framed and masked once, sent in turn for ever.
//!
//! Messages of a ring differ, so that a reply in the wrong place is seen. Every connection starts at the first one.

use crate::deflate::{Compressor, Takeover};
use crate::{Result, json};

/// How much memory the messages of a ring may take, unless one alone is larger: it stays in the cache. Compressed ones take
/// it all: an earlier turn is then out of reach of any window.
const BYTES: usize = 256 * 1024;
const MOST_MESSAGES: usize = 64;
const LEAST_MESSAGES: usize = 4;
/// What one `send` may be given; more goes out in several.
const BURST: usize = 1024 * 1024;

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const FINAL: u8 = 0x80;
/// RSV1 (RFC 7692 6).
pub const COMPRESSED: u8 = 0x40;
const MASKED: u8 = 0x80;

/// Frames laid end to end. Those at the end repeat what comes next, so that a burst never has to be split.
///
/// With context takeover all messages are there twice, compressed in one stream, and the second turn is repeated: what it
/// refers to are the last 32 KiB before it, which are the same each time.
pub struct Ring {
    pub opcode: u8,
    pub size: usize,
    /// Messages before the first comes again.
    pub count: usize,
    pub deflate: Option<Takeover>,
    /// Where each frame starts, and where the last ends.
    starts: Vec<usize>,
    /// The frame that comes after the last.
    again: usize,
    frames: Vec<u8>,
    payloads: Vec<u8>,
}

impl Ring {
    pub fn new(size: usize, in_flight: usize, text: bool) -> Self {
        let count = (BYTES / size.max(1)).clamp(1, MOST_MESSAGES);
        let mut random = Random::new();
        let payloads: Vec<u8> = (0..count * size)
            .map(|_| if text { b'a' + (random.next() % 26) as u8 } else { random.next() as u8 })
            .collect();
        let mut ring = Ring::empty(if text { TEXT } else { BINARY }, size, count);
        for slot in 0..count {
            ring.add(&mut random, FINAL, &payloads[slot * size..][..size]);
        }
        ring.payloads = payloads;
        ring.repeat(in_flight);
        ring
    }

    /// JSON texts, compressed.
    pub fn compressed(size: usize, in_flight: usize, takeover: Takeover) -> Result<Self> {
        let count = BYTES.div_ceil(size).max(LEAST_MESSAGES);
        let mut random = Random::new();
        let mut payloads = Vec::with_capacity(count * size);
        for _ in 0..count {
            json::text(&mut payloads, size, &mut random);
        }
        let mut ring = Ring::empty(TEXT, size, count);
        ring.deflate = Some(takeover);
        ring.again = if takeover == Takeover::Kept { count } else { 0 };
        let mut compressor = Compressor::new(takeover);
        for slot in (0..count + ring.again).map(|number| number % count) {
            let message = compressor.message(&payloads[slot * size..][..size])?;
            ring.add(&mut random, FINAL | COMPRESSED, &message);
        }
        ring.payloads = payloads;
        ring.repeat(in_flight);
        Ok(ring)
    }

    fn empty(opcode: u8, size: usize, count: usize) -> Self {
        let (frames, payloads) = (Vec::new(), Vec::new());
        Ring { opcode, size, count, deflate: None, starts: vec![0], again: 0, frames, payloads }
    }

    fn add(&mut self, random: &mut Random, flags: u8, payload: &[u8]) {
        let mask = (random.next() as u32).to_le_bytes();
        frame(&mut self.frames, flags | self.opcode, mask, payload);
        self.starts.push(self.frames.len());
    }

    /// Repeats so much that the largest burst lies in one piece wherever it starts.
    fn repeat(&mut self, in_flight: usize) {
        let longest = self.starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let burst = (in_flight * longest).clamp(longest, BURST.max(longest));
        let again = self.starts[self.again];
        for at in again..again + burst {
            self.frames.push(self.frames[at]);
        }
    }

    /// Bytes of a frame.
    pub fn length(&self, frame: usize) -> usize {
        self.starts[frame + 1] - self.starts[frame]
    }

    /// The frame after it.
    pub fn next(&self, frame: usize) -> usize {
        if frame + 2 == self.starts.len() { self.again } else { frame + 1 }
    }

    /// The `left` bytes to send from `position`, or as many of them as lie in one piece.
    pub fn bytes(&self, position: usize, left: usize) -> &[u8] {
        &self.frames[position..self.frames.len().min(position + left)]
    }

    /// The position `length` bytes after `position`.
    pub fn after(&self, position: usize, length: usize) -> usize {
        let (first, end) = (self.starts[self.again], self.starts[self.starts.len() - 1]);
        let after = position + length;
        if after < end { after } else { first + (after - end) % (end - first) }
    }

    /// The content of one message.
    pub fn payload(&self, slot: usize) -> &[u8] {
        &self.payloads[slot * self.size..][..self.size]
    }
}

/// A Close frame with 1000, masked.
pub fn close_frame() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(&mut bytes, FINAL | CLOSE, [0x5a, 0xc3, 0x0f, 0x96], &1000u16.to_be_bytes());
    bytes
}

/// Appends a client's frame (RFC 6455 5.2).
fn frame(out: &mut Vec<u8>, first: u8, mask: [u8; 4], payload: &[u8]) {
    out.push(first);
    match payload.len() {
        length @ 0..=125 => out.push(MASKED | length as u8),
        length @ 126..=0xffff => {
            out.push(MASKED | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Marsaglia's xorshift: the same messages in every run.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 24
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
