//! HTTP CONNECT (RFC 7231 §4.3.6): the request, the answer, and a second request where the proxy asks for Digest.
//!
//! Basic credentials (RFC 7617) go along with the first request, as every client does that is given them for a proxy; a
//! 407 with a Digest challenge is answered once: on the same connection if the proxy keeps it, else over a new one.

use super::challenge::{self, Challenge};
use super::digest::{Digest, hex};
use super::{Limits, ProxyError, Refusal, Step};
use crate::proto::body::{Body, BodyLength, Progress};
use crate::proto::credentials::Credentials;
use crate::proto::handshake::client::{Response, body_length, read_head};
use crate::proto::http1::{Head, Scanned, StatusLine, list};

/// One target, asked for once or twice.
#[derive(Debug)]
pub struct Connect {
    /// In authority form (RFC 7230 §5.3.3).
    target: String,
    credentials: Option<Credentials>,
    limits: Limits,
    cnonce: String,
    /// The proxy asked for it: goes along with the next request.
    digest: Option<Digest>,
    /// A second connection was asked for.
    reconnected: bool,
    reading: Reading,
}

/// The part of the answer that comes next.
#[derive(Debug)]
enum Reading {
    Head {
        bytes: Vec<u8>,
        scanned: Scanned,
        /// It answers a second request on the same connection.
        again: bool,
    },
    /// Of a 407 whose challenge will be answered.
    ChallengeBody {
        body: Body,
        response: Box<Response>,
        kept_open: bool,
    },
    /// Of a refusal.
    Body {
        body: Body,
        response: Box<Response>,
    },
    Nothing,
}

impl Connect {
    pub(super) fn new(target: String, credentials: Option<Credentials>, limits: Limits, random: [u8; 16]) -> Self {
        let (cnonce, digest) = (hex(&random), None);
        Self { target, credentials, limits, cnonce, digest, reconnected: false, reading: Reading::Nothing }
    }

    pub(super) fn start(&mut self, out: &mut Vec<u8>) {
        self.ask(out, false);
    }

    pub(super) fn push(&mut self, received: &[u8], out: &mut Vec<u8>) -> Step {
        let mut rest = received;
        loop {
            let step = match &mut self.reading {
                Reading::Head { .. } => self.read_head(&mut rest),
                Reading::ChallengeBody { body, kept_open, .. } => match body.push(&mut rest) {
                    Progress::More => Some(Step::More),
                    Progress::Ended if *kept_open => {
                        self.ask(out, true);
                        None
                    }
                    Progress::Ended | Progress::Full => Some(self.reconnect()),
                },
                Reading::Body { body, .. } => match body.push(&mut rest) {
                    Progress::More => Some(Step::More),
                    Progress::Ended | Progress::Full => self.refusal().map(Step::Refused),
                },
                Reading::Nothing => Some(Step::More),
            };
            match step {
                Some(Step::Done { .. }) => return Step::Done { consumed: received.len() - rest.len() },
                Some(step) => return step,
                None => {}
            }
        }
    }

    pub(super) fn end(&mut self) -> Step {
        match &self.reading {
            Reading::Body { .. } => self.refusal().map_or(Step::Invalid(ProxyError::Ended), Step::Refused),
            Reading::ChallengeBody { .. } => self.reconnect(),
            // RFC 7230 §6.3.1: "When an inbound connection is closed prematurely, a client MAY open a new connection and
            // automatically retransmit": it was kept open, and closed while the second request was on its way.
            Reading::Head { bytes, again: true, .. } if bytes.is_empty() => self.reconnect(),
            _ => Step::Invalid(ProxyError::Ended),
        }
    }

    pub(super) fn refusal(&mut self) -> Option<Refusal> {
        match std::mem::replace(&mut self.reading, Reading::Nothing) {
            Reading::Body { body, response } | Reading::ChallengeBody { body, response, .. } => Some(Refusal {
                status: response.status(),
                text: self.refusal_text(&response),
                response: Some(response),
                body: body.into_bytes(),
            }),
            _ => None,
        }
    }

