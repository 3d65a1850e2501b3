//! From a connected socket to an open client connection: TLS, the request, the answer (RFC 6455 §4.1).
//!
//! Called by `dial` once TCP is connected, by `reading` when TLS is done and with the answer, and by `deadlines`.
//! Everything that goes wrong ends in one `Failed`.

use super::core::Core;
use super::dial::Target;
use super::error::{Error, Result};
use super::event::{ConnId, Stage};
use super::options::ConnectOptions;
use super::peer::{Peer, Phase};
use super::proxy::Via;
use super::tls::{Session, Tls};
use crate::proto::body::{Body, Progress};
use crate::proto::handshake::client::{self, Answer, Offer, Response};
use crate::proto::http1::Scanned;
use crate::proto::url::WsUrl;
use std::fmt;
use std::ops::Range;

/// Where a client connection goes, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) url: WsUrl,
    pub(super) options: ConnectOptions,
    /// Of wss addresses.
    tls: Option<Tls>,
    /// A proxy on the way.
    pub(super) via: Option<Box<Via>>,
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
        let offer = client::write_request(&mut request, &url, nonce, &subprotocols, options.deflate.as_ref(), &headers)
            .map_err(|error| Error::Header(error.to_string()))?;
        let tls = match (&url.secure, &options.tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls.ready_for_clients()?),
            (true, None) => Some(Tls::default_client()?),
        };
        let via = Via::choose(&url, &options)?;
        Ok(Plan { url, options, tls, via, request, offer })
    }

    /// Where TCP leads: to the server, or to a proxy on the way.
    pub(super) fn hop(&self) -> Target {
        self.via.as_ref().map_or_else(|| Target::from(&self.url), |via| via.hop())
    }

    /// What went wrong on the way, with the proxy that is on it.
    pub(super) fn text(&self, what: &dyn fmt::Display) -> String {
        match &self.via {
            Some(via) => format!("{via}: {what}"),
            None => what.to_string(),
        }
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

impl Core {
    /// TCP is connected: to the host itself, or to a proxy on the way.
    pub(super) fn connected(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        let timeout = self.attempt_left(peer, peer.profile.limits.handshake_timeout);
        self.arm(id, timeout);
        if plan.via.is_some() {
            return self.begin_proxy(id, peer, plan);
        }
        self.secure(id, peer, plan);
    }

    /// Begins TLS where the address wants it: with the host itself, whatever lies in between.
    pub(super) fn secure(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        let Some(tls) = plan.tls.clone() else { return self.ask(id, peer, plan) };
        let host = plan.url.host.to_string();
        peer.phase = Phase::Securing(plan);
        self.begin_tls(id, peer, &tls, &host);
    }

    /// Begins TLS with `host`, the server or a proxy.
    pub(super) fn begin_tls(&mut self, id: ConnId, peer: &mut Peer, tls: &Tls, host: &str) {
        let mut session = match Session::client(tls, host) {
            Ok(session) => Box::new(session),
            Err(error) => return self.tls_failed(id, peer, error),
        };
        if let Some(proxy) = peer.tls.take() {
            session.through(*proxy);
        }
        if let Phase::Proxying(_) = peer.phase {
            session.is_of_proxy();
        }
        session.begin();
        peer.tls = Some(session);
        self.flush(id, peer);
    }

    /// There will be no TLS.
    pub(super) fn tls_failed(&mut self, id: ConnId, peer: &mut Peer, error: Error) {
        let (stage, text) = match &peer.phase {
            Phase::Proxying(proxying) => (Stage::Proxy, proxying.text(&error)),
            _ => (Stage::Tls, error.to_string()),
        };
        peer.fail_as(stage, error, || text);
        self.end(id, peer);
    }

    /// TLS is done.
    pub(super) fn secured(&mut self, id: ConnId, peer: &mut Peer) {
        match std::mem::replace(&mut peer.phase, Phase::Ended) {
            Phase::Securing(plan) => {
                peer.lap(Stage::Tls);
                self.ask(id, peer, plan);
            }
            phase => {
                peer.phase = phase;
                self.proxy_ready(id, peer);
            }
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
            if body.push(&mut &*received) != Progress::More {
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
                self.agreed(id, peer, response);
            }
            Answer::Rejected { response, .. } if self.redirected(id, peer, &response) => {}
            Answer::Rejected { response, consumed, body } => {
                let Phase::Asking(asking) = &mut peer.phase else { return };
                let mut body = Body::new(body, max_body);
                let done = body.push(&mut &asking.bytes[consumed..]) != Progress::More;
                asking.bytes = Vec::new();
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

    /// The server accepts.
    fn agreed(&mut self, id: ConnId, peer: &mut Peer, response: Response) {
        if let Some(agreed) = response.deflate() {
            peer.proto.deflate_with(agreed);
        }
        let rare = peer.rare();
        rare.subprotocol = response.subprotocol().map(Into::into);
        rare.response = Some(Box::new(response));
        self.opened(id, peer);
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
                failure.body = body.into_bytes();
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
