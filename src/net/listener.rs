//! Listening: addresses, sockets, and accepting within the limits.
//!
//! Called by the C surface (`listen`, `close_listener`) and by `context` when a listening socket is ready. Accepting
//! pauses when descriptors or places run out and goes on when one is free again, without spinning (hazard H23).

use super::context::Context;
use super::error::{Error, Result};
use super::event::{ConnId, Level, ListenerId, SocketName};
use super::options::ListenOptions;
use super::peer::{Peer, Phase, Profile};
use super::ready::{self, token};
use super::tls::Session;
use super::transport::{Socket, end_copies, unix_name};
use crate::proto::connection::Role;
use crate::proto::http1::is_token;
use mio::Interest;
use mio::net::{TcpListener, UnixListener};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Connections accepted in one turn by one listener, so that a flood of them starves nobody.
const ACCEPTS: usize = 64;
/// How long accepting pauses when the system has no descriptors left.
pub(super) const PAUSE_MS: u64 = 100;

/// A listening socket.
pub(super) struct Listener {
    socket: Listening,
    profile: Arc<Profile>,
    /// A Unix socket's path, removed with the listener.
    path: Option<PathBuf>,
    /// Connections may be waiting.
    pub(super) ready: bool,
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    fn register(&mut self, registry: &mio::Registry, token: mio::Token) -> Result<()> {
        Ok(match self {
            Listening::Tcp(socket) => registry.register(socket, token, Interest::READABLE),
            Listening::Unix(socket) => registry.register(socket, token, Interest::READABLE),
        }?)
    }
}

/// Where to listen.
enum Address {
    Tcp(SocketAddr, /* both families */ bool),
    Unix(PathBuf),
}

