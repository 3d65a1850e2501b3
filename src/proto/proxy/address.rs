//! Addresses of proxies: `http://user:password@host:port` and the like (RFC 3986; the schemes as curl reads them).
//!
//! The C surface parses what a program passes, [`environment`](super::environment) what variables hold.
//!
//! Invariants: the credentials fit into the protocol that they are for; neither `Debug` nor `Display` nor an error shows
//! them.

use std::error::Error;
use std::fmt;

use crate::proto::credentials::Credentials;
use crate::proto::url::{self, Host, UrlError};

/// Where a proxy is and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl {
    /// The protocol.
    pub scheme: Scheme,
    /// The proxy's host.
    pub host: Host,
    /// Its port, that of the scheme unless given.
    pub port: u16,
    /// What it is told of us.
    pub credentials: Option<Credentials>,
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT inside TLS.
    Https,
    /// SOCKS4: knows IPv4 addresses only, which we look up.
    Socks4,
    /// SOCKS4 with the name looked up by the proxy.
    Socks4a,
    /// SOCKS5 with addresses, which we look up.
    Socks5,
    /// SOCKS5 with the name looked up by the proxy.
    Socks5h,
}

impl Scheme {
    const ALL: [(&str, Self); 6] = [
        ("http", Self::Http),
        ("https", Self::Https),
        ("socks4", Self::Socks4),
        ("socks4a", Self::Socks4a),
        ("socks5", Self::Socks5),
        ("socks5h", Self::Socks5h),
    ];

    /// The proxy is told addresses only: the name of the target is looked up on our side.
    pub fn wants_address(self) -> bool {
        matches!(self, Self::Socks4 | Self::Socks5)
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            _ => 1080,
        }
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, scheme)| *scheme == self).map_or("", |(name, _)| name)
    }
}

impl ProxyUrl {
    /// Parses `[scheme://][user[:password]@]host[:port][/]`. Without a scheme it is `http`.
    pub fn parse(text: &str) -> Result<Self, ProxyUrlError> {
        url::check_characters(text)?;
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let found = Scheme::ALL.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name));
        let scheme = found.map(|(_, scheme)| *scheme).ok_or(ProxyUrlError::Scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?']) {
            return Err(ProxyUrlError::Path);
        }
        let (credentials, authority) = match rest.split_once('@') {
            // A second @ belongs to the password for some programs and to the host for others.
            Some((_, authority)) if authority.contains('@') => return Err(ProxyUrlError::At),
            Some((user_info, authority)) => (credentials(user_info, scheme)?, authority),
            None => (None, rest),
        };
        let (host, port) = url::split_port(authority)?;
        let port = port.map_or(Ok(scheme.default_port()), url::parse_port)?;
        Ok(Self { scheme, host: url::parse_host(host)?, port, credentials })
    }
}

impl fmt::Display for ProxyUrl {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.name(), self.host, self.port)
    }
}

/// What stands before the `@`, where it fits into the protocol; None: nothing.
fn credentials(user_info: &str, scheme: Scheme) -> Result<Option<Credentials>, ProxyUrlError> {
    if user_info.is_empty() {
        return Ok(None);
    }
    let credentials = Credentials::parse(user_info)?;
    let Credentials { user, password } = &credentials;
    let fits = match scheme {
        Scheme::Http | Scheme::Https => true,
        // There is no password.
        Scheme::Socks4 | Scheme::Socks4a => password.is_empty() && user.len() <= 255,
        // RFC 1929 §2: lengths of one byte, and a user name of at least one.
        Scheme::Socks5 | Scheme::Socks5h => (1..=255).contains(&user.len()) && password.len() <= 255,
    };
    if fits { Ok(Some(credentials)) } else { Err(ProxyUrlError::Credentials) }
}

/// Why the address of a proxy is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyUrlError {
    /// No scheme that is known.
    Scheme,
    /// A path or a query.
    Path,
    /// More than one `@`.
    At,
    /// Credentials that the protocol can't carry.
    Credentials,
    /// Host or port, or a character.
    Address(UrlError),
}

impl From<UrlError> for ProxyUrlError {
    fn from(error: UrlError) -> Self {
        Self::Address(error)
    }
}

impl fmt::Display for ProxyUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => {
                "the proxy's address does not start with http:, https:, socks5:, socks5h:, socks4: or socks4a:"
            }
            Self::Path => "the proxy's address has a path or a query (in a password, percent-encode / and ?)",
            Self::At => "the proxy's address has more than one @: percent-encode those in user name and password",
            Self::Credentials => "user name or password in the proxy's address are not possible with its protocol",
            Self::Address(error) => return write!(f, "the proxy's address is not valid: {error}"),
        })
    }
}

impl Error for ProxyUrlError {}
