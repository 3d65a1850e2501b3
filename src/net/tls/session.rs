//! The TLS session of one connection: handshake, records in, records out.
//!
//! Used by `reading` (what came, [`Session::open`]) and by `send` (what leaves, [`Session::flush`]). It works on buffers
//! that all connections of a context share, so that an idle session has none of its own. Invariants: records leave in the
//! order in which they were sealed, and nothing is sealed while sealed bytes wait for the socket.

use super::super::error::Result;
use super::super::outbox::Outbox;
use super::super::transport::Socket;
use super::options::Info;
use super::{Broken, Tls, certs, text};
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{CommonState, HandshakeKind, ServerConfig};
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// Plain bytes sealed for one system call.
const BATCH: usize = 256 << 10;
/// Content of a record, at most (RFC 8446 §5.1), and what is around it, at most (§5.2; TLS 1.2 needs less).
const RECORD: usize = 1 << 14;
const AROUND: usize = 5 + 1 + 32;
/// RFC 8446 §5.1: the first byte of a handshake record, with which every TLS connection begins.
const HANDSHAKE: u8 = 22;

/// What connections of a context share: records that came, and records to be sent.
#[derive(Debug, Default)]
pub(in crate::net) struct Shared {
    came: Vec<u8>,
    sealed: Vec<u8>,
}

/// One session.
#[derive(Debug)]
pub(in crate::net) struct Session {
    conn: Conn,
    /// The beginning of a record.
    partial: Vec<u8>,
    /// Records that the socket has not taken, from `sent` on.
    sealed: Vec<u8>,
    sent: usize,
    established: bool,
    /// The peer's close_notify came: this is the end of what it sends.
    ended: bool,
    /// Nothing more can be opened or sealed.
    broken: bool,
    /// Why, until it was told.
    failure: Option<Box<Broken>>,
    /// Our close_notify is sealed.
    closing: bool,
}

enum Conn {
    /// The first byte tells whether the client speaks TLS.
    Undecided(Arc<ServerConfig>),
    Client(UnbufferedClientConnection, /* the name asked for */ Box<str>),
    Server(UnbufferedServerConnection, /* the name asked for */ Option<Box<str>>),
}

impl fmt::Debug for Conn {
    /// No keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Conn::Undecided(_) => "Undecided",
            Conn::Client(..) => "Client",
            Conn::Server(..) => "Server",
        })
    }
}

/// What came of a receive.
pub(in crate::net) enum Opened {
    /// So many plain bytes lie in the window.
    Plain(usize),
    /// The client speaks no TLS: these bytes are plain.
    NotTls(usize),
}

impl Session {
    /// Of a server. `or_plain`: the client may speak TLS or not.
    pub(in crate::net) fn server(tls: &Tls, or_plain: bool) -> Result<Session> {
        let config = tls.server()?;
        Ok(Session::new(match or_plain {
            true => Conn::Undecided(config),
            false => Conn::Server(UnbufferedServerConnection::new(config).map_err(super::config::unusable)?, None),
        }))
    }

    /// Of a client that wants to speak to `host`.
    pub(in crate::net) fn client(tls: &Tls, host: &str) -> Result<Session> {
        let name = tls.server_name().unwrap_or(host);
        let conn = UnbufferedClientConnection::new(tls.client()?, text::server_name(name)?);
        Ok(Session::new(Conn::Client(conn.map_err(super::config::unusable)?, name.into())))
    }

    fn new(conn: Conn) -> Session {
        Session {
            conn,
            partial: Vec::new(),
            sealed: Vec::new(),
            sent: 0,
            established: false,
            ended: false,
            broken: false,
            failure: None,
            closing: false,
        }
    }

    /// The handshake is done.
    pub(in crate::net) fn is_established(&self) -> bool {
        self.established
    }

    /// The peer ended with a close_notify.
    pub(in crate::net) fn has_ended(&self) -> bool {
        self.ended
    }

    /// It ended or failed, which is to be told after what came before.
    pub(in crate::net) fn has_more_to_say(&self) -> bool {
        self.ended || self.failure.is_some()
    }

    /// Why it failed, once.
    pub(in crate::net) fn take_failure(&mut self) -> Option<Broken> {
        self.failure.take().map(|broken| *broken)
    }

    /// Sealed bytes that wait for the socket.
    pub(in crate::net) fn queued(&self) -> usize {
        self.sealed.len() - self.sent
    }

    /// Receives once, as much as `window` has room for. How many bytes were asked for and came; 0: the peer has ended.
    #[inline]
    pub(in crate::net) fn receive(
        &mut self,
        socket: &Socket,
        shared: &mut Shared,
        window: usize,
    ) -> io::Result<(usize, usize)> {
        if shared.came.len() < window {
            shared.came.resize(window, 0);
        }
        let room = &mut shared.came[self.partial.len()..window];
        Ok((room.len(), socket.receive(room)?))
    }

