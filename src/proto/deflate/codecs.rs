//! The compressors and inflaters of a loop, which its connections borrow for a message, and what goes through them.
//!
//! Owned by the loop, beside its buffers; used by `connection`.

use super::compressor::{Compressor, Strength};
use super::inflating::Volume;
use crate::proto::buffer::Buffer;
use crate::zlib::Inflater;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Kept of each kind. One serves any number of connections whose messages come whole; streams and fragments take more.
const KEPT: usize = 4;
/// Connections may keep this many, unless told otherwise: some 350 MiB where each keeps one of both.
pub const MOST_KEPT: usize = 2048;
/// The largest scratch buffer that is kept.
const SCRATCH: usize = 1 << 20;

/// What a loop has.
#[derive(Debug)]
pub struct Codecs {
    inflaters: Vec<Inflater>,
    compressors: Vec<Compressor>,
    scratch: Buffer,
    /// How many of both connections may keep, and one reference for each that they do.
    most_kept: usize,
    kept: Arc<()>,
    /// Compressed messages received since it was last taken: as they came, and as they were delivered.
    pub inflated: Volume,
}

/// A compressor or inflater that a connection keeps.
#[derive(Debug)]
pub(in crate::proto) struct Kept<T> {
    codec: T,
    _counted: Arc<()>,
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.codec
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.codec
    }
}

impl Codecs {
    /// `most_kept`: how many connections may keep for themselves.
    pub fn new(most_kept: usize) -> Codecs {
        let (inflaters, compressors, scratch) = (Vec::new(), Vec::new(), Buffer::default());
        Codecs { inflaters, compressors, scratch, most_kept, kept: Arc::new(()), inflated: Volume::default() }
    }

    /// Connections keep as many as they may.
    pub(in crate::proto) fn is_full(&self) -> bool {
        self.kept() >= self.most_kept
    }

    /// Connections keep more than they may, for messages that are unfinished.
    pub(in crate::proto) fn is_beyond(&self) -> bool {
        self.kept() > self.most_kept
    }

    fn kept(&self) -> usize {
        // One reference is our own.
        Arc::strong_count(&self.kept) - 1
    }

    /// For a connection to keep.
    pub(in crate::proto) fn keep<T>(&self, codec: T) -> Kept<T> {
        Kept { codec, _counted: self.kept.clone() }
    }

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

    /// A connection needs it no more.
    pub(in crate::proto) fn give_kept_compressor(&mut self, kept: Kept<Compressor>) {
        self.give_compressor(kept.codec);
    }

    /// A connection needs it no more.
    pub(in crate::proto) fn give_kept_inflater(&mut self, kept: Kept<Inflater>) {
        self.give_inflater(kept.codec);
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
        Codecs::new(MOST_KEPT)
    }
}
