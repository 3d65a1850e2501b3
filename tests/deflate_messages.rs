//! Compressed messages (RFC 7692 §7.2): what goes into one end comes out of the other, for every setting, cut everywhere,
//! whole, in fragments and streamed; the examples of the RFC; and how far back our compressor reaches.
#![allow(clippy::unwrap_used)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/inflater.rs"]
mod inflater;

use deflated::{Sender, agreed, compressed, end, fragments, json, key, random, squeezed};
use drive::{Seen, assembled, binary, text};
use frames::{PING, PONG, TEXT, frame, split};
use inflater::inflate;
use wsrs::proto::connection::Role;
use wsrs::proto::deflate::{Agreed, Settings, Side};
use wsrs::proto::message::Kind;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// What `stream` leads to in the end, in reads of `size`.
fn received(role: Role, agreed: Agreed, streaming: bool, direct: bool, size: usize, stream: &[u8]) -> Vec<Seen> {
    let mut end = end(role, streaming, agreed);
    (end.direct, end.fast) = (direct, direct);
    stream.chunks(size).for_each(|piece| end.take(piece));
    assembled(end.seen)
}

fn seen(messages: &[(Kind, Vec<u8>)]) -> Vec<Seen> {
    messages.iter().map(|(kind, data)| Seen::Message(*kind, data.clone(), true, true)).collect()
}

/// Messages that gain from those before them.
fn messages() -> Vec<(Kind, Vec<u8>)> {
    vec![
        (Kind::Text, vec![]),
        (Kind::Binary, b"\xff".to_vec()),
        (Kind::Text, json(125)),
        (Kind::Text, json(126)),
        (Kind::Binary, random(3_000, 7)),
        (Kind::Text, json(16 << 10)),
        (Kind::Binary, random(3_000, 7)),
        (Kind::Binary, vec![0; 20_000]),
        (Kind::Text, "κ".repeat(301).into_bytes()),
        (Kind::Binary, vec![]),
        (Kind::Text, json(4_000)),
    ]
}

/// Every message twice: in one frame, and in five.
fn stream(sender: &mut Sender, messages: &[(Kind, Vec<u8>)]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (kind, data) in messages {
        stream.extend_from_slice(&sender.message(*kind, data));
        let size = (data.len() / 4).max(1);
        let mut pieces: Vec<&[u8]> = data.chunks(size).collect();
        pieces.insert(pieces.len() / 2, b"");
        stream.extend(sender.fragments(*kind, &pieces).concat());
    }
    stream
}

/// An independent inflater reads every message too, with what went before as its history, and sees how far it reaches
/// back.
fn farthest(stream: &[u8], takeover: bool, messages: &[(Kind, Vec<u8>)]) -> usize {
    let (frames, length) = split(stream);
    assert_eq!(length, stream.len());
    let (mut history, mut payload, mut is_compressed, mut farthest) = (Vec::new(), Vec::new(), false, 0);
    let mut expected = messages.iter();
    for frame in frames {
        is_compressed = if frame.first & 0x0f == 0 { is_compressed } else { frame.first & 0x40 != 0 };
        payload.extend_from_slice(&frame.payload);
        if frame.first & 0x80 == 0 {
            continue;
        }
        let payload = std::mem::take(&mut payload);
        let (_, data) = expected.next().unwrap();
        if !is_compressed {
            assert_eq!(&payload, data);
            continue;
        }
        let (inflated, far) = inflate(&payload, if takeover { &history } else { &[] }).unwrap();
        assert!(&inflated == data, "{} bytes are {} others", data.len(), inflated.len());
        farthest = farthest.max(far);
        history.extend_from_slice(data);
    }
    assert_eq!(expected.next(), None);
    farthest
}

/// Checked by: with `window_bits` of Strength::new always 15, or with the own side's takeover in peer_takes_over of
/// deflated.rs, this fails.
#[test]
fn every_setting_gives_what_went_in() {
    let messages = messages();
    let twice: Vec<_> = messages.iter().flat_map(|message| [message.clone(), message.clone()]).collect();
    let expected = seen(&twice);
    for (number, bits) in (8..=15).enumerate() {
        for (level, memory_level) in [(1, 8), (6, 1), (9, 9)] {
            for takeover in [false, true] {
                let role = ROLES[(number + usize::from(level)) % 2];
                // The other side's are others: they must not matter.
                let (ours, theirs) = (Side::new(bits, takeover), Side::new(23 - bits, !takeover));
                let agreed = match role {
                    Role::Client => Agreed { client: ours, server: theirs },
                    Role::Server => Agreed { client: theirs, server: ours },
                };
                let settings = Settings { level, memory_level, min_size: 60, ..Settings::default() };
                let stream = stream(&mut Sender::new(role, agreed, settings), &messages);
                let name = format!("{role:?}, {bits} bits, level {level}, takeover {takeover}");
                assert!(farthest(&stream, takeover, &twice) <= 1 << bits, "{name}");
                for (streaming, direct, size) in [(false, false, 4096), (false, true, 70_000), (true, false, 977)] {
                    let seen = received(role.other(), agreed, streaming, direct, size, &stream);
                    assert!(seen == expected, "{name}, streaming {streaming}");
                }
            }
        }
    }
}

