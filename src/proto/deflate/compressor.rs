//! Compressing messages (RFC 7692 §7.2.1) with zlib-rs.
//!
//! Used by `connection` and for prepared messages. What is written is a message's payload: DEFLATE blocks up to the
//! header of an empty stored block, whose other four bytes are left out.

use super::{Agreed, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Settings};
use crate::proto::buffer::Buffer;
use crate::proto::connection::Role;
use std::fmt;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

/// What ends every flush, and is left out at the end of a message: §7.2.1, step 3.
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Room that the compressor is given at once, at most.
const ROOM: usize = 1 << 20;

/// What makes two compressors the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    level: u8,
    memory_level: u8,
    window_bits: u8,
}

impl Strength {
    /// The fastest.
    pub(super) const FAST: Strength = Strength { level: 1, memory_level: 8, window_bits: MAX_WINDOW_BITS };

    /// Ours, in this role, on a connection that agreed on this.
    pub fn new(settings: &Settings, agreed: Agreed, role: Role) -> Strength {
        Strength {
            level: settings.level_for(agreed.of(role).takeover()),
            memory_level: settings.memory_level,
            // zlib knows no raw stream of 8 bits. Of 9 it is one: it reaches back no further than its window less 262
            // bytes, the longest match and what it looks ahead, and 250 is within the 256 that 8 bits allow.
            window_bits: agreed.of(role).window_bits().max(MIN_WINDOW_BITS + 1),
        }
    }
}

/// A compressor: 140 to 380 KiB, by window and memory level.
pub struct Compressor {
    stream: Deflate,
    strength: Strength,
    /// It has a window.
    used: bool,
    /// It is to forget that window before it is used again.
    stale: bool,
}

impl Compressor {
    /// Without any window.
    pub fn new(strength: Strength) -> Compressor {
        let config = DeflateConfig {
            level: strength.level.into(),
            mem_level: strength.memory_level.into(),
            // Negative: raw data, without header and checksum.
            window_bits: -i32::from(strength.window_bits),
            ..DeflateConfig::default()
        };
        Compressor { stream: Deflate::new_with_config(config), strength, used: false, stale: false }
    }

    /// As it was made.
    pub fn strength(&self) -> Strength {
        self.strength
    }

    /// Forgets everything: the next message refers to nothing before it.
    pub fn reset(&mut self) {
        // Later, where many have to at once: it wipes 128 KiB.
        self.stale = self.used;
    }

    /// Appends a message that lies in several parts, or a fragment of one; `last` ends the message.
    pub fn write(&mut self, parts: &[&[u8]], last: bool, out: &mut Buffer) {
        let before = out.len();
        let mut parts = parts.iter().filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            let flush = if parts.peek().is_some() { DeflateFlush::NoFlush } else { DeflateFlush::SyncFlush };
            self.run(part, flush, out);
        }
        if !last {
            return;
        }
        if out.len() == before {
            // §7.2.3.6: "a single octet 0x00": nothing but the header.
            return out.push(&[0x00]);
        }
        debug_assert!(out.filled().ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
    }

    fn run(&mut self, mut input: &[u8], flush: DeflateFlush, out: &mut Buffer) {
        self.used = true;
        if std::mem::take(&mut self.stale) {
            self.stream.reset();
        }
        loop {
            // Where the end of a flush just fits, it is begun a second time: five bytes more, and still a message.
            let room = out.room(ROOM);
            let size = room.len();
            let before = (self.stream.total_in(), self.stream.total_out());
            let result = self.stream.compress(input, room, flush);
            debug_assert!(result.is_ok(), "{result:?}");
            let produced = (self.stream.total_out() - before.1) as usize;
            input = &input[(self.stream.total_in() - before.0) as usize..];
            out.advance(produced);
            if produced < size {
                return;
            }
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.strength.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressor(level: u8) -> Compressor {
        Compressor::new(Strength { level, memory_level: 8, window_bits: 15 })
    }

    fn written(compressor: &mut Compressor, parts: &[&[u8]], last: bool) -> Vec<u8> {
        let mut out = Buffer::default();
        compressor.write(parts, last, &mut out);
        out.filled().to_vec()
    }

    #[test]
    fn messages_of_the_rfc() {
        // §7.2.3.1 and §7.2.3.2.
        let mut compressor = compressor(6);
        assert_eq!(written(&mut compressor, &[b"Hello"], true), [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(written(&mut compressor, &[b"Hello"], true), [0xf2, 0x00, 0x11, 0x00, 0x00]);
        compressor.reset();
        assert_eq!(written(&mut compressor, &[b"He", b"", b"llo"], true), [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(written(&mut compressor, &[], true), [0x00]);
    }

    #[test]
    fn fragments_are_flushed_and_the_last_lacks_its_tail() {
        let mut compressor = compressor(1);
        let first = written(&mut compressor, &[b"Hello"], false);
        assert!(first.ends_with(&TAIL), "{first:?}");
        assert_eq!(written(&mut compressor, &[b""], false), []);
        assert_eq!(written(&mut compressor, &[b""], true), [0x00]);
    }
}
