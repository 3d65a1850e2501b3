//! The state machine: valid input means the same however it is cut, in both roles, whole and streamed, through the
//! window and straight into place; and what may be sent when.
#![allow(clippy::unwrap_used)]

#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;

use drive::{Seen, binary, drive, joined, text};
use frames::{BINARY, CLOSE, KEY, PING, PONG, TEXT, close_body, frame, pattern};
use wsrs::proto::connection::{Connection, NotNow, Role};
use wsrs::proto::frame::{self, Written, opcode};
use wsrs::proto::message::Kind;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// Frames (first byte, payload), and what they lead to in whole-message and in streaming mode.
struct Vector {
    name: &'static str,
    frames: Vec<(u8, Vec<u8>)>,
    whole: Vec<Seen>,
    streamed: Vec<Seen>,
}

fn vector(name: &'static str, frames: &[(u8, &[u8])], whole: Vec<Seen>) -> Vector {
    let frames = frames.iter().map(|(first, payload)| (*first, payload.to_vec())).collect();
    Vector { name, frames, streamed: whole.clone(), whole }
}

fn streamed(vector: Vector, streamed: Vec<Seen>) -> Vector {
    Vector { streamed, ..vector }
}

fn piece(data: &str, first: bool, last: bool) -> Seen {
    Seen::Message(Kind::Text, data.into(), first, last)
}

impl Vector {
    /// As the peer of `role` writes it: clients mask.
    fn bytes(&self, role: Role) -> Vec<u8> {
        let key = (role == Role::Server).then_some(KEY);
        self.frames.iter().flat_map(|(first, payload)| frame(*first, payload, key)).collect()
    }

    fn expected(&self, streaming: bool) -> &[Seen] {
        if streaming { &self.streamed } else { &self.whole }
    }
}

fn short_vectors() -> Vec<Vector> {
    let (ping, pong) = (|data: &str| Seen::Ping(data.into()), |data: &str| Seen::Pong(data.into()));
    let close = |code, reason: &str| Seen::Close(code, reason.into());
    let long = [b'x'; 125];
    vec![
        vector("empty text", &[(TEXT, b"")], vec![text("")]),
        vector("empty binary", &[(BINARY, b"")], vec![binary(b"")]),
        vector("text", &[(TEXT, "κόσμε 𝄞".as_bytes())], vec![text("κόσμε 𝄞")]),
        vector("three in a row", &[(TEXT, b"a"), (BINARY, b"\0\xff"), (TEXT, b"")], {
            vec![text("a"), binary(b"\0\xff"), text("")]
        }),
        vector("two fragments", &[(0x01, b"Hel"), (0x80, b"lo")], vec![text("Hello")]),
        vector("binary fragments", &[(0x02, b"\xff"), (0x00, b"\xfe"), (0x80, b"\xfd")], vec![binary(b"\xff\xfe\xfd")]),
        vector("empty fragments", &[(0x01, b""), (0x00, b""), (0x80, b"")], vec![text("")]),
        vector("empty first and last", &[(0x01, b""), (0x00, b"mid"), (0x80, b"")], vec![text("mid")]),
        vector("a character over three fragments", &[(0x01, b"\xf0"), (0x00, b"\x9d\x84"), (0x80, b"\x9e!")], {
            vec![text("𝄞!")]
        }),
        streamed(
            vector(
                "control frames in between",
                &[(PING, b"0"), (0x01, b"a"), (PING, b"1"), (0x00, b"b"), (PONG, b"2"), (PING, b""), (0x80, b"c")],
                vec![ping("0"), ping("1"), pong("2"), ping(""), text("abc")],
            ),
            {
                let (a, b, c) = (piece("a", true, false), piece("b", false, false), piece("c", false, true));
                vec![ping("0"), a, ping("1"), b, pong("2"), ping(""), c]
            },
        ),
        streamed(
            vector("Close inside a message", &[(0x01, b"a"), (CLOSE, b"\x03\xe8bye")], vec![close(1000, "bye")]),
            vec![piece("a", true, false), close(1000, "bye")],
        ),
        vector("longest control frames", &[(PING, &long), (PONG, &long)], {
            vec![Seen::Ping(long.into()), Seen::Pong(long.into())]
        }),
        vector("Close without body", &[(CLOSE, b"")], vec![close(1005, "")]),
        vector("Close with a code", &[(CLOSE, b"\x0f\xa0")], vec![close(4000, "")]),
        vector("longest Close", &[(CLOSE, &close_body(1001, &[b'r'; 123]))], vec![close(1001, &"r".repeat(123))]),
        vector("message, then Close", &[(TEXT, b"a"), (CLOSE, b"\x03\xe8")], vec![text("a"), close(1000, "")]),
    ]
}

