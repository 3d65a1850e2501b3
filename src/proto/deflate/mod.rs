//! Compression of messages: permessage-deflate (RFC 7692), without I/O.
//!
//! [`negotiation`] finds out in the opening handshake what both sides may do; `connection` compresses and inflates
//! messages by what was [`Agreed`]. Compressors and inflaters are large (hundreds and tens of KiB): a connection has its
//! own only where a context is to outlive a message (§7.1.1, "context takeover") or a message is unfinished, from the
//! first compressed message on; all others borrow from the loop's.

pub mod codecs;
pub mod compressor;
pub mod contexts;
pub mod inflating;
pub mod negotiation;

use super::connection::Role;
use std::num::NonZeroU8;
use std::time::Duration;

/// The largest window, 32 KiB, as a power of two; what is meant where nothing is said (§7.1.2).
pub const MAX_WINDOW_BITS: u8 = 15;
/// The smallest, 256 bytes.
pub const MIN_WINDOW_BITS: u8 = 8;

/// What one side may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side(NonZeroU8);

impl Side {
    const TAKEOVER: u8 = 0x10;

    /// `window_bits` from 8 to 15: how far its compressor reaches back, as a power of two. `takeover`: from one message
    /// into those before.
    pub fn new(window_bits: u8, takeover: bool) -> Side {
        let bits = window_bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        let word = if takeover { bits | Side::TAKEOVER } else { bits };
        Side(NonZeroU8::new(word).unwrap_or(NonZeroU8::MAX))
    }

    /// From 8 to 15.
    pub fn window_bits(self) -> u8 {
        self.0.get() & !Side::TAKEOVER
    }

    /// Its context is kept from message to message.
    pub fn takeover(self) -> bool {
        self.0.get() & Side::TAKEOVER != 0
    }
}

/// What both sides agreed on; two bytes, as every connection has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// How the server compresses.
    pub server: Side,
    /// How the client compresses.
    pub client: Side,
}

impl Agreed {
    /// How this side compresses.
    pub fn of(self, role: Role) -> Side {
        match role {
            Role::Server => self.server,
            Role::Client => self.client,
        }
    }
}

/// How a listener or a client compresses, and what it wants of the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 1 (fast) to 9 (small); 0: [`Settings::level_for`] chooses.
    pub level: u8,
    /// Of the compressor: 1 to 9, a few KiB to 256 KiB.
    pub memory_level: u8,
    /// The window of our compressor at most, 8 to 15.
    pub window_bits: u8,
    /// Our compressor may reach back into earlier messages.
    pub takeover: bool,
    /// The window of the peer's compressor at most, 8 to 15.
    pub peer_window_bits: u8,
    /// The peer's compressor may reach back into earlier messages.
    pub peer_takeover: bool,
    /// Messages of fewer bytes are sent as they are.
    pub min_size: usize,
    /// Time without a message after which the connection's own contexts are given up; zero: never.
    pub release_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            level: 0,
            memory_level: 8,
            window_bits: MAX_WINDOW_BITS,
            takeover: true,
            peer_window_bits: MAX_WINDOW_BITS,
            peer_takeover: true,
            min_size: 64,
            release_after: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// The level for a compressor that may reach back into earlier messages, or may not. By the table of levels in
    /// docs/benchmarks.md: level 1 has no codes made for the message, which it needs where there is nothing to refer to.
    pub fn level_for(&self, takeover: bool) -> u8 {
        match (self.level, takeover) {
            (0, true) => 1,
            (0, false) => 2,
            (level, _) => level,
        }
    }
}

/// Bytes of compressed messages that came, and of what they became.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// As they came.
    pub from: u64,
    /// Inflated.
    pub to: u64,
}

impl Volume {
    /// Adds to both.
    pub fn add(&mut self, from: usize, to: usize) {
        self.from += from as u64;
        self.to += to as u64;
    }
}
