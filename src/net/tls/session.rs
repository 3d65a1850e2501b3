//! The TLS session of one connection: handshake, records in, records out.
//!
//! Used by `reading` (what came, [`Session::open`]) and by `send` (what leaves, [`Session::flush`], in `sealing`). It works
//! on buffers that all connections of a context share, so that an idle session has none of its own. Invariants: records
//! leave in the order in which they were sealed, and nothing is sealed while sealed bytes wait for the socket.

mod outer;
mod sealing;

use super::super::error::{Error, Result};
use super::super::transport::Socket;
use super::options::Info;
use super::records::Pass;
use super::{Broken, Tls, certs, text};
use outer::Outer;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{CommonState, HandshakeKind, ServerConfig};
use std::fmt;
use std::io;
use std::sync::Arc;

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
    /// The beginning of a record or of a handshake message.
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
    /// TLS with a proxy, through which all of this goes.
    outer: Option<Box<Outer>>,
    /// It is with a proxy, not with the host.
    of_proxy: bool,
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

/// What a receive brought.
pub(in crate::net) struct Received {
    /// Bytes from the socket; 0: the peer has ended.
    pub(in crate::net) count: usize,
    /// There may be more in the socket.
    pub(in crate::net) more: bool,
    /// Bytes to be opened.
    pub(in crate::net) sealed: usize,
}

/// What came of opening it.
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
            outer: None,
            of_proxy: false,
        }
    }

    /// It is with a proxy, not with the host that the connection is for.
    pub(in crate::net) fn is_of_proxy(&mut self) {
        self.of_proxy = true;
    }

    /// All of it goes through another session, which is established.
    pub(in crate::net) fn through(&mut self, session: Session) {
        self.outer = Some(Box::new(Outer { session, shared: Shared::default(), plain: Vec::new() }));
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
        self.sealed.len() - self.sent + self.outer.as_ref().map_or(0, |outer| outer.session.queued())
    }

    /// Receives once, as much as `window` has room for: what is to be opened then. `WouldBlock` without anything.
    #[inline]
    pub(in crate::net) fn receive(
        &mut self,
        socket: &Socket,
        shared: &mut Shared,
        window: usize,
    ) -> io::Result<Received> {
        if shared.came.len() < window {
            shared.came.resize(window, 0);
        }
        let room = &mut shared.came[self.partial.len()..window];
        match &mut self.outer {
            None => {
                let count = socket.receive(room)?;
                Ok(Received { count, more: count == room.len(), sealed: count })
            }
            Some(outer) => outer.receive(socket, room),
        }
    }

    /// Opens what was received: so many sealed bytes in the shared buffer. What is to be sent for the handshake is sealed
    /// then.
    pub(in crate::net) fn open(&mut self, count: usize, shared: &mut Shared, window: &mut [u8]) -> Opened {
        if self.broken {
            return Opened::Plain(0);
        }
        let came = &mut shared.came[..self.partial.len() + count];
        came[..self.partial.len()].copy_from_slice(&self.partial);
        if let Conn::Undecided(config) = &self.conn {
            if came[0] != HANDSHAKE {
                window[..came.len()].copy_from_slice(came);
                return Opened::NotTls(came.len());
            }
            match UnbufferedServerConnection::new(config.clone()) {
                Ok(conn) => self.conn = Conn::Server(conn, None),
                Err(error) => {
                    self.fail(&error);
                    return Opened::Plain(0);
                }
            }
        }
        Opened::Plain(self.open_records(came, window))
    }

    /// How many plain bytes were in them.
    fn open_records(&mut self, came: &mut [u8], window: &mut [u8]) -> usize {
        let (sealed, writable) = (&mut self.sealed, self.established);
        let mut pass = Pass { came, used: 0, window, plain: 0, sealed, ended: false, writable };
        let result = match &mut self.conn {
            Conn::Client(conn, _) => pass.run(conn),
            Conn::Server(conn, name) => {
                let result = pass.run(conn);
                if !self.established {
                    *name = name.take().or_else(certs::take_asked);
                }
                result
            }
            Conn::Undecided(_) => Ok(()),
        };
        let Pass { came, used, plain, .. } = pass;
        self.ended |= pass.ended;
        self.established = pass.writable;
        if let Err(error) = result {
            // What came before it counts.
            self.fail(&error);
        } else if used == came.len() {
            // An idle session holds nothing.
            self.partial = Vec::new();
        } else {
            self.partial.clear();
            self.partial.extend_from_slice(&came[used..]);
        }
        plain
    }

    fn fail(&mut self, error: &rustls::Error) {
        let name = match &self.conn {
            Conn::Client(_, name) => Some(&**name),
            _ => None,
        };
        self.failure = Some(Box::new(text::explain(error, name, self.established)));
        self.broken = true;
        self.partial = Vec::new();
    }

    /// Begins the handshake of a client.
    pub(in crate::net) fn begin(&mut self) {
        self.open(0, &mut Shared::default(), &mut []);
    }

    /// What was agreed on with the host. `NotFound` when TLS is with a proxy only, `NotOpen` before the handshake is done.
    pub(in crate::net) fn info(&self) -> Result<Info> {
        if self.of_proxy {
            return Err(Error::NotFound);
        }
        self.agreed().ok_or(Error::NotOpen)
    }

    fn agreed(&self) -> Option<Info> {
        let (state, server_name): (&CommonState, _) = match &self.conn {
            Conn::Client(conn, name) => (conn, text::asked_for(name)),
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
