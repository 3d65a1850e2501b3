//! An open connection of either role, without I/O (RFC 6455 §5 to §7): the state machine.
//!
//! ```text
//!            send_close              Close comes
//!   OPEN ───────────────▶ CLOSING ───────────────▶ CLOSED
//!     │    Close comes               send_close       ▲
//!     └──────────────────▶ CLOSING ───────────────────┘
//! ```
//!
//! Called by `net::peer`. Inputs: [`Connection::receive`] takes a window of received bytes and gives one [`Step`];
//! [`Connection::room`] and [`Connection::received`] let a large message go straight to its place. Commands:
//! `begin_*`, which say whether a frame may be sent now and what its first byte is. Nothing is queued, and nothing
//! here knows a socket, a clock or a random number.
//!
//! Invariants: after a step that failed nothing more is to be received; `incoming` exists only while something is
//! unfinished; a payload in the window is unmasked in place exactly once, or masked again where it is to come again.

mod deflated;
mod pieces;

use super::buffer::Buffer;
use super::close;
use super::deflate::Agreed;
use super::deflate::contexts::Contexts;
use super::error::ProtocolError;
use super::frame::{FIN, Header, opcode};
use super::mask;
use super::message::{Incoming, Kind, MessageLimits};
use super::shared::Shared;
use super::utf8;
use std::ops::Range;

/// Which end this is (§5.1: clients mask, servers don't).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opened the connection.
    Client,
    /// Accepted it.
    Server,
}

impl Role {
    /// The peer's.
    pub fn other(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}

/// The state machine of one connection.
#[derive(Debug)]
pub struct Connection {
    incoming: Option<Box<Incoming>>,
    /// Compressor and inflater of its own.
    contexts: Option<Box<Contexts>>,
    role: Role,
    /// Hand out pieces instead of whole messages.
    streaming: bool,
    close_sent: bool,
    close_received: bool,
    /// The fragmented message being sent.
    sending: Option<Kind>,
    /// A server that has neither sent a Close nor begun a fragmented message, and compresses nothing: asked for with every
    /// message.
    sends_plain: bool,
    /// What was agreed on in the handshake.
    deflate: Option<Agreed>,
}

/// What a piece of input meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet: more bytes are needed.
    More,
    /// A message, or a piece of one.
    Message {
        /// Text or binary.
        kind: Kind,
        /// Where its bytes are.
        place: Place,
        /// It begins here.
        first: bool,
        /// It ends here.
        last: bool,
    },
    /// A ping, to be answered with the same payload.
    Ping(Place),
    /// A pong.
    Pong(Place),
    /// The peer's Close.
    Close {
        /// Its code, or [`close::NO_STATUS`].
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// The peer broke the protocol: fail the connection.
    Failed(ProtocolError),
}

/// Where the bytes of a step are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the window that was given.
    Window(Range<usize>),
    /// In the buffer that was lent: all of it.
    Lent,
}

/// Why a frame may not be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// A Close was sent.
    Closing,
    /// A fragmented message is not finished, or of another kind.
    Fragmented,
}

impl Connection {
    /// A connection right after the opening handshake.
    pub fn new(role: Role, streaming: bool) -> Self {
        Connection {
            incoming: None,
            contexts: None,
            role,
            streaming,
            close_sent: false,
            close_received: false,
            sending: None,
            sends_plain: role == Role::Server,
            deflate: None,
        }
    }

    /// From now on messages may be compressed: said before the first of them.
    pub fn deflate_with(&mut self, agreed: Agreed) {
        self.deflate = Some(agreed);
        self.sends_plain = false;
    }

