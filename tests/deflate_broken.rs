//! What a peer may not send once messages may be compressed (RFC 7692 §6 and §7.2.2): each leads to its error and close
//! code, and nothing of it is delivered as a message.
#![allow(clippy::unwrap_used)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/inflater.rs"]
mod inflater;

use deflated::{RSV1, agreed, compressed, end, fragments, json, key, random, squeezed};
use drive::{End, Seen, assembled, binary, text};
use frames::{BINARY, CLOSE, PING, PONG, TEXT, frame};
use wsrs::proto::connection::Role;
use wsrs::proto::error::ProtocolError::{self, *};
use wsrs::proto::message::Kind;
use wsrs::proto::shared::Shared;

const ROLES: [Role; 2] = [Role::Client, Role::Server];
/// RFC 7692 §7.2.3.1 and §7.2.3.2.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

/// Both modes, with and without takeover, each way that bytes take.
fn ends(role: Role) -> impl Iterator<Item = End> {
    (0..8).map(move |way| {
        let mut end = end(role, way & 1 != 0, agreed(15, way & 2 != 0));
        (end.direct, end.fast) = (way & 4 != 0, way & 4 != 0);
        end
    })
}

/// `bytes` fail with `error` exactly at byte `at` (its number from 1), after `before`.
fn fails_at(name: &str, role: Role, bytes: &[u8], at: usize, before: &[Seen], error: ProtocolError) {
    for (number, (mut early, mut cut)) in ends(role).zip(ends(role)).enumerate() {
        early.take(&bytes[..at - 1]);
        assert_eq!(assembled(early.seen.clone()), before, "{name}, way {number}, too early");
        early.take(&bytes[at - 1..]);
        cut.direct = true;
        bytes[..at].chunks(1).for_each(|byte| cut.take(byte));
        for mut seen in [early.seen, cut.seen] {
            assert_eq!(seen.pop(), Some(Seen::Failed(error)), "{name}, way {number}, {seen:?}");
            assert_eq!(assembled(seen), before, "{name}, way {number}");
        }
    }
}

/// RFC 7692 §6: bits and frames that no extension gives a meaning; known with the first byte.
///
/// Checked by: with `first & RSV1 != 0` instead of the comparison, without the list of opcodes or without `deflate` in
/// check_first() of frame.rs this fails.
#[test]
fn the_first_byte() {
    for role in ROLES {
        for first in 0..=0xffu8 {
            let (bits, code) = (first & 0x70, first & 0x0f);
            let allowed = bits == RSV1 && matches!(code, 1 | 2);
            if bits == 0 || allowed {
                continue;
            }
            fails_at(&format!("{first:#04x}"), role, &frame(first, &HELLO, key(role)), 1, &[], ReservedBits);
            let bytes = [compressed(role, Kind::Text, &HELLO), frame(first, &HELLO, key(role))].concat();
            let at = bytes.len() - frame(first, &HELLO, key(role)).len() + 1;
            fails_at(&format!("{first:#04x} after a message"), role, &bytes, at, &[text("Hello")], ReservedBits);
        }
        for first in [TEXT | RSV1, BINARY | RSV1, 0x41, 0x42] {
            for streaming in [false, true] {
                let mut end = End::new(role, streaming);
                end.take(&[first]);
                assert_eq!(end.seen, [Seen::Failed(ReservedBits)], "{first:#04x} without negotiation");
            }
        }
    }
    assert_eq!(ReservedBits.close_code(), 1002);
}

/// RFC 7692 §6.2: "the non-first fragments of a data message" and control frames never have the bit.
///
/// Checked by: as the one before.
#[test]
fn inside_a_message() {
    for role in ROLES {
        for begin in [0x01, 0x41] {
            for first in [0x40, 0xc0, 0x50, 0x60, PING | RSV1, PONG | RSV1, CLOSE | RSV1, TEXT | 0x10, BINARY | 0x30] {
                let begun = frame(begin, b"", key(role));
                let bytes = [&begun[..], &frame(first, b"", key(role))].concat();
                fails_at(&format!("{first:#04x}"), role, &bytes, begun.len() + 1, &[], ReservedBits);
            }
            let begun = frame(begin, b"", key(role));
            let bytes = [begun, compressed(role, Kind::Text, b"")].concat();
            fails_at("a message in a message", role, &bytes, bytes.len(), &[], Interleaved);
        }
    }
}

/// A message with this payload leads to nothing but `error`, however it comes, with takeover after another message.
fn fails(name: &str, kind: Kind, payload: &[u8], error: ProtocolError) {
    let (before, after) = (compressed(Role::Client, Kind::Text, &HELLO), compressed(Role::Client, Kind::Text, &HELLO));
    let half = payload.len() / 2;
    let bytes = [&payload[..1.min(half)], &payload[1.min(half)..half], &payload[half..]];
    for message in [compressed(Role::Client, kind, payload), fragments(Role::Client, kind, &bytes).concat()] {
        let stream = [&before[..], &message, &after].concat();
        for size in [1, 4096] {
            for (number, mut end) in ends(Role::Client).enumerate() {
                stream.chunks(size).for_each(|piece| end.take(piece));
                let seen = assembled(end.seen);
                assert_eq!(seen, [text("Hello"), Seen::Failed(error)], "{name}, way {number}, reads of {size}");
            }
        }
    }
    assert_eq!(error.close_code(), 1007);
}

