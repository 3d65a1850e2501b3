//! The way through a proxy: which one, and the conversation with it between TCP and whatever the host itself is told.
//!
//! `upgrade` makes a [`Via`] for each plan that has a proxy on its way; `dial` connects to the proxy then instead of the
//! host, and `upgrade` calls [`Core::begin_proxy`]. `reading`, `deadlines` and `ending` bring what happens until the proxy has connected;
//! then the connection goes on in `upgrade` as if it were the host's own. Invariants: the name of the target is looked up
//! only for proxies that want an address; all of it is under the deadline of the handshake.

use super::core::Core;
use super::dial::Target;
use super::error::{Error, Result};
use super::event::{ConnId, Stage};
use super::options::{ConnectOptions, ProxyChoice};
use super::peer::{Peer, Phase};
use super::resolve::{Asker, Found};
use super::tls::Tls;
use super::upgrade::Plan;
use crate::names::Family;
use crate::proto::proxy::address::{ProxyUrl, Scheme};
use crate::proto::proxy::{self, Handshake, Limits, ProxyError, Refusal, Step, environment};
use crate::proto::url::{Host, WsUrl};
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::Range;

/// A proxy on the way, and what was said to it.
#[derive(Debug)]
pub(super) struct Via {
    proxy: ProxyUrl,
    /// Of https:// proxies.
    tls: Option<Tls>,
    /// From the first connection on; goes on over the second where there is one.
    handshake: Option<Handshake>,
}

/// Connected to the proxy, not through it yet.
#[derive(Debug)]
pub(super) struct Proxying {
    plan: Box<Plan>,
    /// The proxy wants an address, which is being looked up.
    asker: Option<Asker>,
}

impl Via {
    /// The proxy for `url`, if one is to be used.
    pub(super) fn choose(url: &WsUrl, options: &ConnectOptions) -> Result<Option<Box<Via>>> {
        let proxy = match &options.proxy {
            ProxyChoice::None => None,
            ProxyChoice::Environment => environment::proxy_for(url, |name| std::env::var(name).ok())
                .map_err(|error| Error::Url(error.to_string()))?,
            ProxyChoice::Url(_) if url.unix_path.is_some() => {
                return Err(Error::Argument("a Unix socket is not reached through a proxy"));
            }
            ProxyChoice::Url(proxy) => Some(proxy.clone()),
        };
        let Some(proxy) = proxy else { return Ok(None) };
        let tls = match (proxy.scheme, &options.proxy_tls) {
            (Scheme::Https, Some(tls)) => Some(tls.ready_for_clients()?),
            (Scheme::Https, None) => Some(Tls::default_client()?),
            _ => None,
        };
        Ok(Some(Box::new(Via { proxy, tls, handshake: None })))
    }

    /// The proxy was asked already, over a connection that it did not keep.
    pub(super) fn is_begun(&self) -> bool {
        self.handshake.is_some()
    }

    /// Where TCP leads.
    pub(super) fn hop(&self) -> Target {
        Target::Tcp(self.proxy.host.clone(), self.proxy.port)
    }
}

impl fmt::Display for Via {
    /// Stands before texts about what went wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "through {}", self.proxy)
    }
}

impl Core {
    /// Connected to the proxy of this plan.
    pub(super) fn begin_proxy(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        let Some(via) = &plan.via else { return };
        let (tls, host) = (via.tls.clone(), via.proxy.host.to_string());
        peer.phase = Phase::Proxying(Box::new(Proxying { plan, asker: None }));
        match tls {
            Some(tls) => self.begin_tls(id, peer, &tls, &host),
            None => self.proxy_ready(id, peer),
        }
    }

    /// The proxy can be spoken to, within TLS if it is an https:// proxy. Looks the name of the target up if it wants an
    /// address.
    pub(super) fn proxy_ready(&mut self, id: ConnId, peer: &mut Peer) {
        let asker = self.asker(id);
        let Phase::Proxying(proxying) = &mut peer.phase else { return };
        let (url, Some(via)) = (&proxying.plan.url, &proxying.plan.via) else { return };
        match (&url.host, &via.handshake) {
            (Host::Name(name), None) if via.proxy.scheme.wants_address() => {
                self.look_up(asker, &[Family::V4], name, url.port);
                proxying.asker = Some(asker);
            }
            (host, _) => {
                let host = host.clone();
                self.ask_proxy(id, peer, host);
            }
        }
    }

    /// A lookup of the target has an answer, or none. Most proxies have IPv4 only, so that is asked for first.
    pub(super) fn target_found(&mut self, id: ConnId, peer: &mut Peer, found: Found) {
        let Phase::Proxying(proxying) = &mut peer.phase else { return };
        if proxying.asker != Some(found.asker) {
            return;
        }
        let (url, via) = (&proxying.plan.url, &proxying.plan.via);
        let v4_only = via.as_ref().is_some_and(|via| via.proxy.scheme == Scheme::Socks4);
        let why = match &found.addresses {
            Ok(addresses) if !addresses.is_empty() => {
                proxying.asker = None;
                let host = match addresses[0] {
                    SocketAddr::V4(address) => Host::V4(*address.ip()),
                    SocketAddr::V6(address) => Host::V6(*address.ip()),
                };
                return self.ask_proxy(id, peer, host);
            }
            Err(error) => error.to_string(),
            Ok(_) => "it has no address".into(),
        };
        if let (Host::Name(name), Family::V4, false) = (&url.host, found.family, v4_only) {
            return self.look_up(found.asker, &[Family::V6], name, url.port);
        }
        let text = format!("looking up {}:{}: {why}", url.host, url.port);
        peer.fail_as(Stage::Resolve, Error::Resolve(text.clone()), || text);
        self.end(id, peer);
    }

