//! From a connected socket to an open client connection: TLS, the request, the answer (RFC 6455 §4.1).
//!
//! Called by `dial` once TCP is connected, by `reading` when TLS is done and with the answer, and by `deadlines`.
//! Everything that goes wrong ends in one `Failed`.

use super::core::Core;
use super::error::{Error, Result};
use super::event::{ConnId, Stage};
use super::options::ConnectOptions;
use super::peer::{Peer, Phase};
use super::tls::{Session, Tls};
use crate::proto::chunked::Chunked;
use crate::proto::handshake::client::{self, Answer, BodyLength, Offer, Response};
use crate::proto::http1::Scanned;
use crate::proto::url::WsUrl;
use std::ops::Range;

/// Where a client connection goes, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) url: WsUrl,
    pub(super) options: ConnectOptions,
    /// Of wss addresses.
    tls: Option<Tls>,
    request: Vec<u8>,
    offer: Offer,
}

impl Plan {
    /// Fails with what can't be asked. `nonce` is fresh randomness.
    pub(super) fn new(url: WsUrl, options: ConnectOptions, nonce: [u8; 16]) -> Result<Plan> {
        let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
        let headers: Vec<(&str, &[u8])> =
            options.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let mut request = Vec::new();
        let offer = client::write_request(&mut request, &url, nonce, &subprotocols, &headers)
            .map_err(|error| Error::Header(error.to_string()))?;
        let tls = match (&url.secure, &options.tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls.clone()),
            (true, None) => Some(Tls::default_client()?),
        };
        Ok(Plan { url, options, tls, request, offer })
    }
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Asking {
    plan: Box<Plan>,
    bytes: Vec<u8>,
    scanned: Scanned,
    /// The answer refuses: its body is being read.
    refused: Option<(Response, Body)>,
}

/// What is still to be read of a body.
#[derive(Debug)]
struct Body {
    bytes: Vec<u8>,
    length: Length,
}

#[derive(Debug)]
enum Length {
    /// So many bytes are missing.
    Left(u64),
    Chunked(Chunked),
    UntilEnd,
}

impl Core {
    /// TCP is connected, to the host itself.
    pub(super) fn connected(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        let timeout = self.attempt_left(peer, peer.profile.limits.handshake_timeout);
        self.arm(id, timeout);
        self.secure(id, peer, plan);
    }

    /// Begins TLS where the address wants it: with the host itself, whatever lies in between.
    pub(super) fn secure(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        let Some(tls) = &plan.tls else { return self.ask(id, peer, plan) };
        let mut session = match Session::client(tls, &plan.url.host.to_string()) {
            Ok(session) => Box::new(session),
            Err(error) => {
                let text = error.to_string();
                peer.fail_as(Stage::Tls, error, || text);
                return self.end(id, peer);
            }
        };
        let begun = session.begin();
        peer.phase = Phase::Securing(plan);
        peer.tls = Some(session);
        match begun {
            Ok(()) => self.flush(id, peer),
            Err(broken) => self.tls_broken(id, peer, broken),
        }
    }

    /// TLS is done.
    pub(super) fn secured(&mut self, id: ConnId, peer: &mut Peer) {
        match std::mem::replace(&mut peer.phase, Phase::Ended) {
            Phase::Securing(plan) => self.ask(id, peer, plan),
            phase => peer.phase = phase,
        }
    }

    /// Sends the request.
    fn ask(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        self.outbox(id, peer).push_with(|out| out.extend_from_slice(&plan.request));
        let asking = Asking { plan, bytes: Vec::new(), scanned: Scanned::default(), refused: None };
        peer.phase = Phase::Asking(Box::new(asking));
    }

    /// Takes the bytes `at` of the window. What is left of them after an acceptance is in the window again.
    pub(super) fn hear_answer(&mut self, id: ConnId, peer: &mut Peer, window: &mut [u8], at: &mut Range<usize>) {
        let limits = peer.profile.limits.head;
        let max_body = peer.profile.limits.max_body;
        let Phase::Asking(asking) = &mut peer.phase else { return };
        let received = &window[at.clone()];
        at.start = at.end;
        if let Some((_, body)) = &mut asking.refused {
            if body.take(received, max_body) {
                self.rejected(id, peer);
            }
            return;
        }
        asking.bytes.extend_from_slice(received);
        match client::parse(&asking.bytes, &mut asking.scanned, &limits, &asking.plan.offer) {
            Answer::Partial => {}
            Answer::Accepted { response, consumed } => {
                let rest = &asking.bytes[consumed..];
                window[..rest.len()].copy_from_slice(rest);
                *at = 0..rest.len();
                peer.rare().subprotocol = response.subprotocol().map(Into::into);
                peer.rare().response = Some(Box::new(response));
                self.opened(id, peer);
            }
            Answer::Rejected { response, .. } if self.redirected(id, peer, &response) => {}
            Answer::Rejected { response, consumed, body } => {
                let Phase::Asking(asking) = &mut peer.phase else { return };
                let length = match body {
                    BodyLength::None => Length::Left(0),
                    BodyLength::Known(length) => Length::Left(length),
                    BodyLength::Chunked => Length::Chunked(Chunked::default()),
                    BodyLength::UntilClose => Length::UntilEnd,
                };
                let mut body = Body { bytes: Vec::new(), length };
                let rest = asking.bytes.split_off(consumed);
                let done = body.take(&rest, max_body);
                asking.refused = Some((response, body));
                if done {
                    self.rejected(id, peer);
                }
            }
            Answer::Invalid(error) => {
                peer.fail_as(Stage::Handshake, Error::Handshake(error.to_string()), || error.to_string());
                self.end(id, peer);
            }
        }
    }

    /// The server refused, and its body is there as far as it is wanted. Also called when it ends or takes too long.
    pub(super) fn rejected(&mut self, id: ConnId, peer: &mut Peer) {
        if let Phase::Asking(asking) = &mut peer.phase
            && let Some((response, body)) = asking.refused.take()
        {
            let status = response.status();
            let text = format!("the server refused the upgrade: {status} {}", response.reason());
            peer.fail_as(Stage::Handshake, Error::Rejected(status), || text.trim_end().into());
            let rare = peer.rare();
            rare.response = Some(Box::new(response));
            if let Some(failure) = &mut rare.failure {
                failure.status = status;
                failure.body = body.bytes;
            }
        }
        self.end(id, peer);
    }
}

impl Asking {
    /// What was asked.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The server refused and the body is being read.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }
}

impl Body {
    /// Takes what came; whether that is all that is wanted.
    fn take(&mut self, received: &[u8], most: usize) -> bool {
        let bytes = &mut self.bytes;
        let mut keep = |data: &[u8]| bytes.extend_from_slice(&data[..data.len().min(most - bytes.len())]);
        let ended = match &mut self.length {
            Length::Left(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
                keep(&received[..count]);
                *left -= count as u64;
                *left == 0
            }
            // What is no chunked body ends where that shows: the status is what matters.
            Length::Chunked(chunked) => chunked.push(received, keep).unwrap_or(true),
            Length::UntilEnd => {
                keep(received);
                false
            }
        };
        ended || self.bytes.len() >= most
    }
}
