//! Masking (RFC 6455 §5.3), whole or in pieces. Called by `connection` and `message` for what comes, `frame` for what goes.
//!
//! "Octet i of the transformed data is the XOR of octet i of the original data with octet at index i modulo 4 of the
//! masking key": so a payload may be masked piece by piece if the key is turned by each piece's length.

/// A masking key (RFC 6455 §5.3), fresh and unpredictable for every frame.
pub type Key = [u8; 4];

/// Masks or unmasks `data`, and returns the key for the bytes that follow it.
#[inline]
pub fn apply(data: &mut [u8], mut key: Key) -> Key {
    crate::simd::xor(data, key);
    key.rotate_left(data.len() % 4);
    key
}

/// As [`apply`] for a whole text, and whether the result is valid UTF-8.
#[inline(always)]
pub fn apply_to_text(data: &mut [u8], key: Key) -> bool {
    crate::simd::xor_is_ascii(data, key) || simdutf8::basic::from_utf8(data).is_ok()
}
