//! The limit for compressors that connections have for themselves (`Limits::max_compressors`): beyond it messages are
//! compressed by themselves. And what can't be compressed, and is sent as it is.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;

use deflated::{agreed, json, random};
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

/// Checked by: when `compress` of proto/connection/deflated.rs does not compare lengths, the random bytes go compressed;
/// when it does not reset the compressor then, the last message refers to what the peer has not.
#[test]
fn what_becomes_longer_is_sent_as_it_is_and_leaves_no_trace() {
    let (mut codecs, message, noise) = (Codecs::new(1), json(400), random(20_000, 3));
    let mut connection = connection();
    let alone = sent(&mut connection, &mut codecs, &message, true);
    let mut out = Buffer::default();
    let first = connection.begin_message(Kind::Binary).unwrap();
    let settings = Settings::default();
    assert_eq!(connection.compress(first, &[&noise], Some(&settings), &mut codecs, &mut out), None);
    assert_eq!(sent(&mut connection, &mut codecs, &message, true), alone);
    // A few bytes are worth what later messages gain.
    let mut out = Buffer::default();
    assert!(connection.compress(first, &[&noise[..200]], Some(&settings), &mut codecs, &mut out).is_some());
    assert!(sent(&mut connection, &mut codecs, &message, true) < alone / 4);
}
