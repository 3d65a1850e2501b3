//! Client connections that are made again: redirects of the opening handshake, and connections that are kept up.
//!
//! Called by `dial` when a connection begins, by `upgrade` with a refused request, by `ending` when an attempt is over, by
//! `context` and `deadlines` when it is time to dial, and by the C surface while the program is told of a retry.
//!
//! Invariants: a connection keeps its name, its user data and its counters; everything else is new in each attempt.
//! Between two attempts it waits without a socket. Its last event comes once, when no other attempt follows.

use super::backoff::Backoff;
use super::context::Context;
use super::core::Core;
use super::dial::read_url;
use super::error::{Error, Result};
use super::event::{By, Closing, ConnId, Level, Retry, Stage, What};
use super::options::ConnectOptions;
use super::peer::{Peer, Phase, Rare};
use super::send::find;
use super::transport::Socket;
use super::upgrade::Plan;
use crate::proto::close::ABNORMAL;
use crate::proto::connection::Role;
use crate::proto::handshake::client::Response;
use crate::proto::handshake::redirect;
use crate::proto::retry_after;
use crate::proto::url::WsUrl;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a client connection needs to be made again.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// Where each attempt begins, and how.
    url: WsUrl,
    options: ConnectOptions,
    backoff: Backoff,
    /// Redirects followed in this attempt.
    hops: u32,
    /// Where the last of them leads, and how: without what belongs to another origin.
    hop: Option<Box<(WsUrl, ConnectOptions)>>,
    /// When this attempt has to be open, redirects included, in the clock's milliseconds; 0: never.
    deadline: u64,
    /// When it opened.
    opened: Option<u64>,
    /// `Open` was delivered, in this attempt or before.
    was_open: bool,
    /// The program or a stop has ended it: no other attempt.
    over: bool,
    /// What the program is to be told before the next attempt.
    retry: Option<Box<Retry>>,
    /// From now, or from when the program was told.
    delay: Duration,
    /// The program is being told.
    in_hook: bool,
    /// How far the last attempt came.
    stage: Stage,
}

impl Upkeep {
    /// `None` where a connection is made once and follows no redirect.
    pub(super) fn of(url: &WsUrl, options: &ConnectOptions) -> Option<Box<Upkeep>> {
        (options.reconnect.is_some() || options.max_redirects > 0).then(|| {
            Box::new(Upkeep {
                url: url.clone(),
                options: options.clone(),
                backoff: Backoff::default(),
                hops: 0,
                hop: None,
                deadline: 0,
                opened: None,
                was_open: false,
                over: false,
                retry: None,
                delay: Duration::ZERO,
                in_hook: false,
                stage: Stage::Handshake,
            })
        })
    }

    /// How far the last attempt came.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }
}

impl Peer {
    /// `Open` is delivered.
    pub(super) fn note_open(&mut self) {
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.was_open = true;
        }
    }

    /// The program wants the connection to end, whatever else ends it. Whether another attempt was possible before.
    pub(super) fn give_up(&mut self) -> bool {
        let kept_up = self.upkeep.as_mut().filter(|upkeep| upkeep.options.reconnect.is_some());
        kept_up.is_some_and(|upkeep| !std::mem::replace(&mut upkeep.over, true))
    }

    /// What to tell the program of a connection that has ended. One that was open ends in `Closed`, however its last
    /// attempt failed.
    pub(super) fn last_event(&mut self) -> What<'static> {
        match self.outcome() {
            Ok(closing) => What::Closed(closing),
            Err(failure) if self.upkeep.as_ref().is_some_and(|upkeep| upkeep.was_open) => {
                let by = match failure.error {
                    Error::Closed => By::Local,
                    Error::Timeout(_) => By::Timeout,
                    _ => By::Network,
                };
                What::Closed(Closing {
                    code: ABNORMAL,
                    reason: "".into(),
                    clean: false,
                    by,
                    truncated: false,
                    failure: Some(failure),
                })
            }
            Err(failure) => What::Failed(failure),
        }
    }

    /// What to tell the program before another attempt.
    pub(super) fn retry_event(&mut self) -> What<'static> {
        let upkeep = self.upkeep.as_mut();
        let retry = upkeep.and_then(|upkeep| {
            upkeep.in_hook = true;
            upkeep.retry.take()
        });
        // It was put there when the connection began to wait.
        retry.map_or(What::Drain, What::Retry)
    }

    /// Whether another attempt may mend what ended this one.
    fn may_return(&self) -> bool {
        let Some(rare) = &self.rare else { return true };
        match (&rare.failure, &rare.ending) {
            (Some(failure), _) => match failure.error {
                Error::Resolve(_) | Error::Timeout(_) | Error::Io(_) => true,
                Error::Rejected(status) => is_transient(status),
                // RFC 1928 §6: the proxy failed (1), or network, host or port could not be reached (3 to 6); 91 is the
                // one no of SOCKS4.
                Error::Proxy(_) => matches!(failure.status, 1 | 3..=6 | 91) || is_transient(failure.status),
                _ => false,
            },
            // RFC 6455 §7.2.3: "Such closures could be the result of a transient error, in which case reconnecting may
            // lead to a good connection". Of the codes that a server sends, these say that it goes away or broke. One that
            // breaks the protocol may do so because it starts again: 1012 says that, and may not be sent.
            (None, Some(ending)) => match ending.by {
                By::Network | By::Timeout => true,
                By::Remote => matches!(ending.code, 1001 | ABNORMAL | 1011),
                By::Local => ending.code == 1002,
            },
            (None, None) => true,
        }
    }

    /// The time that a server asks to be left alone for.
    fn retry_after(&self) -> Option<Duration> {
        let response = self.rare.as_ref()?.response.as_ref()?;
        let value = response.head().header("retry-after")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // In milliseconds it has to fit, too.
        retry_after::seconds(value, now.as_secs()).map(|seconds| Duration::from_secs(seconds.min(u32::MAX.into())))
    }

    /// As new, but for its name and what the program gave it. The answer stays until the program was told.
    fn start_over(&mut self) {
        let fresh = Peer::new(Socket::None, Phase::Waiting, Role::Client, self.profile.clone());
        let old = std::mem::replace(self, fresh);
        self.user_data = old.user_data;
        self.announced = true;
        self.upkeep = old.upkeep;
        // It stays in these lists.
        (self.dirty, self.again) = (old.dirty, old.again);
        let response = old.rare.and_then(|rare| rare.response);
        self.rare = response.map(|response| Box::new(Rare { response: Some(response), ..Rare::default() }));
    }
}

