//! What a peer may not send: each leads to its error and close code, at the first byte that shows it, in both roles
//! and both modes (hazards H1, H7, H17).
#![allow(clippy::unwrap_used)]

#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;

use drive::{End, Seen, drive, text};
use frames::{BINARY, CLOSE, KEY, PING, PONG, TEXT, close_body, frame, header, masked, plain};
use wsrs::proto::close;
use wsrs::proto::connection::Role;
use wsrs::proto::error::ProtocolError::{self, *};
use wsrs::proto::message::MessageLimits;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// The key of the peer of `role`.
fn key(role: Role) -> Option<[u8; 4]> {
    (role == Role::Server).then_some(KEY)
}

/// `bytes` fail with `error` in both modes, whole, byte by byte, and exactly at byte `at` (its number from 1).
fn fails_at(name: &str, role: Role, bytes: &[u8], at: usize, error: ProtocolError) {
    for streaming in [false, true] {
        for direct in [false, true] {
            let name = format!("{name}, {role:?}, streaming {streaming}, direct {direct}");
            assert_eq!(drive(role, streaming, direct, [bytes]).0.last(), Some(&Seen::Failed(error)), "{name}");
            let mut short_way = End::new(role, streaming);
            (short_way.direct, short_way.fast) = (direct, !streaming);
            short_way.take(bytes);
            assert_eq!(short_way.seen.last(), Some(&Seen::Failed(error)), "{name}, the short way first");
            let (before, _) = drive(role, streaming, direct, bytes[..at - 1].chunks(1));
            assert!(!before.iter().any(|seen| matches!(seen, Seen::Failed(_))), "{name}: too early");
            let (seen, _) = drive(role, streaming, direct, bytes[..at].chunks(1));
            assert_eq!(seen.last(), Some(&Seen::Failed(error)), "{name}: not at byte {at}");
        }
    }
}

#[test]
fn the_first_byte() {
    for role in ROLES {
        for first in 0..=0xffu8 {
            let bytes = frame(first, b"", key(role));
            let expected = match (first & 0x70, first & 0x0f) {
                (0x10.., _) => Some(ReservedBits),
                (_, 0x3..=0x7 | 0xb..) => Some(Opcode),
                (_, 0x8..) if first & 0x80 == 0 => Some(FragmentedControl),
                _ => None,
            };
            match expected {
                Some(error) => fails_at(&format!("first byte {first:#04x}"), role, &bytes, 1, error),
                // A continuation of nothing: its header has to be complete.
                None if first & 0x0f == 0 => fails_at("stray", role, &bytes, bytes.len(), StrayContinuation),
                None => {
                    let (seen, _) = drive(role, false, false, [&bytes[..]]);
                    assert!(!matches!(seen.first(), Some(Seen::Failed(_))), "{first:#04x}: {seen:?}");
                }
            }
        }
    }
}

/// H7: unmasked to a server, masked to a client, whatever the frame; known with the second byte.
///
/// Checked by: without the comparison with MASK in check_second() of frame.rs, or with that of one role only, this fails.
#[test]
fn h07_missing_and_unexpected_masks() {
    for first in [TEXT, BINARY, 0x01, CLOSE, PING, PONG] {
        for payload in [&b""[..], b"Hello", &[b'x'; 300]] {
            if first < 0x88 || payload.len() < 126 {
                fails_at("unmasked", Role::Server, &plain(first, payload), 2, Unmasked);
                fails_at("masked", Role::Client, &masked(first, payload), 2, Masked);
            }
        }
    }
    let zero = frame(TEXT, b"Hello", Some([0; 4]));
    assert_eq!(drive(Role::Server, false, false, [&zero[..]]).0, [text("Hello")], "a mask of zeros is a mask");
    fails_at("mask of zeros", Role::Client, &zero, 2, Masked);
}

/// H7: fragments in the wrong order; known with the header's last byte.
///
/// Checked by: without StrayContinuation or without Interleaved in Incoming::begin of message.rs this fails.
#[test]
fn h07_fragments_out_of_order() {
    let sequences: [(&str, &[u8], ProtocolError); 7] = [
        ("continuation first", &[0x80], StrayContinuation),
        ("continuation that goes on", &[0x00], StrayContinuation),
        ("continuation after a whole message", &[TEXT, 0x80], StrayContinuation),
        ("continuation after the last", &[0x01, 0x80, 0x80], StrayContinuation),
        ("text inside", &[0x01, TEXT], Interleaved),
        ("begin of binary inside", &[0x01, 0x00, 0x02], Interleaved),
        ("binary after a ping inside", &[0x02, PING, BINARY], Interleaved),
    ];
    for role in ROLES {
        for (name, firsts, error) in sequences {
            let bytes: Vec<u8> = firsts.iter().flat_map(|&first| frame(first, b"ab", key(role))).collect();
            fails_at(name, role, &bytes, bytes.len() - 2, error);
        }
    }
}

