//! Compressed messages as a peer sends them, and an inflater that is not the library's own, so that both can't be wrong
//! in the same way.
#![allow(dead_code)]

use crate::drive::End;
use crate::frames::{KEY, frame};
use wsrs::proto::buffer::Buffer;
use wsrs::proto::connection::{Connection, Role};
use wsrs::proto::deflate::codecs::Codecs;
use wsrs::proto::deflate::compressor::{Compressor, Strength};
use wsrs::proto::deflate::{Agreed, Settings, Side};
use wsrs::proto::message::Kind;

pub const RSV1: u8 = 0x40;

/// Both sides compress with these window bits, and keep their contexts or not.
pub fn agreed(window_bits: u8, takeover: bool) -> Agreed {
    let side = Side::new(window_bits, takeover);
    Agreed { server: side, client: side }
}

/// A receiving end that agreed on this.
pub fn end(role: Role, streaming: bool, agreed: Agreed) -> End {
    let mut end = End::new(role, streaming);
    end.connection.deflate_with(agreed);
    end
}

/// What the peer of `role` masks with.
pub fn key(role: Role) -> Option<[u8; 4]> {
    (role == Role::Server).then_some(KEY)
}

/// A message of one frame that is compressed already, as the peer of `role` sends it.
pub fn compressed(role: Role, kind: Kind, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | RSV1 | kind.opcode(), payload, key(role))
}

/// The same in pieces, each a fragment.
pub fn fragments(role: Role, kind: Kind, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let first = |number: usize| {
        let fin = if number + 1 == pieces.len() { 0x80 } else { 0 };
        if number == 0 { fin | RSV1 | kind.opcode() } else { fin }
    };
    pieces.iter().enumerate().map(|(number, piece)| frame(first(number), piece, key(role))).collect()
}

/// A message compressed by itself.
pub fn squeezed(message: &[u8]) -> Vec<u8> {
    let strength = Strength::new(&Settings::default(), agreed(15, false), Role::Server);
    Codecs::default().compress(strength, message).into()
}

/// What `count` zeros are compressed to, without ever having them: the same blocks again and again.
pub fn zeros(count: usize) -> Vec<u8> {
    const CHUNK: usize = 1 << 20;
    let settings = Settings { level: 9, ..Settings::default() };
    let strength = Strength::new(&settings, agreed(15, false), Role::Server);
    let blocks = |count: usize, last: bool| {
        let (mut compressor, mut out) = (Compressor::new(strength), Buffer::default());
        compressor.write(&[&vec![0; count]], last, &mut out);
        out.filled().to_vec()
    };
    let whole = if count < CHUNK { vec![] } else { blocks(CHUNK, false).repeat(count / CHUNK) };
    [whole, blocks(count % CHUNK, true)].concat()
}

/// A sending end.
pub struct Sender {
    pub connection: Connection,
    pub settings: Settings,
    pub codecs: Codecs,
}

impl Sender {
    pub fn new(role: Role, agreed: Agreed, settings: Settings) -> Sender {
        let mut connection = Connection::new(role, false);
        connection.deflate_with(agreed);
        Sender { connection, settings, codecs: Codecs::default() }
    }

    /// A message in one frame; first byte and payload.
    pub fn payload(&mut self, kind: Kind, parts: &[&[u8]]) -> (u8, Vec<u8>) {
        let first = self.connection.begin_message(kind).expect("open");
        self.compress(first, parts)
    }

    /// A message in one frame.
    pub fn message(&mut self, kind: Kind, message: &[u8]) -> Vec<u8> {
        let (first, payload) = self.payload(kind, &[message]);
        self.frame(first, &payload)
    }

    /// A message in a frame for each piece.
    pub fn fragments(&mut self, kind: Kind, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let frame = |number: usize| self.fragment(kind, pieces[number], number + 1 == pieces.len());
        (0..pieces.len()).map(frame).collect()
    }

    pub fn fragment(&mut self, kind: Kind, piece: &[u8], last: bool) -> Vec<u8> {
        let first = self.connection.begin_fragment(kind, last).expect("open");
        let (first, payload) = self.compress(first, &[piece]);
        self.frame(first, &payload)
    }

    fn compress(&mut self, first: u8, parts: &[&[u8]]) -> (u8, Vec<u8>) {
        let mut out = Buffer::default();
        match self.connection.compress(first, parts, Some(&self.settings), &mut self.codecs, &mut out) {
            Some(first) => (first, out.filled().to_vec()),
            None => (first, parts.concat()),
        }
    }

