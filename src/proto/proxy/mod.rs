//! Ways through a proxy, without I/O: HTTP CONNECT (RFC 7231 §4.3.6, with Basic and Digest), SOCKS5 (RFC 1928, RFC 1929),
//! SOCKS4 and SOCKS4a.
//!
//! `net::proxy` drives a [`Handshake`] over a connection to the proxy that [`address`] describes; which proxy that is may
//! come from [`environment`]. Bytes in, [`Step`]s and bytes to send out.
//!
//! Invariants: what is asked for and when it is done don't depend on the cuts; no byte beyond the proxy's last answer is
//! taken; credentials stand in what is sent and nowhere else, in no text and no `Debug`.

pub mod address;
mod challenge;
mod connect;
mod digest;
pub mod environment;
mod socks4;
mod socks5;

use std::error::Error;
use std::fmt;

use crate::proto::handshake::client::{AnswerError, Response};
use crate::proto::http1::HeadLimits;
use crate::proto::url::Host;
use address::{ProxyUrl, Scheme};

/// Where the proxy is to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name only where [`Scheme::wants_address`] says no.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Its head.
    pub head: HeadLimits,
    /// What is kept of its body.
    pub max_body: usize,
}

/// The conversation with one proxy about one target, over one connection or two.
#[derive(Debug)]
pub enum Handshake {
    /// HTTP CONNECT.
    Http(connect::Connect),
    /// SOCKS5.
    Socks5(socks5::Socks5),
    /// SOCKS4 and SOCKS4a.
    Socks4(socks4::Socks4),
}

impl Handshake {
    /// `random` goes into Digest's cnonce.
    pub fn new(proxy: &ProxyUrl, target: Target, limits: Limits, random: [u8; 16]) -> Result<Self, ProxyError> {
        let credentials = proxy.credentials.clone();
        Ok(match proxy.scheme {
            Scheme::Http | Scheme::Https => {
                Self::Http(connect::Connect::new(target.to_string(), credentials, limits, random))
            }
            Scheme::Socks5 | Scheme::Socks5h => Self::Socks5(socks5::Socks5::new(target, credentials)),
            Scheme::Socks4 | Scheme::Socks4a => Self::Socks4(socks4::Socks4::new(target, credentials)?),
        })
    }

    /// A connection to the proxy is there, the first or that of a [`Step::Reconnect`]: puts what to send into `out`.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Http(connect) => connect.start(out),
            Self::Socks5(socks) => socks.start(out),
            Self::Socks4(socks) => socks.start(out),
        }
    }

    /// Takes what was received since the last call, and puts what to send into `out`.
    pub fn push(&mut self, received: &[u8], out: &mut Vec<u8>) -> Step {
        match self {
            Self::Http(connect) => connect.push(received, out),
            Self::Socks5(socks) => socks.push(received, out),
            Self::Socks4(socks) => socks.push(received),
        }
    }

    /// The proxy has ended the connection.
    pub fn end(&mut self) -> Step {
        match self {
            Self::Http(connect) => connect.end(),
            Self::Socks5(_) | Self::Socks4(_) => Step::Invalid(ProxyError::Ended),
        }
    }

    /// A refusal whose body is not whole yet: all there is when time is over.
    pub fn refusal(&mut self) -> Option<Refusal> {
        match self {
            Self::Http(connect) => connect.refusal(),
            Self::Socks5(_) | Self::Socks4(_) => None,
        }
    }
}

/// What follows from what was received.
#[derive(Debug)]
pub enum Step {
    /// Send what is in `out`, if anything, and wait for more.
    More,
    /// The proxy has connected. So many of the bytes just pushed were its own; the others are the target's.
    Done {
        /// How many.
        consumed: usize,
    },
    /// Connect to the proxy again and [`start`](Handshake::start) again, with the same handshake. Comes once at most.
    Reconnect,
    /// The proxy will not do it.
    Refused(Refusal),
    /// The proxy does not speak its protocol.
    Invalid(ProxyError),
}

/// A proxy's no.
#[derive(Debug)]
pub struct Refusal {
    /// The status of an HTTP answer; the code of a SOCKS reply; 0 where SOCKS has none.
    pub status: u16,
    /// One sentence for people.
    pub text: String,
    /// The HTTP answer.
    pub response: Option<Box<Response>>,
    /// Its body, up to the limit.
    pub body: Vec<u8>,
}

impl Refusal {
    fn socks(status: u8, text: String) -> Step {
        Step::Refused(Self { status: status.into(), text, response: None, body: Vec::new() })
    }
}

/// How a proxy breaks its protocol, or why it can't be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// An HTTP answer that is none.
    Answer(AnswerError),
    /// A 101, which nobody asked for.
    Switched,
    /// It does not answer in the version of SOCKS that it was asked in.
    Socks,
    /// It chose an authentication that was not offered.
    Method,
    /// A reply with an address of an unknown type.
    AddressType,
    /// It closed the connection before it had answered.
    Ended,
    /// SOCKS4 can't name this target.
    Target,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(AnswerError::NotHttp) => "the proxy does not answer in HTTP",
            Self::Answer(AnswerError::Tls) => "the proxy speaks TLS there: its address begins with https://",
            Self::Answer(AnswerError::Version) => "the proxy does not answer in HTTP/1",
            Self::Answer(error) => return write!(f, "the proxy's answer can't be read: {error}"),
            Self::Switched => "the proxy switches to another protocol instead of connecting",
            Self::Socks => "the proxy does not answer in the version of SOCKS that it was asked in",
            Self::Method => "the proxy chose an authentication that was not offered",
            Self::AddressType => "the proxy's reply has an address of an unknown type",
            Self::Ended => "the proxy closed the connection before it had answered",
            Self::Target => "the proxy can't be asked for an IPv6 address: SOCKS4 has IPv4 only",
        })
    }
}

impl Error for ProxyError {}
