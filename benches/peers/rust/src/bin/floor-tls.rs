//! What a correct echo over TLS costs at least with rustls: per readiness one recv, each record opened in place, one pass
//! over the bytes, the reply sealed, one send. As floor.c it checks and assembles nothing; it keeps only parts of records.
//!
//! It answers every request with the accept value of the key in RFC 6455 1.3, the only one that benches/load sends.

use std::collections::HashMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use wsrs_bench_peers::Arguments;

const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const INBOX: usize = 256 * 1024;
/// Sealed, it is longer by 22 bytes for each 16 KiB; a handshake's answer has room too.
const OUTBOX: usize = INBOX + 16 * 1024;
const LONGEST_HEADER: usize = 14;
const CLOSE: u8 = 8;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Turns what a client sends into what goes back.
#[derive(Default)]
struct Echo {
    upgraded: bool,
    closing: bool,
    /// Turned to where the next byte of payload is.
    mask: u32,
    /// Bytes of payload before the end of the frame.
    left: u64,
    /// A header whose rest has not come.
    header: [u8; LONGEST_HEADER],
    have: usize,
}

impl Echo {
    /// Returns how much of `to` it wrote.
    fn turn(&mut self, mut from: &[u8], to: &mut [u8]) -> usize {
        if !self.upgraded {
            self.upgraded = true;
            to[..ANSWER.len()].copy_from_slice(ANSWER);
            return ANSWER.len();
        }
        let mut end = 0;
        while !from.is_empty() {
            if self.left == 0 {
                let Some(size) = self.begin(&mut from, &mut to[end..]) else { break };
                end += size;
            }
            let part = from.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            unmask(&mut to[end..end + part], &from[..part], self.mask);
            self.mask = self.mask.rotate_right(part as u32 % 4 * 8);
            self.left -= part as u64;
            from = &from[part..];
            end += part;
        }
        end
    }

    /// Takes a header, and writes the reply's, which has no mask. Returns its size, or none when there is not all of it.
    fn begin(&mut self, from: &mut &[u8], to: &mut [u8]) -> Option<usize> {
        let taken = from.len().min(LONGEST_HEADER - self.have);
        self.header[self.have..self.have + taken].copy_from_slice(&from[..taken]);
        let there = self.have + taken;
        let size = match self.header[1] & 127 {
            _ if there < 2 => LONGEST_HEADER,
            126 => 8,
            127 => 14,
            _ => 6,
        };
        if there < size {
            self.have = there;
            *from = &[];
            return None;
        }
        *from = &from[size - self.have..];
        self.have = 0;
        let (head, mask) = self.header[..size].split_at(size - 4);
        let short = u64::from(head[1] & 127);
        self.left = if size == 6 { short } else { head[2..].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)) };
        self.mask = mask.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        self.closing |= head[0] & 15 == CLOSE;
        to[..head.len()].copy_from_slice(head);
        to[1] = head[1] & 127;
        Some(head.len())
    }
}

fn unmask(to: &mut [u8], from: &[u8], mask: u32) {
    let (words, rest) = from.as_chunks();
    let (to_words, to_rest) = to.as_chunks_mut();
    for (to, from) in to_words.iter_mut().zip(words) {
        *to = (u32::from_le_bytes(*from) ^ mask).to_le_bytes();
    }
    for ((to, from), mask) in to_rest.iter_mut().zip(rest).zip(mask.to_le_bytes()) {
        *to = from ^ mask;
    }
}

struct Peer {
    socket: OwnedFd,
    tls: UnbufferedServerConnection,
    echo: Echo,
    /// A record whose rest has not come.
    kept: Vec<u8>,
    /// What the socket did not take; nothing is read meanwhile.
    late: Vec<u8>,
}

/// What all connections use, one after the other.
struct Memory {
    inbox: Vec<u8>,
    plain: Vec<u8>,
    outbox: Vec<u8>,
}

impl Peer {
    /// Returns false when the connection is over.
    fn readable(&mut self, memory: &mut Memory) -> Outcome<bool> {
        let kept = self.kept.len();
        memory.inbox[..kept].copy_from_slice(&self.kept);
        let length = match rustix::net::recv(&self.socket, &mut memory.inbox[kept..], RecvFlags::empty()) {
            Ok((0, _)) => return Ok(false),
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let (used, out) = self.process(kept + length, memory)?;
        self.kept = memory.inbox[used..kept + length].to_vec();
        self.give(&memory.outbox[..out])?;
        Ok(!(self.echo.closing && self.echo.left == 0 && self.late.is_empty()))
    }

    /// Returns how much of the `end` bytes that came is used, and how much there is to send.
    fn process(&mut self, end: usize, memory: &mut Memory) -> Outcome<(usize, usize)> {
        let (mut used, mut reply, mut out) = (0, 0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(&mut memory.inbox[used..end]);
            let mut waits = false;
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        reply += self.echo.turn(record.payload, &mut memory.plain[reply..]);
                        discard += record.discard;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => out += data.encode(&mut memory.outbox[out..])?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(mut traffic) => {
                    if reply > 0 {
                        out += traffic.encrypt(&memory.plain[..reply], &mut memory.outbox[out..])?;
                    }
                    if self.echo.closing && self.echo.left == 0 {
                        out += traffic.queue_close_notify(&mut memory.outbox[out..])?;
                    }
                    waits = true;
                }
                _ => waits = true,
            }
            used += discard;
            if waits {
                return Ok((used, out));
            }
        }
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

struct Server {
    poller: OwnedFd,
    listener: OwnedFd,
    config: Arc<ServerConfig>,
    peers: HashMap<u64, Box<Peer>>,
    memory: Memory,
}

impl Server {
    fn greet(&mut self) -> Outcome<()> {
        let socket = rustix::net::accept_with(&self.listener, SocketFlags::NONBLOCK)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        let key = socket.as_raw_fd() as u64;
        epoll::add(&self.poller, &socket, EventData::new_u64(key), EventFlags::IN)?;
        let tls = UnbufferedServerConnection::new(self.config.clone())?;
        let peer = Peer { socket, tls, echo: Echo::default(), kept: Vec::new(), late: Vec::new() };
        self.peers.insert(key, Box::new(peer));
        Ok(())
    }

    fn serve(&mut self, key: u64) -> Outcome<()> {
        let Some(peer) = self.peers.get_mut(&key) else { return Ok(()) };
        let was_blocked = !peer.late.is_empty();
        let open = if was_blocked {
            let late = std::mem::take(&mut peer.late);
            peer.give(&late).is_ok()
        } else {
            peer.readable(&mut self.memory).unwrap_or(false)
        };
        if !open {
            self.peers.remove(&key);
        } else if was_blocked == peer.late.is_empty() {
            let wanted = if was_blocked { EventFlags::IN } else { EventFlags::OUT };
            epoll::modify(&self.poller, &peer.socket, EventData::new_u64(key), wanted)?;
        }
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

fn main() -> Outcome<()> {
    let Arguments { port, tls } = Arguments::parse();
    let mut config = tls.ok_or("--tls CERT KEY is missing")?;
    config.send_tls13_tickets = 1;
    let memory = Memory { inbox: vec![0; INBOX], plain: vec![0; OUTBOX], outbox: vec![0; OUTBOX] };
    let poller = epoll::create(epoll::CreateFlags::empty())?;
    let mut server =
        Server { poller, listener: listen(port)?, config: Arc::new(config), peers: HashMap::new(), memory };
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
