//! Connecting: name lookup off the loop's thread, every address in turn.
//!
//! Called by the C surface (`connect`), by `context` when a connecting socket is ready or names are found, and by
//! `deadlines` when an address does not answer. A connected socket goes on to `upgrade`. Everything that goes wrong after
//! `connect` returned ends in one `Failed`.

use super::again::Upkeep;
use super::context::Context;
use super::core::Core;
use super::error::{Error, Result};
use super::event::{ConnId, Level, Stage, State};
use super::options::ConnectOptions;
use super::peer::{Peer, Phase, Profile};
use super::ready::{self, token};
use super::transport::Socket;
use super::upgrade::Plan;
use crate::proto::connection::Role;
use crate::proto::url::{Host, WsUrl};
use mio::net::{TcpStream, UnixStream};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A connection being made.
#[derive(Debug)]
pub(super) struct Dial {
    host: String,
    /// Not tried yet.
    addresses: VecDeque<SocketAddr>,
    /// Being tried, for texts.
    trying: String,
    /// When all of it has to be done, in the clock's milliseconds; 0: never.
    deadline: u64,
    plan: Box<Plan>,
}

impl Dial {
    /// How far it came.
    pub(super) fn stage(&self) -> Stage {
        if self.trying.is_empty() { Stage::Resolve } else { Stage::Connect }
    }
}

impl Context {
    /// Starts to connect; errors known before any I/O come back here, all others as `Failed`.
    pub fn connect(&mut self, url: &str, options: ConnectOptions) -> Result<ConnId> {
        let parsed = read_url(url)?;
        self.check_running()?;
        if self.peers.len() >= self.core.limits.max_connections {
            return Err(Error::Limit("connections"));
        }
        let profile = self.core.profile(&options);
        let mut peer = Peer::new(Socket::None, Phase::Waiting, Role::Client, Arc::new(profile));
        peer.announced = true;
        peer.upkeep = Upkeep::of(&parsed, &options);
        // What can't be asked is said before there is a connection.
        let dial = self.core.dial(parsed, options)?;
        let (slot, generation) = self.peers.insert(peer).ok_or(Error::Limit("connections"))?;
        let id = ConnId { slot, generation };
        self.core.door.tell(id, State::Connecting);
        if let Some(peer) = self.peers.get_mut(slot, generation) {
            self.core.begin(id, peer, dial);
        }
        self.act();
        Ok(id)
    }

    /// Names were found, or not.
    pub(super) fn resolved(&mut self, id: ConnId, found: io::Result<Vec<SocketAddr>>) {
        self.core.looked_up();
        let Some(peer) = self.peers.get_mut(id.slot, id.generation) else { return };
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        match found {
            Ok(addresses) if !addresses.is_empty() => {
                dial.addresses = addresses.into();
                self.core.try_next(id, peer);
            }
            result => {
                let why = result.err().map_or("it has no address".into(), |error| error.to_string());
                let text = format!("looking up {}: {why}", dial.host);
                peer.fail_as(Stage::Resolve, Error::Resolve(text.clone()), || text);
                self.core.end(id, peer);
            }
        }
    }
}

impl Core {
    fn profile(&self, options: &ConnectOptions) -> Profile {
        Profile {
            limits: options.limits.clone().unwrap_or_else(|| self.limits.clone()),
            tag: options.tag,
            user_data: options.user_data,
            subprotocols: Vec::new(),
            ask: false,
            streaming: options.streaming,
            keep_head: options.keep_response,
            tls: None,
            tls_or_plain: false,
        }
    }

    /// Fails with what can't be asked.
    pub(super) fn dial(&mut self, url: WsUrl, options: ConnectOptions) -> Result<Dial> {
        let plan = Box::new(Plan::new(url, options, self.random()?)?);
        let host = format!("{}:{}", plan.url.host, plan.url.port);
        Ok(Dial { host, addresses: VecDeque::new(), trying: String::new(), deadline: 0, plan })
    }

    /// Begins an attempt, or the next hop of one.
    pub(super) fn begin(&mut self, id: ConnId, peer: &mut Peer, mut dial: Dial) {
        let timeout = self.attempt_left(peer, peer.profile.limits.connect_timeout);
        dial.deadline = if timeout.is_zero() { 0 } else { self.clock.exact_now() + timeout.as_millis() as u64 };
        peer.phase = Phase::Dialing(Box::new(dial));
        self.count_attempt(id);
        self.arm(id, timeout);
        self.find_addresses(id, peer);
    }

