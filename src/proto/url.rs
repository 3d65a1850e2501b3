//! Addresses of the ws scheme (RFC 6455 §3, RFC 3986), and of Unix sockets as npm's ws writes them.
//!
//! `net::dial` parses what a program passes to connect; the client's handshake writes target and Host from the result.
//!
//! Invariants: everything in a [`WsUrl`] but its credentials may go into a request line or a header as it is: visible
//! ASCII, no fragment; the target starts with `/`; the port is not 0. What is unusual is refused with the reason, never
//! repaired: a repair is where two programs read one address in two ways.

use super::credentials::Credentials;
use std::error::Error;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The host of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower case, to be looked up; it may end in the dot that stands for the root.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl fmt::Display for Host {
    /// As in an address: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Where a client connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsUrl {
    /// TLS is used.
    pub secure: bool,
    /// User name and password, which become an Authorization header.
    pub credentials: Option<Credentials>,
    /// The host; `localhost` for a Unix socket.
    pub host: Host,
    /// The port, that of the scheme unless given.
    pub port: u16,
    /// Path and query, never empty.
    pub target: String,
    /// The socket's path, for `ws+unix:`; host and port are then not connected to.
    pub unix_path: Option<String>,
}

impl WsUrl {
    /// Parses `ws://[user[:password]@]host[:port][/path][?query]`, the same with `wss`, or
    /// `ws+unix:/path/of/socket[:/path][?query]`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        check_characters(text)?;
        let (scheme, rest) = text.split_once(':').ok_or(UrlError::Scheme)?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("ws") => false,
            _ if scheme.eq_ignore_ascii_case("wss") => true,
            _ if scheme.eq_ignore_ascii_case("ws+unix") => return Self::parse_unix(rest),
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.strip_prefix("//").ok_or(UrlError::Slashes)?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(Credentials::parse(credentials)?), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        Ok(Self {
            secure,
            credentials,
            host: parse_host(host)?,
            port: port.map_or(Ok(default_port(secure)), parse_port)?,
            target: parse_target(target)?,
            unix_path: None,
        })
    }

    /// What follows `ws+unix:`; both `/path` and `///path` are in use.
    fn parse_unix(rest: &str) -> Result<Self, UrlError> {
        let rest = match rest.strip_prefix("//") {
            Some(rest) if rest.starts_with('/') => rest,
            Some(_) => return Err(UrlError::UnixPath),
            None => rest,
        };
        let (path, target) = rest.split_once(':').unwrap_or((rest, ""));
        if !path.starts_with('/') || path.contains('?') {
            return Err(UrlError::UnixPath);
        }
        Ok(Self {
            secure: false,
            credentials: None,
            host: Host::Name("localhost".into()),
            port: default_port(false),
            target: parse_target(target)?,
            unix_path: Some(decode(path)?),
        })
    }

    /// The Host field: the host, and the port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        // RFC 6455 §4.1: "The request MUST contain a |Host| header field whose value contains /host/ plus optionally
        // ":" followed by /port/ (when not using the default port)."
        if self.port == default_port(self.secure) {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// Neither ws, wss nor ws+unix.
    Scheme,
    /// No `//` after the scheme.
    Slashes,
    /// A space or a control character.
    Space,
    /// A character beyond ASCII.
    NonAscii,
    /// A character that must be percent-encoded.
    Character,
    /// A `#`.
    Fragment,
    /// The user name is missing or has a colon, or it or the password has a character that must be percent-encoded or
    /// is a control character.
    Credentials,
    /// Nothing between `//` and the path or port.
    EmptyHost,
    /// Not a host name.
    HostName,
    /// Numbers that are not an IPv4 address.
    V4,
    /// Brackets without an IPv6 address.
    V6,
    /// An IPv6 address with a zone.
    Zone,
    /// Not between 1 and 65535.
    Port,
    /// A `%` without two hexadecimal digits.
    Percent,
    /// The path does not start with `/`.
    Target,
    /// The path of a Unix socket is not absolute, or cannot be one.
    UnixPath,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the address does not start with ws:, wss: or ws+unix:",
            Self::Slashes => "the address has no // after its scheme",
            Self::Space => "the address contains a space or a control character",
            Self::NonAscii => {
                "the address contains a character beyond ASCII: percent-encode it, or use the xn-- form of the host"
            }
            Self::Character => "the address contains a character that must be percent-encoded",
            Self::Fragment => "the address has a fragment (#), which WebSocket addresses must not have",
            Self::Credentials => {
                "the user name or password in the address is empty, has a control character or must be percent-encoded"
            }
            Self::EmptyHost => "the address has no host",
            Self::HostName => "the host of the address is not a valid name",
            Self::V4 => "the host of the address is not a valid IPv4 address",
            Self::V6 => "the host of the address is not a valid IPv6 address",
            Self::Zone => "the IPv6 address has a zone, which is not supported",
            Self::Port => "the port of the address is not between 1 and 65535",
            Self::Percent => "the address has a % without two hexadecimal digits",
            Self::Target => "the path of the address does not start with /",
            Self::UnixPath => "the path of the Unix socket is not a valid absolute path",
        })
    }
}

