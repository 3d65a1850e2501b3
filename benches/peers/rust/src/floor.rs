//! What the floors in Rust share: one thread, one epoll set; per readiness one recv into memory of all connections, and one
//! send. What the socket does not take waits, and nothing is read meanwhile.
//!
//! They answer every request with the accept value of the key in RFC 6455 1.3, the only one that benches/load sends.

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

/// An empty line is to follow, or further fields before it.
pub const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
pub const LONGEST_HEADER: usize = 14;
const CLOSE: u8 = 8;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a floor does with the bytes of a connection.
pub trait Peer: Sized {
    /// What all connections use, one after the other.
    type Shared;

    /// Sizes of the memory that is received into, and sent from.
    const INBOX: usize;
    const OUTBOX: usize;

    fn new(shared: &Self::Shared) -> Outcome<Self>;

    /// Returns how much of what came is used, and how much of `outbox` there is to send. The rest comes again, with more.
    fn take(&mut self, came: &mut [u8], outbox: &mut [u8], shared: &mut Self::Shared) -> Outcome<(usize, usize)>;

    /// A Close frame is answered.
    fn is_over(&self) -> bool;
}

/// Of a client's frame (RFC 6455 5.2).
pub struct Header {
    pub size: usize,
    pub mask: u32,
    pub length: usize,
    pub closes: bool,
}

impl Header {
    /// None when there is not all of it.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let short = bytes.get(1)? & 127;
        let size = match short {
            126 => 8,
            127 => 14,
            _ => 6,
        };
        let (head, mask) = bytes.get(..size)?.split_at(size - 4);
        let long = || head[2..].iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        Some(Header {
            size,
            mask: mask.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)),
            length: if size == 6 { short.into() } else { long() },
            closes: bytes[0] & 15 == CLOSE,
        })
    }
}

pub fn unmask(to: &mut [u8], from: &[u8], mask: u32) {
    let (words, rest) = from.as_chunks();
    let (to_words, to_rest) = to.as_chunks_mut();
    for (to, from) in to_words.iter_mut().zip(words) {
        *to = (u32::from_le_bytes(*from) ^ mask).to_le_bytes();
    }
    for ((to, from), mask) in to_rest.iter_mut().zip(rest).zip(mask.to_le_bytes()) {
        *to = from ^ mask;
    }
}

struct Connection<P> {
    socket: OwnedFd,
    peer: P,
    /// What came and was not used.
    kept: Vec<u8>,
    /// What the socket did not take.
    late: Vec<u8>,
}

struct Server<P: Peer> {
    poller: OwnedFd,
    listener: OwnedFd,
    connections: HashMap<u64, Box<Connection<P>>>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    shared: P::Shared,
}

/// Listens on 127.0.0.1 for ever.
pub fn serve<P: Peer>(port: u16, shared: P::Shared) -> Outcome<()> {
    let mut server = Server::<P> {
        poller: epoll::create(epoll::CreateFlags::empty())?,
        listener: listen(port)?,
        connections: HashMap::new(),
        inbox: vec![0; P::INBOX],
        outbox: vec![0; P::OUTBOX],
        shared,
    };
    epoll::add(&server.poller, &server.listener, EventData::new_u64(0), EventFlags::IN)?;
    let mut events = Vec::with_capacity(512);
    loop {
        events.clear();
        epoll::wait(&server.poller, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            match event.data.u64() {
                0 => server.greet()?,
                key => server.serve(key)?,
            }
        }
    }
}

impl<P: Peer> Server<P> {
    fn greet(&mut self) -> Outcome<()> {
        let socket = rustix::net::accept_with(&self.listener, SocketFlags::NONBLOCK)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        let key = socket.as_raw_fd() as u64;
        epoll::add(&self.poller, &socket, EventData::new_u64(key), EventFlags::IN)?;
        let peer = P::new(&self.shared)?;
        self.connections.insert(key, Box::new(Connection { socket, peer, kept: Vec::new(), late: Vec::new() }));
        Ok(())
    }

    fn serve(&mut self, key: u64) -> Outcome<()> {
        let Some(connection) = self.connections.get_mut(&key) else { return Ok(()) };
        let was_blocked = !connection.late.is_empty();
        let open = if was_blocked {
            let late = std::mem::take(&mut connection.late);
            connection.give(&late).is_ok()
        } else {
            connection.readable(&mut self.inbox, &mut self.outbox, &mut self.shared).unwrap_or(false)
        };
        if !open {
            self.connections.remove(&key);
        } else if was_blocked == connection.late.is_empty() {
            let wanted = if was_blocked { EventFlags::IN } else { EventFlags::OUT };
            epoll::modify(&self.poller, &connection.socket, EventData::new_u64(key), wanted)?;
        }
        Ok(())
    }
}

impl<P: Peer> Connection<P> {
    /// Returns false when the connection is over.
    fn readable(&mut self, inbox: &mut [u8], outbox: &mut [u8], shared: &mut P::Shared) -> Outcome<bool> {
        let kept = self.kept.len();
        inbox[..kept].copy_from_slice(&self.kept);
        let length = match rustix::net::recv(&self.socket, &mut inbox[kept..], RecvFlags::empty()) {
            Ok((0, _)) => return Ok(false),
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let came = &mut inbox[..kept + length];
        let (used, out) = self.peer.take(came, outbox, shared)?;
        self.kept = came[used..].to_vec();
        self.give(&outbox[..out])?;
        Ok(!(self.peer.is_over() && self.late.is_empty()))
    }

    fn give(&mut self, bytes: &[u8]) -> Outcome<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
            Err(Errno::AGAIN) => 0,
            sent => sent?,
        };
        self.late = bytes[sent..].to_vec();
        Ok(())
    }
}

fn listen(port: u16) -> Outcome<OwnedFd> {
    let listener = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    rustix::net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&listener, 1024)?;
    Ok(listener)
}
