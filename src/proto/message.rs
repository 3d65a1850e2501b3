//! Messages that do not arrive whole (RFC 6455 §5.4): cut headers, cut payloads, fragments with control frames in
//! between; their limits; UTF-8 as it comes.
//!
//! Used by `connection` alone, which handles whole single-frame messages itself. An [`Incoming`] exists only while a
//! frame or message is unfinished, so that an idle connection owns none.

use super::buffer::{Buffer, Pool};
use super::deflate::Volume;
use super::error::ProtocolError;
use super::frame::{Header, MAX_HEADER, opcode};
use super::mask;
use super::utf8::Utf8;

/// The ratio is looked at beyond this: short messages may refer to long ones before them.
const RATIO_FROM: u64 = 64 << 10;
/// What a fragment of one byte becomes at most.
const FLUSH: u64 = 16;

/// What kind of data a message carries (§5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

impl Kind {
    /// Its opcode.
    pub fn opcode(self) -> u8 {
        match self {
            Kind::Text => opcode::TEXT,
            Kind::Binary => opcode::BINARY,
        }
    }
}

/// Limits of incoming messages.
#[derive(Clone, Copy, Debug)]
pub struct MessageLimits {
    /// Bytes of a whole message. 1 MiB: what the field's libraries allow; JSON rarely comes near.
    pub max_message: u64,
    /// Bytes of one frame's payload. As a message.
    pub max_frame: u64,
    /// Frames of one message. 1,024: a thousand chunks, not a million empty ones.
    pub max_fragments: u32,
    /// How many times larger than what came a compressed message may become, looked at beyond 64 KiB. No limit: images of
    /// one colour come near what deflate can do at most (1,032), and `max_message` bounds them as all others.
    pub max_ratio: u64,
}

impl Default for MessageLimits {
    fn default() -> Self {
        MessageLimits { max_message: 1 << 20, max_frame: 1 << 20, max_fragments: 1024, max_ratio: u64::MAX }
    }
}

impl MessageLimits {
    /// §10.4: "Implementations that have implementation- and/or platform-specific limitations regarding the frame
    /// size or total message size [...] MUST protect themselves against exceeding those limits."
    pub(super) fn check(&self, before: u64, frame: u64) -> Result<(), ProtocolError> {
        // Both are below 2^63: the sum cannot wrap.
        if frame > self.max_frame || before + frame > self.max_message {
            return Err(ProtocolError::TooBig);
        }
        Ok(())
    }

    /// What a message of which `compressed` bytes have come may become.
    pub(super) fn most_inflated(&self, compressed: u64) -> u64 {
        compressed.saturating_mul(self.max_ratio).max(RATIO_FROM).min(self.max_message)
    }

    /// Like the check of plain frames. What can't be compressed becomes longer: by an eighth at most where a compressor
    /// has little memory (codes of 9 bits for bytes), and by a few bytes for each flush, one at every fragment's end.
    pub(super) fn check_compressed(&self, before: u64, frame: u64, fragments: u32) -> Result<(), ProtocolError> {
        let longer = |most: u64| most.saturating_add(most / 7).saturating_add(u64::from(fragments) * FLUSH + 64);
        if frame > longer(self.max_frame) || before + frame > longer(self.max_message) {
            return Err(ProtocolError::TooBig);
        }
        Ok(())
    }
}

/// The unfinished part of what a peer sends.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// A header that a read has cut.
    head: [u8; MAX_HEADER],
    head_length: u8,
    /// The frame whose payload is not all there.
    pub(super) frame: Option<Frame>,
    /// The payload so far of an unfinished control frame.
    control: Vec<u8>,
    /// The message that is not all there.
    pub(super) message: Option<Message>,
}

/// A frame whose payload is not all there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) header: Header,
    /// Payload bytes still to come. `header.key` is turned to the next of them.
    pub(super) left: u64,
}

/// A message that is not all there.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// Payload bytes of the frames begun so far, as their headers say.
    total: u64,
    fragments: u32,
    utf8: Utf8,
    /// Whole-message mode: what has come, unmasked.
    pub(super) buffer: Buffer,
    /// Streaming mode: a piece was handed out.
    pub(super) begun: bool,
    /// What comes is compressed: it is text, and within the limits, when it is inflated.
    pub(super) compressed: bool,
    /// Streaming mode: what was inflated so far, and what it became.
    pub(super) inflated: Volume,
}

impl Incoming {
    /// Adds bytes to a cut header. The header with its length when it is whole, and how many bytes it took.
    pub(super) fn header(
        &mut self,
        bytes: &[u8],
        masked: bool,
        deflate: bool,
    ) -> Result<(usize, Option<Header>), ProtocolError> {
        let before = usize::from(self.head_length);
        let count = bytes.len().min(MAX_HEADER - before);
        self.head[before..before + count].copy_from_slice(&bytes[..count]);
        match Header::parse(&self.head[..before + count], masked, deflate)? {
            Some((header, length)) => {
                self.head_length = 0;
                Ok((length - before, Some(header)))
            }
            None => {
                self.head_length = (before + count) as u8;
                Ok((count, None))
            }
        }
    }

