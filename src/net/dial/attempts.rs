//! Sockets that are being connected, several for one connection: opened, watched under names of their own, and the one
//! that wins handed over to the connection.
//!
//! Used by `dial`. The poll set knows an attempt by its place in a table apart from that of the connections, so that
//! connections need one socket each and open ones know nothing of this.

use super::super::core::Core;
use super::super::error::{Error, Result};
use super::super::event::ConnId;
use super::super::ready::{Kind, token};
use super::super::tcp::Origin;
use super::super::transport::Socket;
use mio::net::{TcpStream, UnixStream};
use socket2::Domain;
use std::io;
use std::net::SocketAddr;

/// Slot and generation of an attempt.
pub(in crate::net) type Name = (u32, u32);

/// A socket on its way to an address.
pub(in crate::net) struct Attempt {
    /// For this connection.
    pub(super) id: ConnId,
    pub(super) address: String,
    socket: Socket,
}

impl Attempt {
    /// How it ended, if it has.
    pub(super) fn outcome(&self) -> Option<io::Result<()>> {
        if let Err(error) = self.socket.take_error() {
            return Some(Err(error));
        }
        // A spurious event: not connected yet.
        let is_early = |error: io::Error| error.kind() == io::ErrorKind::NotConnected;
        if self.socket.peer_name().is_err_and(is_early) { None } else { Some(Ok(())) }
    }
}

/// A socket that has begun to connect.
pub(super) fn open_tcp(address: SocketAddr, origin: &Origin) -> Result<Socket> {
    let socket = origin.open(Domain::for_address(address))?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(Error::Io(error)),
        _ => Ok(Socket::Tcp(TcpStream::from_std(socket.into()))),
    }
}

/// The same, to a path.
pub(super) fn open_unix(path: &str) -> Result<Socket> {
    Ok(Socket::Unix(UnixStream::connect(path)?))
}

impl Core {
    /// Watches a socket that has begun to connect.
    pub(super) fn launch(&mut self, id: ConnId, address: &str, socket: Socket) -> Result<Name> {
        let attempt = Attempt { id, address: address.into(), socket };
        let (slot, generation) = self.attempts.insert(attempt).ok_or(Error::Limit("attempts to connect"))?;
        let Some(attempt) = self.attempts.get_mut(slot, generation) else { return Err(Error::Closed) };
        if let Err(error) = attempt.socket.register(&self.registry, token(Kind::Attempt, slot, generation)) {
            self.attempts.remove(slot, generation);
            return Err(Error::Io(error));
        }
        Ok((slot, generation))
    }

    /// The socket of an attempt, watched as the connection's own from now on. What it is ready for already is told again.
    pub(super) fn take_attempt(&mut self, id: ConnId, (slot, generation): Name) -> io::Result<Socket> {
        let Attempt { mut socket, .. } = self.attempts.remove(slot, generation).ok_or(io::ErrorKind::NotFound)?;
        socket.rename(&self.registry, token(Kind::Peer, id.slot, id.generation))?;
        Ok(socket)
    }
}
