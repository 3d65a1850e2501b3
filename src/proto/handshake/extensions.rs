//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1), for `server`.
//!
//! Only the form is checked here; which extension is taken up is decided elsewhere.

use crate::proto::http1::{is_token, trim};

/// RFC 6455 §9.1: "extension-list = 1#extension", "extension = extension-token *( ";" extension-param )",
/// "extension-param = token [ "=" (token | quoted-string) ]".
pub(super) fn is_well_formed(value: &[u8]) -> bool {
    // A quoted value must itself be a token once its quotes are off, and tokens contain neither comma, semicolon,
    // quote nor equals sign: cutting at those before looking at quotes rejects nothing that is allowed.
    value.split(|&byte| byte == b',').all(|extension| {
        let mut parts = extension.split(|&byte| byte == b';').map(trim);
        parts.next().is_some_and(is_token) && parts.all(is_parameter)
    })
}

fn is_parameter(parameter: &[u8]) -> bool {
    let mut halves = parameter.splitn(2, |&byte| byte == b'=').map(trim);
    halves.next().is_some_and(is_token) && halves.next().is_none_or(is_value)
}

/// RFC 6455 §9.1: "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
/// conform to the 'token' ABNF."
fn is_value(value: &[u8]) -> bool {
    let [b'"', quoted @ .., b'"'] = value else {
        return is_token(value);
    };
    let mut any = false;
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        let byte = if byte == b'\\' { bytes.next().copied() } else { Some(byte) };
        if !byte.is_some_and(|byte| is_token(&[byte])) {
            return false;
        }
        any = true;
    }
    any
}
