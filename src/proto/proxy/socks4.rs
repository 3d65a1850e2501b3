//! SOCKS4 and SOCKS4a: a request with a port, an IPv4 address or a name, and a user; a reply of eight bytes.
//!
//! There is no RFC: the protocol is Ying-Da Lee's memo "SOCKS: A protocol for TCP proxy across firewalls", and "SOCKS
//! 4A: A Simple Extension to SOCKS 4 Protocol".

use std::net::Ipv4Addr;

use super::{ProxyError, Refusal, Step, Target};
use crate::proto::credentials::Credentials;
use crate::proto::url::Host;

/// One request.
#[derive(Debug)]
pub struct Socks4 {
    target: Target,
    credentials: Option<Credentials>,
    reply: Vec<u8>,
}

const REPLY: usize = 8;

impl Socks4 {
    pub(super) fn new(target: Target, credentials: Option<Credentials>) -> Result<Self, ProxyError> {
        match target.host {
            Host::V6(_) => Err(ProxyError::Target),
            _ => Ok(Self { target, credentials, reply: Vec::new() }),
        }
    }

    pub(super) fn start(&mut self, out: &mut Vec<u8>) {
        let (address, name) = match &self.target.host {
            Host::V4(address) => (*address, None),
            // "the client should set the first three bytes of DSTIP to NULL and the last byte to a non-zero value";
            // "following the NULL byte terminating USERID, the client must send the destination domain name and
            // terminate it with another NULL byte."
            host => (Ipv4Addr::new(0, 0, 0, 1), Some(host.to_string())),
        };
        out.extend_from_slice(&[4, 1]);
        out.extend_from_slice(&self.target.port.to_be_bytes());
        out.extend_from_slice(&address.octets());
        out.extend_from_slice(self.credentials.as_ref().map_or(&[], |credentials| &credentials.user));
        out.push(0);
        if let Some(name) = name {
            out.extend_from_slice(name.as_bytes());
            out.push(0);
        }
    }

    pub(super) fn push(&mut self, received: &[u8]) -> Step {
        let consumed = received.len().min(REPLY - self.reply.len());
        self.reply.extend_from_slice(&received[..consumed]);
        match self.reply[..] {
            // "VN is the version of the reply code and should be 0."
            [version, ..] if version != 0 => Step::Invalid(ProxyError::Socks),
            [_, 90, ..] if self.reply.len() == REPLY => Step::Done { consumed },
            [] | [_] | [_, 90, ..] => Step::More,
            [_, code, ..] => Refusal::socks(code, self.refusal(code)),
        }
    }

    fn refusal(&self, code: u8) -> String {
        let target = &self.target;
        match code {
            91 => format!("the proxy rejected the connection to {target}, or it failed (reply 91)"),
            92 => "the proxy can't reach an identd on this machine, which it wants (reply 92)".into(),
            93 => "the proxy got another user from this machine's identd than it was told (reply 93)".into(),
            _ => format!("the proxy refused the connection to {target} with an unknown reply ({code})"),
        }
    }
}
