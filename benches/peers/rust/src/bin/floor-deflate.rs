//! What a correct echo with permessage-deflate costs at least with zlib-rs: per readiness one recv, each message inflated
//! and compressed, one send. It checks nothing and has no fragments: floor-deflate --deflate LEVEL [--no-takeover] PORT.
//!
//! Without context takeover all connections share one pair of streams; with it each gets its own with its first message.

use wsrs_bench_peers::floor::{self, ANSWER, Header, Outcome, unmask};
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

const WINDOW_BITS: u8 = 15;
/// What a message lacks at its end (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Of the largest message, as it comes and as it is.
const MOST: usize = 2 * 1024 * 1024;
const LONGEST_REPLY_HEADER: usize = 10;
const TEXT_COMPRESSED: u8 = 0xc1;
const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xe8];

/// Both directions of one connection, or of all.
struct Streams {
    inflate: Inflate,
    deflate: Deflate,
}

impl Streams {
    fn new(level: i32) -> Self {
        let config = DeflateConfig { level, window_bits: -i32::from(WINDOW_BITS), ..DeflateConfig::default() };
        Streams { inflate: Inflate::new(false, WINDOW_BITS), deflate: Deflate::new_with_config(config) }
    }

    /// Inflates `message`, and compresses what it says to `out`. Returns how much that is.
    fn echo(&mut self, message: &[u8], plain: &mut [u8], out: &mut [u8]) -> Outcome<usize> {
        let (before, before_out) = (self.inflate.total_out(), self.deflate.total_out());
        self.inflate.decompress(message, plain, InflateFlush::SyncFlush).map_err(|error| error.as_str())?;
        let length = (self.inflate.total_out() - before) as usize;
        self.deflate.compress(&plain[..length], out, DeflateFlush::SyncFlush).map_err(|error| error.as_str())?;
        Ok((self.deflate.total_out() - before_out) as usize - TAIL.len())
    }

    fn reset(&mut self) {
        self.inflate.reset(false);
        self.deflate.reset();
    }
}

#[derive(Default)]
struct Peer {
    upgraded: bool,
    closing: bool,
    streams: Option<Box<Streams>>,
}

struct Shared {
    level: i32,
    /// Without context takeover.
    streams: Option<Streams>,
    message: Vec<u8>,
    plain: Vec<u8>,
}

impl floor::Peer for Peer {
    type Shared = Shared;

    const INBOX: usize = MOST;
    const OUTBOX: usize = MOST;

    fn new(_: &Shared) -> Outcome<Self> {
        Ok(Peer::default())
    }

    fn take(&mut self, came: &mut [u8], outbox: &mut [u8], shared: &mut Shared) -> Outcome<(usize, usize)> {
        if !self.upgraded {
            self.upgraded = true;
            let parameters: &[u8] = match shared.streams {
                Some(_) => b"; server_no_context_takeover; client_no_context_takeover\r\n\r\n",
                None => b"\r\n\r\n",
            };
            let answer = [ANSWER, b"Sec-WebSocket-Extensions: permessage-deflate", parameters].concat();
            outbox[..answer.len()].copy_from_slice(&answer);
            return Ok((came.len(), answer.len()));
        }
        let (mut used, mut out) = (0, 0);
        while let Some(header) = Header::parse(&came[used..])
            && let Some(payload) = came[used..].get(header.size..header.size + header.length)
        {
            if header.closes {
                self.closing = true;
                outbox[out..out + CLOSE.len()].copy_from_slice(&CLOSE);
                return Ok((came.len(), out + CLOSE.len()));
            }
            used += header.size + header.length;
            unmask(&mut shared.message[..header.length], payload, header.mask);
            shared.message[header.length..][..TAIL.len()].copy_from_slice(&TAIL);
            out += self.reply(header.length + TAIL.len(), &mut outbox[out..], shared)?;
        }
        Ok((used, out))
    }

    fn is_over(&self) -> bool {
        self.closing
    }
}

impl Peer {
    /// Answers the first `length` bytes of `shared.message`. Returns how much of `out` that takes.
    fn reply(&mut self, length: usize, out: &mut [u8], shared: &mut Shared) -> Outcome<usize> {
        let message = &shared.message[..length];
        let room = &mut out[LONGEST_REPLY_HEADER..];
        let size = match &mut shared.streams {
            Some(streams) => {
                let size = streams.echo(message, &mut shared.plain, room)?;
                streams.reset();
                size
            }
            None => self.streams.get_or_insert_with(|| Box::new(Streams::new(shared.level))).echo(
                message,
                &mut shared.plain,
                room,
            )?,
        };
        let length = (size as u64).to_be_bytes();
        let header: &[u8] = match size {
            0..=125 => &[TEXT_COMPRESSED, size as u8],
            126..=0xffff => &[TEXT_COMPRESSED, 126, length[6], length[7]],
            _ => &[&[TEXT_COMPRESSED, 127][..], &length].concat(),
        };
        out[..header.len()].copy_from_slice(header);
        out.copy_within(LONGEST_REPLY_HEADER..LONGEST_REPLY_HEADER + size, header.len());
        Ok(header.len() + size)
    }
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (level, fresh, port) = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--deflate", level, "--no-takeover", port] => (level, true, port),
        ["--deflate", level, port] => (level, false, port),
        _ => return Err("usage: --deflate LEVEL [--no-takeover] PORT".into()),
    };
    let level = level.parse()?;
    let streams = fresh.then(|| Streams::new(level));
    floor::serve::<Peer>(port.parse()?, Shared { level, streams, message: vec![0; MOST], plain: vec![0; MOST] })
}