impl Error for UrlError {}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// What is wrong wherever it stands.
pub(super) fn check_characters(text: &str) -> Result<(), UrlError> {
    for byte in text.bytes() {
        match byte {
            0..=b' ' | 0x7f => return Err(UrlError::Space),
            0x80.. => return Err(UrlError::NonAscii),
            // RFC 6455 §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
            // used on these URIs."
            b'#' => return Err(UrlError::Fragment),
            // RFC 3986 §2 knows none of these; brackets in a query are let through, as everybody does.
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                return Err(UrlError::Character);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Host and port text of an authority; the colons inside brackets are the address's own.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let after = match authority.find(']') {
        Some(end) => end + 1,
        None if authority.starts_with('[') => return Err(UrlError::V6),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after);
    match port.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(UrlError::V6),
    }
}

pub(super) fn parse_port(digits: &str) -> Result<u16, UrlError> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|&port| port != 0 && all_digits);
    port.ok_or(UrlError::Port)
}

pub(super) fn parse_host(host: &str) -> Result<Host, UrlError> {
    if host.is_empty() {
        return Err(UrlError::EmptyHost);
    }
    if let Some(bracketed) = host.strip_prefix('[') {
        let address = bracketed.strip_suffix(']').ok_or(UrlError::V6)?;
        if address.contains('%') {
            return Err(UrlError::Zone);
        }
        return address.parse().map(Host::V6).map_err(|_| UrlError::V6);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    if looks_numeric(last) {
        return host.parse().map(Host::V4).map_err(|_| UrlError::V4);
    }
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(UrlError::HostName);
    }
    Ok(Host::Name(host.to_ascii_lowercase()))
}

/// Whether a host that ends so would be taken for a number by some resolver: `127.1`, `0x7f000001`.
fn looks_numeric(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// RFC 1123 §2.1: letters, digits and inner hyphens; and the underscore, which names in private networks have.
fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
}

fn parse_target(target: &str) -> Result<String, UrlError> {
    check_percent(target)?;
    match target.as_bytes().first() {
        Some(b'/') => Ok(target.into()),
        // RFC 6455 §3: "/resource-name/" is "/" if the path component is empty, then "?" and the query.
        None | Some(b'?') => Ok(format!("/{target}")),
        Some(_) => Err(UrlError::Target),
    }
}

fn check_percent(text: &str) -> Result<(), UrlError> {
    let mut pieces = text.split('%').skip(1);
    let is_escape = |piece: &str| piece.len() >= 2 && piece.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if pieces.all(is_escape) { Ok(()) } else { Err(UrlError::Percent) }
}

/// The path of a socket without its percent-encoding: there is no other way to write a space.
fn decode(path: &str) -> Result<String, UrlError> {
    let bytes = percent_decode(path)?;
    if bytes.contains(&0) {
        return Err(UrlError::UnixPath);
    }
    String::from_utf8(bytes).map_err(|_| UrlError::UnixPath)
}

pub(super) fn percent_decode(text: &str) -> Result<Vec<u8>, UrlError> {
    check_percent(text)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| UrlError::Percent)?);
        bytes.extend(rest.bytes());
    }
    Ok(bytes)
}