    /// Nothing is unfinished: it may be dropped.
    pub(super) fn is_idle(&self) -> bool {
        self.head_length == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Begins a data frame: the rules of fragmentation and the limits.
    pub(super) fn begin(
        &mut self,
        header: &Header,
        limits: &MessageLimits,
        pool: &mut Pool,
    ) -> Result<(), ProtocolError> {
        match (header.opcode, &mut self.message) {
            (opcode::CONTINUATION, Some(message)) => {
                message.limit(limits, header.length)?;
                message.fragments += 1;
                if message.fragments > limits.max_fragments {
                    return Err(ProtocolError::TooManyFragments);
                }
                message.total += header.length;
            }
            (opcode::CONTINUATION, None) => return Err(ProtocolError::StrayContinuation),
            // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message"
            (_, Some(_)) => return Err(ProtocolError::Interleaved),
            (code, none) => {
                let message = none.insert(Message {
                    kind: if code == opcode::TEXT { Kind::Text } else { Kind::Binary },
                    total: 0,
                    fragments: 1,
                    utf8: Utf8::default(),
                    buffer: Buffer::default(),
                    begun: false,
                    compressed: header.compressed,
                    inflated: Volume::default(),
                });
                message.limit(limits, header.length)?;
                message.buffer = pool.take(header.length);
                message.total = header.length;
            }
        }
        self.frame = Some(Frame { header: *header, left: header.length });
        Ok(())
    }

    /// Adds payload of an unfinished control frame; opcode and whole payload when it is all there.
    pub(super) fn control(&mut self, bytes: &mut [u8]) -> Option<(u8, Vec<u8>)> {
        let frame = self.frame.as_mut()?;
        frame.header.key = mask::apply(bytes, frame.header.key);
        frame.left -= bytes.len() as u64;
        self.control.extend_from_slice(bytes);
        if frame.left > 0 {
            return None;
        }
        let code = frame.header.opcode;
        self.frame = None;
        Some((code, std::mem::take(&mut self.control)))
    }

    /// Unmasks a piece of the data frame's payload in place and checks it.
    pub(super) fn piece(&mut self, bytes: &mut [u8]) -> Result<(), ProtocolError> {
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else { return Ok(()) };
        frame.header.key = mask::apply(bytes, frame.header.key);
        frame.left -= bytes.len() as u64;
        let last = frame.left == 0 && frame.header.fin;
        if message.compressed { Ok(()) } else { check_text(message.kind, &mut message.utf8, bytes, last) }
    }

    /// The last bytes of the piece, unmasked already, are to come again: as they were.
    pub(super) fn take_back(&mut self, bytes: &mut [u8]) {
        if let Some(frame) = &mut self.frame {
            let mut key = frame.header.key;
            key.rotate_right(bytes.len() % 4);
            mask::apply(bytes, key);
            frame.header.key = key;
            frame.left += bytes.len() as u64;
        }
    }

    /// Checks the next bytes of the message as they are delivered, if it is text; `last`: it ends with them.
    pub(super) fn check_text(&mut self, bytes: &[u8], last: bool) -> Result<(), ProtocolError> {
        self.message.as_mut().map_or(Ok(()), |message| check_text(message.kind, &mut message.utf8, bytes, last))
    }

    /// Unmasks and checks what was received into the message's own buffer from `from` on.
    pub(super) fn piece_in_buffer(&mut self, from: usize) -> Result<(), ProtocolError> {
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else { return Ok(()) };
        let bytes = message.buffer.filled_mut(from);
        frame.header.key = mask::apply(bytes, frame.header.key);
        frame.left -= bytes.len() as u64;
        let Message { kind, utf8, buffer, compressed, .. } = message;
        let last = frame.left == 0 && frame.header.fin;
        if *compressed { Ok(()) } else { check_text(*kind, utf8, &buffer.filled()[from..], last) }
    }

    /// Ends the frame if all of it is there: whether it was, and whether it was the message's last.
    pub(super) fn end_frame(&mut self) -> (bool, bool) {
        match self.frame {
            Some(frame) if frame.left == 0 => {
                self.frame = None;
                (true, frame.header.fin)
            }
            _ => (false, false),
        }
    }
}

impl Message {
    fn limit(&self, limits: &MessageLimits, frame: u64) -> Result<(), ProtocolError> {
        match self.compressed {
            false => limits.check(self.total, frame),
            true => limits.check_compressed(self.total, frame, self.fragments),
        }
    }
}

/// §8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not, in fact, a
/// valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_."
fn check_text(kind: Kind, utf8: &mut Utf8, bytes: &[u8], last: bool) -> Result<(), ProtocolError> {
    if kind == Kind::Binary {
        return Ok(());
    }
    utf8.push(bytes).map_err(|_| ProtocolError::Utf8)?;
    if last && !utf8.is_complete() {
        return Err(ProtocolError::Utf8);
    }
    Ok(())
}
