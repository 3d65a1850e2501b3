//! TLS on one connection, by rustls on the generator's own buffers.
//!
//! Version 1.3 with AES-128-GCM and X25519 alone, so that every server does the same work.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use rustls::client::UnbufferedClientConnection;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, RootCertStore};

use crate::Result;
use crate::transport::{Memory, send_now};

const NAME: &str = "localhost";
/// Sealed at a time; the records of it stay in the cache until they are sent.
const PIECE: usize = 128 * 1024;
const RECORD: usize = 16 * 1024;
/// Header, type of the content, tag (RFC 8446 5.2).
const OVERHEAD: usize = 5 + 1 + 16;
/// Tickets that are kept: more than there are connections at a time.
const MOST_TICKETS: usize = 1024;

/// What all connections share.
pub struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Client {
    /// Trusts the certificate in the file `ca` alone. With `resume` a connection uses a ticket of an earlier one.
    pub fn new(ca: &str, resume: bool) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| format!("{ca}: {error}");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
        let provider = CryptoProvider {
            cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![aws_lc_rs::kx_group::X25519],
            ..aws_lc_rs::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| failed(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption =
            if resume { Resumption::store(Arc::new(Tickets::default())) } else { Resumption::disabled() };
        Ok(Client { config: Arc::new(config), name: ServerName::try_from(NAME).map_err(|e| failed(&e))? })
    }

    /// Begins a handshake: the ClientHello is sent.
    pub fn session(&self, socket: &OwnedFd) -> Result<Box<Session>> {
        let tls = UnbufferedClientConnection::new(self.config.clone(), self.name.clone()).map_err(failed)?;
        let mut session =
            Session { tls, secure: false, over: false, records: 0, kept: Vec::new(), sealed: Vec::new(), sent: 0 };
        session.process(socket, &mut [], &mut Vec::new())?;
        Ok(Box::new(session))
    }
}

pub struct Session {
    tls: UnbufferedClientConnection,
    secure: bool,
    /// The server's close_notify has come.
    over: bool,
    /// Records with content that have come.
    records: u64,
    /// The start of a record whose rest hasn't come.
    kept: Vec<u8>,
    /// Records to send, of which the first `sent` bytes are sent.
    sealed: Vec<u8>,
    sent: usize,
}

impl Session {
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    /// Seals a piece of `bytes`, unless the one before waits for room. Returns its length.
    pub fn send(&mut self, socket: &OwnedFd, bytes: &[u8]) -> Result<usize> {
        if self.blocked() {
            return Ok(0);
        }
        let piece = &bytes[..bytes.len().min(PIECE)];
        let UnbufferedStatus { state, .. } = self.tls.process_tls_records(&mut []);
        let ConnectionState::WriteTraffic(mut traffic) = state.map_err(failed)? else {
            return Err("TLS has something else to do than to send".into());
        };
        self.sealed.resize(piece.len() + (piece.len() / RECORD + 1) * OVERHEAD, 0);
        let length = traffic.encrypt(piece, &mut self.sealed).map_err(failed)?;
        self.sealed.truncate(length);
        self.flush(socket)?;
        Ok(piece.len())
    }

    pub fn flush(&mut self, socket: &OwnedFd) -> Result<()> {
        while self.sent < self.sealed.len() {
            match send_now(socket, &self.sealed[self.sent..])? {
                0 => return Ok(()),
                sent => self.sent += sent,
            }
        }
        self.sealed.clear();
        self.sent = 0;
        Ok(())
    }

    pub fn blocked(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// Puts what is kept of a record before what comes next. Returns its length.
    pub fn give_back(&mut self, wire: &mut [u8]) -> usize {
        wire[..self.kept.len()].copy_from_slice(&self.kept);
        std::mem::take(&mut self.kept).len()
    }

    /// Opens the first `length` bytes of `memory.wire`, and keeps those of a record whose rest is missing.
    pub fn open<'a>(&mut self, socket: &OwnedFd, length: usize, memory: &'a mut Memory) -> Result<&'a [u8]> {
        memory.plain.clear();
        let used = self.process(socket, &mut memory.wire[..length], &mut memory.plain)?;
        self.kept.extend_from_slice(&memory.wire[used..length]);
        Ok(&memory.plain)
    }

    /// Goes on until more input is needed. Returns how much of `wire` it used.
    fn process(&mut self, socket: &OwnedFd, wire: &mut [u8], plain: &mut Vec<u8>) -> Result<usize> {
        let mut used = 0;
        while !self.over {
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(&mut wire[used..]);
            let mut waits = false;
            match state.map_err(failed)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(failed)?;
                        plain.extend_from_slice(record.payload);
                        discard += record.discard;
                        self.records += 1;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    let start = self.sealed.len();
                    self.sealed.resize(start + RECORD + OVERHEAD, 0);
                    let length = data.encode(&mut self.sealed[start..]).map_err(failed)?;
                    self.sealed.truncate(start + length);
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    self.flush(socket)?;
                }
                ConnectionState::BlockedHandshake => waits = true,
                ConnectionState::WriteTraffic(_) => (self.secure, waits) = (true, true),
                ConnectionState::PeerClosed | ConnectionState::Closed => self.over = true,
                other => return Err(format!("TLS: {other:?}")),
            }
            used += discard;
            if waits {
                return Ok(used);
            }
        }
        Ok(wire.len())
    }
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("TLS: {error}")
}

/// Tickets of the one server there is, each used once (RFC 8446 C.4).
#[derive(Debug, Default)]
struct Tickets(Mutex<Vec<Tls13ClientSessionValue>>);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        if let Ok(mut tickets) = self.0.lock()
            && tickets.len() < MOST_TICKETS
        {
            tickets.push(ticket);
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.lock().ok()?.pop()
    }
}