impl Drop for Listener {
    fn drop(&mut self) {
        match &self.socket {
            Listening::Tcp(socket) => end_copies(socket),
            Listening::Unix(socket) => end_copies(socket),
        }
        if let Some(path) = &self.path {
            // Somebody may have removed it before.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Context {
    /// "127.0.0.1:80", "[::1]:0", "*:80" (IPv6 and IPv4), "unix:/path".
    pub fn listen(&mut self, address: &str, options: ListenOptions) -> Result<ListenerId> {
        self.check_running()?;
        let address = parse(address)?;
        if let Some(wrong) = options.subprotocols.iter().find(|name| !is_token(name.as_bytes())) {
            return Err(Error::Header(format!("the subprotocol \"{wrong}\" is not a token")));
        }
        if let Some(tls) = &options.tls {
            // What is wrong with it shows here, not with the first client.
            Session::server(tls, options.tls_or_plain)?;
        }
        let (socket, path) = match address {
            Address::Tcp(address, both) => (Listening::Tcp(listen_tcp(address, both, &options)?), None),
            Address::Unix(path) => (Listening::Unix(listen_unix(&path, &options)?), Some(path)),
        };
        let limits = options.limits.unwrap_or_else(|| self.core.limits.clone());
        let profile = Arc::new(Profile {
            limits,
            tag: options.tag,
            user_data: options.user_data,
            subprotocols: options.subprotocols,
            ask: options.ask,
            streaming: options.streaming,
            deflate: options.deflate.clone(),
            keep_head: options.keep_request,
            tls: options.tls,
            tls_or_plain: options.tls_or_plain,
        });
        let entry = Listener { socket, profile, path, ready: false };
        let (slot, generation) = self.listeners.insert(entry).ok_or(Error::Limit("listeners"))?;
        let id = ListenerId { slot, generation };
        let registered = match self.listeners.get_mut(slot, generation) {
            Some(listener) => {
                listener.socket.register(&self.core.registry, token(ready::Kind::Listener, slot, generation))
            }
            None => Err(Error::Closed),
        };
        if registered.is_err() {
            self.listeners.remove(slot, generation);
        }
        registered.map(|()| id)
    }

    /// Takes no more connections; those accepted stay.
    pub fn close_listener(&mut self, id: ListenerId) -> Result<()> {
        self.listeners.remove(id.slot, id.generation).map(drop).ok_or(Error::Closed)
    }

    /// Where it listens.
    pub fn listener_address(&self, id: ListenerId) -> Result<SocketName> {
        let listener = self.listeners.get(id.slot, id.generation).ok_or(Error::Closed)?;
        Ok(match &listener.socket {
            Listening::Tcp(socket) => SocketName::Tcp(socket.local_addr()?),
            Listening::Unix(socket) => unix_name(&socket.local_addr()?),
        })
    }

    /// Whether another connection may be accepted.
    pub(super) fn has_room(&self) -> bool {
        let limits = &self.core.limits;
        self.peers.len() < limits.max_connections && self.core.pending < limits.max_pending_handshakes
    }

    /// Goes on with the listeners that had to pause.
    pub(super) fn accept_again(&mut self) {
        self.accept_later = None;
        self.full = false;
        let mut from = 0;
        while let Some((slot, generation)) = self.listeners.next(from) {
            if self.listeners.get(slot, generation).is_some_and(|listener| listener.ready) {
                self.accept_from(slot, generation);
            }
            from = slot + 1;
        }
    }

    /// Takes no more connections at all.
    pub(super) fn close_listeners(&mut self) {
        while let Some((slot, generation)) = self.listeners.next(0) {
            self.listeners.remove(slot, generation);
        }
    }

    /// Accepts what waits at a listener, as far as the limits allow.
    pub(super) fn accept_from(&mut self, slot: u32, generation: u32) {
        for _ in 0..ACCEPTS {
            let room = self.has_room();
            let Some(listener) = self.listeners.get_mut(slot, generation) else { return };
            listener.ready = true;
            if !room {
                self.core.log(Level::Warning, || "accepting pauses: too many connections or open handshakes".into());
                self.full = true;
                return;
            }
            let profile = Arc::clone(&listener.profile);
            let accepted = match &listener.socket {
                Listening::Tcp(socket) => socket.accept().map(|(s, from)| (Socket::Tcp(s), Some(from.ip()))),
                Listening::Unix(socket) => socket.accept().map(|(s, _)| (Socket::Unix(s), None)),
            };
            match accepted {
                Ok((socket, address)) => self.accepted(socket, address, profile),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    listener.ready = false;
                    return;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    self.core.log(Level::Error, || format!("accepting pauses: {error}"));
                    self.accept_later = Some(self.core.clock.now() + PAUSE_MS);
                    return;
                }
            }
        }
        // More may wait: the next turn sees.
        self.accept_later = Some(0);
    }

    fn accepted(&mut self, mut socket: Socket, address: Option<IpAddr>, profile: Arc<Profile>) {
        let limit = profile.limits.max_connections_per_address;
        let Some(address) = self.core.addresses.enter(address, limit) else {
            self.core.log(Level::Warning, || format!("{address:?}: more than {limit} connections from one address"));
            return;
        };
        let Ok(tls) = profile.tls.as_ref().map(|tls| Session::server(tls, profile.tls_or_plain)).transpose() else {
            self.core.log(Level::Error, || "a TLS session can't be made".into());
            self.core.addresses.leave(address);
            return;
        };
        let mut peer = Peer::new(Socket::None, Phase::Asked(None), Role::Server, profile);
        peer.tls = tls.map(Box::new);
        peer.address = address;
        let deadline = peer.profile.limits.handshake_timeout;
        let Some((slot, generation)) = self.peers.insert(peer) else {
            self.core.addresses.leave(address);
            return;
        };
        let id = ConnId { slot, generation };
        if let Err(error) = socket.register(&self.core.registry, token(ready::Kind::Peer, slot, generation)) {
            self.core.log(Level::Error, || format!("a connection can't be watched: {error}"));
            self.peers.remove(slot, generation);
            self.core.addresses.leave(address);
            return;
        }
        if let Some(peer) = self.peers.get_mut(slot, generation) {
            peer.socket = socket;
        }
        self.core.pending += 1;
        self.core.arm(id, deadline);
    }
}

/// Errors of one connection, not of the listener.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionReset
    )
}

