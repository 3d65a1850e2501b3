//! Connecting (RFC 8305): name lookups off the loop's thread, attempts that overtake each other, the first that connects
//! wins.
//!
//! Called by the C surface (`connect`), by whatever leads a connection elsewhere ([`Core::dial`]), by `turn` when an
//! attempt is ready or an answer has come, and by `deadlines`. `eyeballs` says which address is tried when, `attempts` has
//! the sockets. A connected socket goes on to `upgrade`. Everything that goes wrong after `connect` returned ends in one
//! `Failed`. Invariant: while a connection is in this phase, its own socket is none.

mod attempts;
mod eyeballs;

use super::again::Upkeep;
use super::context::{Context, NEVER};
use super::core::Core;
use super::error::{Error, Result};
use super::event::{ConnId, Level, Stage, State};
use super::options::ConnectOptions;
use super::peer::{Peer, Phase, Profile};
use super::resolve::{Asker, Found};
use super::tcp::Origin;
use super::transport::Socket;
use super::upgrade::Plan;
use crate::names::Family;
use crate::proto::connection::Role;
use crate::proto::credentials::hide;
use crate::proto::url::{Host, WsUrl};
pub(super) use attempts::Attempt;
use attempts::Name;
use eyeballs::{Eyeballs, Step};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Attempts whose errors are told; more say nothing new.
const MAX_FAULTS: usize = 8;

/// Where TCP leads: to the server, or to a proxy on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A name is looked up.
    Tcp(Host, /* port */ u16),
    /// The path of a Unix socket.
    Unix(String),
}

impl From<&WsUrl> for Target {
    fn from(url: &WsUrl) -> Target {
        match &url.unix_path {
            Some(path) => Target::Unix(path.clone()),
            None => Target::Tcp(url.host.clone(), url.port),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp(host, port) => write!(f, "{host}:{port}"),
            Target::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// A connection being made.
#[derive(Debug)]
pub(super) struct Dial {
    target: Target,
    asker: Asker,
    addresses: Eyeballs,
    in_flight: Vec<Name>,
    /// An address was tried.
    tried: bool,
    /// What went wrong with the addresses tried, and the last error of them.
    faults: Vec<String>,
    error: Option<Error>,
    /// Why a name has no address.
    unresolved: Option<io::Error>,
    /// When all of it has to be done, in the clock's milliseconds, or [`NEVER`].
    deadline: u64,
    plan: Box<Plan>,
}

impl Dial {
    /// How far it came.
    pub(super) fn stage(&self) -> Stage {
        if self.tried { Stage::Connect } else { Stage::Resolve }
    }

    fn failed(&mut self, address: &str, error: Error) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(format!("connect to {address}: {error}"));
        }
        self.error = Some(error);
        self.addresses.failed();
    }

    /// Why there is no connection.
    fn failure(&mut self) -> (Error, String) {
        let looking = |why: &dyn fmt::Display| format!("looking up {}: {why}", self.target);
        match (self.error.take(), &self.unresolved) {
            (Some(error), _) if self.tried => (error, self.faults.join("; ")),
            (Some(error), _) => (error, looking(&"it took too long")),
            (None, unresolved) => {
                let text = match unresolved {
                    Some(error) => looking(error),
                    None => looking(&"it has no address"),
                };
                (Error::Resolve(text.clone()), text)
            }
        }
    }
}

/// Of a name's addresses, those that can be connected to from there.
fn families(target: &Target, origin: &Origin) -> Vec<Family> {
    match target {
        Target::Tcp(Host::Name(_), _) => {
            [Family::V6, Family::V4].into_iter().filter(|&family| origin.suits(family == Family::V6)).collect()
        }
        _ => Vec::new(),
    }
}

/// What can be known to be wrong before anything is sent.
fn check_way(target: &Target, origin: &Origin) -> Result<()> {
    match target {
        Target::Tcp(Host::V4(_), _) if !origin.suits(false) => {
            Err(Error::Argument("the source is IPv6, the host IPv4"))
        }
        Target::Tcp(Host::V6(_), _) if !origin.suits(true) => Err(Error::Argument("the source is IPv4, the host IPv6")),
        Target::Unix(_) if origin.source.is_some() || origin.interface.is_some() => {
            Err(Error::Argument("source and interface are for TCP, the address is a Unix socket"))
        }
        _ => origin.check(),
    }
}

/// An address that can be connected to.
pub(super) fn read_url(text: &str) -> Result<WsUrl> {
    let wrong = |error: &dyn fmt::Display| Error::Url(format!("\"{}\": {error}", hide(text)));
    let url = WsUrl::parse(text).map_err(|error| wrong(&error))?;
    if let Some(path) = &url.unix_path {
        socket2::SockAddr::unix(path).map_err(|error| wrong(&error))?;
    }
    Ok(url)
}

impl Context {
    /// Starts to connect; errors known before any I/O come back here, all others as `Failed`.
    pub fn connect(&mut self, url: &str, options: ConnectOptions) -> Result<ConnId> {
        let url = read_url(url)?;
        self.check_running()?;
        if self.peers.len() >= self.core.limits.max_connections {
            return Err(Error::Limit("connections"));
        }
        let profile = Profile {
            limits: options.limits.clone().unwrap_or_else(|| self.core.limits.clone()),
            tag: options.tag,
            user_data: options.user_data,
            subprotocols: Vec::new(),
            ask: false,
            streaming: options.streaming,
            deflate: options.deflate.clone(),
            keep_head: options.keep_response,
            tls: None,
            tls_or_plain: false,
        };
        let plan = self.core.plan(url, options)?;
        let mut peer = Peer::new(Socket::None, Phase::Ended, Role::Client, Arc::new(profile));
        peer.announced = true;
        peer.upkeep = Upkeep::of(&plan.url, &plan.options);
        let (slot, generation) = self.peers.insert(peer).ok_or(Error::Limit("connections"))?;
        let id = ConnId { slot, generation };
        self.core.door.tell(id, State::Connecting);
        if let Some(peer) = self.peers.get_mut(slot, generation) {
            self.core.count_attempt(id, false);
            self.core.dial(id, peer, plan);
        }
        self.act();
        Ok(id)
    }

