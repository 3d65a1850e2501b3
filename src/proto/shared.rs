//! What the connections of a loop share, and lend each other for a moment.

use super::buffer::Pool;
use super::deflate::codecs::Codecs;

/// Owned by the loop.
#[derive(Debug, Default)]
pub struct Shared {
    /// Buffers for messages that do not arrive whole.
    pub pool: Pool,
    /// Compressors and inflaters.
    pub codecs: Codecs,
}
