//! Close codes and the body of Close frames (RFC 6455 §5.5.1, §7.4).

use super::error::ProtocolError;

/// The peer sent a Close without code.
pub const NO_STATUS: u16 = 1005;
/// The connection ended without a Close.
pub const ABNORMAL: u16 = 1006;
/// The most that fits a control frame beside the code.
pub const MAX_REASON: usize = 123;

/// Whether an endpoint may put `code` into a Close frame.
///
/// §7.4.1 reserves 1004, 1005, 1006 and 1015. §7.4.2: 1000-2999 "are reserved for definition by this protocol, its
/// future revisions, and extensions": what is defined there later (1012 to 1014) is left out, the strict reading.
pub fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999)
}

/// Reads the body of a Close frame: code ([`NO_STATUS`] when empty) and reason.
pub fn parse(body: &[u8]) -> Result<(u16, &str), ProtocolError> {
    // RFC 6455 §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer"
    let Some((code, reason)) = body.split_first_chunk() else {
        return if body.is_empty() { Ok((NO_STATUS, "")) } else { Err(ProtocolError::CloseBody) };
    };
    let code = u16::from_be_bytes(*code);
    if !is_sendable(code) {
        return Err(ProtocolError::CloseCode);
    }
    // RFC 6455 §8.1: a reason that is not UTF-8 fails the connection like any text.
    let reason = simdutf8::basic::from_utf8(reason).map_err(|_| ProtocolError::CloseReason)?;
    Ok((code, reason))
}
