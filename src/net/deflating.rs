//! Messages that may be compressed, on their way into a queue (RFC 7692 §7.2.1), and contexts that are given up.
//!
//! Called by `commands` and `delivery` with what the program sends, and by `deadlines` for connections that are idle.

use super::core::Core;
use super::error::Result;
use super::event::ConnId;
use super::peer::Peer;
use std::time::Duration;

impl Core {
    /// Queues a message or a fragment of one, which lies in several parts and whose frame would begin with `first`.
    /// `uncompressed`: as it is, even where both sides agreed on compression.
    #[inline]
    pub(super) fn put_message(
        &mut self,
        id: ConnId,
        peer: &mut Peer,
        first: u8,
        parts: &[&[u8]],
        uncompressed: bool,
    ) -> Result<()> {
        if peer.proto.agreed().is_some() && self.put_compressed(id, peer, first, parts, uncompressed)? {
            return Ok(());
        }
        match parts {
            [whole] => self.put(id, peer, first, whole),
            _ => self.put_gathered(id, peer, first, parts),
        }
    }

    /// False: it is to be sent as it is.
    fn put_compressed(
        &mut self,
        id: ConnId,
        peer: &mut Peer,
        first: u8,
        parts: &[&[u8]],
        uncompressed: bool,
    ) -> Result<bool> {
        let settings = peer.profile.deflate.as_ref().filter(|_| !uncompressed);
        let codecs = &mut self.shared.codecs;
        let mut out = codecs.take_scratch();
        let first = peer.proto.compress(first, parts, settings, codecs, &mut out);
        let result = match first {
            None => Ok(false),
            Some(first) => {
                self.count_deflated(id, parts.iter().map(|part| part.len()).sum(), out.len());
                let result = self.put(id, peer, first, out.filled());
                if result.is_err() {
                    peer.proto.forget_sent();
                }
                result.map(|()| true)
            }
        };
        self.shared.codecs.give_scratch(out);
        result
    }

    /// Gives up what an idle connection can do without.
    pub(super) fn release_contexts(&mut self, peer: &mut Peer) {
        let release = peer.release_after();
        if !release.is_zero() && u128::from(peer.unused) >= release.as_millis() {
            peer.proto.release_contexts(&mut self.shared.codecs);
        }
    }
}

impl Peer {
    /// Time without a message after which contexts are given up; zero: never, as where there are none.
    pub(super) fn release_after(&self) -> Duration {
        let keeps = self.proto.agreed().is_some_and(|agreed| agreed.server.takeover() || agreed.client.takeover());
        let settings = self.profile.deflate.as_ref().filter(|_| keeps);
        settings.map_or(Duration::ZERO, |settings| settings.release_after)
    }
}
