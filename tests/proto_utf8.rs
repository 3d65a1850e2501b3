//! UTF-8 in pieces agrees with the standard library at every byte and every cut, text fails at the first byte that
//! can't be right, and masking in pieces is masking.
#![allow(clippy::unwrap_used)]

#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;

use drive::{End, Seen};
use frames::{KEY, TEXT, frame, header, pattern};
use wsrs::proto::connection::Role;
use wsrs::proto::error::ProtocolError;
use wsrs::proto::mask;
use wsrs::proto::utf8::{Invalid, Utf8};

/// Both ends of every range that RFC 3629 §4 tells apart, and a byte between.
const CLASSES: [u8; 30] = [
    0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xdf, 0xe0, 0xe1,
    0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
];

/// What the standard library says of bytes after which more may come: wrong for ever, complete, or neither.
fn verdict(bytes: &[u8]) -> Result<bool, Invalid> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(true),
        Err(error) if error.error_len().is_some() => Err(Invalid),
        Err(_) => Ok(false),
    }
}

fn ours<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Result<bool, Invalid> {
    let mut utf8 = Utf8::default();
    for piece in pieces {
        utf8.push(piece)?;
    }
    Ok(utf8.is_complete())
}

/// All ways to cut `bytes`: a bit for each inner position.
fn check_every_split(bytes: &[u8]) {
    let expected = verdict(bytes);
    for cuts in 0..1u32 << (bytes.len() - 1) {
        let mut pieces = Vec::new();
        let mut from = 0;
        for at in 1..=bytes.len() {
            if at == bytes.len() || cuts >> (at - 1) & 1 != 0 {
                pieces.push(&bytes[from..at]);
                from = at;
            }
        }
        assert_eq!(ours(pieces.iter().copied()), expected, "{pieces:02x?}");
        pieces.insert(cuts as usize % (pieces.len() + 1), b"");
        assert_eq!(ours(pieces.iter().copied()), expected, "{pieces:02x?} with an empty piece");
    }
}

/// Every sequence of up to four classes whose beginning is not wrong already: so each sequence that fails does so at
/// its last byte, and never earlier.
fn extend(bytes: &mut Vec<u8>, checked: &mut usize) {
    for class in CLASSES {
        bytes.push(class);
        check_every_split(bytes);
        *checked += 1;
        if bytes.len() < 4 && verdict(bytes).is_ok() {
            extend(bytes, checked);
        }
        bytes.pop();
    }
}

#[test]
fn all_classes_of_sequences_in_all_pieces_agree_with_std() {
    let mut checked = 0;
    extend(&mut Vec::new(), &mut checked);
    assert!(checked > 20_000, "{checked}");
}

/// All scalar values at the borders of vectors: 61 to 66 bytes before, cut everywhere in the character.
#[test]
fn characters_at_the_borders_of_vectors() {
    for character in ['a', 'é', '€', '𝄞', '\u{7ff}', '\u{800}', '\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10ffff}']
    {
        for before in [0, 15, 16, 31, 32, 61, 62, 63, 64, 65, 127, 128] {
            let text = format!("{}{character}{}", "x".repeat(before), "y".repeat(70));
            for at in before..=before + 4 {
                assert_eq!(ours([&text.as_bytes()[..at], &text.as_bytes()[at..]]), Ok(true), "{character:?} {at}");
            }
            let mut broken = text.clone().into_bytes();
            broken[before] = 0xff;
            assert_eq!(ours([&broken[..before], &broken[before..]]), Err(Invalid));
            assert_eq!(ours([&broken[..=before]]), Err(Invalid));
        }
    }
}

/// Texts that turn wrong at their last byte, which comes in a frame that is not complete.
const WRONG: [&[u8]; 8] = [
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0",
    b"a\xc0",
    b"a\x80",
    b"\xe0\x9f",
    b"\xf0\x8f",
    b"\xf5",
    b"\xe2\x82\x41",
];

fn end(role: Role, streaming: bool, direct: bool) -> End {
    let mut end = End::new(role, streaming);
    end.direct = direct;
    end
}

/// Autobahn 6.4: "fail fast", inside one frame and over fragments, in both roles and modes.
#[test]
fn text_fails_at_the_first_wrong_byte_of_a_frame_that_is_not_complete() {
    let failed = Seen::Failed(ProtocolError::Utf8);
    for role in [Role::Client, Role::Server] {
        let key = (role == Role::Server).then_some(KEY);
        for wrong in WRONG {
            let good = &wrong[..wrong.len() - 1];
            for (streaming, direct) in [(false, false), (false, true), (true, false)] {
                // One frame that promises more, its bytes one by one and in one piece.
                let payload = frame(TEXT, wrong, key).split_off(if key.is_some() { 6 } else { 2 });
                for size in [1, 100] {
                    for promised in [wrong.len() as u64 + 4, 5_000, 100_000] {
                        let mut end = end(role, streaming, direct);
                        end.take(&header(TEXT, promised, key));
                        payload[..good.len()].chunks(size).for_each(|piece| end.take(piece));
                        assert!(!end.seen.contains(&failed), "{good:02x?}");
                        end.take(&payload[good.len()..]);
                        assert_eq!(end.seen.last(), Some(&failed), "{wrong:02x?} of {promised}");
                    }
                }
                // The last byte in a fragment of its own, which promises more too.
                let mut end = end(role, streaming, direct);
                end.take(&frame(0x01, good, key));
                end.take(&header(0x80, 4, key));
                assert!(!end.seen.contains(&failed));
                end.take(&[wrong[good.len()] ^ key.map_or(0, |key| key[0])]);
                assert_eq!(end.seen.last(), Some(&failed), "{wrong:02x?} in fragments");
            }
        }
    }
}

/// A text that ends inside a character fails with its last byte; the same in binary is fine.
#[test]
fn text_that_ends_inside_a_character() {
    for (payload, last_frame) in [(&b"\xf0\x9d\x84"[..], true), (b"\xf0\x9d\x84", false), (b"\xce", true)] {
        for streaming in [false, true] {
            let bytes = match last_frame {
                true => frame(TEXT, payload, Some(KEY)),
                false => [frame(0x01, payload, Some(KEY)), frame(0x80, b"", Some(KEY))].concat(),
            };
            for size in [1, 3, 100] {
                let mut end = end(Role::Server, streaming, false);
                bytes.chunks(size).for_each(|piece| end.take(piece));
                assert_eq!(end.seen.last(), Some(&Seen::Failed(ProtocolError::Utf8)), "{payload:02x?}");
            }
            let mut binary = bytes.clone();
            binary[0] += 1;
            let (seen, _) = drive::drive(Role::Server, streaming, false, [&binary[..]]);
            assert!(matches!(seen.last(), Some(Seen::Message(_, _, _, true))), "{seen:?}");
        }
    }
}

/// §5.3, and the key turned for what follows, at every cut.
#[test]
fn masking_in_pieces_is_masking() {
    for length in (0..70).chain([255, 256, 257, 1031]) {
        let source = pattern(length);
        let plain: Vec<u8> = source.iter().enumerate().map(|(i, byte)| byte ^ KEY[i % 4]).collect();
        for at in (0..=length).step_by(1 + length / 70) {
            let mut bytes = source.clone();
            let (a, b) = bytes.split_at_mut(at);
            let key = mask::apply(a, KEY);
            let after = mask::apply(b, key);
            assert_eq!(bytes, plain, "{length} cut at {at}");
            assert_eq!(after, std::array::from_fn(|i| KEY[(i + length) % 4]), "{length} cut at {at}");
        }
    }
}
