//! What our compressor writes: what takeover is worth, used again, where buffers end, in fragments.
#![allow(clippy::unwrap_used)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/inflater.rs"]
mod inflater;

use deflated::{Sender, agreed, end, json, random};
use drive::text;
use inflater::inflate;
use wsrs::proto::buffer::Buffer;
use wsrs::proto::connection::Role;
use wsrs::proto::deflate::Settings;
use wsrs::proto::deflate::codecs::Codecs;
use wsrs::proto::deflate::compressor::Strength;
use wsrs::proto::message::Kind;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// With takeover a message that came before costs next to nothing, from one side; without, what it cost at first.
///
/// Checked by: with a reset in Compressor::write of compressor.rs, or without the one in Codecs::give_compressor, this fails.
#[test]
fn takeover_pays() {
    for role in ROLES {
        for (takeover, fragments) in [(false, 1), (false, 3), (true, 1), (true, 3)] {
            let settings = Settings { level: 6, ..Settings::default() };
            let mut sender = Sender::new(role, agreed(15, takeover), settings);
            let message = json(1_000);
            let pieces: Vec<&[u8]> = message.chunks(message.len().div_ceil(fragments)).collect();
            let mut cost = || match fragments {
                1 => sender.message(Kind::Text, &message).len(),
                _ => sender.fragments(Kind::Text, &pieces).concat().len(),
            };
            let (first, second, third) = (cost(), cost(), cost());
            assert!(first > 150, "{first}");
            match takeover {
                true => assert!(second < first / 3 && third < first / 3, "{first}, then {second} and {third}"),
                false => assert_eq!((second, third), (first, first)),
            }
        }
    }
}

/// A compressor that is used again writes what a new one would, whatever it wrote before.
///
/// Checked by: without the reset in Codecs::give_compressor of codecs.rs this fails.
#[test]
fn a_compressor_that_was_used_is_as_new() {
    for level in 1..=9 {
        for bits in [8, 15] {
            let settings = Settings { level, ..Settings::default() };
            let strength = Strength::new(&settings, agreed(bits, true), Role::Client);
            let mut codecs = Codecs::default();
            for before in [json(20_000), random(20_000, 3), vec![0; 40_000]] {
                codecs.compress(strength, &before);
                let message = json(5_000);
                let again = codecs.compress(strength, &message);
                assert_eq!(again, Codecs::default().compress(strength, &message), "level {level}, {bits} bits");
            }
        }
    }
}

/// What is written ends where a buffer does, a byte before and a byte after.
///
/// Checked by: with `return` where the room was used up in Compressor::run this fails.
#[test]
fn sizes_around_those_of_buffers() {
    for level in [1, 6] {
        let strength = Strength::new(&Settings { level, ..Settings::default() }, agreed(15, false), Role::Client);
        let mut codecs = Codecs::default();
        for length in (4_070..4_105).chain(65_525..65_545) {
            let message = random(length, 11);
            codecs.give_scratch(Buffer::default());
            let payload = codecs.compress(strength, &message);
            assert!(inflate(&payload, b"").unwrap().0 == message, "{length} bytes, level {level}");
            assert!(payload.len() <= length + length / 7 + 16, "{} for {length}", payload.len());
        }
    }
}

/// The first fragment says whether a message is compressed.
///
/// Checked by: without the test of `sending` in compress_on of deflated.rs, or when it is not set by the first, this fails.
#[test]
fn the_first_fragment_decides() {
    for takeover in [false, true] {
        let mut sender = Sender::new(Role::Server, agreed(15, takeover), Settings::default());
        let mut end = end(Role::Client, false, agreed(15, takeover));
        let message = json(300);
        for compressed in [true, false, false, true, true, false] {
            for (number, piece) in message.chunks(100).enumerate() {
                let first = sender.connection.begin_fragment(Kind::Text, number == 2).unwrap();
                // What later ones say means nothing.
                let settings = (compressed == (number == 0)).then(|| sender.settings.clone());
                let mut out = Buffer::default();
                let parts = piece.split_at(30);
                let parts = [parts.0, parts.1];
                let begins = sender.connection.compress(first, &parts, settings.as_ref(), &mut sender.codecs, &mut out);
                let rsv1 = if compressed && number == 0 { 0x40 } else { 0 };
                assert_eq!(begins, compressed.then_some(first | rsv1));
                let payload = if compressed { out.filled() } else { piece };
                end.take(&sender.frame(begins.unwrap_or(first), payload));
            }
            assert_eq!(std::mem::take(&mut end.seen), [text(std::str::from_utf8(&message).unwrap())]);
        }
    }
}
