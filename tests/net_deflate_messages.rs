//! Compressed messages over real sockets: large ones in pieces that a program takes when it wants, and in both directions
//! at once.
#![allow(clippy::unwrap_used)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use deflated::{fragments, json, random, squeezed};
use loopback::{Loop, REQUEST, Raw, Seen};
use wsrs::net::{ConnectOptions, Limits, ListenOptions};
use wsrs::proto::connection::Role;
use wsrs::proto::deflate::Settings;
use wsrs::proto::message::{Kind, MessageLimits};

fn large() -> Limits {
    let message = MessageLimits { max_message: 1 << 24, max_frame: 1 << 24, ..MessageLimits::default() };
    Limits { message, ..Limits::default() }
}

fn offer() -> Vec<u8> {
    [&REQUEST[..REQUEST.len() - 2], b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"].concat()
}

/// A program that streams pauses at every piece, and resumes a turn later: a few bytes received make many pieces, and
/// none is lost or comes twice.
///
/// Checked by: without take_back in inflate_piece of deflated.rs this fails.
#[test]
fn a_streamed_message_is_paused_at_every_piece() {
    let mut l = Loop::new(large());
    let options = ListenOptions { deflate: Some(Settings::default()), streaming: true, ..ListenOptions::default() };
    let (_, address) = l.listen(options);
    let data = [vec![b' '; 3_000_000], json(400_000), vec![b'x'; 1_000_000]].concat();
    let payload = squeezed(&data);
    for pieces in [1, 3] {
        let mut raw = Raw::connect(address);
        raw.write(&offer());
        raw.until(&mut l, "the answer", |raw| raw.head().is_some());
        let chunks: Vec<&[u8]> = payload.chunks(payload.len().div_ceil(pieces)).collect();
        raw.write(&fragments(Role::Server, Kind::Text, &chunks).concat());
        let (mut paused, mut came, mut done) = (Vec::new(), Vec::new(), false);
        let mut count = 0;
        l.seen.clear();
        while !done {
            l.until_with(
                "a piece",
                &mut |context, seen| {
                    if let Seen::Piece(id, ..) = seen {
                        context.pause(*id, true).unwrap();
                        paused.push(*id);
                    }
                },
                &mut |l| !l.seen.is_empty(),
            );
            assert_eq!(paused.len(), 1, "one at a time");
            l.turn(std::time::Duration::ZERO);
            for seen in std::mem::take(&mut l.seen) {
                let Seen::Piece(_, Kind::Text, piece, first, last) = seen else { panic!("{seen:?}") };
                assert_eq!(first, came.is_empty());
                came.extend(piece);
                done = last;
                count += 1;
            }
            paused.drain(..).for_each(|id| l.context.pause(id, false).unwrap());
        }
        assert!(came == data, "{} bytes", came.len());
        assert!(count > 4, "{count} pieces");
    }
}

/// Many messages in both directions before either is read: compressors and inflaters keep to the order.
///
/// Checked by: with a scratch buffer that is not emptied in take_scratch of codecs.rs this fails.
#[test]
fn both_directions_at_once() {
    for takeover in [false, true] {
        let mut l = Loop::new(large());
        let settings = Settings { takeover, peer_takeover: takeover, ..Settings::default() };
        let deflate = Some(settings);
        let (_, address) = l.listen(ListenOptions { deflate: deflate.clone(), ..ListenOptions::default() });
        let options = ConnectOptions { deflate, ..ConnectOptions::default() };
        l.context.connect(&format!("ws://{address}/"), options).unwrap();
        let ends = [l.opened(0), l.opened(1)];
        let messages: Vec<Vec<u8>> =
            (0..40).map(|n| if n % 7 == 3 { random(n * 500, n as u64) } else { json(n * n * 40) }).collect();
        for data in &messages {
            for end in ends {
                l.context.send(end, Kind::Binary, data).unwrap();
                let (a, b) = data.split_at(data.len() / 2);
                l.context.send_gathered(end, Kind::Binary, &[a, b"", b]).unwrap();
                l.context.send_fragment(end, Kind::Binary, a, false).unwrap();
                l.context.send_fragment(end, Kind::Binary, b, true).unwrap();
            }
        }
        for end in ends {
            l.until("all of them", |l| l.messages(end).len() == 3 * messages.len());
            for (number, came) in l.messages(end).iter().enumerate() {
                assert!(came == &messages[number / 3], "message {number}, takeover {takeover}");
            }
        }
    }
}
