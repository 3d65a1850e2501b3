//! The compressors and inflaters of a loop, which its connections borrow for a message, and what goes through them.
//!
//! Owned by the loop, beside its buffers; used by `connection`.

use super::Volume;
use super::compressor::{Compressor, Strength};
use crate::proto::buffer::Buffer;
use crate::zlib::Inflater;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// In stock, of each kind. One serves any number of connections whose messages come whole; streams and fragments take more.
const STOCK: usize = 4;
/// Connections may have this many for themselves, unless told otherwise: some 300 MiB.
pub const MOST_OWN: usize = 1024;
/// The largest scratch buffer that is kept.
const SCRATCH: usize = 1 << 20;

/// What a loop has.
#[derive(Debug)]
pub struct Codecs {
    inflaters: Vec<Inflater>,
    compressors: Vec<Compressor>,
    scratch: Buffer,
    /// How many compressors connections may have for themselves, and a reference for each that they have.
    most_own: usize,
    own: Arc<()>,
    /// Compressed messages received since it was last taken: as they came, and as they were delivered.
    pub inflated: Volume,
}

/// A compressor that a connection keeps.
#[derive(Debug)]
pub(in crate::proto) struct Own {
    compressor: Compressor,
    _counted: Arc<()>,
}

impl Deref for Own {
    type Target = Compressor;

    fn deref(&self) -> &Compressor {
        &self.compressor
    }
}

impl DerefMut for Own {
    fn deref_mut(&mut self) -> &mut Compressor {
        &mut self.compressor
    }
}

impl Codecs {
    /// `most_own`: how many compressors connections may have for themselves.
    pub fn new(most_own: usize) -> Codecs {
        let (inflaters, compressors, scratch) = (Vec::new(), Vec::new(), Buffer::default());
        Codecs { inflaters, compressors, scratch, most_own, own: Arc::new(()), inflated: Volume::default() }
    }

    /// Connections have as many as they may.
    pub(in crate::proto) fn is_full(&self) -> bool {
        self.count_own() >= self.most_own
    }

    /// Connections have more than they may, for messages that are unfinished.
    pub(in crate::proto) fn is_beyond(&self) -> bool {
        self.count_own() > self.most_own
    }

    fn count_own(&self) -> usize {
        Arc::strong_count(&self.own) - 1
    }

    /// For a connection to have.
    pub(in crate::proto) fn take_own(&mut self, strength: Strength) -> Own {
        Own { compressor: self.take_compressor(strength), _counted: self.own.clone() }
    }

    /// The connection needs it no more.
    pub(in crate::proto) fn give_own(&mut self, own: Own) {
        self.give_compressor(own.compressor);
    }

    /// An inflater without window.
    pub(in crate::proto) fn take_inflater(&mut self) -> Inflater {
        self.inflaters.pop().unwrap_or_else(Inflater::new)
    }

    /// Takes it back.
    pub(in crate::proto) fn give_inflater(&mut self, mut inflater: Inflater) {
        if self.inflaters.len() < STOCK {
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
        if self.compressors.len() == STOCK {
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

impl Default for Codecs {
    fn default() -> Self {
        Codecs::new(MOST_OWN)
    }
}