fn long_vectors() -> Vec<Vector> {
    let mut all: Vec<Vector> = [124, 125, 126, 127, 4095, 4096, 4111, 65535, 65536, 65537, 200_000]
        .iter()
        .map(|&length| {
            let data = pattern(length);
            vector("length class", &[(BINARY, &data), (TEXT, b"after")], vec![binary(&data), text("after")])
        })
        .collect();
    let long = "κόσμε".repeat(7_000);
    let (a, b) = long.as_bytes().split_at(40_001);
    all.push(streamed(
        vector("large text fragments", &[(0x01, a), (PING, b"p"), (0x80, b)], {
            vec![Seen::Ping(b"p".into()), text(&long)]
        }),
        vec![
            Seen::Message(Kind::Text, a.into(), true, false),
            Seen::Ping(b"p".into()),
            Seen::Message(Kind::Text, b.into(), false, true),
        ],
    ));
    all
}

fn check<'b>(vector: &Vector, role: Role, how: &str, pieces: impl IntoIterator<Item = &'b [u8]> + Clone) {
    for (streaming, direct) in [(false, false), (false, true), (true, false), (true, true)] {
        let (seen, received_directly) = drive(role, streaming, direct, pieces.clone());
        let name = vector.name;
        assert_eq!(
            joined(seen),
            vector.expected(streaming),
            "{name}, {how}, {role:?}, streaming {streaming}, direct {direct}"
        );
        assert!(received_directly == 0 || (direct && !streaming), "{name}: streams have no place of their own");
    }
}

/// Positions to cut at: all of a short input; near the ends and the sizes that matter, and samples, of a long one.
fn positions(length: usize) -> Vec<usize> {
    let near = |at: usize| [0, 4096, 8192, 65536, length].iter().any(|point| at.abs_diff(*point) < 20);
    (0..=length).filter(|&at| length < 2_000 || near(at) || at % 4_999 == 0).collect()
}

#[test]
fn every_vector_cut_at_every_position_gives_the_same_steps() {
    for role in ROLES {
        for vector in short_vectors().iter().chain(&long_vectors()) {
            let bytes = vector.bytes(role);
            for at in positions(bytes.len()) {
                check(vector, role, &format!("cut at {at}"), [&bytes[..at], &bytes[at..]]);
            }
        }
    }
}

#[test]
fn every_short_vector_cut_in_three_and_byte_by_byte_gives_the_same_steps() {
    for role in ROLES {
        for vector in short_vectors() {
            let bytes = vector.bytes(role);
            check(&vector, role, "byte by byte", bytes.chunks(1));
            let step = 1 + bytes.len() / 40;
            for first in (0..=bytes.len()).step_by(step) {
                for second in (first..=bytes.len()).step_by(step) {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    check(&vector, role, &format!("cut at {first} and {second}"), pieces);
                }
            }
        }
    }
}

/// Reads of one size, so that a large message is received into its place with all kinds of remainders.
#[test]
fn long_vectors_in_equal_reads_give_the_same_steps_and_go_straight_to_their_place() {
    for role in ROLES {
        for vector in long_vectors() {
            let bytes = vector.bytes(role);
            for size in [1, 13, 1000, 4096, 65536] {
                if size > 1 || bytes.len() < 5_000 {
                    check(&vector, role, &format!("reads of {size}"), bytes.chunks(size));
                }
            }
        }
        let large = &long_vectors()[10];
        let bytes = large.bytes(role);
        let (seen, received_directly) = drive(role, false, true, bytes.chunks(4096));
        assert_eq!(seen, large.whole);
        assert!(received_directly > 180_000, "only {received_directly} bytes went straight to their place");
    }
}

