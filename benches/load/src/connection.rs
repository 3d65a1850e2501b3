//! One connection: its upgrade, the messages it owes the server, the replies that the server owes it.
//! A Ping is not answered: a measurement is shorter than a server's patience.

use std::collections::VecDeque;

use crate::Result;
use crate::deflate::{Checker, Takeover};
use crate::replies::Replies;
use crate::ring::{Ring, close_frame};
use crate::tls::Client;
use crate::transport::{Input, Memory, Transport};

/// The key and the answer to it of RFC 6455 1.3: a server that measures only how fast echo can be knows no other.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const LONGEST_HEAD: usize = 4096;
/// One connection in so many has its compressed replies inflated and compared.
const CHECKED: usize = 64;

#[derive(Clone, Copy, PartialEq)]
pub enum State {
    /// The TLS handshake is not complete.
    Securing,
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
    /// Both Close frames are exchanged, and the server closed the socket, or TLS on it.
    Ended,
}

pub struct Connection {
    pub transport: Transport,
    pub state: State,
    port: u16,
    /// The answer to the upgrade, as far as it has come.
    head: Vec<u8>,
    /// What is offered to the server, and what it agreed to.
    deflate: Option<Takeover>,
    pub agreed: String,
    /// Where in the ring the next byte to send is, how many are to be sent, and the frame that comes after them.
    position: usize,
    owed: usize,
    frame: usize,
    pub replies: Replies,
    /// When the messages without a reply were sent, or due.
    pub sent_at: VecDeque<u64>,
    /// Replies up to now.
    pub replied: u64,
}

impl Connection {
    /// Connects and asks for the upgrade, after the TLS handshake if there is to be one. `number` counts the connections.
    pub fn open(port: u16, number: usize, client: Option<&Client>, deflate: Option<Takeover>) -> Result<Self> {
        let checker = deflate.filter(|_| number.is_multiple_of(CHECKED)).map(Checker::new);
        let mut connection = Connection {
            transport: Transport::connect(port, number, client)?,
            state: State::Securing,
            port,
            head: Vec::new(),
            deflate,
            agreed: String::new(),
            position: 0,
            owed: 0,
            frame: 0,
            replies: Replies::checked_by(checker),
            sent_at: VecDeque::new(),
            replied: 0,
        };
        connection.ask_when_secure()?;
        Ok(connection)
    }

    fn ask_when_secure(&mut self) -> Result<()> {
        if self.state != State::Securing || !self.transport.is_secure() {
            return Ok(());
        }
        self.state = State::Upgrading;
        let request = format!(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
            self.port,
            self.deflate.map_or("", Takeover::offer)
        );
        self.send_short(request.as_bytes())
    }

    /// Sends the Close frame.
    pub fn close(&mut self) -> Result<()> {
        self.state = State::Closing;
        self.send_short(&close_frame())
    }

    /// An empty send buffer takes a few hundred bytes at once.
    fn send_short(&mut self, bytes: &[u8]) -> Result<()> {
        if self.transport.send(bytes)? == bytes.len() && !self.transport.blocked() {
            return Ok(());
        }
        Err("the send buffer has no room for a few hundred bytes".into())
    }

    /// Sends `count` more messages, which were due at `at`, as far as the socket takes them.
    pub fn send(&mut self, ring: &Ring, count: usize, at: u64) -> Result<()> {
        self.sent_at.extend(std::iter::repeat_n(at, count));
        for _ in 0..count {
            self.owed += ring.length(self.frame);
            self.frame = ring.next(self.frame);
        }
        self.flush(ring)
    }

    pub fn flush(&mut self, ring: &Ring) -> Result<()> {
        self.transport.flush()?;
        while self.owed > 0 {
            let sent = self.transport.send(ring.bytes(self.position, self.owed))?;
            if sent == 0 {
                break;
            }
            self.position = ring.after(self.position, sent);
            self.owed -= sent;
        }
        Ok(())
    }

    /// Something waits for room in the socket.
    pub fn blocked(&self) -> bool {
        self.owed > 0 || self.transport.blocked()
    }

    /// Receives once, into `memory`.
    pub fn receive(&mut self, ring: &Ring, memory: &mut Memory) -> Result<Received> {
        let bytes = match self.transport.receive(memory)? {
            Input::Nothing => return Ok(Received::Nothing),
            Input::End if self.replies.closed => return Ok(Received::Ended),
            Input::End => return Err("the server closed a connection early".into()),
            Input::Bytes(bytes) => bytes,
        };
        match self.state {
            State::Securing => self.ask_when_secure().map(|()| Received::Nothing),
            State::Upgrading if bytes.is_empty() => Ok(Received::Nothing),
            State::Upgrading => self.upgrade(bytes),
            State::Open | State::Closing => match self.take(ring, bytes)? {
                // Some servers wait until the client closes the socket after their close_notify.
                Received::Nothing if self.replies.closed && self.transport.is_over() => Ok(Received::Ended),
                received => Ok(received),
            },
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
        if let Some(takeover) = self.deflate {
            self.agreed = takeover.agreed(&head)?;
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
