//! What the poll set named, and the tokens it names things by.
//!
//! Used by `context`, and by whoever registers a socket.

use mio::Token;

/// What a token names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Peer = 0,
    Listener = 1,
    Wake = 2,
    Timer = 3,
    /// A socket that is being connected.
    Attempt = 4,
}

/// generation << 32 | kind << 28 | slot
pub(super) fn token(kind: Kind, slot: u32, generation: u32) -> Token {
    const { assert!(usize::BITS == 64) };
    Token((generation as usize) << 32 | (kind as usize) << 28 | slot as usize)
}

/// One thing that is ready.
#[derive(Clone, Copy)]
pub(super) struct Ready {
    token: Token,
    /// A connection, readable, and perhaps writable, and nothing else.
    pub(super) plain: bool,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer has ended its side, or all is over.
    pub(super) read_closed: bool,
}

impl Ready {
    /// Slot and generation of what is ready.
    #[inline(always)]
    pub(super) fn name(&self) -> (u32, u32) {
        ((self.token.0 & 0x0fff_ffff) as u32, (self.token.0 >> 32) as u32)
    }

    /// What it is.
    #[inline(always)]
    pub(super) fn kind(&self) -> Kind {
        match self.token.0 >> 28 & 0xf {
            0 => Kind::Peer,
            1 => Kind::Listener,
            2 => Kind::Wake,
            3 => Kind::Timer,
            _ => Kind::Attempt,
        }
    }

    /// From what the poll set says.
    #[inline(always)]
    pub(super) fn new(event: &mio::event::Event) -> Ready {
        let token = event.token();
        let (readable, read_closed, error) = (event.is_readable(), event.is_read_closed(), event.is_error());
        Ready {
            token,
            plain: readable && !read_closed && !error && token.0 >> 28 & 0xf == Kind::Peer as usize,
            readable: readable || error,
            writable: event.is_writable() || error || event.is_write_closed(),
            read_closed: read_closed || error,
        }
    }
}