    fn ask(&mut self, out: &mut Vec<u8>, again: bool) {
        let target = &self.target;
        // RFC 7230 §5.4: a client MUST send a Host field in all requests, here with the same value as the target.
        out.extend_from_slice(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").as_bytes());
        if let Some(credentials) = &self.credentials {
            out.extend_from_slice(b"Proxy-Authorization: ");
            match &mut self.digest {
                Some(digest) => {
                    out.extend(digest.answer(credentials, b"CONNECT", target.as_bytes(), self.cnonce.as_bytes()));
                }
                None => out.extend_from_slice(credentials.basic().as_bytes()),
            }
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        self.reading = Reading::Head { bytes: Vec::new(), scanned: Scanned::default(), again };
    }

    /// None: the body comes next.
    fn read_head(&mut self, rest: &mut &[u8]) -> Option<Step> {
        let Reading::Head { bytes, scanned, .. } = &mut self.reading else { return None };
        let before = bytes.len();
        bytes.extend_from_slice(rest);
        match read_head(bytes, scanned, &self.limits.head) {
            Ok(None) => {
                *rest = &[];
                Some(Step::More)
            }
            Ok(Some((line, head, end))) => {
                *rest = &rest[end - before..];
                self.answered(line, head)
            }
            Err(error) => Some(Step::Invalid(ProxyError::Answer(error))),
        }
    }

    fn answered(&mut self, line: StatusLine, head: Head) -> Option<Step> {
        // RFC 7231 §4.3.6: "Any 2xx (Successful) response indicates that the sender (and all inbound proxies) will switch
        // to tunnel mode immediately after the blank line"; "A client MUST ignore any Content-Length or
        // Transfer-Encoding header fields received in a successful response to CONNECT."
        if (200..300).contains(&line.status) {
            self.reading = Reading::Nothing;
            return Some(Step::Done { consumed: 0 });
        }
        if line.status == 101 {
            return Some(Step::Invalid(ProxyError::Switched));
        }
        let length = match body_length(line.status, &head) {
            Ok(length) => length,
            Err(error) => return Some(Step::Invalid(ProxyError::Answer(error))),
        };
        let body = Body::new(length, self.limits.max_body);
        let kept_open = length != BodyLength::UntilClose && keeps_open(&line, &head);
        let wants_digest = line.status == 407 && self.digest.is_none() && self.credentials.is_some();
        let digest = if wants_digest { challenges(&head).iter().find_map(Digest::new) } else { None };
        let response = Box::new(Response::new(line, head, false));
        self.reading = if digest.is_some() {
            self.digest = digest;
            Reading::ChallengeBody { body, response, kept_open }
        } else {
            Reading::Body { body, response }
        };
        None
    }

    fn reconnect(&mut self) -> Step {
        if std::mem::replace(&mut self.reconnected, true) {
            return Step::Invalid(ProxyError::Ended);
        }
        self.reading = Reading::Nothing;
        Step::Reconnect
    }

    fn refusal_text(&self, response: &Response) -> String {
        let (status, reason) = (response.status(), response.reason());
        let target = &self.target;
        let what = match status {
            407 if self.credentials.is_none() => "the proxy wants user name and password".into(),
            407 => match unsupported(response.head()) {
                Some(schemes) => format!("the proxy wants authentication by {schemes}, which is not supported"),
                None => "the proxy did not accept user name and password".into(),
            },
            _ => format!("the proxy refused to connect to {target}"),
        };
        format!("{what}: {status} {reason}").trim_end().into()
    }
}

fn challenges(head: &Head) -> Vec<Challenge> {
    head.all("proxy-authenticate").flat_map(challenge::parse).collect()
}

/// The schemes that the proxy wants, if none of them is known here.
fn unsupported(head: &Head) -> Option<String> {
    let challenges = challenges(head);
    if challenges.is_empty() || challenges.iter().any(|one| one.is("Basic") || Digest::new(one).is_some()) {
        return None;
    }
    // More than a few are no schemes.
    Some(challenges.iter().take(4).map(|one| one.scheme.as_str()).collect::<Vec<_>>().join(" or "))
}

/// RFC 7230 §6.3, with the Proxy-Connection that some proxies still send instead (appendix A.1.2).
fn keeps_open(line: &StatusLine, head: &Head) -> bool {
    let says = |option: &[u8]| {
        let options = head.all("connection").chain(head.all("proxy-connection")).flat_map(list);
        options.into_iter().any(|one| one.eq_ignore_ascii_case(option))
    };
    !says(b"close") && (line.minor_version == 1 || says(b"keep-alive"))
}
