//! Messages out of frames (RFC 6455 §5.4): fragmentation, control frames in between, limits.

/// What kind of data a message carries (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
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
}

impl Default for MessageLimits {
    fn default() -> Self {
        MessageLimits { max_message: 1 << 20, max_frame: 1 << 20, max_fragments: 1024 }
    }
}
