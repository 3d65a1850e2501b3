//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1), for `server`, `client` and `deflate::negotiation`.
//!
//! Only the form is looked at here; which extension is taken up is decided elsewhere.

use crate::proto::http1::{is_token, list, trim};

/// One element of the list.
#[derive(Clone, Copy)]
pub(in crate::proto) struct Extension<'a>(&'a [u8]);

impl<'a> Extension<'a> {
    /// All extensions of a value, in their order.
    pub(in crate::proto) fn all(value: &'a [u8]) -> impl Iterator<Item = Extension<'a>> {
        // A quoted value must itself be a token once its quotes are off, and tokens contain neither comma, semicolon,
        // quote nor equals sign: cutting at those before looking at quotes rejects nothing that is allowed.
        list(value).map(Extension)
    }

    pub(in crate::proto) fn name(self) -> &'a [u8] {
        self.0.split(|&byte| byte == b';').next().map_or(self.0, trim)
    }

    pub(in crate::proto) fn parameters(self) -> impl Iterator<Item = Parameter<'a>> {
        self.0.split(|&byte| byte == b';').skip(1).map(|parameter| {
            let mut halves = parameter.splitn(2, |&byte| byte == b'=').map(trim);
            Parameter { name: halves.next().unwrap_or_default(), value: halves.next() }
        })
    }
}

/// What an extension says behind its name.
#[derive(Clone, Copy)]
pub(in crate::proto) struct Parameter<'a> {
    pub(in crate::proto) name: &'a [u8],
    /// As it stands there, quotes included.
    pub(in crate::proto) value: Option<&'a [u8]>,
}

/// RFC 6455 §9.1: "extension-list = 1#extension", "extension = extension-token *( ";" extension-param )",
/// "extension-param = token [ "=" (token | quoted-string) ]".
pub(in crate::proto) fn is_well_formed(value: &[u8]) -> bool {
    let is_parameter = |parameter: Parameter<'_>| is_token(parameter.name) && parameter.value.is_none_or(is_value);
    Extension::all(value).all(|extension| is_token(extension.name()) && extension.parameters().all(is_parameter))
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

/// The bytes of a well-formed value, without its quotes and backslashes.
pub(in crate::proto) fn unquoted(value: &[u8]) -> impl Iterator<Item = u8> {
    // Neither can stand in a token.
    value.iter().copied().filter(|byte| !matches!(byte, b'"' | b'\\'))
}
