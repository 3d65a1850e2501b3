//! What a connection owns that agreed on compression: nothing before the first compressed message, little when it is
//! idle, and what it gave up is not missed. A counting allocator watches.
#![allow(clippy::unwrap_used)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/held.rs"]
mod held;

use deflated::{RSV1, Sender, agreed, compressed, end, json, random, squeezed};
use drive::{End, Seen, assembled};
use frames::{PING, TEXT, frame};
use held::held;
use wsrs::proto::connection::{Connection, Role};
use wsrs::proto::deflate::{Settings, Side};
use wsrs::proto::message::Kind;

/// Two ends that agreed on the same, and the messages that they exchange.
struct Pair {
    client: Sender,
    server: End,
}

impl Pair {
    fn new(streaming: bool, takeover: bool) -> Pair {
        let agreed = agreed(15, takeover);
        let client = Sender::new(Role::Client, agreed, Settings::default());
        Pair { client, server: end(Role::Server, streaming, agreed) }
    }

    /// The bytes that a message took.
    fn send(&mut self, message: &[u8]) -> usize {
        let bytes = self.client.message(Kind::Text, message);
        self.server.take(&bytes);
        let seen = assembled(std::mem::take(&mut self.server.seen));
        assert!(seen == [Seen::Message(Kind::Text, message.to_vec(), true, true)], "{} bytes", message.len());
        bytes.len()
    }

    /// The server gives up what it can do without; how much that was.
    fn release(&mut self) -> isize {
        let before = held();
        self.server.connection.release_contexts(&mut self.server.shared.codecs);
        before - held()
    }
}

/// Windows of every size survive, many times, whether the connection received whole messages or pieces.
///
/// Checked by: with nothing kept in `squeeze`, or only the plain ones, in contexts.rs, or with the plain ones put in as squeezed
/// ones, this fails.
#[test]
fn what_the_peer_refers_to_survives_a_release() {
    for streaming in [false, true] {
        for length in [64, 70, 127, 128, 255, 256, 257, 1_000, 20_000, 32_767, 32_768, 33_000, 100_000] {
            let mut pair = Pair::new(streaming, true);
            let message = json(length);
            pair.send(&message);
            for _ in 0..3 {
                pair.release();
                let again = pair.send(&message);
                assert!(again < length / 4 + 40, "the client knows nothing of it: {again} of {length}");
                pair.release();
                pair.release();
            }
            pair.send(&json(length / 2));
            pair.send(&message);
        }
        // What can't be squeezed.
        let mut pair = Pair::new(streaming, true);
        let noise: String = random(40_000, 3).iter().map(|byte| char::from(b'!' + byte % 90)).collect();
        for _ in 0..3 {
            pair.send(noise.as_bytes());
            pair.release();
        }
    }
}

/// And what goes out after it begins anew: the peer needs nothing that it does not have.
///
/// Checked by: with the compressor kept in `release` of contexts.rs this fails.
#[test]
fn what_is_sent_after_a_release_begins_anew() {
    let mut pair = Pair::new(false, true);
    let message = json(2_000);
    let (first, second) = (pair.send(&message), pair.send(&message));
    assert!(second < first / 4);
    pair.client.connection.release_contexts(&mut pair.client.codecs);
    assert_eq!(pair.send(&message), first);
    assert!(pair.send(&message) < first / 4);
}

/// Checked by: with the inflater kept in `squeeze` of contexts.rs this fails.
#[test]
fn a_release_gives_the_memory_back() {
    for (length, most_left) in [(100, 500), (2_000, 1_500), (30_000, 8_000)] {
        let mut pair = Pair::new(false, true);
        // What the loop has does not count.
        pair.send(&json(length));
        pair.release();
        for connection in [&mut pair.client.connection, &mut pair.server.connection] {
            *connection = Connection::new(connection.role(), false);
            connection.deflate_with(agreed(15, true));
        }
        let before = held();
        pair.send(&json(length));
        let after = held();
        pair.release();
        assert!(after - before > 200_000, "{} bytes for both", after - before);
        let server = size_of_contexts(&mut pair);
        assert!(server < most_left, "{server} bytes kept for a window of {length}");
    }
}

/// What the server's connection owns.
fn size_of_contexts(pair: &mut Pair) -> isize {
    let before = held();
    pair.server.connection = Connection::new(Role::Server, false);
    before - held()
}