/// Checked by: without take_back in inflate_piece of deflated.rs this fails.
#[test]
fn messages_of_a_mebibyte() {
    let large = |kind, data: Vec<u8>| vec![(kind, data.clone()), (Kind::Text, json(125)), (kind, data)];
    for (bits, takeover, messages) in [
        (15, true, large(Kind::Text, json(1 << 20))),
        (9, false, large(Kind::Binary, random(1 << 20, 1))),
        (15, true, large(Kind::Binary, vec![0; 1 << 20])),
    ] {
        let twice: Vec<_> = messages.iter().flat_map(|message| [message.clone(), message.clone()]).collect();
        let agreed = agreed(bits, takeover);
        let stream = stream(&mut Sender::new(Role::Client, agreed, Settings::default()), &messages);
        for (streaming, direct) in [(false, false), (false, true), (true, true)] {
            let seen = received(Role::Server, agreed, streaming, direct, 50_000, &stream);
            assert!(seen == self::seen(&twice), "{bits} bits, streaming {streaming}, direct {direct}");
        }
    }
}

/// Compressed and plain messages, whole and in fragments with control frames between them, as the peer of `role` sends
/// them, and what a program sees in the end.
fn mixed(role: Role, takeover: bool) -> (Vec<u8>, Vec<Seen>) {
    let mut sender = Sender::new(role.other(), agreed(15, takeover), Settings { min_size: 1, ..Settings::default() });
    let (greeting, noise) = ("Hello κόσμε ".repeat(8), random(60, 3));
    let mut stream = Vec::new();
    let mut put = |bytes: &[u8]| stream.extend_from_slice(bytes);
    put(&sender.message(Kind::Text, greeting.as_bytes()));
    put(&sender.frame(TEXT, greeting.as_bytes()));
    let [a, b, c] = &sender.fragments(Kind::Text, &[b"Hello \xce", b"", b"\xba"])[..] else { panic!() };
    put(a);
    put(&sender.frame(PING, b"between"));
    put(b);
    put(&sender.frame(PONG, b""));
    put(c);
    put(&sender.message(Kind::Binary, &noise));
    put(&[sender.frame(0x02, b"plain "), sender.frame(0x00, b"and "), sender.frame(0x80, b"whole")].concat());
    put(&sender.message(Kind::Text, b""));
    put(&sender.fragments(Kind::Binary, &[b"", &noise, b""]).concat());
    put(&sender.message(Kind::Text, greeting.as_bytes()));
    let seen = vec![
        text(&greeting),
        text(&greeting),
        Seen::Ping(b"between".into()),
        Seen::Pong(vec![]),
        text("Hello κ"),
        binary(&noise),
        binary(b"plain and whole"),
        text(""),
        binary(&noise),
        text(&greeting),
    ];
    (stream, seen)
}

/// Checked by: with `false` in peer_takes_over of deflated.rs, or with the text of a compressed frame checked in
/// Incoming::piece of message.rs, this fails.
#[test]
fn a_stream_cut_anywhere_means_the_same() {
    for role in ROLES {
        for takeover in [false, true] {
            let (stream, expected) = mixed(role, takeover);
            let agreed = agreed(15, takeover);
            let ways = [(false, false), (false, true), (true, false)];
            for (streaming, direct) in ways {
                for at in 0..stream.len() {
                    let mut end = end(role, streaming, agreed);
                    (end.direct, end.fast) = (direct, direct);
                    end.take(&stream[..at]);
                    end.take(&stream[at..]);
                    assert_eq!(assembled(end.seen), expected, "{role:?}, cut at {at}, streaming {streaming}");
                }
                for size in [1, 2, 7, 4096] {
                    let seen = received(role, agreed, streaming, direct, size, &stream);
                    assert_eq!(seen, expected, "{role:?}, reads of {size}, streaming {streaming}");
                }
            }
        }
    }
}

/// A message that is large when compressed goes straight to its place, and only then is inflated.
///
/// Checked by: without the test of `compressed` in piece_in_buffer of message.rs this fails.
#[test]
fn large_ones_are_received_directly() {
    for role in ROLES {
        let noise = random(150_000, 5).into_iter().map(|byte| b'!' + byte % 90);
        let data: Vec<u8> = noise.chain(json(50_000)).collect();
        let payload = squeezed(&data);
        for pieces in [vec![&payload[..]], payload.chunks(30_001).collect()] {
            let mut end = end(role, false, agreed(15, true));
            end.direct = true;
            let stream = [fragments(role, Kind::Text, &pieces).concat(), frame(TEXT, b"after", key(role))].concat();
            stream.chunks(5_000).for_each(|piece| end.take(piece));
            assert!(end.seen == [text(std::str::from_utf8(&data).unwrap()), text("after")]);
            assert!(end.received_directly > 80_000, "{}", end.received_directly);
        }
    }
}