/// §5.5: known with the second byte.
#[test]
fn long_control_frames() {
    for role in ROLES {
        for first in [CLOSE, PING, PONG] {
            for length in [126u64, 127, 65_535, 65_536] {
                fails_at("long control", role, &header(first, length, key(role)), 2, LongControl);
            }
        }
    }
}

/// H1: lengths that are not in their shortest form or have the highest bit; known with the length's last byte, or with
/// the mask's where there is one.
///
/// Checked by: without the test of the most significant bit or one of the least lengths, in Header::parse or parse_plain of
/// frame.rs, this fails.
#[test]
fn h01_wrong_lengths() {
    let mut table: Vec<(u8, u64)> = [0, 1, 124, 125].map(|length| (126, length)).to_vec();
    table.extend([0, 125, 126, 127, 255, 256, 65_534, 65_535].map(|length| (127, length)));
    table.extend([1 << 63, (1 << 63) + 1, u64::MAX - 127, i64::MIN as u64].map(|length| (127, length)));
    table.extend((0..=16).map(|less| (127, u64::MAX - less)));
    for role in ROLES {
        for &(form, length) in &table {
            let mask = if role == Role::Server { 0x80 } else { 0 };
            let mut bytes = vec![BINARY, form | mask];
            match form {
                126 => bytes.extend_from_slice(&(length as u16).to_be_bytes()),
                _ => bytes.extend_from_slice(&length.to_be_bytes()),
            }
            let at = bytes.len();
            bytes.extend_from_slice(key(role).as_ref().map_or(&[][..], |key| &key[..]));
            fails_at(&format!("{form} with {length}"), role, &bytes, at, Length);
        }
    }
}

fn end(role: Role, max_message: u64, max_frame: u64) -> End {
    let mut end = End::new(role, false);
    end.limits = MessageLimits { max_message, max_frame, max_fragments: u32::MAX, max_ratio: u64::MAX };
    end
}

/// H1: the largest lengths that are well-formed: 1009 with the header's last byte, or accepted without trouble where
/// there is no limit.
///
/// Checked by: without the limits in MessageLimits::check of message.rs this fails.
#[test]
fn h01_the_largest_lengths() {
    let large = [1 << 31, (1 << 31) - 1, (1 << 31) + 1, 1 << 32, (1 << 32) - 1, (1 << 32) + 1];
    for length in large.into_iter().chain((0..=16).map(|less| (1 << 63) - 1 - less)) {
        for role in ROLES {
            let bytes = header(BINARY, length, key(role));
            let mut limited = end(role, 1 << 20, 1 << 20);
            limited.take(&bytes[..bytes.len() - 1]);
            assert_eq!(limited.seen, []);
            limited.take(&bytes[bytes.len() - 1..]);
            assert_eq!(limited.seen, [Seen::Failed(TooBig)], "{length}");
            for direct in [false, true] {
                let mut unlimited = end(role, u64::MAX, u64::MAX);
                unlimited.direct = direct;
                unlimited.take(&bytes);
                (0..3).for_each(|_| unlimited.take(&[0; 9_000]));
                assert_eq!(unlimited.seen, [], "{length}");
            }
        }
    }
}

/// H1: the sum of fragments must not wrap, whatever the limit; and limits are exact.
///
/// Checked by: without `before` in the sum of MessageLimits::check of message.rs this fails.
#[test]
fn h01_later_fragments_do_not_wrap_the_total() {
    for (before, length, most, fits) in [
        (1u64, (1 << 63) - 1, u64::MAX, true),
        (1, (1 << 63) - 1, (1 << 63) - 1, false),
        (16, (1 << 63) - 16, (1 << 63) - 1, false),
        (16, (1 << 63) - 17, (1 << 63) - 1, true),
        (1000, 24, 1024, true),
        (1000, 25, 1024, false),
        (1024, 0, 1024, true),
        (0, 1025, 1024, false),
    ] {
        for role in ROLES {
            let mut end = end(role, most, u64::MAX);
            end.take(&frame(0x02, &vec![0; before as usize], key(role)));
            end.take(&header(0x00, length, key(role)));
            let expected: &[Seen] = if fits { &[] } else { &[Seen::Failed(TooBig)] };
            assert_eq!(end.seen, expected, "{before} + {length} of {most}");
        }
    }
}

