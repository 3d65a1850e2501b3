//! The compressors and inflaters of a loop, which its connections borrow for a message, and what goes through them.
//!
//! Owned by the loop, beside its buffers; used by `connection`.

use super::compressor::{Compressor, Strength};
use super::inflating::Volume;
use crate::proto::buffer::Buffer;
use crate::zlib::Inflater;

/// Kept of each kind. One serves any number of connections whose messages come whole; streams and fragments take more.
const KEPT: usize = 4;
/// The largest scratch buffer that is kept.
const SCRATCH: usize = 1 << 20;

/// What a loop has.
#[derive(Debug, Default)]
pub struct Codecs {
    inflaters: Vec<Inflater>,
    compressors: Vec<Compressor>,
    scratch: Buffer,
    /// Compressed messages received since it was last taken: as they came, and as they were delivered.
    pub inflated: Volume,
}

impl Codecs {
    /// An inflater without window.
    pub(in crate::proto) fn take_inflater(&mut self) -> Inflater {
        self.inflaters.pop().unwrap_or_else(Inflater::new)
    }

    /// Takes it back.
    pub(in crate::proto) fn give_inflater(&mut self, mut inflater: Inflater) {
        if self.inflaters.len() < KEPT {
            inflater.reset();
            self.inflaters.push(inflater);
        }
    }

    /// A compressor without window.
    pub(in crate::proto) fn take_compressor(&mut self, strength: Strength) -> Compressor {
        match self.compressors.iter().position(|kept| kept.strength() == strength) {
            Some(index) => self.compressors.swap_remove(index),
            None => Compressor::new(strength),
        }
    }

    /// Takes it back.
    pub(in crate::proto) fn give_compressor(&mut self, mut compressor: Compressor) {
        compressor.reset();
        if self.compressors.len() == KEPT {
            self.compressors.remove(0);
        }
        self.compressors.push(compressor);
    }

    /// A whole message, compressed by itself.
    pub fn compress(&mut self, strength: Strength, message: &[u8]) -> Box<[u8]> {
        let (mut compressor, mut out) = (self.take_compressor(strength), self.take_scratch());
        compressor.write(&[message], true, &mut out);
        let compressed = out.filled().into();
        self.give_compressor(compressor);
        self.give_scratch(out);
        compressed
    }

    /// A buffer for what is compressed: empty.
    pub fn take_scratch(&mut self) -> Buffer {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.truncate(0);
        scratch
    }

    /// Takes it back.
    pub fn give_scratch(&mut self, scratch: Buffer) {
        if scratch.capacity() <= SCRATCH {
            self.scratch = scratch;
        }
    }
}
