//! A loop under test and raw peers, on one thread: the loop is turned while a peer is looked at.
#![allow(dead_code)]

use crate::frames::{self, Frame};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wsrs::net::event::SocketName;
use wsrs::net::{By, Closing, ConnId, Context, Door, Event, Failure, Limits, ListenOptions, ListenerId};
use wsrs::net::{Stage, What, Window};
use wsrs::proto::message::Kind;

/// Nothing here takes that long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// An event with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Request(ConnId),
    Open(ConnId),
    Message(ConnId, Kind, Vec<u8>),
    Piece(ConnId, Kind, Vec<u8>, /* first */ bool, /* last */ bool),
    Ping(ConnId, Vec<u8>),
    Pong(ConnId, Vec<u8>),
    Drain(ConnId),
    Retry(ConnId, u32, Duration, Result<End, Fault>),
    Closed(ConnId, End),
    Failed(ConnId, Fault),
    Timer([usize; 2]),
    Posted([usize; 2]),
    Log(String),
}

/// How a connection closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub code: u16,
    pub reason: String,
    pub clean: bool,
    pub by: By,
}

pub fn end(code: u16, reason: &str, clean: bool, by: By) -> End {
    End { code, reason: reason.into(), clean, by }
}

/// Why one never opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub stage: Stage,
    pub status: u16,
    pub text: String,
    pub body: Vec<u8>,
    /// The `Error`, as Debug writes it.
    pub error: String,
}

/// A context, its window, and what it told.
pub struct Loop {
    pub context: Context,
    pub window: Window,
    pub door: Arc<Door>,
    pub seen: Vec<Seen>,
    /// Calls of `wait`.
    pub turns: usize,
}

pub fn door() -> Arc<Door> {
    let flags = rustix::event::EventfdFlags::NONBLOCK | rustix::event::EventfdFlags::CLOEXEC;
    Door::new(Arc::new(rustix::event::eventfd(0, flags).expect("eventfd")))
}

impl Loop {
    pub fn new(limits: Limits) -> Loop {
        let door = door();
        let (context, window) = Context::new(limits, Arc::clone(&door), 1).expect("a context");
        Loop { context, window, door, seen: Vec::new(), turns: 0 }
    }

    /// Listens on 127.0.0.1.
    pub fn listen(&mut self, options: ListenOptions) -> (ListenerId, SocketAddr) {
        let id = self.context.listen("127.0.0.1:0", options).expect("listening");
        match self.context.listener_address(id).expect("an address") {
            SocketName::Tcp(address) => (id, address),
            other => panic!("{other:?}"),
        }
    }

    /// One turn; `act` handles each event as it comes.
    pub fn turn_with(&mut self, timeout: Duration, act: &mut dyn FnMut(&mut Context, &Seen)) {
        self.context.wait(Some(timeout)).expect("wait");
        self.turns += 1;
        while let Some(event) = self.context.next_event(&mut self.window) {
            let seen = copied(event);
            act(&mut self.context, &seen);
            self.seen.push(seen);
        }
    }

    pub fn turn(&mut self, timeout: Duration) {
        self.turn_with(timeout, &mut |_, _| {});
    }

    /// Turns until `done`.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Loop) -> bool) {
        self.until_with(what, &mut |_, _| {}, &mut done);
    }

    pub fn until_with(
        &mut self,
        what: &str,
        act: &mut dyn FnMut(&mut Context, &Seen),
        done: &mut dyn FnMut(&mut Loop) -> bool,
    ) {
        let begin = Instant::now();
        while !done(self) {
            assert!(begin.elapsed() < PATIENCE, "{what} never came; seen: {:?}", brief(&self.seen));
            self.turn_with(Duration::from_millis(1), act);
        }
    }

    /// Turns until this was seen.
    pub fn until_seen(&mut self, what: &Seen) {
        self.until(&format!("{what:?}"), |l| l.seen.contains(what));
    }

    /// Turns for a while.
    pub fn during(&mut self, time: Duration) {
        let begin = Instant::now();
        while let Some(left) = time.checked_sub(begin.elapsed()) {
            self.turn(left.max(Duration::from_millis(1)));
        }
    }

    /// The id of the `n`th connection that opened.
    pub fn opened(&mut self, n: usize) -> ConnId {
        let nth = |l: &Loop| l.seen.iter().filter_map(|s| if let Seen::Open(id) = s { Some(*id) } else { None }).nth(n);
        self.until("Open", |l| nth(l).is_some());
        nth(self).expect("open")
    }

    /// How it closed, once it has.
    pub fn closed(&mut self, id: ConnId) -> End {
        let find = |l: &Loop| {
            l.seen
                .iter()
                .find_map(|s| if let Seen::Closed(i, end) = s { (*i == id).then(|| end.clone()) } else { None })
        };
        self.until("Closed", |l| find(l).is_some());
        assert_eq!(self.count(|s| matches!(s, Seen::Closed(i, _) | Seen::Failed(i, _) if *i == id)), 1);
        find(self).expect("closed")
    }

    /// Why it failed, once it has.
    pub fn failed(&mut self, id: ConnId) -> Fault {
        let find = |l: &Loop| {
            l.seen.iter().find_map(|s| if let Seen::Failed(i, f) = s { (*i == id).then(|| f.clone()) } else { None })
        };
        self.until("Failed", |l| find(l).is_some());
        find(self).expect("failed")
    }

    pub fn count(&self, which: impl Fn(&Seen) -> bool) -> usize {
        self.seen.iter().filter(|seen| which(seen)).count()
    }

    /// The messages of a connection, in order.
    pub fn messages(&self, id: ConnId) -> Vec<Vec<u8>> {
        let of = |s: &Seen| if let Seen::Message(i, _, data) = s { (*i == id).then(|| data.clone()) } else { None };
        self.seen.iter().filter_map(of).collect()
    }

    /// A peer that has shaken hands, and the connection's id here.
    pub fn accept_raw(&mut self, address: SocketAddr) -> (Raw, ConnId) {
        let before = self.count(|s| matches!(s, Seen::Open(_)));
        let mut raw = Raw::connect(address);
        raw.write(REQUEST);
        let id = self.opened(before);
        raw.until(self, "the 101", |raw| raw.head().is_some());
        raw.skip_head();
        (raw, id)
    }
}