#[test]
fn limits_are_exact_for_whole_cut_and_streamed_messages() {
    for role in ROLES {
        for streaming in [false, true] {
            for cut in [false, true] {
                for (length, max_message, max_frame, fits) in
                    [(100, 100, 100, true), (101, 100, 200, false), (101, 200, 100, false), (0, 0, 0, true)]
                {
                    let mut end = End::new(role, streaming);
                    end.limits = MessageLimits { max_message, max_frame, max_fragments: 1, max_ratio: u64::MAX };
                    let bytes = frame(BINARY, &vec![1; length], key(role));
                    bytes.chunks(if cut { 7 } else { 1000 }).for_each(|piece| end.take(piece));
                    assert_eq!(end.seen.contains(&Seen::Failed(TooBig)), !fits, "{length}, {role:?}, {streaming}");
                }
            }
        }
    }
}

/// H13: whatever comes, each step takes at least a byte of it: no input makes it go round without end.
///
/// Checked by: when a cut header takes no bytes (`Ok((0, None))` in Incoming::header of message.rs) this fails.
#[test]
fn h13_garbage_takes_no_more_steps_than_it_has_bytes() {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..20_000 {
        let role = ROLES[round % 2];
        let mut bytes: Vec<u8> = (0..next() % 64).map(|_| next() as u8).collect();
        // Garbage fails soon: most of it begins as a frame that is right.
        if round % 4 > 0 {
            let first = [0x01, 0x02, TEXT, BINARY, PING, PONG][next() as usize % 6];
            bytes.splice(..0, header(first, next() % if first < 0x88 { 200 } else { 126 }, key(role)));
        }
        let mut end = End::new(role, round % 3 == 0);
        (end.direct, end.fast) = (round % 5 == 0, round % 7 == 0);
        bytes.chunks(1 + next() as usize % 9).for_each(|piece| end.take(piece));
        assert!(end.steps <= bytes.len(), "{} steps for {bytes:?}", end.steps);
    }
}

/// H17: every code, as the body of a Close and as what may be sent.
///
/// Checked by: with 1000..=4999 in is_sendable() of close.rs, or without its use in parse() there, this fails.
#[test]
fn h17_every_close_code_against_the_table() {
    let allowed = |code: u16| matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999);
    for code in 0..=u16::MAX {
        assert_eq!(close::is_sendable(code), allowed(code), "{code}");
    }
    for role in ROLES {
        for code in (0..=5000).chain([5001, 9999, 32767, 32768, u16::MAX]) {
            let expected = if allowed(code) { Seen::Close(code, "x".into()) } else { Seen::Failed(CloseCode) };
            let bytes = frame(CLOSE, &close_body(code, b"x"), key(role));
            assert_eq!(drive(role, false, false, [&bytes[..]]).0, [expected], "{code}");
        }
    }
}

/// H17: wrong bodies; known when the frame is complete.
///
/// Checked by: when parse() of close.rs takes a body of one byte, or any bytes for a reason, this fails.
#[test]
fn h17_wrong_close_bodies() {
    let broken: [&[u8]; 5] = [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"];
    for role in ROLES {
        let bytes = frame(CLOSE, &[3], key(role));
        fails_at("one byte", role, &bytes, bytes.len(), CloseBody);
        for reason in broken {
            let bytes = frame(CLOSE, &close_body(1000, reason), key(role));
            fails_at("broken reason", role, &bytes, bytes.len(), CloseReason);
        }
    }
    assert_eq!((close::NO_STATUS, close::ABNORMAL, close::MAX_REASON), (1005, 1006, 123));
}

/// The map from error to close code, all of it.
#[test]
fn every_error_has_its_close_code_and_a_reason_that_fits() {
    let table = [
        (ReservedBits, 1002),
        (Opcode, 1002),
        (FragmentedControl, 1002),
        (LongControl, 1002),
        (Length, 1002),
        (Unmasked, 1002),
        (Masked, 1002),
        (StrayContinuation, 1002),
        (Interleaved, 1002),
        (CloseBody, 1002),
        (CloseCode, 1002),
        (Utf8, 1007),
        (CloseReason, 1007),
        (TooManyFragments, 1008),
        (TooBig, 1009),
    ];
    for (error, code) in table {
        assert_eq!(error.close_code(), code, "{error:?}");
        assert!(close::is_sendable(code) && error.text().len() <= close::MAX_REASON && !error.text().is_empty());
    }
    let texts: std::collections::HashSet<_> = table.iter().map(|(error, _)| error.text()).collect();
    assert_eq!(texts.len(), table.len(), "each says what it is");
}
