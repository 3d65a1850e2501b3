//! The limit for compressors and inflaters that connections keep (`Limits::max_deflate_contexts`): beyond it messages are
//! compressed by themselves, windows of peers are kept squeezed, and every message still arrives.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;

use deflated::{Sender, agreed, end, json};
use drive::{Seen, text};
use wsrs::proto::buffer::Buffer;
use wsrs::proto::connection::{Connection, Role};
use wsrs::proto::deflate::Settings;
use wsrs::proto::deflate::codecs::Codecs;
use wsrs::proto::message::Kind;

fn connection() -> Connection {
    let mut connection = Connection::new(Role::Server, false);
    connection.deflate_with(agreed(15, true));
    connection
}

/// Bytes of the payload.
fn sent(connection: &mut Connection, codecs: &mut Codecs, message: &[u8], last: bool) -> usize {
    let mut out = Buffer::default();
    let first = connection.begin_fragment(Kind::Text, last).unwrap();
    connection.compress(first, &[message], Some(&Settings::default()), codecs, &mut out).expect("compressed");
    out.len()
}

/// Checked by: when `takes_over` of proto/connection/deflated.rs does not ask `is_full`, the third refers to its first
/// message; when `release` keeps the compressor, it never does.
#[test]
fn beyond_the_limit_messages_stand_by_themselves() {
    let (mut codecs, message) = (Codecs::new(2), json(400));
    let mut all = [connection(), connection(), connection()];
    let alone = sent(&mut all[0], &mut codecs, &message, true);
    for (index, refers) in [true, true, false].into_iter().enumerate() {
        sent(&mut all[index], &mut codecs, &message, true);
        let again = sent(&mut all[index], &mut codecs, &message, true);
        assert_eq!(again < alone / 4, refers, "{index}: {again} and {alone}");
    }
    all[0].release_contexts(&mut codecs);
    sent(&mut all[2], &mut codecs, &message, true);
    assert!(sent(&mut all[2], &mut codecs, &message, true) < alone / 4);
}

/// Checked by: when `compress_on` does not ask `is_beyond`, the compressor of the message in fragments is kept.
#[test]
fn a_message_in_fragments_has_its_compressor_for_as_long_as_it_lasts() {
    let (mut codecs, message) = (Codecs::new(0), json(400));
    let mut connection = connection();
    let alone = sent(&mut connection, &mut codecs, &message, true);
    sent(&mut connection, &mut codecs, &message, false);
    assert!(sent(&mut connection, &mut codecs, &message, true) < alone / 4);
    assert_eq!(sent(&mut connection, &mut codecs, &message, true), alone);
}

/// Checked by: when `squeeze` of proto/deflate/contexts.rs drops the window, the second message is broken.
#[test]
fn beyond_the_limit_windows_are_squeezed_and_messages_arrive() {
    for length in [100, 3_000, 50_000] {
        let mut sender = Sender::new(Role::Client, agreed(15, true), Settings::default());
        let mut end = end(Role::Server, false, agreed(15, true));
        end.shared.codecs = Codecs::new(0);
        let message = json(length);
        for _ in 0..3 {
            end.take(&sender.message(Kind::Text, &message));
        }
        let expected: Vec<Seen> = vec![text(std::str::from_utf8(&message).unwrap()); 3];
        assert!(end.seen == expected, "{length}");
    }
}
