//! Heads of HTTP/1.1 messages.

/// Limits of a head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Bytes of the whole head.
    pub max_bytes: usize,
    /// Header lines.
    pub max_headers: usize,
    /// Bytes of the request target.
    pub max_target: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        HeadLimits { max_bytes: 16384, max_headers: 100, max_target: 8192 }
    }
}
