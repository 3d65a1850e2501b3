//! How a peer can break the protocol, and the close code for each: the only map from error to code (RFC 6455 §7.4.1).

use std::fmt;

/// What the peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A reserved bit without an extension that gives it a meaning.
    ReservedBits,
    /// An opcode that nothing defines.
    Opcode,
    /// A control frame that is not final.
    FragmentedControl,
    /// A control frame with more than 125 bytes.
    LongControl,
    /// A length in more bytes than needed, or with its highest bit set.
    Length,
    /// A client's frame without mask.
    Unmasked,
    /// A server's frame with mask.
    Masked,
    /// A continuation of nothing.
    StrayContinuation,
    /// A new message inside a fragmented one.
    Interleaved,
    /// Text that is not UTF-8.
    Utf8,
    /// A message or frame above its limit.
    TooBig,
    /// More fragments than the limit.
    TooManyFragments,
    /// Compressed data that is not DEFLATE, or not whole.
    Deflate,
    /// A Close body of one byte.
    CloseBody,
    /// A close code that may not be sent.
    CloseCode,
    /// A close reason that is not UTF-8.
    CloseReason,
}

impl ProtocolError {
    /// The code of the Close frame that answers it.
    pub fn close_code(self) -> u16 {
        match self {
            ProtocolError::Utf8 | ProtocolError::Deflate | ProtocolError::CloseReason => 1007,
            ProtocolError::TooManyFragments => 1008,
            ProtocolError::TooBig => 1009,
            _ => 1002,
        }
    }

    /// The reason in that Close frame and in the log.
    pub fn text(self) -> &'static str {
        match self {
            ProtocolError::ReservedBits => "reserved bits set",
            ProtocolError::Opcode => "unknown opcode",
            ProtocolError::FragmentedControl => "fragmented control frame",
            ProtocolError::LongControl => "control frame above 125 bytes",
            ProtocolError::Length => "length not in its shortest form",
            ProtocolError::Unmasked => "frame without mask",
            ProtocolError::Masked => "frame with mask",
            ProtocolError::StrayContinuation => "continuation without a message",
            ProtocolError::Interleaved => "new message inside a fragmented one",
            ProtocolError::Utf8 => "text is not UTF-8",
            ProtocolError::TooBig => "message too big",
            ProtocolError::TooManyFragments => "too many fragments",
            ProtocolError::Deflate => "broken compressed data",
            ProtocolError::CloseBody => "close body of one byte",
            ProtocolError::CloseCode => "close code not allowed",
            ProtocolError::CloseReason => "close reason is not UTF-8",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ProtocolError {}
