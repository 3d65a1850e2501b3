//! One connection: its upgrade, the messages it owes the server, the replies that the server owes it.
//! A Ping is not answered: a measurement is shorter than a server's patience.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, set_tcp_nodelay};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::Result;
use crate::replies::Replies;
use crate::ring::{Ring, close_frame};

/// The key and the answer to it of RFC 6455 1.3: a server that measures only how fast echo can be knows no other.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const LONGEST_HEAD: usize = 4096;
/// Connections from one address; then the next one is taken, as an address runs out of ports.
const PER_ADDRESS: usize = 20_000;
const ADDRESSES: usize = 250;

#[derive(Clone, Copy, PartialEq)]
pub enum State {
    Upgrading,
    Open,
    Closing,
}

/// What was received.
pub enum Received {
    Nothing,
    /// The upgrade is accepted.
    Opened,
    Replies(usize),
    /// Both Close frames are exchanged, and the server closed the socket.
    Ended,
}

pub struct Connection {
    pub socket: OwnedFd,
    pub state: State,
    /// The answer to the upgrade, as far as it has come.
    head: Vec<u8>,
    /// Where in the ring the next byte to send is, and how many are to be sent.
    position: usize,
    owed: usize,
    replies: Replies,
    /// When the messages without a reply were sent, or due.
    pub sent_at: VecDeque<u64>,
    /// Replies up to now.
    pub replied: u64,
}

impl Connection {
    /// Connects, which takes no waiting on loopback, and asks for the upgrade. `number` counts the connections.
    pub fn open(port: u16, number: usize) -> Result<Self> {
        let failed = |error: Errno| format!("connecting to port {port}: {error}");
        let from = source(number);
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(failed)?;
        port_when_connecting(&socket);
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0)).map_err(failed)?;
        set_tcp_nodelay(&socket, true).map_err(failed)?;
        set_socket_timeout(&socket, Timeout::Send, Some(Duration::from_secs(5))).map_err(failed)?;
        rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        let connection = Connection {
            socket,
            state: State::Upgrading,
            head: Vec::new(),
            position: 0,
            owed: 0,
            replies: Replies::default(),
            sent_at: VecDeque::new(),
            replied: 0,
        };
        let request = format!(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        connection.send_short(request.as_bytes())?;
        Ok(connection)
    }

    /// Sends the Close frame.
    pub fn close(&mut self) -> Result<()> {
        self.state = State::Closing;
        self.send_short(&close_frame())
    }

    /// An empty send buffer takes a few hundred bytes at once.
    fn send_short(&self, bytes: &[u8]) -> Result<()> {
        match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(_) => Err("the send buffer has no room for a few hundred bytes".into()),
            Err(error) => Err(format!("sending: {error}")),
        }
    }

    /// Sends `count` more messages, which were due at `at`, as far as the socket takes them.
    pub fn send(&mut self, ring: &Ring, count: usize, at: u64) -> Result<()> {
        self.sent_at.extend(std::iter::repeat_n(at, count));
        self.owed += count * ring.frame;
        self.flush(ring)
    }

    pub fn flush(&mut self, ring: &Ring) -> Result<()> {
        while self.owed > 0 {
            let bytes = ring.bytes(self.position, self.owed);
            match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(sent) => {
                    self.position = ring.after(self.position, sent);
                    self.owed -= sent;
                }
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(format!("sending: {error}")),
            }
        }
        Ok(())
    }

    /// Something waits for room in the socket.
    pub fn blocked(&self) -> bool {
        self.owed > 0
    }

    /// Receives once, into `inbox`.
    pub fn receive(&mut self, ring: &Ring, inbox: &mut [u8]) -> Result<Received> {
        let length = match rustix::net::recv(&self.socket, &mut *inbox, RecvFlags::DONTWAIT) {
            Ok((0, _)) if self.replies.closed => return Ok(Received::Ended),
            Ok((0, _)) => return Err("the server closed a connection early".into()),
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(error) => return Err(format!("receiving: {error}")),
        };
        match self.state {
            State::Upgrading => self.upgrade(&inbox[..length]),
            State::Open | State::Closing => self.take(ring, &inbox[..length]),
        }
    }

    fn take(&mut self, ring: &Ring, bytes: &[u8]) -> Result<Received> {
        let completed = self.replies.take(ring, bytes)?;
        if self.replies.closed && self.state != State::Closing {
            return Err("the server sent a Close frame".into());
        }
        if completed > self.sent_at.len() {
            return Err("the server sent more replies than there were messages".into());
        }
        self.replied += completed as u64;
        Ok(if completed > 0 { Received::Replies(completed) } else { Received::Nothing })
    }

    /// Nothing follows the head before the first message is sent.
    fn upgrade(&mut self, bytes: &[u8]) -> Result<Received> {
        self.head.extend(bytes);
        if !self.head.ends_with(b"\r\n\r\n") {
            return if self.head.len() < LONGEST_HEAD { Ok(Received::Nothing) } else { Err(self.refused()) };
        }
        let head = String::from_utf8_lossy(&self.head);
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ACCEPT) {
            return Err(self.refused());
        }
        self.head = Vec::new();
        self.state = State::Open;
        Ok(Received::Opened)
    }

    fn refused(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        format!("the server refused the upgrade: {}", head.lines().next().unwrap_or_default())
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
