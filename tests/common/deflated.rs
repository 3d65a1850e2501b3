//! Compressed messages as a peer sends them.
#![allow(dead_code)]

use super::drive::End;
use super::frames::{KEY, frame};
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
