//! SOCKS5 (RFC 1928) with no authentication or user name and password (RFC 1929).

use super::{ProxyError, Refusal, Step, Target};
use crate::proto::credentials::Credentials;
use crate::proto::url::Host;

const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;

/// One request.
#[derive(Debug)]
pub struct Socks5 {
    target: Target,
    credentials: Option<Credentials>,
    awaits: Awaits,
    /// What has come of the awaited message.
    message: Vec<u8>,
}

/// The message that comes next.
#[derive(Debug)]
enum Awaits {
    Method,
    Verdict,
    Reply,
}

impl Socks5 {
    pub(super) fn new(target: Target, credentials: Option<Credentials>) -> Self {
        Self { target, credentials, awaits: Awaits::Method, message: Vec::new() }
    }

    pub(super) fn start(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.credentials {
            None => &[5, 1, NO_AUTHENTICATION],
            Some(_) => &[5, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        });
    }

    pub(super) fn push(&mut self, received: &[u8], out: &mut Vec<u8>) -> Step {
        let mut rest = received;
        loop {
            if let Some(step) = self.fault() {
                return step;
            }
            let missing = self.length() - self.message.len();
            if missing > 0 {
                let (taken, after) = rest.split_at(missing.min(rest.len()));
                if taken.is_empty() {
                    return Step::More;
                }
                self.message.extend_from_slice(taken);
                rest = after;
                continue;
            }
            match self.awaits {
                Awaits::Method if self.message[1] == USER_AND_PASSWORD => self.authenticate(out),
                Awaits::Method | Awaits::Verdict => self.request(out),
                Awaits::Reply => return Step::Done { consumed: received.len() - rest.len() },
            }
            self.message.clear();
        }
    }

    /// Of the awaited message, as far as its beginning tells.
    fn length(&self) -> usize {
        match (&self.awaits, &self.message[..]) {
            (Awaits::Method | Awaits::Verdict, _) => 2,
            // RFC 1928 §6: VER, REP, RSV and ATYP, the address, two bytes of port.
            (Awaits::Reply, [_, _, _, 1, ..]) => 4 + 4 + 2,
            (Awaits::Reply, [_, _, _, 4, ..]) => 4 + 16 + 2,
            (Awaits::Reply, [_, _, _, 3, length, ..]) => 4 + 1 + usize::from(*length) + 2,
            (Awaits::Reply, [_, _, _, 3]) => 5,
            (Awaits::Reply, _) => 4,
        }
    }

    /// What is wrong with what has come, said at the first byte that shows it: some proxies end a refusal there.
    fn fault(&self) -> Option<Step> {
        match (&self.awaits, &self.message[..]) {
            // The version of a verdict is that of RFC 1929, 1, but there are proxies that say 5.
            (Awaits::Method | Awaits::Reply, [version, ..]) if *version != 5 => Some(Step::Invalid(ProxyError::Socks)),
            (Awaits::Method, [_, NO_AUTHENTICATION]) => None,
            (Awaits::Method, [_, USER_AND_PASSWORD]) if self.credentials.is_some() => None,
            // RFC 1928 §3: "If the selected METHOD is X'FF', none of the methods listed by the client are acceptable".
            (Awaits::Method, [_, 0xff]) => Some(Refusal::socks(0, self.no_method().into())),
            (Awaits::Method, [_, _]) => Some(Step::Invalid(ProxyError::Method)),
            // RFC 1929 §2: "A STATUS field of X'00' indicates success."
            (Awaits::Verdict, [_, status]) if *status != 0 => {
                Some(Refusal::socks(0, "the proxy did not accept user name and password".into()))
            }
            (Awaits::Reply, [_, code, ..]) if *code != 0 => Some(Refusal::socks(*code, self.refusal(*code))),
            (Awaits::Reply, [_, _, _, kind, ..]) if ![1, 3, 4].contains(kind) => {
                Some(Step::Invalid(ProxyError::AddressType))
            }
            _ => None,
        }
    }

    fn no_method(&self) -> &'static str {
        match self.credentials {
            None => "the proxy wants authentication, and no user name is set",
            Some(_) => "the proxy accepts neither user name and password nor a connection without them",
        }
    }

    fn authenticate(&mut self, out: &mut Vec<u8>) {
        if let Some(Credentials { user, password }) = &self.credentials {
            out.push(1);
            for field in [user, password] {
                // Fits: the address was checked.
                out.push(field.len() as u8);
                out.extend_from_slice(field);
            }
        }
        self.awaits = Awaits::Verdict;
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[5, 1, 0]);
        match &self.target.host {
            Host::V4(address) => {
                out.push(1);
                out.extend_from_slice(&address.octets());
            }
            Host::V6(address) => {
                out.push(4);
                out.extend_from_slice(&address.octets());
            }
            Host::Name(name) => {
                // Fits: a name has at most 254 bytes.
                out.extend_from_slice(&[3, name.len() as u8]);
                out.extend_from_slice(name.as_bytes());
            }
        }
        out.extend_from_slice(&self.target.port.to_be_bytes());
        self.awaits = Awaits::Reply;
    }

    /// RFC 1928 §6.
    fn refusal(&self, code: u8) -> String {
        let target = &self.target;
        match code {
            1 => format!("the proxy failed to connect to {target} (reply 1)"),
            2 => format!("the proxy's rules don't allow a connection to {target} (reply 2)"),
            3 => format!("the proxy can't reach the network of {target} (reply 3)"),
            4 => format!("the proxy can't reach the host {target} (reply 4)"),
            5 => format!("{target} refused the proxy's connection (reply 5)"),
            6 => format!("the time to live ran out on the proxy's way to {target} (reply 6)"),
            7 => "the proxy does not support CONNECT (reply 7)".into(),
            8 => format!("the proxy does not support this kind of address: {target} (reply 8)"),
            _ => format!("the proxy refused the connection to {target} with an unknown reply ({code})"),
        }
    }
}