impl Core {
    /// An attempt is over. Whether another one follows: the program is told first.
    pub(super) fn returns(&mut self, peer: &mut Peer) -> bool {
        let chance = self.random().map_or(0, u32::from_ne_bytes);
        let now = self.clock.exact_now();
        let (may_return, asked) = (peer.may_return(), peer.retry_after());
        let Some(upkeep) = &mut peer.upkeep else { return false };
        let Some(how) = &upkeep.options.reconnect else { return false };
        if upkeep.over || self.stopping || !may_return {
            return false;
        }
        if let Some(at) = upkeep.opened.take() {
            upkeep.backoff.was_open(how, Duration::from_millis(now.saturating_sub(at)));
        }
        let Some((number, delay)) = upkeep.backoff.next(how, asked, chance) else {
            self.log(Level::Info, || "no more retries".into());
            return false;
        };
        let place = shown(&upkeep.url);
        self.log(Level::Info, || format!("{place} is tried again in {} ms, retry {number}", delay.as_millis()));
        let outcome = peer.outcome();
        if let Some(upkeep) = &mut peer.upkeep {
            upkeep.stage = outcome.as_ref().map_or_else(|failure| failure.stage, |_| Stage::Handshake);
            upkeep.retry = Some(Box::new(Retry { number, delay, outcome }));
            upkeep.delay = delay;
            (upkeep.hops, upkeep.deadline, upkeep.hop) = (0, 0, None);
        }
        peer.start_over();
        true
    }

    /// A redirect is followed, if the program wants that. Where it can't be, that is noted.
    pub(super) fn redirected(&mut self, id: ConnId, peer: &mut Peer, response: &Response) -> bool {
        let (Phase::Asking(asking), Some(upkeep)) = (&peer.phase, &mut peer.upkeep) else { return false };
        let (status, most) = (response.status(), upkeep.options.max_redirects);
        if most == 0 || !redirect::is_redirect(status) {
            return false;
        }
        let Plan { url, options, .. } = asking.plan();
        let next = redirect::next(url, response.head().all("location"), options.redirect_to_ws);
        let next = match next {
            Ok(_) if upkeep.hops == most => Err(format!("it is number {}", most + 1)),
            next => next.map_err(|error| error.to_string()),
        };
        match next {
            Ok(next) => {
                let mut options = options.clone();
                if !redirect::same_origin(url, &next) {
                    options.headers.retain(|(name, _)| redirect::crosses_origins(name));
                }
                upkeep.hops += 1;
                let line =
                    format!("{} redirects with {status} to {}, {} of {most}", shown(url), shown(&next), upkeep.hops);
                upkeep.hop = Some(Box::new((next, options)));
                self.hop(id, peer, line);
                true
            }
            Err(why) => {
                let text = || format!("the redirect of the server ({status}) is not followed: {why}");
                peer.fail_as(Stage::Handshake, Error::Rejected(status), text);
                false
            }
        }
    }

