//! Records (RFC 8446 §5): out of what came, and around what leaves, for rustls' connections of either role.
//!
//! Used by `session`, which has the buffers.

use rustls::CommonState;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

/// Content of a record, at most (§5.1), and what is around it, at most (§5.2; TLS 1.2 needs less).
const RECORD: usize = 1 << 14;
const AROUND: usize = 5 + 1 + 32;

/// Either role's connection; both give the same states.
pub(super) trait Records {
    type Data;
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
    /// There is something to be encoded.
    fn wants_write(&self) -> bool;
}

impl Records for UnbufferedClientConnection {
    type Data = ClientConnectionData;
    #[inline]
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(came)
    }

    fn wants_write(&self) -> bool {
        CommonState::wants_write(self)
    }
}

impl Records for UnbufferedServerConnection {
    type Data = ServerConnectionData;
    #[inline]
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(came)
    }

    fn wants_write(&self) -> bool {
        CommonState::wants_write(self)
    }
}

/// One way through what came.
pub(super) struct Pass<'a> {
    pub(super) came: &'a mut [u8],
    pub(super) used: usize,
    pub(super) window: &'a mut [u8],
    pub(super) plain: usize,
    /// What the handshake wants to send.
    pub(super) sealed: &'a mut Vec<u8>,
    pub(super) ended: bool,
    pub(super) writable: bool,
}

impl Pass<'_> {
    pub(super) fn run<R: Records>(&mut self, conn: &mut R) -> std::result::Result<(), rustls::Error> {
        let failure = loop {
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
                    // What else there may be to do after a record is done when the next one is opened or sealed.
                    if self.writable && self.used == self.came.len() {
                        return Ok(());
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(|out| data.encode(out), self.sealed),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(state) => {
                    self.writable |= matches!(state, ConnectionState::WriteTraffic(_));
                    return Ok(());
                }
                Err(error) => break error,
            }
        };
        // The alert that tells the peer, and nothing else: what failed would fail again.
        while conn.wants_write() {
            let Ok(ConnectionState::EncodeTlsData(mut data)) = conn.process(&mut self.came[self.used..]).state else {
                break;
            };
            encode(|out| data.encode(out), self.sealed);
        }
        Err(failure)
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

/// Appends the records of `plain`, and before them what the session has to say by itself. `partial`: what has come of the next
/// record or handshake message. rustls keeps places in that, so it has to see it again whenever it is asked for anything.
pub(super) fn seal<R: Records>(conn: &mut R, partial: &mut [u8], plain: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut start = out.len();
    let mut room = plain.len() + (plain.len() / RECORD + 1) * AROUND;
    loop {
        out.resize(start + room, 0);
        match conn.process(partial).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => match traffic.encrypt(plain, &mut out[start..]) {
                Ok(count) => {
                    out.truncate(start + count);
                    return Some(());
                }
                // The answer to a key update leaves before the first record after it (RFC 8446 §4.6.3).
                Err(EncryptError::InsufficientSize(needs)) if needs.required_size > room => room = needs.required_size,
                Err(_) => break,
            },
            // rustls changes our keys before they are worn out.
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                out.truncate(start);
                encode(|out| data.encode(out), out);
                start = out.len();
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            _ => break,
        }
    }
    out.truncate(start);
    None
}

/// `partial` as for [`seal`].
pub(super) fn close_notify<R: Records>(conn: &mut R, partial: &mut [u8], out: &mut [u8]) -> usize {
    match conn.process(partial).state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => traffic.queue_close_notify(out).unwrap_or_default(),
        _ => 0,
    }
}