    /// A lookup has an answer, or none.
    pub(super) fn resolved(&mut self, found: Found) {
        self.core.looked_up();
        let Found { asker, family, addresses } = found;
        let Some(peer) = self.peers.get_mut(asker.id.slot, asker.id.generation) else { return };
        let dial = match &mut peer.phase {
            Phase::Dialing(dial) => dial,
            _ => return self.core.target_found(asker.id, peer, Found { asker, family, addresses }),
        };
        if dial.asker != asker {
            return;
        }
        let addresses = addresses.unwrap_or_else(|error| {
            // Of two errors that of the A record is the better known.
            if family == Family::V4 || dial.unresolved.is_none() {
                dial.unresolved = Some(error);
            }
            Vec::new()
        });
        dial.addresses.found(family, addresses, self.core.clock.exact_now());
        self.core.try_on(asker.id, peer);
    }

    /// The socket of an attempt is ready: connected, or not.
    pub(super) fn attempt_ready(&mut self, name: Name) {
        let Some(attempt) = self.core.attempts.get(name.0, name.1) else { return };
        let (id, outcome) = (attempt.id, attempt.outcome());
        let Some(peer) = self.peers.get_mut(id.slot, id.generation) else { return };
        match outcome {
            None => {}
            Some(Ok(())) => self.core.dialled(id, peer, name),
            Some(Err(error)) => self.core.attempt_failed(id, peer, name, error),
        }
        self.flush_dirty();
    }
}

impl Core {
    /// The way to an address; fails with what is known to be wrong before anything is sent.
    pub(super) fn plan(&mut self, url: WsUrl, options: ConnectOptions) -> Result<Box<Plan>> {
        let plan = Box::new(Plan::new(url, options, self.random()?)?);
        check_way(&plan.hop(), &plan.options.origin)?;
        Ok(plan)
    }

    /// Begins to connect to where the plan leads first, under the connect deadline from now on. What was connected before
    /// is forgotten.
    pub(super) fn dial(&mut self, id: ConnId, peer: &mut Peer, plan: Box<Plan>) {
        let target = plan.hop();
        let timeout = self.attempt_left(peer, peer.profile.limits.connect_timeout).as_millis() as u64;
        let now = self.clock.exact_now();
        let (asker, families) = (self.asker(id), families(&target, &plan.options.origin));
        let mut dial = Dial {
            addresses: Eyeballs::pending(&families),
            target: target.clone(),
            asker,
            in_flight: Vec::new(),
            tried: false,
            faults: Vec::new(),
            error: None,
            unresolved: None,
            deadline: if timeout == 0 { NEVER } else { now + timeout },
            plan,
        };
        match target {
            Target::Tcp(Host::Name(name), port) => self.look_up(asker, &families, &name, port),
            Target::Tcp(Host::V6(address), port) => dial.addresses.found(Family::V6, vec![(address, port).into()], now),
            Target::Tcp(Host::V4(address), port) => dial.addresses.found(Family::V4, vec![(address, port).into()], now),
            Target::Unix(path) => self.attempt(id, &mut dial, None, attempts::open_unix(&path)),
        }
        (peer.socket, peer.tls, peer.outbox) = (Socket::None, None, None);
        (peer.blocked, peer.write_dead) = (false, false);
        self.count_queue(id, peer);
        if !dial.plan.via.as_ref().is_some_and(|via| via.is_begun()) {
            peer.start_watch();
        }
        peer.phase = Phase::Dialing(Box::new(dial));
        self.try_on(id, peer);
    }