/// Without the payloads.
fn brief(seen: &[Seen]) -> Vec<String> {
    seen.iter().rev().take(20).map(|s| format!("{s:?}").chars().take(160).collect()).collect()
}

fn copied(event: Event<'_>) -> Seen {
    let event = match event {
        Event::Timer { words, .. } => return Seen::Timer(words),
        Event::Posted { words } => return Seen::Posted(words),
        Event::Log { text, .. } => return Seen::Log(text),
        Event::Conn(event) => event,
    };
    let id = event.id;
    match event.what {
        What::Request => Seen::Request(id),
        What::Open => Seen::Open(id),
        What::Message { kind, data, first: true, last: true } => Seen::Message(id, kind, data.into()),
        What::Message { kind, data, first, last } => Seen::Piece(id, kind, data.into(), first, last),
        What::Ping(data) => Seen::Ping(id, data.into()),
        What::Pong(data) => Seen::Pong(id, data.into()),
        What::Drain => Seen::Drain(id),
        What::Retry(retry) => {
            let outcome = retry.outcome.map(|closing| ending(&closing)).map_err(|failure| fault(*failure));
            Seen::Retry(id, retry.number, retry.delay, outcome)
        }
        What::Closed(closing) => Seen::Closed(id, ending(&closing)),
        What::Failed(failure) => Seen::Failed(id, fault(*failure)),
    }
}

fn ending(closing: &Closing) -> End {
    end(closing.code, &closing.reason, closing.clean, closing.by)
}

fn fault(failure: Failure) -> Fault {
    let error = format!("{:?}", failure.error);
    let Failure { stage, text, status, body, .. } = failure;
    Fault { stage, status, text, body, error }
}

/// A request of RFC 6455 §1.2.
pub const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// What a server answers it with.
pub const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The answer to a request with any key.
pub fn answer_to(request: &[u8]) -> String {
    use base64::Engine as _;
    use sha1::Digest as _;
    let text = std::str::from_utf8(request).expect("text");
    let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let digest = sha1::Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let mut accept = [0; 28];
    base64::engine::general_purpose::STANDARD.encode_slice(digest, &mut accept).expect("28 characters");
    ANSWER.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", std::str::from_utf8(&accept).expect("ASCII"))
}

/// A socket that knows nothing of the library.
pub struct Raw {
    pub stream: TcpStream,
    /// Received and not taken.
    pub bytes: Vec<u8>,
    /// The other side ended: in order, or with an error.
    pub ended: Option<Result<(), ErrorKind>>,
}

impl Raw {
    pub fn connect(address: SocketAddr) -> Raw {
        Raw::new(TcpStream::connect(address).expect("connect"))
    }

    pub fn new(stream: TcpStream) -> Raw {
        stream.set_nonblocking(true).expect("nonblocking");
        stream.set_nodelay(true).expect("nodelay");
        Raw { stream, bytes: Vec::new(), ended: None }
    }

    /// Writes all of it; the kernel's buffers have to be large enough.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("write");
    }

    /// Writes what is taken, nothing where the other side is gone; how much was.
    pub fn write_some(&mut self, bytes: &[u8]) -> usize {
        self.stream.write(bytes).unwrap_or_default()
    }

    /// Reads what is there, at most `most` bytes.
    pub fn read_most(&mut self, most: usize) -> usize {
        let mut buffer = vec![0; most];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = Some(Ok(())),
            Ok(count) => {
                self.bytes.extend_from_slice(&buffer[..count]);
                return count;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.ended = Some(Err(error.kind())),
        }
        0
    }

    pub fn read(&mut self) {
        while self.ended.is_none() && self.read_most(1 << 16) > 0 {}
    }

    /// Reads, and turns the loop, until `done`.
    pub fn until(&mut self, l: &mut Loop, what: &str, mut done: impl FnMut(&mut Raw) -> bool) {
        l.until(what, |_| {
            self.read();
            done(self)
        });
    }

    pub fn until_end(&mut self, l: &mut Loop) {
        self.until(l, "the end of TCP", |raw| raw.ended.is_some());
    }

    /// The length of the head that was received.
    pub fn head(&self) -> Option<usize> {
        self.bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
    }

    pub fn skip_head(&mut self) -> String {
        let rest = self.bytes.split_off(self.head().expect("a head"));
        String::from_utf8(std::mem::replace(&mut self.bytes, rest)).expect("text")
    }

    /// Takes the whole frames that were received.
    pub fn frames(&mut self) -> Vec<Frame> {
        let (frames, length) = frames::split(&self.bytes);
        self.bytes.drain(..length);
        frames
    }

    /// Waits for `count` frames.
    pub fn until_frames(&mut self, l: &mut Loop, count: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        self.until(l, "frames", |raw| {
            frames.extend(raw.frames());
            frames.len() >= count || raw.ended.is_some()
        });
        assert_eq!(frames.len(), count, "{frames:?}");
        frames
    }

    /// Closes with a reset.
    pub fn reset(self) {
        let linger = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        linger.expect("linger");
    }
}

/// A server's frame with this first byte.
pub fn sent(first: u8, payload: &[u8]) -> Frame {
    Frame { first, payload: payload.into(), key: None }
}
