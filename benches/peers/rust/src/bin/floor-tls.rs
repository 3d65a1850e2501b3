//! What a correct echo over TLS costs at least with rustls: per readiness one recv, each record opened in place, one pass
//! over the bytes, the reply sealed, one send. As floor.c it checks and assembles nothing; it keeps only parts of records.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use wsrs_bench_peers::Arguments;
use wsrs_bench_peers::floor::{self, ANSWER, Header, LONGEST_HEADER, Outcome, unmask};

/// Turns what a client sends into what goes back.
#[derive(Default)]
struct Echo {
    upgraded: bool,
    closing: bool,
    /// Turned to where the next byte of payload is.
    mask: u32,
    /// Bytes of payload before the end of the frame.
    left: usize,
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
            to[ANSWER.len()..ANSWER.len() + 2].copy_from_slice(b"\r\n");
            return ANSWER.len() + 2;
        }
        let mut end = 0;
        while !from.is_empty() {
            if self.left == 0 {
                let Some(size) = self.begin(&mut from, &mut to[end..]) else { break };
                end += size;
            }
            let part = from.len().min(self.left);
            unmask(&mut to[end..end + part], &from[..part], self.mask);
            self.mask = self.mask.rotate_right(part as u32 % 4 * 8);
            self.left -= part;
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
        let Some(header) = Header::parse(&self.header[..there]) else {
            self.have = there;
            *from = &[];
            return None;
        };
        *from = &from[header.size - self.have..];
        self.have = 0;
        self.left = header.length;
        self.mask = header.mask;
        self.closing |= header.closes;
        let size = header.size - 4;
        to[..size].copy_from_slice(&self.header[..size]);
        to[1] = self.header[1] & 127;
        Some(size)
    }

    fn is_over(&self) -> bool {
        self.closing && self.left == 0
    }
}

struct Peer {
    tls: UnbufferedServerConnection,
    echo: Echo,
}

/// What all connections use, one after the other.
struct Shared {
    config: Arc<ServerConfig>,
    plain: Vec<u8>,
}

const INBOX: usize = 256 * 1024;
/// Sealed, it is longer by 22 bytes for each 16 KiB; a handshake's answer has room too.
const OUTBOX: usize = INBOX + 16 * 1024;

impl floor::Peer for Peer {
    type Shared = Shared;

    const INBOX: usize = INBOX;
    const OUTBOX: usize = OUTBOX;

    fn new(shared: &Shared) -> Outcome<Self> {
        Ok(Peer { tls: UnbufferedServerConnection::new(shared.config.clone())?, echo: Echo::default() })
    }

    fn take(&mut self, came: &mut [u8], outbox: &mut [u8], shared: &mut Shared) -> Outcome<(usize, usize)> {
        let (mut used, mut reply, mut out) = (0, 0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(&mut came[used..]);
            let mut waits = false;
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        reply += self.echo.turn(record.payload, &mut shared.plain[reply..]);
                        discard += record.discard;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => out += data.encode(&mut outbox[out..])?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(mut traffic) => {
                    if reply > 0 {
                        out += traffic.encrypt(&shared.plain[..reply], &mut outbox[out..])?;
                    }
                    if self.echo.is_over() {
                        out += traffic.queue_close_notify(&mut outbox[out..])?;
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

    fn is_over(&self) -> bool {
        self.echo.is_over()
    }
}

fn main() -> Outcome<()> {
    let Arguments { port, tls } = Arguments::parse();
    let mut config = tls.ok_or("--tls CERT KEY is missing")?;
    config.send_tls13_tickets = 1;
    floor::serve::<Peer>(port, Shared { config: Arc::new(config), plain: vec![0; OUTBOX] })
}