    /// Begins the conversation, or goes on with it over a new connection.
    fn ask_proxy(&mut self, id: ConnId, peer: &mut Peer, host: Host) {
        let random = self.random();
        let limits = Limits { head: peer.profile.limits.head, max_body: peer.profile.limits.max_body };
        let Phase::Proxying(proxying) = &mut peer.phase else { return };
        let Some(via) = &mut proxying.plan.via else { return };
        let target = proxy::Target { host, port: proxying.plan.url.port };
        let begun = match via.handshake.take() {
            Some(handshake) => Ok(handshake),
            None => random.and_then(|random| {
                Handshake::new(&via.proxy, target, limits, random).map_err(|error| Error::Proxy(error.to_string()))
            }),
        };
        match begun {
            Ok(handshake) => {
                let mut out = Vec::new();
                via.handshake.insert(handshake).start(&mut out);
                self.outbox(id, peer).push_with(|queue| queue.extend_from_slice(&out));
            }
            Err(error) => self.proxy_failed(id, peer, error),
        }
    }

    /// Takes the bytes `at` of the window that are the proxy's; the others are for the next layer.
    pub(super) fn hear_proxy(&mut self, id: ConnId, peer: &mut Peer, window: &[u8], at: &mut Range<usize>) {
        let Some(handshake) = handshake(peer) else {
            // It speaks before it was asked: none of these protocols does.
            return self.proxy_failed(id, peer, Error::Proxy("the proxy speaks before it was asked".into()));
        };
        let mut out = Vec::new();
        let step = handshake.push(&window[at.clone()], &mut out);
        if !out.is_empty() {
            self.outbox(id, peer).push_with(|queue| queue.extend_from_slice(&out));
        }
        match step {
            Step::Done { consumed } => {
                at.start += consumed;
                peer.lap(Stage::Proxy);
                if let Phase::Proxying(proxying) = std::mem::replace(&mut peer.phase, Phase::Ended) {
                    self.secure(id, peer, proxying.plan);
                }
                if let (Phase::Securing(_), true) = (&peer.phase, at.start < at.end) {
                    // A TLS server waits for the ClientHello.
                    at.start = at.end;
                    self.tls_failed(id, peer, Error::Handshake("the server speaks before TLS has begun".into()));
                }
            }
            step => {
                at.start = at.end;
                self.proxy_said(id, peer, step);
            }
        }
    }

    fn proxy_said(&mut self, id: ConnId, peer: &mut Peer, step: Step) {
        match step {
            Step::More | Step::Done { .. } => {}
            Step::Reconnect => {
                if let Phase::Proxying(proxying) = std::mem::replace(&mut peer.phase, Phase::Ended) {
                    self.drop_socket(peer);
                    self.dial(id, peer, proxying.plan);
                }
            }
            Step::Refused(refusal) => self.proxy_refused(id, peer, refusal),
            Step::Invalid(error) => self.proxy_failed(id, peer, Error::Proxy(error.to_string())),
        }
    }

    /// The proxy has ended the connection.
    pub(super) fn proxy_gone(&mut self, id: ConnId, peer: &mut Peer, error: Option<std::io::Error>) {
        match (handshake(peer).map(Handshake::end), error) {
            (Some(Step::Invalid(_)) | None, Some(error)) => self.proxy_failed(id, peer, Error::Io(error)),
            (Some(Step::Invalid(_)) | None, None) => {
                peer.proxy_fails(Error::Io(ErrorKind::ConnectionReset.into()), &ProxyError::Ended);
                self.end(id, peer);
            }
            (Some(step), _) => self.proxy_said(id, peer, step),
        }
    }

    /// The deadline has passed.
    pub(super) fn proxy_late(&mut self, id: ConnId, peer: &mut Peer) {
        match handshake(peer).and_then(Handshake::refusal) {
            Some(refusal) => self.proxy_refused(id, peer, refusal),
            None => self.proxy_failed(id, peer, Error::Timeout("the proxy did not answer in time")),
        }
    }

    fn proxy_refused(&mut self, id: ConnId, peer: &mut Peer, refusal: Refusal) {
        let text = refusal.text.clone();
        peer.proxy_fails(Error::Proxy(refusal.text), &text);
        let rare = peer.rare();
        rare.response = refusal.response;
        if let Some(failure) = &mut rare.failure {
            failure.status = refusal.status;
            failure.body = refusal.body;
        }
        self.end(id, peer);
    }

    fn proxy_failed(&mut self, id: ConnId, peer: &mut Peer, error: Error) {
        let text = error.to_string();
        peer.proxy_fails(error, &text);
        self.end(id, peer);
    }
}

impl Peer {
    fn proxy_fails(&mut self, error: Error, why: &dyn fmt::Display) {
        let text = match &self.phase {
            Phase::Proxying(proxying) => proxying.text(why),
            _ => why.to_string(),
        };
        self.fail_as(Stage::Proxy, error, || text);
    }
}

impl Proxying {
    /// What went wrong, with the proxy that it went wrong with.
    pub(super) fn text(&self, what: &dyn fmt::Display) -> String {
        self.plan.text(what)
    }

    /// Of the target, not needed any more when the connection ends.
    pub(super) fn lookup(&self) -> Option<Asker> {
        self.asker
    }
}

fn handshake(peer: &mut Peer) -> Option<&mut Handshake> {
    match &mut peer.phase {
        Phase::Proxying(proxying) => proxying.plan.via.as_mut()?.handshake.as_mut(),
        _ => None,
    }
}
