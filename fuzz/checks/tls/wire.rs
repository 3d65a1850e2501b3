//! The sockets of both ends, held by one who sits in between: cuts what passes, changes it, or ends it.
//!
//! The server's is a Unix socket. The client's is TCP, as `wss:` wants it, and ends with a reset: an end in order would
//! keep its port from being used again for a minute.

use super::super::Cuts;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What happens to one byte, named by its record and its place in it.
pub(super) struct Tamper {
    pub(super) record: usize,
    pub(super) place: usize,
    pub(super) how: How,
}

pub(super) enum How {
    Flip(u8),
    Drop,
    Insert(Vec<u8>),
    Repeat(usize),
    End,
}

/// What goes one way: content of records as they were made, with what is done to it.
#[derive(Default)]
pub(super) struct Flow {
    pub(super) tampers: Vec<Tamper>,
    record: usize,
    place: usize,
    /// Of the record that passes, header included; unknown until the header has.
    length: usize,
    /// Something was done.
    pub(super) touched: bool,
    /// Nothing passes any more.
    ended: bool,
}

impl Flow {
    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let tamper = self.tampers.iter().find(|tamper| (tamper.record, tamper.place) == (self.record, self.place));
            self.touched |= tamper.is_some();
            match tamper.map(|tamper| &tamper.how) {
                _ if self.ended => {}
                None => out.push(byte),
                Some(How::Flip(bit)) => out.push(byte ^ (1 << (bit & 7))),
                Some(How::Drop) => {}
                Some(How::Insert(more)) => out.extend(more.iter().chain([&byte])),
                Some(How::Repeat(count)) => {
                    out.push(byte);
                    out.extend_from_within(out.len().saturating_sub(*count)..);
                }
                Some(How::End) => self.ended = true,
            }
            self.count(byte);
        }
    }

    /// RFC 8446 §5.1: one byte of type, two of version, two of length.
    fn count(&mut self, byte: u8) {
        match self.place {
            3 => self.length = 5 + (usize::from(byte) << 8),
            4 => self.length += usize::from(byte),
            _ => {}
        }
        self.place += 1;
        if self.place >= 5 && self.place == self.length {
            (self.record, self.place) = (self.record + 1, 0);
        }
    }
}

/// One of the two sockets.
pub(super) struct Held {
    socket: Socket,
    /// From the end.
    pub(super) came: Vec<u8>,
    /// It has ended, in whatever way.
    pub(super) ended: bool,
    /// To the end.
    pub(super) to: Vec<u8>,
    written: usize,
    /// Nothing comes after that.
    pub(super) last: bool,
}

pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Held {
    pub(super) fn new(socket: Socket) -> Held {
        let done = match &socket {
            Socket::Tcp(stream) => stream.set_nonblocking(true).and_then(|()| {
                rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).map_err(std::io::Error::from)
            }),
            Socket::Unix(stream) => stream.set_nonblocking(true),
        };
        done.expect("options of a socket");
        Held { socket, came: vec![], ended: false, to: vec![], written: 0, last: false }
    }

    /// Reads what is there and writes a piece of what there is to write; whether there was anything.
    pub(super) fn move_on(&mut self, most: usize) -> bool {
        let (came, to, written) = (&mut self.came, &self.to, self.written);
        let piece = &to[written..to.len().min(written + most)];
        let (before, sent) = match &mut self.socket {
            Socket::Tcp(stream) => (read(stream, came, &mut self.ended), stream.write(piece)),
            Socket::Unix(stream) => (read(stream, came, &mut self.ended), stream.write(piece)),
        };
        // An end that is gone takes nothing.
        let sent = sent.unwrap_or(0);
        self.written += sent;
        let over = self.last && self.written == self.to.len();
        if over {
            self.last = false;
            let _ = match &self.socket {
                Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
                Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
            };
        }
        before || sent > 0 || over
    }
}

fn read(socket: &mut impl Read, came: &mut Vec<u8>, ended: &mut bool) -> bool {
    if *ended {
        return false;
    }
    let before = came.len();
    let result = socket.read_to_end(came);
    *ended = !matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock);
    *ended || came.len() > before
}

/// What the client sends passes the first flow to the server; what the server sends passes the second.
pub(super) fn relay(ends: &mut [Held; 2], flows: &mut [Flow; 2], cuts: &mut Cuts, most: usize) -> bool {
    let mut moved = false;
    for from in [0, 1] {
        // Long streams in small pieces take too long.
        let most = if ends[from].written < 6000 { cuts.next(most) } else { usize::MAX / 2 };
        moved |= ends[from].move_on(most);
        let came = std::mem::take(&mut ends[from].came);
        let over = ends[from].ended;
        let to = &mut ends[1 - from];
        let was = flows[from].ended;
        flows[from].pass(&came, &mut to.to);
        flows[from].ended |= over;
        to.last |= flows[from].ended && !was;
    }
    moved
}
