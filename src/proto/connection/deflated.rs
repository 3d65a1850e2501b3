//! Compressed messages of an open connection (RFC 7692 §6 and §7.2): inflating what comes, compressing what goes.
//!
//! Called by the state machine for frames with the "Per-Message Compressed" bit, and by `net` for what is sent.
//! Invariant: contexts of its own exist only where they are to outlive a message, or one is unfinished.

use super::{Connection, Place, Step};
use crate::proto::buffer::Buffer;
use crate::proto::deflate::codecs::Codecs;
use crate::proto::deflate::compressor::Strength;
use crate::proto::deflate::inflating;
use crate::proto::deflate::{Agreed, Settings};
use crate::proto::error::ProtocolError;
use crate::proto::frame::{FIN, RSV1, opcode};
use crate::proto::message::{Kind, MessageLimits};
use crate::proto::shared::Shared;
use crate::proto::utf8;
use std::ops::Range;

/// With takeover a message may become this much longer and is sent so, as the next one may refer to it.
const LONGER: usize = 64;

impl Connection {
    /// A compressed message that is all there, inflated into `lent`.
    pub(super) fn inflate(
        &mut self,
        kind: Kind,
        payload: &[u8],
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> Result<Step, ProtocolError> {
        let mut out = shared.pool.take_any();
        let codecs = &mut shared.codecs;
        if self.peer_takes_over() {
            let window = &mut self.contexts.get_or_insert_default().window;
            inflating::whole(window.inflater(codecs), payload, true, limits, &mut out)?;
        } else {
            let mut inflater = codecs.take_inflater();
            let result = inflating::whole(&mut inflater, payload, false, limits, &mut out);
            codecs.give_inflater(inflater);
            result?;
        }
        codecs.inflated.add(payload.len(), out.len());
        if kind == Kind::Text && !utf8::is_valid(out.filled()) {
            return Err(ProtocolError::Utf8);
        }
        *lent = out;
        Ok(Step::Message { kind, place: Place::Lent, first: true, last: true })
    }

    /// A piece of a streamed message, unmasked in `window`. What can't be inflated yet is taken back. Where it was used up
    /// to.
    pub(super) fn inflate_piece(
        &mut self,
        window: &mut [u8],
        piece: Range<usize>,
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> Result<(usize, Step), ProtocolError> {
        let takeover = self.peer_takes_over();
        let contexts = self.contexts.get_or_insert_default();
        let inflater = contexts.window.inflater(&mut shared.codecs);
        let Some(incoming) = &mut self.incoming else { return Ok((piece.end, Step::More)) };
        let Some(message) = &mut incoming.message else { return Ok((piece.end, Step::More)) };
        let mut out = shared.pool.take_any();
        let used = inflating::piece(inflater, &window[piece.clone()], message.inflated, limits, &mut out)?;
        let end = piece.start + used;
        message.inflated.add(used, out.len());
        shared.codecs.inflated.add(used, out.len());
        let (kind, first) = (message.kind, !message.begun);
        message.begun |= !out.is_empty();
        incoming.take_back(&mut window[end..piece.end]);
        let last = incoming.end_frame() == (true, true);
        incoming.check_text(out.filled(), last)?;
        if last {
            let length = incoming.message.take().map_or(0, |message| message.inflated.from);
            inflating::end(inflater, length, takeover)?;
            if !takeover {
                contexts.window.forget(&mut shared.codecs);
                self.drop_contexts();
            }
        } else if out.is_empty() {
            shared.pool.give(out);
            return Ok((end, Step::More));
        }
        *lent = out;
        Ok((end, Step::Message { kind, place: Place::Lent, first, last }))
    }

    fn peer_takes_over(&self) -> bool {
        self.deflate.is_some_and(|agreed| agreed.of(self.role.other()).takeover())
    }

    /// Compresses a message or a fragment that lies in several parts and whose frame would begin with `first`, into `out`,
    /// which is empty. The first byte of its frame; None: it is to be sent as it is. `wanted`: the message may be
    /// compressed; its first fragment decides.
    pub fn compress(
        &mut self,
        first: u8,
        parts: &[&[u8]],
        wanted: Option<&Settings>,
        codecs: &mut Codecs,
        out: &mut Buffer,
    ) -> Option<u8> {
        let agreed = self.deflate?;
        let last = first & FIN != 0;
        if first & 0x0f == opcode::CONTINUATION {
            return self.compress_on(first, parts, agreed.of(self.role).takeover(), codecs, out);
        }
        let settings = wanted?;
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if last && length < settings.min_size {
            return None;
        }
        let strength = Strength::new(settings, agreed, self.role);
        if last && !self.takes_over(agreed, codecs) {
            let mut compressor = codecs.take_compressor(strength);
            compressor.write(parts, true, out);
            codecs.give_compressor(compressor);
            return (out.len() < length).then_some(first | RSV1);
        }
        let contexts = self.contexts.get_or_insert_default();
        contexts.sending = !last;
        let compressor = contexts.compressor(strength, codecs);
        compressor.write(parts, last, out);
        if last && out.len() > length + LONGER {
            compressor.reset();
            return None;
        }
        Some(first | RSV1)
    }

    /// Goes on with a message in fragments.
    fn compress_on(
        &mut self,
        first: u8,
        parts: &[&[u8]],
        takeover: bool,
        codecs: &mut Codecs,
        out: &mut Buffer,
    ) -> Option<u8> {
        let last = first & FIN != 0;
        let contexts = self.contexts.as_mut().filter(|contexts| contexts.sending)?;
        contexts.sending = !last;
        contexts.compressor.as_mut()?.write(parts, last, out);
        if last && (!takeover || codecs.is_beyond()) {
            contexts.give_compressor(codecs);
            self.drop_contexts();
        }
        Some(first)
    }

    /// Our compressor refers to earlier messages: it may do without, and does where connections have as many as they may.
    fn takes_over(&self, agreed: Agreed, codecs: &Codecs) -> bool {
        let has_one = || self.contexts.as_ref().is_some_and(|contexts| contexts.compressor.is_some());
        agreed.of(self.role).takeover() && (!codecs.is_full() || has_one())
    }

    /// Our compressor's window is not the peer's any more: what was compressed was not sent, or what was sent was
    /// compressed elsewhere. It begins anew.
    pub fn forget_sent(&mut self) {
        if let Some(compressor) = self.contexts.as_mut().and_then(|contexts| contexts.compressor.as_mut()) {
            compressor.reset();
        }
    }

    /// The connection is idle: what it can do without is given up, unless a message is unfinished.
    pub fn release_contexts(&mut self, codecs: &mut Codecs) {
        if self.sending.is_some() || self.incoming.is_some() {
            return;
        }
        if let Some(contexts) = &mut self.contexts {
            contexts.release(codecs);
            self.drop_contexts();
        }
    }

    fn drop_contexts(&mut self) {
        if self.contexts.as_ref().is_some_and(|contexts| contexts.is_empty()) {
            self.contexts = None;
        }
    }
}