    /// Dials in the next turn: what the poll set has said in this one is about the socket that is closed here.
    fn hop(&mut self, id: ConnId, peer: &mut Peer, line: String) {
        self.log(Level::Info, || line);
        self.counts.sums.redirects.add(1);
        self.drop_socket(peer);
        peer.start_over();
        peer.rare = None;
        self.wheel.clear(id.slot);
        self.redial.push(id);
    }

    /// Closes the socket of a connection whose name lives on: a child that has a copy of it must not keep it in the poll
    /// set under that name.
    pub(super) fn drop_socket(&mut self, peer: &mut Peer) {
        // Fails where it never was in there.
        let _ = peer.socket.deregister(&self.registry);
        peer.socket = Socket::None;
    }

    /// The program was told: the delay begins.
    pub(super) fn told_retry(&mut self, id: ConnId, peer: &mut Peer) {
        let Some(upkeep) = &mut peer.upkeep else { return };
        upkeep.in_hook = false;
        let delay = upkeep.delay;
        if let Phase::Waiting = peer.phase {
            peer.rare = None;
            self.clock.exact_now();
            self.arm(id, delay.max(Duration::from_millis(1)));
        }
    }

    /// The next attempt, or the next hop of this one.
    pub(super) fn dial_again(&mut self, id: ConnId, peer: &mut Peer) {
        let (Phase::Waiting, Some(upkeep)) = (&peer.phase, &mut peer.upkeep) else { return };
        let hop = upkeep.hop.take();
        self.count_attempt(id, hop.is_none());
        let (url, options) = hop.map_or_else(|| (upkeep.url.clone(), upkeep.options.clone()), |hop| *hop);
        match self.plan(url, options) {
            Ok(plan) => self.dial(id, peer, plan),
            Err(error) => {
                let text = error.to_string();
                peer.fail_as(Stage::Resolve, error, || text);
                self.end(id, peer);
            }
        }
    }

    /// How much of `after` a part of an attempt has: all its hops together have the time that one has.
    pub(super) fn attempt_left(&mut self, peer: &mut Peer, after: Duration) -> Duration {
        let (connect, handshake) = (peer.profile.limits.connect_timeout, peer.profile.limits.handshake_timeout);
        let Some(upkeep) = peer.upkeep.as_mut().filter(|_| !connect.is_zero() && !handshake.is_zero()) else {
            return after;
        };
        let now = self.clock.exact_now();
        if upkeep.deadline == 0 {
            upkeep.deadline = now + (connect + handshake).as_millis() as u64;
        }
        after.min(Duration::from_millis(upkeep.deadline.saturating_sub(now).max(1)))
    }

    /// The handshake of a client is done.
    pub(super) fn note_opened(&mut self, peer: &mut Peer) {
        if let Some(upkeep) = &mut peer.upkeep {
            upkeep.opened = Some(self.clock.now());
        }
    }
}

impl Context {
    /// Dials where redirects lead.
    pub(super) fn follow_redirects(&mut self) {
        while let Some(id) = self.core.redial.pop() {
            if let Some(peer) = self.peers.get_mut(id.slot, id.generation) {
                self.core.dial_again(id, peer);
            }
        }
    }

    /// Changes where the connection goes from now on; only while `Retry` is handled. `None` leaves it.
    pub fn retarget(&mut self, id: ConnId, url: Option<&str>, headers: Option<Vec<(String, Vec<u8>)>>) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        if let Phase::Ended = peer.phase {
            return Err(Error::Closed);
        }
        let Some(upkeep) = peer.upkeep.as_mut().filter(|upkeep| upkeep.in_hook) else {
            return Err(Error::State("a connection goes elsewhere only while its on_retry is called"));
        };
        let url = url.map_or_else(|| Ok(upkeep.url.clone()), read_url)?;
        let mut options = upkeep.options.clone();
        if let Some(headers) = headers {
            options.headers = headers;
        }
        let plan = self.core.plan(url, options)?;
        (upkeep.url, upkeep.options) = (plan.url, plan.options);
        Ok(())
    }
}

/// A status that says "later", not "no".
fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 500..=599)
}

/// An address for the log: without what may be secret in it.
fn shown(url: &WsUrl) -> String {
    let path = url.target.split('?').next().unwrap_or_default();
    match &url.unix_path {
        Some(socket) => format!("ws+unix:{socket}:{path}"),
        None => format!("{}://{}{path}", if url.secure { "wss" } else { "ws" }, url.authority()),
    }
}
