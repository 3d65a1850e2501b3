//! What can go wrong below the C surfaces. The C surface maps each to one `WSRS_ERR_*`.

use super::tls::Broken;
use std::{fmt, io};

/// Result of what `net` does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// The handle's connection, listener or timer is gone, or a Close was sent already.
    Closed,
    /// The handshake is not finished.
    NotOpen,
    /// Not possible in this state; says why.
    State(&'static str),
    /// The queue is at its high-water mark. Nothing was queued; `Drain` follows.
    Again,
    /// A value out of range; says which.
    Argument(&'static str),
    /// Larger than the protocol allows; says what.
    TooLarge(&'static str),
    /// Text that is not UTF-8.
    Utf8,
    /// A close code that may not be sent.
    CloseCode(u16),
    /// An address to connect to that can't be understood.
    Url(String),
    /// An address to listen on that can't be understood.
    Address(String),
    /// Something of this end that the system refuses: an address, an interface, an option; says which.
    Local(String, io::Error),
    /// A header or subprotocol that may not be sent.
    Header(String),
    /// A limit of this program; says which.
    Limit(&'static str),
    /// No such header, or nothing was kept.
    NotFound,
    /// A name without address.
    Resolve(String),
    /// A deadline passed; says which.
    Timeout(&'static str),
    /// This build can't; says what.
    Unsupported(&'static str),
    /// A certificate, key or CA of this program that can't be used; says why.
    Pem(String),
    /// TLS failed.
    Tls(Broken),
    /// The peer's answer is no valid upgrade, or its request none; says why.
    Handshake(String),
    /// The proxy refused, or does not speak its protocol; says why.
    Proxy(String),
    /// The server answered with another status.
    Rejected(u16),
    /// The operating system.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unsupported(what) => f.write_str(what),
            Error::Pem(why) => f.write_str(why),
            Error::Tls(broken) => f.write_str(&broken.text),
            Error::Closed => f.write_str("the connection is closed"),
            Error::NotOpen => f.write_str("the connection is not open yet"),
            Error::State(why) | Error::Argument(why) | Error::TooLarge(why) => f.write_str(why),
            Error::Again => f.write_str("the send queue is full"),
            Error::Utf8 => f.write_str("the text is not valid UTF-8"),
            Error::CloseCode(code) => write!(f, "close code {code} may not be sent"),
            Error::Url(why) | Error::Address(why) | Error::Header(why) => f.write_str(why),
            Error::Resolve(why) | Error::Handshake(why) | Error::Proxy(why) => f.write_str(why),
            Error::Local(what, error) => write!(f, "{what}: {error}"),
            Error::Limit(which) => write!(f, "limit reached: {which}"),
            Error::NotFound => f.write_str("not found"),
            Error::Timeout(which) => write!(f, "timed out: {which}"),
            Error::Rejected(status) => write!(f, "the server answered with status {status}"),
            Error::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}
