//! What compression saves, of each connection that has compressed messages, and of all.

use super::super::core::Core;
use super::super::count::Count;
use super::super::event::ConnId;
use super::Stats;
use crate::proto::deflate::Volume;

/// Bytes of compressed messages, before and after.
#[derive(Debug, Default)]
pub(super) struct Compression {
    inflated_from: Count,
    inflated_to: Count,
    deflated_from: Count,
    deflated_to: Count,
}

impl Compression {
    pub(super) fn clear(&self) {
        let Compression { inflated_from, inflated_to, deflated_from, deflated_to } = self;
        [inflated_from, inflated_to, deflated_from, deflated_to].iter().for_each(|count| count.set(0));
    }

    pub(super) fn read(&self, stats: &mut Stats) {
        stats.inflated_from = self.inflated_from.get();
        stats.inflated_to = self.inflated_to.get();
        stats.deflated_from = self.deflated_from.get();
        stats.deflated_to = self.deflated_to.get();
    }

    fn inflated(&self, from: u64, to: u64) {
        self.inflated_from.add(from);
        self.inflated_to.add(to);
    }

    fn deflated(&self, from: u64, to: u64) {
        self.deflated_from.add(from);
        self.deflated_to.add(to);
    }
}

impl Core {
    /// What was inflated since this was called last came from this connection: how many bytes it became.
    #[inline(always)]
    pub(in super::super) fn count_inflated(&mut self, id: ConnId) -> u64 {
        if self.shared.codecs.inflated.from == 0 {
            return 0;
        }
        let Volume { from, to } = std::mem::take(&mut self.shared.codecs.inflated);
        self.counts.compression.row(id.slot).inflated(from, to);
        self.counts.sums.compression.inflated(from, to);
        to
    }

    /// A message or a fragment was compressed to be sent: so many bytes, which became so many.
    pub(in super::super) fn count_deflated(&self, id: ConnId, from: usize, to: usize) {
        self.counts.compression.row(id.slot).deflated(from as u64, to as u64);
        self.counts.sums.compression.deflated(from as u64, to as u64);
    }
}