    /// Opens what was received: `count` bytes in the shared buffer. What is to be sent for the handshake is sealed then.
    pub(in crate::net) fn open(&mut self, count: usize, shared: &mut Shared, window: &mut [u8]) -> Opened {
        if self.broken {
            return Opened::Plain(0);
        }
        let end = self.partial.len() + count;
        shared.came[..self.partial.len()].copy_from_slice(&self.partial);
        let came = &mut shared.came[..end];
        if let Conn::Undecided(config) = &self.conn {
            if came[0] != HANDSHAKE {
                window[..end].copy_from_slice(came);
                return Opened::NotTls(end);
            }
            match UnbufferedServerConnection::new(config.clone()) {
                Ok(conn) => self.conn = Conn::Server(conn, None),
                Err(error) => {
                    self.fail(&error);
                    return Opened::Plain(0);
                }
            }
        }
        let mut pass =
            Pass { came, used: 0, window, plain: 0, sealed: &mut self.sealed, ended: false, writable: false };
        let result = match &mut self.conn {
            Conn::Client(conn, _) => pass.run(conn),
            Conn::Server(conn, name) => {
                let result = pass.run(conn);
                *name = name.take().or_else(certs::take_asked);
                result
            }
            Conn::Undecided(_) => Ok(()),
        };
        let (used, plain) = (pass.used, pass.plain);
        self.ended |= pass.ended;
        self.established |= pass.writable;
        if let Err(error) = result {
            // What came before it counts.
            self.fail(&error);
            return Opened::Plain(plain);
        }
        let rest = &shared.came[used..end];
        if rest.is_empty() {
            // An idle session holds nothing.
            self.partial = Vec::new();
        } else {
            self.partial.clear();
            self.partial.extend_from_slice(rest);
        }
        Opened::Plain(plain)
    }

    fn fail(&mut self, error: &rustls::Error) {
        let name = match &self.conn {
            Conn::Client(_, name) => Some(&**name),
            _ => None,
        };
        self.failure = Some(Box::new(text::explain(error, name)));
        self.broken = true;
        self.partial = Vec::new();
    }

    /// Begins the handshake of a client.
    pub(in crate::net) fn begin(&mut self) {
        self.open(0, &mut Shared::default(), &mut []);
    }

    /// Seals what the queue has and sends it; `Ok(true)` when the socket took all.
    pub(in crate::net) fn flush(
        &mut self,
        socket: &Socket,
        outbox: Option<&mut Outbox>,
        shared: &mut Shared,
    ) -> io::Result<bool> {
        if !self.flush_sealed(socket)? {
            return Ok(false);
        }
        let Some(outbox) = outbox else { return Ok(true) };
        loop {
            shared.sealed.clear();
            while shared.sealed.len() < BATCH {
                let front = outbox.front(BATCH);
                if front.is_empty() {
                    break;
                }
                self.seal(front, &mut shared.sealed)?;
                let count = front.len();
                outbox.took(count);
            }
            if shared.sealed.is_empty() {
                return Ok(true);
            }
            if !self.send(socket, &shared.sealed)? {
                return Ok(false);
            }
        }
    }

    /// The same with `more` after everything else, sealed from where it lies; what the socket does not take is kept.
    pub(in crate::net) fn flush_with(
        &mut self,
        socket: &Socket,
        outbox: &mut Outbox,
        more: [&[u8]; 2],
        shared: &mut Shared,
    ) -> io::Result<bool> {
        let mut taken = self.flush(socket, Some(outbox), shared);
        for piece in more {
            for part in piece.chunks(BATCH) {
                if !matches!(taken, Ok(true)) {
                    outbox.push_with(|tail| tail.extend_from_slice(part));
                    continue;
                }
                shared.sealed.clear();
                taken = self.seal(part, &mut shared.sealed).and_then(|()| self.send(socket, &shared.sealed));
            }
        }
        taken
    }

    /// Tells the peer that nothing more comes. As far as the socket takes it now: nobody waits for it.
    pub(in crate::net) fn close(&mut self, socket: &Socket) {
        if self.closing || self.broken || !self.established || self.queued() > 0 {
            return;
        }
        self.closing = true;
        let mut sealed = [0; 64];
        let count = match &mut self.conn {
            Conn::Client(conn, _) => close_notify(conn, &mut sealed),
            Conn::Server(conn, _) => close_notify(conn, &mut sealed),
            Conn::Undecided(_) => 0,
        };
        let _ = socket.send(&sealed[..count]);
    }

