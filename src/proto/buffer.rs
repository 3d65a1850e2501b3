//! Buffers for messages that do not arrive whole, and a pool of them.
//!
//! Used by `message`; the pool belongs to the context. A buffer's whole length was written once (zeroed when it grew),
//! so that a socket can receive into it without unsafe code; the pool keeps large ones, so that a stream of large
//! messages zeroes nothing. Invariant: a buffer grows with what has arrived, never with what a header promised.

/// Bytes that are kept in all between messages. 32 MiB: sixteen connections with a 2 MiB message each.
const POOL_BYTES: usize = 32 << 20;
/// The size that a buffer for a large frame soon has.
const FIRST: usize = 64 << 10;
/// What it has before anything came: a header costs its sender fourteen bytes and must not cost us 64 KiB.
const LEAST: usize = 4 << 10;

/// A growing message.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// What has been put in.
    pub fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The part from `from` on of what has been put in.
    pub fn filled_mut(&mut self, from: usize) -> &mut [u8] {
        &mut self.bytes[from..self.filled]
    }

    /// How much has been put in.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// How much memory it has.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Nothing has been put in.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Puts in a copy of `piece`.
    pub fn push(&mut self, piece: &[u8]) {
        let end = self.filled + piece.len();
        if end > self.bytes.len() {
            self.bytes.truncate(self.filled);
            self.bytes.extend_from_slice(piece);
        } else {
            self.bytes[self.filled..end].copy_from_slice(piece);
        }
        self.filled = end;
    }

    /// Room for at most `wanted` bytes to be received into: twice what is there, and 64 KiB as soon as 2 KiB came.
    pub fn room(&mut self, wanted: usize) -> &mut [u8] {
        let size = (self.filled * 32).clamp(LEAST, FIRST).max(self.filled * 2).min(self.filled + wanted);
        if self.bytes.len() < size {
            // Exactly: the doubling is done here.
            self.bytes.reserve_exact(size - self.bytes.len());
            self.bytes.resize(size, 0);
        }
        let end = self.bytes.len().min(self.filled + wanted);
        &mut self.bytes[self.filled..end]
    }

    /// `count` bytes of that room were filled.
    pub fn advance(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.bytes.len());
    }

    /// Takes the last bytes from `from` on away again.
    pub fn truncate(&mut self, from: usize) {
        self.filled = self.filled.min(from);
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Buffer { filled: bytes.len(), bytes }
    }
}

/// Buffers that wait for the next large message.
#[derive(Debug, Default)]
pub struct Pool {
    free: Vec<Buffer>,
    bytes: usize,
    /// A small one, for what is inflated.
    spare: Buffer,
}

impl Pool {
    /// A buffer for a message of which more than `expected` bytes are to come: a kept one where that is worth it.
    pub fn take(&mut self, expected: u64) -> Buffer {
        if expected < FIRST as u64 {
            return Buffer::default();
        }
        let buffer = self.free.pop().unwrap_or_default();
        self.bytes -= buffer.bytes.len();
        buffer
    }

    /// A buffer for a moment: whichever is there.
    pub fn take_any(&mut self) -> Buffer {
        match std::mem::take(&mut self.spare) {
            none if none.bytes.is_empty() => self.take(FIRST as u64),
            spare => spare,
        }
    }

    /// Takes a buffer back.
    pub fn give(&mut self, mut buffer: Buffer) {
        let size = buffer.bytes.len();
        buffer.filled = 0;
        if (LEAST..FIRST).contains(&size) {
            self.spare = buffer;
        } else if size >= FIRST && self.bytes + size <= POOL_BYTES {
            self.bytes += size;
            self.free.push(buffer);
        }
    }
}
