//! A user name and a password, as an address carries them (RFC 3986 §3.2.1), for Basic authentication (RFC 7617).
//!
//! `url` reads them, the client's request and those for proxies are written with them. Invariants: no control character
//! in either, no colon in the name. They are never shown: not by `Debug`, and by [`hide`] not in the words of an error.

use super::url::{UrlError, percent_decode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt;

/// A user name with its password, which may be empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Bytes, most often UTF-8.
    pub user: Vec<u8>,
    /// The same.
    pub password: Vec<u8>,
}

impl Credentials {
    /// What stands before the `@`: `user`, `user:password`, each percent-encoded.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte);
        if text.is_empty() || !text.bytes().all(allowed) {
            return Err(UrlError::Credentials);
        }
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let (user, password) = (percent_decode(user)?, percent_decode(password)?);
        // RFC 7617 §2: "a user-id containing a colon character is invalid, as the first colon in a user-pass string
        // separates user-id and password", and "The user-id and password MUST NOT contain any control characters".
        let is_control = |byte: &u8| byte.is_ascii_control();
        if user.contains(&b':') || user.iter().any(is_control) || password.iter().any(is_control) {
            return Err(UrlError::Credentials);
        }
        Ok(Self { user, password })
    }

    /// The value of an Authorization or Proxy-Authorization header.
    pub fn basic(&self) -> String {
        let pair = [&self.user[..], b":", &self.password].concat();
        let mut text = vec![0; pair.len().div_ceil(3) * 4];
        let written = STANDARD.encode_slice(&pair, &mut text);
        debug_assert_eq!(written, Ok(text.len()));
        format!("Basic {}", String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// An address for the words of an error or a log line. What may be a password is left out, also where the address is
/// wrong: a `/`, `?` or `#` in a password that was not encoded looks like the end of the host.
pub fn hide(address: &str) -> Cow<'_, str> {
    let Some(end) = address.rfind('@') else { return address.into() };
    let start = address.find("://").map(|at| at + 3).filter(|&start| start <= end);
    format!("{}***{}", &address[..start.unwrap_or(0)], &address[end..]).into()
}