/// RFC 7692 §7.2.3, byte for byte: payloads of messages that come one after the other on a connection with takeover.
const EXAMPLES: [(&str, &[&[u8]], &str); 7] = [
    ("§7.2.3.1, one block", &[&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]], "Hello"),
    ("§7.2.3.1, in two fragments", &[&[0xf2, 0x48, 0xcd], &[0xc9, 0xc9, 0x07, 0x00]], "Hello"),
    ("§7.2.3.2, again", &[&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], &[0xf2, 0x00, 0x11, 0x00, 0x00]], "Hello"),
    ("§7.2.3.3, without compression", &[&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]], "Hello"),
    ("§7.2.3.4, BFINAL", &[&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]], "Hello"),
    (
        "§7.2.3.5, two blocks",
        &[&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]],
        "Hello",
    ),
    ("§7.2.3.6, an empty one", &[&[0x00]], ""),
];

/// Checked by: without go_on in `feed` of inflating.rs it never ends; with `false` in peer_takes_over of deflated.rs, or
/// without the tail in `end`, this fails.
#[test]
fn the_examples_of_the_rfc() {
    for role in ROLES {
        for streaming in [false, true] {
            // All on one connection, twice, so that what follows each can be read.
            let mut all = end(role, streaming, agreed(15, true));
            let mut expected = Vec::new();
            for (name, payloads, message) in EXAMPLES.iter().chain(&EXAMPLES) {
                let frames = match name.contains("fragments") {
                    true => fragments(role, Kind::Text, payloads).concat(),
                    false => payloads.iter().flat_map(|payload| compressed(role, Kind::Text, payload)).collect(),
                };
                let count = if name.contains("again") { 2 } else { 1 };
                expected.extend(vec![text(message); count]);
                all.take(&frames);
                assert_eq!(assembled(all.seen.clone()), expected, "{name}, {role:?}, streaming {streaming}");
                let whole = payloads.concat();
                for at in 0..=whole.len() {
                    let pieces = fragments(role, Kind::Text, &[&whole[..at], &whole[at..]]).concat();
                    let seen = received(role, agreed(15, false), streaming, false, 1, &pieces);
                    assert!(count == 2 || seen == [text(message)], "{name} in fragments of {at}: {seen:?}");
                }
            }
        }
    }
}

/// A final block that is the empty one of the tail, several final blocks, and final blocks of every kind, each followed
/// by a reference into them.
///
/// Checked by: as the one before.
#[test]
fn final_blocks_end_nothing() {
    let stored = [0x01, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let fixed = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    for role in ROLES {
        for streaming in [false, true] {
            for (payload, message) in [
                ([&fixed[..], &[0x01]].concat(), "Hello"),
                ([&stored[..], &[0x00]].concat(), "Hello"),
                ([&stored[..], &fixed, &stored, &[0x01]].concat(), "HelloHelloHello"),
                ([&fixed[..], &fixed, &again].concat(), "HelloHelloHello"),
            ] {
                let bytes = [compressed(role, Kind::Text, &payload), compressed(role, Kind::Text, &again)].concat();
                for size in [1, 3, 4096] {
                    let seen = received(role, agreed(15, true), streaming, false, size, &bytes);
                    assert_eq!(seen, [text(message), text("Hello")], "{payload:x?}");
                }
            }
        }
    }
}

/// RFC 7692 §7.1.2.1: a window of 8 bits is one of 256 bytes, which zlib does not know.
///
/// Checked by: with 10 instead of 9 bits in Strength::new of compressor.rs this fails.
#[test]
fn a_window_of_256_bytes_is_never_left() {
    let line = |n: usize| format!("{:>200}", n % 5).into_bytes();
    for level in 1..=9 {
        for memory_level in [1, 9] {
            let settings = Settings { level, memory_level, ..Settings::default() };
            let mut sender = Sender::new(Role::Server, agreed(8, true), settings);
            let mut messages = vec![(Kind::Text, json(20_000)), (Kind::Text, json(20_000))];
            for period in [245, 249, 250, 251, 255, 256, 257, 258, 259, 300, 511, 512, 513, 762] {
                messages.push((Kind::Binary, random(period, 9).repeat(4_000 / period)));
            }
            messages.extend((0..40).map(|n| (Kind::Text, line(n))));
            let twice: Vec<_> = messages.iter().flat_map(|message| [message.clone(), message.clone()]).collect();
            let far = farthest(&stream(&mut sender, &messages), true, &twice);
            assert!((200..=256).contains(&far), "{far} bytes back at level {level}, memory level {memory_level}");
        }
    }
}
