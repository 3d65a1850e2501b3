//! Inflating messages (RFC 7692 §7.2.2), bounded while it goes on.
//!
//! Used by `connection`. Invariant: what is written is never more than a limit and one byte, however much more the data
//! would become.

use super::Volume;
use super::compressor::TAIL;
use crate::proto::buffer::Buffer;
use crate::proto::error::ProtocolError;
use crate::proto::message::MessageLimits;
use crate::zlib::{Broken, Inflater};

/// A piece of a streamed message that is handed out at once, about.
const PIECE: usize = 64 << 10;
/// Room that the inflater is given at once, at most.
const ROOM: usize = 1 << 20;

/// Inflates a whole message, appending to `out`. `takeover`: others follow that refer to it.
pub(in crate::proto) fn whole(
    inflater: &mut Inflater,
    payload: &[u8],
    takeover: bool,
    limits: &MessageLimits,
    out: &mut Buffer,
) -> Result<(), ProtocolError> {
    feed(inflater, payload, limits.most_inflated(payload.len() as u64), usize::MAX, out)?;
    end(inflater, payload.len() as u64, takeover)
}

/// Inflates what has come of a streamed message, appending to `out`: as much as makes a piece. How much of `input` it
/// took. `before`: what came of the message before `input`, and what it became.
pub(in crate::proto) fn piece(
    inflater: &mut Inflater,
    input: &[u8],
    before: Volume,
    limits: &MessageLimits,
    out: &mut Buffer,
) -> Result<usize, ProtocolError> {
    let most = limits.most_inflated(before.from + input.len() as u64);
    feed(inflater, input, most.saturating_sub(before.to), PIECE, out)
}

/// The message ends here: what came last is the header of a stored block (§7.2.1), whose rest is put there (§7.2.2) if
/// others follow. `length`: bytes of the message's payload.
pub(in crate::proto) fn end(inflater: &mut Inflater, length: u64, takeover: bool) -> Result<(), ProtocolError> {
    // A message of no bytes should be one of 0x00 (§7.2.3.6). It can mean nothing else.
    if length == 0 {
        return Ok(());
    }
    if !inflater.is_at_stored_block() {
        return Err(ProtocolError::Deflate);
    }
    if takeover {
        inflater.inflate(&TAIL, &mut [0])?;
    }
    Ok(())
}

/// Inflates until all of `input` is used up and nothing of it is left inside, or `out` has `enough`.
fn feed(
    inflater: &mut Inflater,
    input: &[u8],
    most: u64,
    enough: usize,
    out: &mut Buffer,
) -> Result<usize, ProtocolError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut rest = input;
    loop {
        // One byte more than allowed shows that there is more.
        let room = out.room(most.saturating_sub(out.len()).min(ROOM) + 1);
        let size = room.len();
        let step = inflater.inflate(rest, room)?;
        out.advance(step.produced);
        rest = &rest[step.consumed..];
        if out.len() > most {
            return Err(ProtocolError::TooBig);
        }
        if step.ended {
            // §7.2.3.4: a final block ends no message: others may follow, and refer to what it held.
            inflater.go_on();
        } else if step.produced < size {
            // There is room left, so that there can be no input.
            return if rest.is_empty() { Ok(input.len()) } else { Err(ProtocolError::Deflate) };
        }
        if rest.is_empty() && step.ended {
            return Ok(input.len());
        }
        if out.len() >= enough && !rest.is_empty() {
            return Ok(input.len() - rest.len());
        }
    }
}

impl From<Broken> for ProtocolError {
    fn from(_: Broken) -> Self {
        ProtocolError::Deflate
    }
}