/// Checked by: without the test of `sending` and of `incoming` in release_contexts of deflated.rs this fails.
#[test]
fn a_release_in_the_middle_of_a_message_does_nothing() {
    for takeover in [false, true] {
        for streaming in [false, true] {
            let mut pair = Pair::new(streaming, takeover);
            let message = json(3_000);
            pair.send(&message);
            for cut in [1_000, 2_999] {
                let begun = pair.client.fragment(Kind::Text, &message[..cut], false);
                pair.server.take(&begun);
                assert_eq!(pair.release(), 0);
                let before = held();
                pair.client.connection.release_contexts(&mut pair.client.codecs);
                assert_eq!(held(), before);
                let ended = pair.client.fragment(Kind::Text, &message[cut..], true);
                assert!(ended.len() < 1_000, "{}", ended.len());
                // In the middle of a frame too.
                pair.server.take(&ended[..ended.len() - 1]);
                assert_eq!(pair.release(), 0);
                pair.server.take(&ended[ended.len() - 1..]);
                let seen = assembled(std::mem::take(&mut pair.server.seen));
                assert!(seen == [Seen::Message(Kind::Text, message.clone(), true, true)]);
            }
            pair.send(&message);
        }
    }
}

/// A message that was compressed for all enters the peer's window: our own compressor forgets its own.
///
/// Checked by: without the reset in forget_sent of deflated.rs this fails.
#[test]
fn messages_prepared_elsewhere_between_own_ones() {
    let mut pair = Pair::new(false, true);
    let own: Vec<u8> = (0..10_000u32).flat_map(|n| format!("{},", n.wrapping_mul(n)).into_bytes()).collect();
    let prepared = json(300);
    for number in 0..6 {
        pair.send(&own[number * 6_000..][..6_000]);
        pair.send(&own[..3_000]);
        pair.client.connection.forget_sent();
        let first = 0x80 | RSV1 | Kind::Binary.opcode();
        let bytes = pair.client.frame(first, &squeezed(&prepared));
        pair.server.take(&bytes);
        let seen = std::mem::take(&mut pair.server.seen);
        assert_eq!(seen, [drive::binary(&prepared)]);
        if number % 2 == 0 {
            pair.release();
        }
        // One that is not compressed changes nothing.
        pair.server.take(&pair.client.frame(TEXT, &own[..3_000]));
        pair.server.seen.clear();
    }
}

/// Without takeover a connection owns nothing between messages; with it nothing before the first compressed one.
///
/// Checked by: with contexts made in deflate_with of connection.rs, or without drop_contexts in inflate_piece or in compress_on of
/// deflated.rs, this fails.
#[test]
fn a_connection_without_takeover_owns_nothing() {
    assert!(size_of::<Connection>() <= 32, "{}", size_of::<Connection>());
    assert_eq!(size_of::<Option<Side>>(), 1);
    for role in [Role::Client, Role::Server] {
        for streaming in [false, true] {
            for takeover in [false, true] {
                let before = held();
                let mut connection = Connection::new(role, streaming);
                connection.deflate_with(agreed(15, takeover));
                assert_eq!(held(), before);
                let mut end = End::new(role, streaming);
                end.connection = connection;
                end.seen.reserve(100);
                let message = json(500);
                let control = frame(PING, b"x", deflated::key(role));
                let plain = frame(TEXT, b"plain", deflated::key(role));
                let squeezed = compressed(role, Kind::Text, &squeezed(&message));
                let begun = held();
                end.take(&control);
                end.take(&plain);
                end.seen.clear();
                assert_eq!(held(), begun, "{role:?}, streaming {streaming}, takeover {takeover}");
                end.take(&squeezed);
                end.seen.clear();
                // Once for the loop: its inflater and its buffers.
                let (loops, one) = (std::mem::take(&mut end.shared), held());
                let owned = one - before_connection(&mut end, role);
                assert_eq!(owned > 0, takeover, "{owned} bytes, {role:?}, streaming {streaming}");
                drop(loops);
            }
        }
    }
}

/// What is held without the connection.
fn before_connection(end: &mut End, role: Role) -> isize {
    end.connection = Connection::new(role, false);
    held()
}

/// The same for what is sent: whole messages and fragments.
///
/// Checked by: as the one before.
#[test]
fn a_sender_without_takeover_owns_nothing() {
    let mut sender = Sender::new(Role::Server, agreed(15, false), Settings::default());
    let message = json(500);
    for _ in 0..3 {
        sender.message(Kind::Text, &message);
        sender.fragments(Kind::Text, &[&message, b"", &message]);
    }
    let before = held();
    sender.connection = Connection::new(Role::Server, false);
    assert_eq!(held(), before);
}