/// Checked by: with Ok(()) in `end` of inflating.rs where the message is not at its end this fails.
#[test]
fn broken_data() {
    let random = random(500, 3);
    let fixed = |cut: usize| HELLO[..cut].to_vec();
    let beyond = [&HELLO[..6], &[0xf2, 0x00, 0x91, 0x00, 0x00]].concat();
    let table: [(&str, Vec<u8>); 16] = [
        ("the third kind of block", vec![0x06]),
        ("the third kind after a block", [&HELLO[..], &[0x00, 0x00, 0xff, 0xff, 0x07]].concat()),
        ("a stored block of another length", vec![0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]),
        ("cut after one byte", fixed(1)),
        ("cut inside a block", fixed(3)),
        ("cut before its last byte", fixed(6)),
        ("cut inside a stored block", vec![0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65]),
        ("cut inside the header of a stored block", vec![0x00, 0x05]),
        ("cut before the header of the last block", vec![0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
        ("the tail was not taken away", [&HELLO[..], &[0x00, 0x00, 0xff, 0xff]].concat()),
        ("one byte too many", [&HELLO[..], &[0x00]].concat()),
        ("ends with a final block", vec![0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        ("farther back than anything", beyond),
        ("a reference before the first byte", [&[0x02, 0x82, 0x00, 0x00][..]].concat()),
        ("nothing but ones", vec![0xff; 300]),
        ("random", random.to_vec()),
    ];
    for (name, payload) in &table {
        fails(name, Kind::Binary, payload, Deflate);
    }
    // The inflaters that connections share are as new after each.
    let mut shared = Shared::default();
    for (name, payload) in &table {
        for (payload, expected) in [(&payload[..], Seen::Failed(Deflate)), (&HELLO, text("Hello"))] {
            let mut end = end(Role::Server, false, agreed(15, false));
            end.shared = shared;
            end.take(&compressed(Role::Server, Kind::Text, payload));
            assert_eq!(end.seen, [expected], "after {name}");
            shared = end.shared;
        }
    }
}

/// What an earlier message had is there with takeover only.
///
/// Checked by: without the reset in Codecs::give_inflater this fails.
#[test]
fn references_into_earlier_messages_need_takeover() {
    let stream = [compressed(Role::Client, Kind::Text, &HELLO), compressed(Role::Client, Kind::Text, &AGAIN)].concat();
    for streaming in [false, true] {
        let mut with = end(Role::Client, streaming, agreed(15, true));
        with.take(&stream);
        assert_eq!(assembled(with.seen), [text("Hello"), text("Hello")]);
        let mut without = end(Role::Client, streaming, agreed(15, false));
        without.take(&stream);
        assert_eq!(assembled(without.seen), [text("Hello"), Seen::Failed(Deflate)]);
    }
}

/// §7.2.2 with RFC 6455 §8.1: text is looked at when it is inflated.
///
/// Checked by: without the test of UTF-8 in `inflate` or without check_text in `inflate_piece` of deflated.rs, or with `false` for its
/// `last`, this fails.
#[test]
fn text_is_checked_when_it_is_inflated() {
    let long = [&json(70_000)[..], b"\xed\xa0\x80", b"end"].concat();
    for bad in [&b"\xff"[..], b"ab\xc0\x80", b"\xf0\x9d\x84", b"good \xce", b"\xed\xa0\x80", &long] {
        fails("not UTF-8", Kind::Text, &squeezed(bad), Utf8);
        for mut end in ends(Role::Server) {
            end.take(&compressed(Role::Server, Kind::Binary, &squeezed(bad)));
            assert!(assembled(end.seen) == [binary(bad)], "as binary it is good");
        }
    }
}

/// Every bit of a message, turned: either broken, or a message that is another one; never a message and more.
///
/// Checked by: as broken_data().
#[test]
fn every_bit_turned() {
    let message = json(200);
    let payload = squeezed(&message);
    let (mut broken, mut others) = (0, 0);
    for bit in 0..payload.len() * 8 {
        let mut turned = payload.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        let expected = match inflater::inflate(&turned, b"") {
            Some((other, _)) => binary(&other),
            None => Seen::Failed(Deflate),
        };
        match expected {
            Seen::Failed(_) => broken += 1,
            _ => others += 1,
        }
        for mut end in ends(Role::Client) {
            end.take(&compressed(Role::Client, Kind::Binary, &turned));
            assert_eq!(assembled(end.seen), std::slice::from_ref(&expected), "bit {bit}");
        }
    }
    assert!(broken > 100 && others > 100, "{broken} broken, {others} others");
}

/// §7.2.3.6 has 0x00 for a message without a byte. Nothing at all can mean nothing else, and no state is lost by it.
///
/// Checked by: without the case of no bytes in `end` of inflating.rs this fails.
#[test]
fn an_empty_payload_is_an_empty_message() {
    for role in ROLES {
        let hello = compressed(role, Kind::Text, &HELLO);
        for empty in [compressed(role, Kind::Text, b""), fragments(role, Kind::Text, &[b"", b"", b""]).concat()] {
            let stream = [&hello[..], &empty, &empty, &compressed(role, Kind::Text, &AGAIN)].concat();
            for streaming in [false, true] {
                let mut end = end(role, streaming, agreed(15, true));
                stream.chunks(3).for_each(|piece| end.take(piece));
                assert_eq!(assembled(end.seen), [text("Hello"), text(""), text(""), text("Hello")]);
            }
        }
    }
}
