//! Records that a TLS peer may send beside its data: handshake messages that come in pieces, and broken ones.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "rustls")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;
#[path = "common/tls_peer.rs"]
mod tls_peer;

use frames::{TEXT, frame, masked};
use loopback::{Loop, Seen, end};
use rustls::crypto::cipher::{MessageEncrypter, OutboundPlainMessage};
use rustls::{ContentType, ProtocolVersion};
use std::io::{Read, Write};
use std::net::TcpStream;
use tls_peer::Peer;
use wsrs::net::{By, ConnId, Limits, ListenOptions};
use wsrs::proto::message::Kind;

/// What is around content that is protected (RFC 8446 §5.2): header, type, tag.
const AROUND: usize = 5 + 1 + 16;
/// A KeyUpdate (§4.6.3) that wants one in return.
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 1];

/// A server may have something to say while a handshake message of its client has come in part only.
#[test]
fn data_is_sent_while_a_handshake_message_is_not_whole() {
    let mut l = Loop::new(Limits::default());
    let (tcp, mut records, id) = open(&mut l);
    let data = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    let part = records.next(ContentType::Handshake, &KEY_UPDATE[..1]);
    (&tcp).write_all(&[data, part].concat()).unwrap();
    l.until("the message", |l| l.messages(id) == [b"?"]);
    l.context.send(id, Kind::Text, b"!").unwrap();
    let sealed = frame(TEXT, b"!", None).len() + AROUND;
    expect(&mut l, &tcp, sealed);
    (&tcp).write_all(&records.next(ContentType::Handshake, &KEY_UPDATE[1..])).unwrap();
    l.turn(loopback::PATIENCE);
    l.context.send(id, Kind::Text, b"!").unwrap();
    expect(&mut l, &tcp, KEY_UPDATE.len() + AROUND + sealed);
    assert_eq!(l.count(|seen| matches!(seen, Seen::Closed(..))), 0);
}

#[test]
fn a_connection_ends_while_a_handshake_message_is_not_whole() {
    let mut l = Loop::new(Limits::default());
    let (tcp, mut records, id) = open(&mut l);
    let data = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    (&tcp).write_all(&[data, records.next(ContentType::Handshake, &KEY_UPDATE[..4])].concat()).unwrap();
    l.until("the message", |l| l.messages(id) == [b"?"]);
    l.context.abort(id).unwrap();
    const CLOSE_NOTIFY: [u8; 2] = [1, 0];
    expect(&mut l, &tcp, CLOSE_NOTIFY.len() + AROUND);
    assert_eq!((&tcp).read(&mut [0]).unwrap(), 0);
}

/// RFC 8446 §5.1: "if a handshake message is split over two or more records, there MUST NOT be any other records between
/// them". An answer to what came before was on its way.
#[test]
fn a_handshake_message_that_is_cut_by_data_ends_the_connection() {
    let mut l = Loop::new(Limits::default());
    let (tcp, mut records, id) = open(&mut l);
    let data = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    let part = records.next(ContentType::Handshake, &KEY_UPDATE[..1]);
    let more = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    (&tcp).write_all(&[data, part, more].concat()).unwrap();
    l.until_with(
        "an answer",
        &mut |context, seen| {
            if let Seen::Message(..) = seen {
                context.send(id, Kind::Text, b"!").unwrap();
            }
        },
        &mut |l| l.messages(id) == [b"?"],
    );
    drop(tcp);
    assert_eq!(l.closed(id), end(1006, "", false, By::Network));
}

/// RFC 8446 §6.2: "Upon transmission or receipt of a fatal alert message, both parties MUST immediately close the
/// connection." One is enough, and nothing behind it is looked at.
#[test]
fn a_broken_record_is_answered_with_one_alert() {
    let mut l = Loop::new(Limits::default());
    let (tcp, _, id) = open(&mut l);
    (&tcp).write_all(&[23, 3, 3, 0xff, 0xff]).unwrap();
    const DECODE_ERROR: [u8; 2] = [2, 50];
    expect(&mut l, &tcp, DECODE_ERROR.len() + AROUND);
    drop(tcp);
    assert_eq!(l.closed(id), end(1006, "", false, By::Network));
}

/// So many bytes come, and no more.
fn expect(l: &mut Loop, mut tcp: &TcpStream, count: usize) {
    let (mut got, mut filled) = (vec![0; count + 1], 0);
    l.until("what was sent", |_| {
        filled += tcp.read(&mut got[filled..]).unwrap_or(0);
        filled >= count
    });
    assert_eq!(filled, count);
}

/// Records made by hand, with the keys of a client.
struct Records {
    encrypter: Box<dyn MessageEncrypter>,
    number: u64,
}

/// The TCP of a client that is open, and its records.
fn open(l: &mut Loop) -> (TcpStream, Records, ConnId) {
    let (peer, id) = Peer::open(l, ListenOptions::default());
    let (tcp, encrypter, number) = peer.into_parts();
    let mut records = Records { encrypter, number: 0 };
    // aws-lc wants to see the numbers from the first on.
    (0..number).for_each(|_| drop(records.next(ContentType::ApplicationData, b"")));
    (tcp, records, id)
}

impl Records {
    fn next(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let plain = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload: payload.into() };
        self.number += 1;
        self.encrypter.encrypt(plain, self.number - 1).unwrap().encode()
    }
}