/// RFC 6455 §5.7, byte for byte.
#[test]
fn the_examples_of_the_rfc() {
    let hello = || vec![text("Hello")];
    let table: [(&str, Role, &[u8], Vec<Seen>); 7] = [
        ("unmasked text", Role::Client, &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], hello()),
        ("masked text", Role::Server, &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], hello()),
        ("fragmented", Role::Client, &[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f], hello()),
        ("ping", Role::Client, &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], vec![Seen::Ping(b"Hello".into())]),
        (
            "masked pong",
            Role::Server,
            &[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            vec![Seen::Pong(b"Hello".into())],
        ),
        ("256 bytes", Role::Client, &[&[0x82, 0x7e, 0x01, 0x00], &[7; 256][..]].concat(), vec![binary(&[7; 256])]),
        (
            "64 KiB",
            Role::Client,
            &[&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0], &vec![9; 65536][..]].concat(),
            vec![binary(&vec![9; 65536])],
        ),
    ];
    for (name, role, bytes, expected) in table {
        assert_eq!(drive(role, false, false, [bytes]).0, expected, "{name}");
        assert_eq!(joined(drive(role, true, false, [bytes]).0), expected, "{name}, streaming");
    }
}

#[test]
fn frames_are_written_with_the_shortest_header_and_as_the_rfc_shows() {
    let table: [(usize, &[u8]); 8] = [
        (0, &[0x82, 0]),
        (1, &[0x82, 1]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (127, &[0x82, 126, 0, 127]),
        (65535, &[0x82, 126, 0xff, 0xff]),
        (65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (1 << 33, &[0x82, 127, 0, 0, 0, 2, 0, 0, 0, 0]),
    ];
    for (length, header) in table {
        assert_eq!(Written::new(0x82, length, None).as_bytes(), header, "{length}");
        let mut masked = header.to_vec();
        masked[1] |= 0x80;
        masked.extend_from_slice(&KEY);
        assert_eq!(Written::new(0x82, length, Some(KEY)).as_bytes(), masked, "{length}, masked");
    }
    let mut out = b"before".to_vec();
    frame::write_gathered(&mut out, TEXT, &[b"Hel", b"", b"lo"], Some(KEY));
    assert_eq!(out, b"before\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    for length in [0, 125, 126, 65535, 65536] {
        for key in [None, Some(KEY)] {
            let mut out = Vec::new();
            frame::write_gathered(&mut out, BINARY, &[&pattern(length)], key);
            assert_eq!(out, frames::frame(BINARY, &pattern(length), key), "{length}");
        }
    }
}

#[test]
fn what_may_be_sent_follows_from_what_was_sent() {
    for role in ROLES {
        let mut end = Connection::new(role, false);
        assert_eq!((end.role(), end.close_sent(), end.close_received()), (role, false, false));
        assert_eq!(end.begin_message(Kind::Text), Ok(0x81));
        assert_eq!(end.begin_message(Kind::Binary), Ok(0x82));
        assert_eq!(end.begin_fragment(Kind::Text, true), Ok(0x81), "a message in one fragment");
        assert_eq!(end.begin_fragment(Kind::Text, false), Ok(0x01));
        assert_eq!(end.begin_message(Kind::Text), Err(NotNow::Fragmented));
        assert_eq!(end.begin_fragment(Kind::Binary, false), Err(NotNow::Fragmented), "of another kind");
        assert_eq!(end.begin_control(opcode::PING), Ok(0x89), "between fragments");
        assert_eq!(end.begin_fragment(Kind::Text, false), Ok(0x00));
        assert_eq!(end.begin_fragment(Kind::Text, true), Ok(0x80));
        assert_eq!(end.begin_fragment(Kind::Binary, false), Ok(0x02));
        assert_eq!(end.begin_close(), Ok(0x88), "inside a message");
        assert!(end.close_sent() && !end.close_received());
        assert_eq!(end.begin_close(), Err(NotNow::Closing), "once only");
        assert_eq!(end.begin_message(Kind::Text), Err(NotNow::Closing));
        assert_eq!(end.begin_fragment(Kind::Binary, true), Err(NotNow::Closing));
        assert_eq!(end.begin_control(opcode::PONG), Err(NotNow::Closing));
    }
}
