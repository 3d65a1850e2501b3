//! The messages: made once, framed and masked once, sent in turn for ever.
//!
//! Messages of a ring differ, so that a reply in the wrong place is seen. Every connection starts at the first one.

/// How much memory the messages of a ring may take, unless one alone is larger: it stays in the cache.
const BYTES: usize = 256 * 1024;
const MOST_MESSAGES: usize = 64;
/// What one `send` may be given; more goes out in several.
const BURST: usize = 1024 * 1024;

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Frames laid end to end. Those at the end repeat the first ones, so that a burst never has to be split.
pub struct Ring {
    pub opcode: u8,
    pub size: usize,
    /// Messages before the first comes again.
    pub count: usize,
    /// Bytes of one frame, all alike.
    pub frame: usize,
    frames: Vec<u8>,
    payloads: Vec<u8>,
}

impl Ring {
    pub fn new(size: usize, in_flight: usize, text: bool) -> Self {
        let opcode = if text { TEXT } else { BINARY };
        let count = (BYTES / size.max(1)).clamp(1, MOST_MESSAGES);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let payloads: Vec<u8> = (0..count * size)
            .map(|_| if text { b'a' + (random.next() % 26) as u8 } else { random.next() as u8 })
            .collect();
        let mut frames = Vec::new();
        for slot in 0..count {
            let mask = (random.next() as u32).to_le_bytes();
            frame(&mut frames, opcode, mask, &payloads[slot * size..][..size]);
        }
        let frame = frames.len() / count;
        let burst = (in_flight * frame).clamp(frame, BURST.max(frame));
        for at in 0..burst {
            frames.push(frames[at]);
        }
        Ring { opcode, size, count, frame, frames, payloads }
    }

    /// The `left` bytes to send from `position`, or as many of them as lie in one piece.
    pub fn bytes(&self, position: usize, left: usize) -> &[u8] {
        &self.frames[position..self.frames.len().min(position + left)]
    }

    /// The position `length` bytes after `position`.
    pub fn after(&self, position: usize, length: usize) -> usize {
        (position + length) % (self.count * self.frame)
    }

    /// The content of one message.
    pub fn payload(&self, slot: usize) -> &[u8] {
        &self.payloads[slot * self.size..][..self.size]
    }
}

/// A Close frame with 1000, masked.
pub fn close_frame() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(&mut bytes, CLOSE, [0x5a, 0xc3, 0x0f, 0x96], &1000u16.to_be_bytes());
    bytes
}

/// Appends a client's frame (RFC 6455 5.2).
fn frame(out: &mut Vec<u8>, opcode: u8, mask: [u8; 4], payload: &[u8]) {
    out.push(FINAL | opcode);
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
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 24
    }
}
