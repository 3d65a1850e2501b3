//! What carries the bytes of a connection: a TCP socket, and TLS on it when the generator is given a certificate.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, set_tcp_nodelay};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::Result;
use crate::tls::{Client, Session};

/// Connections from one address; then the next one is taken, as an address runs out of ports.
const PER_ADDRESS: usize = 20_000;
const ADDRESSES: usize = 250;
const INBOX: usize = 256 * 1024;

/// Where all connections receive, one after the other.
pub struct Memory {
    pub wire: Vec<u8>,
    /// What the records in `wire` say.
    pub plain: Vec<u8>,
}

impl Memory {
    pub fn new() -> Self {
        Memory { wire: vec![0; INBOX], plain: Vec::with_capacity(INBOX) }
    }
}

/// What was received.
pub enum Input<'a> {
    Nothing,
    /// None at all when it was a part of a record, or of the TLS handshake.
    Bytes(&'a [u8]),
    End,
}

pub struct Transport {
    pub socket: OwnedFd,
    session: Option<Box<Session>>,
}

impl Transport {
    /// Connects, which takes no waiting on loopback. `number` counts the connections.
    pub fn connect(port: u16, number: usize, client: Option<&Client>) -> Result<Self> {
        let failed = |error: Errno| format!("connecting to port {port}: {error}");
        let from = source(number);
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(failed)?;
        port_when_connecting(&socket);
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0)).map_err(failed)?;
        set_tcp_nodelay(&socket, true).map_err(failed)?;
        set_socket_timeout(&socket, Timeout::Send, Some(Duration::from_secs(5))).map_err(failed)?;
        rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        let session = client.map(|client| client.session(&socket)).transpose()?;
        Ok(Transport { socket, session })
    }

    /// The TLS handshake is complete, or there is none.
    pub fn is_secure(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.is_secure())
    }

    /// The server has ended TLS: nothing can come any more.
    pub fn is_over(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_over())
    }

    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Returns how many of `bytes` it took: none when there is no room.
    pub fn send(&mut self, bytes: &[u8]) -> Result<usize> {
        match &mut self.session {
            Some(session) => session.send(&self.socket, bytes),
            None => send_now(&self.socket, bytes),
        }
    }

    /// Sends what was taken and had no room in the socket.
    pub fn flush(&mut self) -> Result<()> {
        self.session.as_mut().map_or(Ok(()), |session| session.flush(&self.socket))
    }

    pub fn blocked(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.blocked())
    }

    /// Receives once.
    pub fn receive<'a>(&mut self, memory: &'a mut Memory) -> Result<Input<'a>> {
        let kept = self.session.as_mut().map_or(0, |session| session.give_back(&mut memory.wire));
        let length = match rustix::net::recv(&self.socket, &mut memory.wire[kept..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Ok(Input::End),
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => 0,
            Err(error) => return Err(format!("receiving: {error}")),
        };
        match &mut self.session {
            Some(session) => session.open(&self.socket, kept + length, memory).map(Input::Bytes),
            None if length == 0 => Ok(Input::Nothing),
            None => Ok(Input::Bytes(&memory.wire[..length])),
        }
    }
}

/// Returns how many of `bytes` the socket took.
pub fn send_now(socket: &OwnedFd, bytes: &[u8]) -> Result<usize> {
    match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        Err(Errno::AGAIN) => Ok(0),
        sent => sent.map_err(|error| format!("sending: {error}")),
    }
}

/// `bind` then chooses the address alone: to find a free port for any destination takes long with thousands in use.
fn port_when_connecting(socket: &OwnedFd) {
    let on: libc::c_int = 1;
    let (level, option, size) = (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, size_of_val(&on) as u32);
    // SAFETY: the kernel reads `size` bytes of `on`. Where it does not know the option, `bind` takes longer.
    unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), size) };
}

/// Addresses of 127.0.0.0/8 that no other run has: the ports of the last run are taken for another minute.
fn source(number: usize) -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high, low, 1 + (number / PER_ADDRESS % ADDRESSES) as u8)
}