    pub fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, payload, key(self.connection.role().other()))
    }
}

/// Every byte value, in no order that could be compressed.
pub fn random(length: usize, mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Objects that differ in a few places, as programs send them.
pub fn json(length: usize) -> Vec<u8> {
    let object =
        |n: usize| format!("{{\"id\":{n},\"name\":\"κόσμε {}\",\"price\":{}.5,\"open\":true}},", n * n, n % 997);
    let mut text = String::new();
    (0..)
        .take_while(|&n| {
            text.push_str(&object(n));
            text.len() < length
        })
        .for_each(|_| {});
    let end = (0..=length).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(end);
    text.push_str(&" ".repeat(length - end));
    text.into_bytes()
}

/// RFC 1951, bit by bit: what `payload` becomes after `history`, and the farthest that it reaches back. Nothing for what
/// is not valid or ends inside a block.
pub fn inflate(payload: &[u8], history: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut bits, mut out, mut farthest) = (Bits { bytes: payload, at: 0 }, history.to_vec(), 0);
    loop {
        let (last, kind) = (bits.take(1)?, bits.take(2)?);
        match kind {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                // The header alone: the end of a message.
                if bits.left() == 0 {
                    return Some((out.split_off(history.len()), farthest));
                }
                let (length, inverse) = (bits.take(16)?, bits.take(16)?);
                if length != inverse ^ 0xffff {
                    return None;
                }
                for _ in 0..length {
                    out.push(bits.take(8)? as u8);
                }
            }
            1 => {
                let lengths: Vec<u8> = (0..288)
                    .map(|n| [8, 9, 7, 8][(n > 143) as usize + (n > 255) as usize + (n > 279) as usize])
                    .collect();
                block(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30]), &mut out, &mut farthest)?;
            }
            2 => {
                let (literals, distances) = dynamic(&mut bits)?;
                block(&mut bits, &literals, &distances, &mut out, &mut farthest)?;
            }
            _ => return None,
        }
        if last == 1 {
            bits.at = bits.at.next_multiple_of(8);
        }
    }
}

struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        let bit = |at: usize| Some(usize::from(self.bytes.get(at / 8)? >> (at % 8) & 1));
        let value = (0..count).try_fold(0, |value, n| Some(value | bit(self.at + n)? << n))?;
        self.at += count;
        Some(value)
    }
}

/// §3.2.2: how many codes of each length there are, and the symbols in the order of their codes.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[u8]) -> Code {
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        let counts =
            std::array::from_fn(|length| symbols.iter().filter(|&&s| usize::from(lengths[s]) == length).count());
        Code { counts, symbols }
    }

    fn symbol(&self, bits: &mut Bits) -> Option<usize> {
        let (mut code, mut first, mut before) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return Some(self.symbols[before + code - first]);
            }
            (before, first, code) = (before + count, (first + count) << 1, code << 1);
        }
        None
    }
}

/// §3.2.7.
fn dynamic(bits: &mut Bits) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
    let mut lengths = [0; 19];
    for &place in &ORDER[..count] {
        lengths[place] = bits.take(3)? as u8;
    }
    let code = Code::new(&lengths);
    let mut lengths: Vec<u8> = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match code.symbol(bits)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(value, times));
    }
    let (literals, distances) = lengths.split_at_checked(literals)?;
    Some((Code::new(literals), Code::new(distances)))
}

/// §3.2.5.
fn block(bits: &mut Bits, literals: &Code, distances: &Code, out: &mut Vec<u8>, farthest: &mut usize) -> Option<()> {
    loop {
        let length = match literals.symbol(bits)? {
            256 => return Some(()),
            byte @ ..256 => {
                out.push(byte as u8);
                continue;
            }
            285 => 258,
            symbol @ ..265 => symbol - 254,
            symbol => {
                let extra = (symbol - 261) / 4;
                ((4 + (symbol - 265) % 4) << extra) + 3 + bits.take(extra)?
            }
        };
        let distance = match distances.symbol(bits)? {
            symbol @ ..4 => symbol + 1,
            symbol => {
                let extra = symbol / 2 - 1;
                ((2 + symbol % 2) << extra) + 1 + bits.take(extra)?
            }
        };
        *farthest = distance.max(*farthest);
        for _ in 0..length {
            out.push(*out.get(out.len().checked_sub(distance)?)?);
        }
    }
}