fn parse(text: &str) -> Result<Address> {
    let wrong = |why: &str| Error::Address(format!("\"{text}\": {why}"));
    if let Some(path) = text.strip_prefix("unix:") {
        if path.is_empty() {
            return Err(wrong("the path is missing"));
        }
        SockAddr::unix(path).map_err(|error| wrong(&error.to_string()))?;
        return Ok(Address::Unix(path.into()));
    }
    if let Some(port) = text.strip_prefix("*:") {
        let port = port.parse().map_err(|_| wrong("the port is not a number up to 65535"))?;
        return Ok(Address::Tcp(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), true));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) => Ok(Address::Tcp(address, true)),
        Err(_) => Err(wrong("not an address and port such as 127.0.0.1:8080, [::1]:8080, *:8080 or unix:/path")),
    }
}

fn listen_tcp(address: SocketAddr, both: bool, options: &ListenOptions) -> Result<TcpListener> {
    match bind_tcp(address, both, options) {
        // A machine without IPv6: the wildcard means IPv4 there.
        Err(Error::Io(error))
            if both
                && address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                && error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) =>
        {
            bind_tcp(SocketAddr::from(([0, 0, 0, 0], address.port())), both, options)
        }
        result => result,
    }
}

fn bind_tcp(address: SocketAddr, both: bool, options: &ListenOptions) -> Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    options.socket.apply(&socket, Domain::for_address(address))?;
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(options.ipv6_only || !both)?;
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(backlog(options))?;
    Ok(TcpListener::from_std(socket.into()))
}

fn listen_unix(path: &Path, options: &ListenOptions) -> io::Result<UnixListener> {
    match bind_unix(path, options) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            std::fs::remove_file(path)?;
            bind_unix(path, options)
        }
        result => result,
    }
}

fn bind_unix(path: &Path, options: &ListenOptions) -> io::Result<UnixListener> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before anybody can connect.
    if options.unix_mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(options.unix_mode))?;
    }
    socket.listen(backlog(options))?;
    Ok(UnixListener::from_std(socket.into()))
}

/// A socket that nobody listens on any more: its program died. Connecting to any other file is refused too.
fn is_abandoned(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    // Not waiting: who listens may have more to accept than it can.
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && mio::net::UnixStream::connect(path).is_err_and(refused)
}

fn backlog(options: &ListenOptions) -> i32 {
    match options.backlog {
        0 => 4096,
        some => i32::try_from(some).unwrap_or(i32::MAX),
    }
}

/// How many connections each address has.
#[derive(Default)]
pub(super) struct Addresses {
    index: HashMap<IpAddr, u32>,
    counts: Vec<(IpAddr, u32)>,
    free: Vec<u32>,
    /// Where the last connection came from: behind a proxy that is where all come from, and nothing need be hashed.
    last: Option<u32>,
}

impl Addresses {
    /// One connection more from `address`; `None` above the limit. The index to leave with.
    fn enter(&mut self, address: Option<IpAddr>, limit: usize) -> Option<u32> {
        let Some(address) = address else { return Some(Peer::NO_ADDRESS) };
        if let Some(index) = self.last
            && let Some((last, count)) = self.counts.get_mut(index as usize)
            && *last == address
            && (1..limit).contains(&(*count as usize))
        {
            *count += 1;
            return Some(index);
        }
        let index = *self.index.entry(address).or_insert_with(|| match self.free.pop() {
            Some(index) => {
                self.counts[index as usize] = (address, 0);
                index
            }
            None => {
                self.counts.push((address, 0));
                (self.counts.len() - 1) as u32
            }
        });
        let count = &mut self.counts[index as usize].1;
        if *count as usize >= limit {
            if *count == 0 {
                self.index.remove(&address);
                self.free.push(index);
            }
            return None;
        }
        *count += 1;
        self.last = Some(index);
        Some(index)
    }

    /// One less.
    pub(super) fn leave(&mut self, index: u32) {
        let Some((address, count)) = self.counts.get_mut(index as usize) else { return };
        *count -= 1;
        if *count == 0 {
            self.index.remove(address);
            self.free.push(index);
        }
    }
}
