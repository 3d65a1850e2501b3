//! Sockets of both families behind one face: receive, send, send gathered, shut down.
//!
//! Used by `net::peer` and its neighbours. `WouldBlock` means that the next edge of the poll set tells. Every send
//! carries MSG_NOSIGNAL, gathered ones too, so that a host with SIGPIPE at its default survives (std sets it on plain
//! writes only).

use super::event::SocketName;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A connected (or connecting) socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// Closed, or not made yet.
    None,
}

/// A child of this process has copies of the descriptors that were open when it was forked.
static COPIED: AtomicBool = AtomicBool::new(false);

/// To be told before each fork: what other threads close while it goes on has copies already.
pub fn note_fork() {
    COPIED.store(true, Relaxed);
}

/// To be called before a socket is closed: a close alone does not end what a child has a copy of.
pub(super) fn end_copies(socket: impl AsFd) {
    if COPIED.load(Relaxed) {
        // Fails where it has ended already.
        let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Ok(fd) = self.fd() {
            end_copies(fd);
        }
    }
}

impl Socket {
    fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Socket::Tcp(stream) => Ok(stream.as_fd()),
            Socket::Unix(stream) => Ok(stream.as_fd()),
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Adds it to the poll set, edge-triggered, once and for both directions.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Socket::Tcp(stream) => registry.register(stream, token, interest),
            Socket::Unix(stream) => registry.register(stream, token, interest),
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Takes it out of the poll set.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => registry.deregister(stream),
            Socket::Unix(stream) => registry.deregister(stream),
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Gives it another name in the poll set, which tells again what it is ready for.
    pub fn rename(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Socket::Tcp(stream) => registry.reregister(stream, token, interest),
            Socket::Unix(stream) => registry.reregister(stream, token, interest),
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Receives into `buffer`. 0: the peer has ended its side.
    #[inline]
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(retry(|| rustix::net::recv(self.fd()?, &mut *buffer, RecvFlags::empty()).map_err(io::Error::from))?.0)
    }

    /// Sends what the socket takes of `bytes`.
    #[inline]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| rustix::net::send(self.fd()?, bytes, SendFlags::NOSIGNAL).map_err(io::Error::from))
    }

    /// Sends what the socket takes of several pieces.
    pub fn send_gathered(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| {
            let mut none = rustix::net::SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(self.fd()?, pieces, &mut none, SendFlags::NOSIGNAL)?)
        })
    }

    /// Ends our side: the peer reads everything sent before, and then the end.
    pub fn end_sending(&self) {
        // Fails where the peer is gone, and then there is nobody to tell.
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
            Socket::None => Ok(()),
        };
    }

    /// The error of a connect that has ended, if it failed.
    pub fn take_error(&self) -> io::Result<()> {
        rustix::net::sockopt::socket_error(self.fd()?)?.map_err(io::Error::from)
    }

    /// Our end.
    pub fn local_name(&self) -> io::Result<SocketName> {
        match self {
            Socket::Tcp(stream) => stream.local_addr().map(SocketName::Tcp),
            Socket::Unix(stream) => stream.local_addr().map(|name| unix_name(&name)),
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The peer's end.
    pub fn peer_name(&self) -> io::Result<SocketName> {
        match self {
            Socket::Tcp(stream) => stream.peer_addr().map(SocketName::Tcp),
            Socket::Unix(stream) => stream.peer_addr().map(|name| unix_name(&name)),
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// The path of a Unix socket, empty for a nameless one.
pub fn unix_name(address: &std::os::unix::net::SocketAddr) -> SocketName {
    SocketName::Unix(address.as_pathname().map(Into::into).unwrap_or_default())
}

/// A signal may interrupt any call.
#[inline(always)]
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
