//! What does not lie whole in the window: cut, fragmented or streamed messages, and large ones that are received straight to
//! their place (RFC 6455 §5.4).
//!
//! Called by the state machine and, for [`Connection::room`] and [`Connection::received`], by `net::reading`. Invariant:
//! `incoming` is dropped as soon as nothing is unfinished.

use super::{Connection, Place, Role, Step};
use crate::proto::buffer::Buffer;
use crate::proto::error::ProtocolError;
use crate::proto::frame::MAX_HEADER;
use crate::proto::message::{Frame, MessageLimits};
use crate::proto::shared::Shared;
use std::ops::Range;

/// Direct receiving pays when at least this much of a frame is missing.
const DIRECT: u64 = 4096;

impl Connection {
    /// Everything that is cut, fragmented or streamed.
    pub(super) fn in_pieces(
        &mut self,
        window: &mut [u8],
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> Result<(usize, Step), ProtocolError> {
        let (masked, deflate) = (self.role == Role::Server, self.deflate.is_some());
        let incoming = self.incoming.get_or_insert_default();
        let mut at = 0;
        if incoming.frame.is_none() {
            let (used, header) = incoming.header(window, masked, deflate)?;
            at = used;
            let Some(header) = header else { return Ok((at, Step::More)) };
            if header.is_control() {
                incoming.frame = Some(Frame { header, left: header.length });
            } else {
                incoming.begin(&header, limits, &mut shared.pool)?;
            }
        }
        let Some(frame) = incoming.frame else { return Ok((at, Step::More)) };
        let count = frame.left.min((window.len() - at) as u64) as usize;
        let piece = at..at + count;
        let (end, step) = if frame.header.is_control() {
            (piece.end, self.control_piece(&mut window[piece], lent))
        } else {
            incoming.piece(&mut window[piece.clone()])?;
            match self.streaming && incoming.message.as_ref().is_some_and(|message| message.compressed) {
                true => self.inflate_piece(window, piece, limits, shared, lent)?,
                false => (piece.end, self.data_piece(window, piece, limits, shared, lent)?),
            }
        };
        self.drop_idle();
        Ok((end, step))
    }

    fn control_piece(&mut self, piece: &mut [u8], lent: &mut Buffer) -> Step {
        let Some((code, payload)) = self.incoming.as_mut().and_then(|incoming| incoming.control(piece)) else {
            return Step::More;
        };
        let step = self.control(code, &payload, Place::Lent);
        *lent = Buffer::from(payload);
        step
    }

    fn data_piece(
        &mut self,
        window: &[u8],
        piece: Range<usize>,
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> Result<Step, ProtocolError> {
        let Some(incoming) = &mut self.incoming else { return Ok(Step::More) };
        let last = incoming.end_frame() == (true, true);
        let Some(message) = &mut incoming.message else { return Ok(Step::More) };
        if !self.streaming {
            message.buffer.push(&window[piece]);
            return if last { self.finish(limits, shared, lent) } else { Ok(Step::More) };
        }
        if piece.is_empty() && !last {
            return Ok(Step::More);
        }
        let (kind, first) = (message.kind, !message.begun);
        message.begun = true;
        if last {
            incoming.message = None;
        }
        Ok(Step::Message { kind, place: Place::Window(piece), first, last })
    }

    /// The message in its buffer is complete.
    fn finish(
        &mut self,
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> Result<Step, ProtocolError> {
        let Some(message) = self.incoming.as_mut().and_then(|incoming| incoming.message.take()) else {
            return Ok(Step::More);
        };
        if message.compressed {
            let step = self.inflate(message.kind, message.buffer.filled(), limits, shared, lent);
            shared.pool.give(message.buffer);
            return step;
        }
        *lent = message.buffer;
        Ok(Step::Message { kind: message.kind, place: Place::Lent, first: true, last: true })
    }

    fn drop_idle(&mut self) {
        if self.incoming.as_ref().is_some_and(|incoming| incoming.is_idle()) {
            self.incoming = None;
        }
    }

    /// Where to receive the next bytes, if they belong to a large frame: its payload's own place and a header's length
    /// more, so that a short read shows that nothing else is there.
    #[inline]
    pub fn room(&mut self) -> Option<&mut [u8]> {
        if self.streaming {
            return None;
        }
        let incoming = self.incoming.as_mut()?;
        let left = incoming.frame.filter(|frame| !frame.header.is_control() && frame.left >= DIRECT)?.left;
        let wanted = usize::try_from(left).ok()?.checked_add(MAX_HEADER)?;
        Some(incoming.message.as_mut()?.buffer.room(wanted))
    }

    /// `count` bytes were received into that room. Those after the frame are moved to the start of `window` (which has
    /// [`MAX_HEADER`] bytes at least); how many they are is the first result.
    pub fn received(
        &mut self,
        count: usize,
        window: &mut [u8],
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> (usize, Step) {
        let Some(incoming) = &mut self.incoming else { return (0, Step::More) };
        let (Some(frame), Some(message)) = (&incoming.frame, &mut incoming.message) else { return (0, Step::More) };
        let from = message.buffer.len();
        let beyond = count.saturating_sub(usize::try_from(frame.left).unwrap_or(usize::MAX));
        message.buffer.advance(count);
        let end = from + count - beyond;
        window[..beyond].copy_from_slice(message.buffer.filled_mut(end));
        message.buffer.truncate(end);
        let step = match incoming.piece_in_buffer(from) {
            Ok(()) if incoming.end_frame() == (true, true) => self.finish(limits, shared, lent),
            Ok(()) => Ok(Step::More),
            Err(error) => return (beyond, Step::Failed(error)),
        };
        self.drop_idle();
        (beyond, step.unwrap_or_else(Step::Failed))
    }
}