    /// Sends one batch; what the socket does not take is kept.
    fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<bool> {
        let count = match socket.send(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            result => result?,
        };
        self.sealed.extend_from_slice(&bytes[count..]);
        Ok(count == bytes.len())
    }

    fn flush_sealed(&mut self, socket: &Socket) -> io::Result<bool> {
        if self.sealed.is_empty() {
            return Ok(true);
        }
        self.sent += match socket.send(&self.sealed[self.sent..]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            result => result?,
        };
        let done = self.sent == self.sealed.len();
        if done {
            (self.sealed, self.sent) = (Vec::new(), 0);
        }
        Ok(done)
    }

    fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let result = match &mut self.conn {
            Conn::Client(conn, _) => seal(conn, plain, out),
            Conn::Server(conn, _) => seal(conn, plain, out),
            Conn::Undecided(_) => None,
        };
        // The handshake is not done, or the session is over: nothing can be sent any more.
        result.ok_or_else(|| ErrorKind::BrokenPipe.into())
    }

    /// What was agreed on; None before the handshake is done.
    pub(in crate::net) fn info(&self) -> Option<Info> {
        let (state, server_name): (&CommonState, _) = match &self.conn {
            Conn::Client(conn, name) => (conn, Some(name.to_string())),
            Conn::Server(conn, name) => (conn, name.as_deref().map(str::to_string)),
            Conn::Undecided(_) => return None,
        };
        let version = state.protocol_version().filter(|_| self.established)?;
        let suite = state.negotiated_cipher_suite().map(|suite| text::suite(suite.suite()));
        let certificate = state.peer_certificates().and_then(<[_]>::first);
        let (subject, names) = certificate.map(|cert| text::certificate(cert)).unwrap_or_default();
        Some(Info {
            version: version.into(),
            cipher: suite.unwrap_or("unknown"),
            alpn: state.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            server_name,
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
            certificate: certificate.map(|cert| cert.to_vec()),
            subject,
            names,
        })
    }
}

/// Either role's connection; both give the same states.
trait Records {
    type Data;
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Records for UnbufferedClientConnection {
    type Data = ClientConnectionData;
    #[inline]
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(came)
    }
}

impl Records for UnbufferedServerConnection {
    type Data = ServerConnectionData;
    #[inline]
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(came)
    }
}

/// One way through what came.
struct Pass<'a> {
    came: &'a mut [u8],
    used: usize,
    window: &'a mut [u8],
    plain: usize,
    /// What the handshake wants to send.
    sealed: &'a mut Vec<u8>,
    ended: bool,
    writable: bool,
}

impl Pass<'_> {
    fn run<R: Records>(&mut self, conn: &mut R) -> std::result::Result<(), rustls::Error> {
        let mut failure = None;
        loop {
            let UnbufferedStatus { discard, state } = conn.process(&mut self.came[self.used..]);
            self.used += discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        self.used += record.discard;
                        // Records are longer than what is in them, so the window has room for what as many bytes hold.
                        self.window[self.plain..self.plain + record.payload.len()].copy_from_slice(record.payload);
                        self.plain += record.payload.len();
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(|out| data.encode(out), self.sealed),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(state) => {
                    self.writable = matches!(state, ConnectionState::WriteTraffic(_));
                    break;
                }
                // The alert that tells the peer is still to be encoded.
                Err(error) if failure.is_none() => failure = Some(error),
                Err(_) => break,
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

fn encode(mut write: impl FnMut(&mut [u8]) -> std::result::Result<usize, EncodeError>, out: &mut Vec<u8>) {
    let start = out.len();
    let size = match write(&mut []) {
        Err(EncodeError::InsufficientSize(needs)) => needs.required_size,
        _ => return,
    };
    out.resize(start + size, 0);
    let count = write(&mut out[start..]).unwrap_or(0);
    out.truncate(start + count);
}

fn seal<R: Records>(conn: &mut R, plain: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let most = plain.len() + (plain.len() / RECORD + 1) * AROUND;
    out.resize(start + most, 0);
    let sealed = loop {
        match conn.process(&mut []).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => break traffic.encrypt(plain, &mut out[start..]).ok(),
            // A key update has to be answered first.
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                out.truncate(start);
                encode(|out| data.encode(out), out);
                return seal(conn, plain, out);
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            _ => break None,
        }
    };
    out.truncate(start + sealed.unwrap_or(0));
    sealed.map(drop)
}

fn close_notify<R: Records>(conn: &mut R, out: &mut [u8]) -> usize {
    match conn.process(&mut []).state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => traffic.queue_close_notify(out).unwrap_or_default(),
        _ => 0,
    }
}