    /// An address needs no lookup.
    fn find_addresses(&mut self, id: ConnId, peer: &mut Peer) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        let url = &dial.plan.url;
        let port = url.port;
        if let Some(path) = &url.unix_path {
            dial.trying = format!("unix:{path}");
            let socket = UnixStream::connect(path).map(Socket::Unix);
            return self.started(id, peer, socket);
        }
        let name = match url.host.clone() {
            Host::V4(address) => return self.try_addresses(id, peer, [(address, port).into()].into()),
            Host::V6(address) => return self.try_addresses(id, peer, [(address, port).into()].into()),
            Host::Name(name) => name,
        };
        if let Err(error) = self.look_up(id, name, port) {
            peer.fail_as(Stage::Resolve, Error::Io(error), || "no thread for the name lookup".into());
            self.end(id, peer);
        }
    }

    fn try_addresses(&mut self, id: ConnId, peer: &mut Peer, addresses: VecDeque<SocketAddr>) {
        if let Phase::Dialing(dial) = &mut peer.phase {
            dial.addresses = addresses;
        }
        self.try_next(id, peer);
    }

    /// Tries the next address. Each gets its share of the time that is left.
    fn try_next(&mut self, id: ConnId, peer: &mut Peer) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        let Some(address) = dial.addresses.pop_front() else { return self.end(id, peer) };
        dial.trying = address.to_string();
        if dial.deadline > 0 {
            let left = dial.deadline.saturating_sub(self.clock.now()) / (dial.addresses.len() as u64 + 1);
            self.arm(id, Duration::from_millis(left.max(1)));
        }
        let socket = TcpStream::connect(address).and_then(|stream| {
            stream.set_nodelay(true)?;
            Ok(Socket::Tcp(stream))
        });
        self.started(id, peer, socket);
    }

    fn started(&mut self, id: ConnId, peer: &mut Peer, socket: io::Result<Socket>) {
        let registered = socket.and_then(|mut socket| {
            socket.register(&self.registry, token(ready::Kind::Peer, id.slot, id.generation))?;
            Ok(socket)
        });
        match registered {
            Ok(socket) => peer.socket = socket,
            Err(error) => self.attempt_failed(id, peer, Error::Io(error)),
        }
    }

    /// This address does not work: the next one, or the end.
    pub(super) fn attempt_failed(&mut self, id: ConnId, peer: &mut Peer, error: Error) {
        let Phase::Dialing(dial) = &mut peer.phase else { return };
        peer.socket = Socket::None;
        // They tell of the socket that is gone.
        (peer.readable, peer.read_closed) = (false, false);
        let (stage, more) = (dial.stage(), !dial.addresses.is_empty());
        let text = match stage {
            Stage::Resolve => format!("looking up {}: {error}", dial.host),
            _ => format!("connect to {}: {error}", dial.trying),
        };
        self.log(Level::Info, || text.clone());
        if more {
            return self.try_next(id, peer);
        }
        peer.fail_as(stage, error, || text);
        self.end(id, peer);
    }

    /// The socket is ready: connected, or not.
    pub(super) fn dialled(&mut self, id: ConnId, peer: &mut Peer) {
        if let Err(error) = peer.socket.take_error() {
            return self.attempt_failed(id, peer, Error::Io(error));
        }
        // A spurious event: not connected yet.
        if peer.socket.peer_name().is_err_and(|error| error.kind() == io::ErrorKind::NotConnected) {
            return;
        }
        let Phase::Dialing(dial) = std::mem::replace(&mut peer.phase, Phase::Ended) else { return };
        self.connected(id, peer, dial.plan);
        // What came together with the connection brings no edge of its own.
        if peer.readable {
            self.read_again(id, peer);
        }
    }
}

/// An address that can be connected to.
pub(super) fn read_url(text: &str) -> Result<WsUrl> {
    let url = WsUrl::parse(text).map_err(|error| Error::Url(format!("\"{text}\": {error}")))?;
    if let Some(path) = &url.unix_path {
        socket2::SockAddr::unix(path).map_err(|error| Error::Url(format!("\"{text}\": {error}")))?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Limits, ListenOptions, What, Window};
    use super::*;

    fn address(listener: &std::net::TcpListener) -> SocketAddr {
        listener.local_addr().expect("bound")
    }

    /// What is told of `id` first.
    fn outcome(context: &mut Context, window: &mut Window, id: ConnId) -> String {
        for _ in 0..500 {
            context.wait(Some(Duration::from_millis(10))).expect("wait");
            while let Some(event) = context.next_event(window) {
                match event {
                    Event::Conn(event) if event.id == id => {
                        return match event.what {
                            What::Failed(failure) => failure.text,
                            what => format!("{what:?}"),
                        };
                    }
                    _ => {}
                }
            }
        }
        "nothing".into()
    }

    /// Refused, swallowed, then one that listens: found, each within its share of the time. And none at all.
    #[test]
    fn every_address_of_a_name_is_tried_in_turn() {
        let limits = Limits { connect_timeout: Duration::from_millis(600), ..Limits::default() };
        let wake = rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK).expect("eventfd");
        let door = super::super::Door::new(Arc::new(wake));
        let (mut context, mut window) = Context::new(limits, door, 1).expect("context");
        let listener = context.listen("127.0.0.1:0", ListenOptions::default()).expect("listening");
        let Ok(super::super::event::SocketName::Tcp(open)) = context.listener_address(listener) else { panic!("TCP") };
        let refused = address(&std::net::TcpListener::bind("127.0.0.1:0").expect("bind"));
        let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("socket");
        full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bind");
        full.listen(0).expect("listen");
        let full = std::net::TcpListener::from(full);
        let _fillers = [0; 4].map(|_| TcpStream::connect(address(&full)));
        let url = format!("ws://{}/", address(&full));

        let id = context.connect(&url, ConnectOptions::default()).expect("begun");
        context.resolved(id, Ok(vec![refused, address(&full), refused, open]));
        assert_eq!(outcome(&mut context, &mut window, id), "Open");
        let peer = context.peer(id).expect("open");
        assert!(!peer.read_closed, "that was another socket");

        let id = context.connect(&url, ConnectOptions::default()).expect("begun");
        context.resolved(id, Ok(vec![address(&full), refused]));
        let text = outcome(&mut context, &mut window, id);
        assert!(text.starts_with(&format!("connect to {refused}: ")), "{text}");

        let id = context.connect(&url, ConnectOptions::default()).expect("begun");
        context.resolved(id, Ok(vec![]));
        assert!(outcome(&mut context, &mut window, id).ends_with("it has no address"));
    }
}