    /// Begins whatever attempt is due, and sees to it that the next is not forgotten.
    fn try_on(&mut self, id: ConnId, peer: &mut Peer) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        let (now, looking) = (self.clock.now(), !dial.tried);
        let next = loop {
            match dial.addresses.step(now) {
                Step::Try(address) => {
                    let socket = attempts::open_tcp(address, &dial.plan.options.origin);
                    self.attempt(id, dial, Some(address), socket);
                }
                Step::WaitUntil(at) => break at,
                Step::Empty if dial.in_flight.is_empty() => return self.undialled(id, peer),
                Step::Wait | Step::Empty => break NEVER,
            }
        };
        match next.min(dial.deadline) {
            NEVER => self.wheel.clear(id.slot),
            at => self.wheel.set(id.slot, at),
        }
        if looking && dial.tried {
            peer.lap(Stage::Resolve);
        }
    }

    fn attempt(&mut self, id: ConnId, dial: &mut Dial, address: Option<SocketAddr>, socket: Result<Socket>) {
        dial.tried = true;
        let name = address.map_or_else(|| dial.target.to_string(), |address| address.to_string());
        match socket.and_then(|socket| self.launch(id, &name, socket)) {
            Ok(launched) => dial.in_flight.push(launched),
            Err(error) => {
                self.log(Level::Info, || format!("connect to {name}: {error}"));
                dial.failed(&name, error);
            }
        }
    }

    /// This address does not work: the next one, at once, or the end.
    fn attempt_failed(&mut self, id: ConnId, peer: &mut Peer, name: Name, error: io::Error) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        dial.in_flight.retain(|&other| other != name);
        if let Some(attempt) = self.attempts.remove(name.0, name.1) {
            self.log(Level::Info, || format!("connect to {}: {error}", attempt.address));
            dial.failed(&attempt.address, Error::Io(error));
        }
        self.try_on(id, peer);
    }

    /// No address is left, or no time.
    fn undialled(&mut self, id: ConnId, peer: &mut Peer) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        let (stage, (error, text)) = (dial.stage(), dial.failure());
        let text = dial.plan.text(&text);
        peer.fail_as(stage, error, || text);
        self.end(id, peer);
    }

    /// A time to wait for has come: the next attempt's, or the end of all.
    pub(super) fn dial_due(&mut self, id: ConnId, peer: &mut Peer) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        if self.clock.now() < dial.deadline {
            return self.try_on(id, peer);
        }
        let late = || Error::Timeout("connecting took too long");
        for (slot, generation) in dial.in_flight.clone() {
            if let Some(attempt) = self.attempts.get(slot, generation) {
                dial.failed(&attempt.address, late());
            }
        }
        dial.error = Some(late());
        self.undialled(id, peer);
    }

    /// The first that is connected: the others are closed.
    fn dialled(&mut self, id: ConnId, peer: &mut Peer, name: Name) {
        // They tell of the socket before it, if there was one.
        (peer.readable, peer.read_closed) = (false, false);
        match self.take_attempt(id, name) {
            Ok(socket) => peer.socket = socket,
            Err(error) => {
                peer.fail_as(Stage::Connect, Error::Io(error), || "a connected socket can't be watched".into());
                return self.end(id, peer);
            }
        }
        let Phase::Dialing(dial) = std::mem::replace(&mut peer.phase, Phase::Ended) else { return };
        self.drop_attempts(&dial);
        peer.lap(Stage::Connect);
        self.connected(id, peer, dial.plan);
    }

    /// Closes what is in flight, and forgets lookups that have not begun.
    pub(super) fn drop_attempts(&mut self, dial: &Dial) {
        for &(slot, generation) in &dial.in_flight {
            self.attempts.remove(slot, generation);
        }
        self.forget_lookups(dial.asker);
    }
}

#[cfg(test)]
mod tests;