    /// What was agreed on, None without compression.
    pub fn agreed(&self) -> Option<Agreed> {
        self.deflate
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// We sent a Close.
    pub fn close_sent(&self) -> bool {
        self.close_sent
    }

    /// The peer sent a Close.
    pub fn close_received(&self) -> bool {
        self.close_received
    }

    /// The common case, and nothing else: a message in one frame that is whole between `start` and `end` of `window`, in
    /// whole-message mode. Its kind and where it is; it ends where its frame does. `None` has changed nothing:
    /// [`Connection::receive`] tells. `window` goes on for a header's length after `end`, with any bytes.
    #[inline(always)]
    pub fn whole_message(
        &mut self,
        window: &mut [u8],
        start: usize,
        end: usize,
        limits: &MessageLimits,
    ) -> Option<(Kind, Range<usize>)> {
        if self.incoming.is_some() || self.streaming {
            return None;
        }
        let head = window.get(start..)?.first_chunk()?;
        let plain = match self.role {
            Role::Server => Header::parse_plain::<true>(head)?,
            Role::Client => Header::parse_plain::<false>(head)?,
        };
        let start = start + plain.end;
        // The header itself may be cut: then it was completed from bytes that mean nothing. The length is below 2^63.
        // §10.4, the limits: what is above them is for `receive` to say.
        if start as u64 + plain.length > end as u64 || plain.length > limits.max_frame.min(limits.max_message) {
            return None;
        }
        let at = start..start + plain.length as usize;
        let payload = window.get_mut(at.clone())?;
        if plain.binary {
            mask::apply(payload, plain.key);
            return Some((Kind::Binary, at));
        }
        if !mask::apply_to_text(payload, plain.key) {
            // Masking twice gives what was there: the slow way finds the fault again and names it.
            mask::apply(payload, plain.key);
            return None;
        }
        Some((Kind::Text, at))
    }

    /// Takes the next step through `window`: how many bytes of it are used up, and what they meant. A message in
    /// several reads ends up in `lent`.
    pub fn receive(
        &mut self,
        window: &mut [u8],
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> (usize, Step) {
        if self.incoming.is_none() {
            match Header::parse(window, self.role == Role::Server, self.deflate.is_some()) {
                Ok(Some((header, at))) if header.length <= (window.len() - at) as u64 => {
                    let end = at + header.length as usize;
                    if header.is_control() || (header.fin && header.opcode != opcode::CONTINUATION && !self.streaming) {
                        let step = self.whole(&header, window, at..end, limits, shared, lent);
                        return (end, step.unwrap_or_else(Step::Failed));
                    }
                }
                Ok(_) => {}
                Err(error) => return (window.len(), Step::Failed(error)),
            }
            if window.is_empty() {
                return (0, Step::More);
            }
        }
        self.in_pieces(window, limits, shared, lent).unwrap_or_else(|error| (window.len(), Step::Failed(error)))
    }

    /// A frame that is whole in the window, and a message by itself or a control frame.
    fn whole(
        &mut self,
        header: &Header,
        window: &mut [u8],
        at: Range<usize>,
        limits: &MessageLimits,
        shared: &mut Shared,
        lent: &mut Buffer,
    ) -> Result<Step, ProtocolError> {
        let payload = &mut window[at.clone()];
        mask::apply(payload, header.key);
        let kind = match header.opcode {
            opcode::TEXT => Kind::Text,
            opcode::BINARY => Kind::Binary,
            _ => return Ok(self.control(header.opcode, payload, Place::Window(at))),
        };
        if header.compressed {
            limits.check_compressed(0, header.length, 1)?;
            return self.inflate(kind, payload, limits, shared, lent);
        }
        limits.check(0, header.length)?;
        if kind == Kind::Text && !utf8::is_valid(payload) {
            return Err(ProtocolError::Utf8);
        }
        Ok(Step::Message { kind, place: Place::Window(at), first: true, last: true })
    }

    fn control(&mut self, code: u8, payload: &[u8], place: Place) -> Step {
        match code {
            opcode::PING => Step::Ping(place),
            opcode::PONG => Step::Pong(place),
            _ => match close::parse(payload) {
                Ok((code, reason)) => {
                    self.close_received = true;
                    Step::Close { code, reason: reason.to_owned() }
                }
                Err(error) => Step::Failed(error),
            },
        }
    }

    /// A frame or message is unfinished.
    #[inline(always)]
    pub fn is_receiving(&self) -> bool {
        self.incoming.is_some()
    }

    /// A message in one frame may be sent, and needs no mask.
    #[inline(always)]
    pub fn sends_plain(&self) -> bool {
        self.sends_plain
    }

    /// The first byte of a message in one frame.
    #[inline]
    pub fn begin_message(&self, kind: Kind) -> Result<u8, NotNow> {
        if self.close_sent {
            return Err(NotNow::Closing);
        }
        if self.sending.is_some() {
            return Err(NotNow::Fragmented);
        }
        Ok(FIN | kind.opcode())
    }

    /// The first byte of one frame of a fragmented message (§5.4).
    pub fn begin_fragment(&mut self, kind: Kind, last: bool) -> Result<u8, NotNow> {
        if self.close_sent {
            return Err(NotNow::Closing);
        }
        let code = match self.sending {
            None => kind.opcode(),
            Some(begun) if begun == kind => opcode::CONTINUATION,
            Some(_) => return Err(NotNow::Fragmented),
        };
        self.sending = (!last).then_some(kind);
        self.sends_plain = last && self.role == Role::Server && self.deflate.is_none();
        Ok(if last { FIN | code } else { code })
    }

    /// The first byte of a ping or pong, allowed between fragments too.
    pub fn begin_control(&self, code: u8) -> Result<u8, NotNow> {
        if self.close_sent { Err(NotNow::Closing) } else { Ok(FIN | code) }
    }

    /// The first byte of a Close. §5.5.1: "The application MUST NOT send any more data frames after sending a Close
    /// frame."
    pub fn begin_close(&mut self) -> Result<u8, NotNow> {
        self.sends_plain = false;
        if std::mem::replace(&mut self.close_sent, true) {
            return Err(NotNow::Closing);
        }
        Ok(FIN | opcode::CLOSE)
    }
}
