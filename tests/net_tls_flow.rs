//! Bytes through TLS however they come and go: in small records and single bytes, into a connection that is paused, out of one
//! whose peer does not read, and after the peer's end.
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

use frames::{BINARY, TEXT, masked, plain};
use loopback::{Loop, Seen, answer_to, end};
use std::net::TcpListener;
use tls_peer::Peer;
use wsrs::net::event::State;
use wsrs::net::{By, ConnectOptions, Limits, ListenOptions};
use wsrs::proto::message::Kind;

/// The least that rustls makes.
const SMALLEST_RECORD: Option<usize> = Some(32);

/// Also where a client may speak TLS or not.
#[test]
fn a_client_sends_small_records_byte_by_byte() {
    for tls_or_plain in [false, true] {
        let mut l = Loop::new(Limits::default());
        let options = ListenOptions { tls: certificates::server("server"), tls_or_plain, ..ListenOptions::default() };
        let mut peer = Peer::client(l.listen(options).1, SMALLEST_RECORD);
        peer.step = 1;
        peer.upgrade(&mut l);
        let id = l.opened(0);
        peer.write(&masked(TEXT, &[b'x'; 300]));
        l.until("the message", |l| {
            peer.pump();
            l.messages(id) == [[b'x'; 300]]
        });
    }
}

#[test]
fn a_server_sends_small_records_byte_by_byte() {
    let mut l = Loop::new(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    let options = ConnectOptions { tls: certificates::client(), ..ConnectOptions::default() };
    let id = l.context.connect(&url, options).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut tcp = None;
    l.until("TCP", |_| {
        tcp = tcp.take().or_else(|| listener.accept().ok());
        tcp.is_some()
    });
    let mut peer = Peer::server(tcp.unwrap().0, SMALLEST_RECORD);
    peer.step = 1;
    l.until("the request", |_| peer.pump().ends_with(b"\r\n\r\n"));
    let answer = answer_to(&peer.got);
    peer.write(&[answer.as_bytes(), &plain(TEXT, &[b'x'; 300])].concat());
    l.until("the message", |l| {
        peer.pump();
        l.messages(id) == [[b'x'; 300]]
    });
}

/// What came in the same receive waits, and so does what is in the socket.
#[test]
fn a_pause_keeps_every_message() {
    const MESSAGES: usize = 300;
    let mut l = Loop::new(Limits::default());
    let (mut peer, id) = Peer::open(&mut l, ListenOptions::default());
    let payload = |n: usize| vec![n as u8; 1000 + n];
    (0..MESSAGES).for_each(|n| peer.write(&masked(BINARY, &payload(n))));
    let mut pauses = 0;
    l.until_with(
        "every message",
        &mut |context, seen| {
            if let Seen::Message(..) = seen {
                context.pause(id, true).unwrap();
                pauses += 1;
            }
        },
        &mut |l| {
            peer.pump();
            l.context.pause(id, false).unwrap();
            l.messages(id).len() == MESSAGES
        },
    );
    assert_eq!(pauses, MESSAGES);
    assert!(l.messages(id).iter().enumerate().all(|(n, message)| *message == payload(n)));
}

/// With its header, and what was queued before it.
#[test]
fn a_large_message_arrives_in_whole() {
    let mut l = Loop::new(Limits::default());
    let (mut peer, id) = Peer::open(&mut l, ListenOptions::default());
    let mut expected = Vec::new();
    for size in [200_000, 256 << 10, (256 << 10) + 1, 700_000] {
        for payload in [vec![1; 5], vec![size as u8; size]] {
            l.context.send(id, Kind::Binary, &payload).unwrap();
            expected.extend_from_slice(&plain(BINARY, &payload));
        }
        l.until("it", |_| peer.pump().len() >= expected.len());
        assert!(peer.got == expected);
    }
}

/// The queue is full, and new keys are to be answered: records leave in the order of their numbers all the same.
#[test]
fn new_keys_wait_behind_what_the_socket_does_not_take() {
    let mut l = Loop::new(Limits::default());
    let (mut peer, id) = Peer::open(&mut l, ListenOptions::default());
    let payload = vec![7; 100_000];
    let (mut expected, mut rounds) = (Vec::new(), 0);
    while rounds < 3 {
        match l.context.send(id, Kind::Binary, &payload) {
            Ok(()) => expected.extend_from_slice(&plain(BINARY, &payload)),
            Err(_) => {
                rounds += 1;
                peer.tls.refresh_traffic_keys().unwrap();
                peer.write(&masked(TEXT, b"?"));
                peer.send();
                l.until("a message", |l| l.messages(id).len() == rounds);
                // Some of what is queued leaves now, and some does not.
                let before = peer.got.len();
                l.until("a part", |_| peer.pump().len() >= before + 1_000_000);
            }
        }
    }
    l.until("all of it", |_| peer.pump().len() >= expected.len());
    assert!(peer.got == expected);
}

/// RFC 8446 §6.1: "Each party MUST send a close_notify alert before closing its write side of the connection [...]. This does
/// not have any effect on its read side of the connection."
#[test]
fn what_is_queued_leaves_after_the_peers_end() {
    let mut l = Loop::new(Limits::default());
    let (mut peer, id) = Peer::open(&mut l, ListenOptions::default());
    let payload = vec![7; 100_000];
    let mut expected = Vec::new();
    while l.context.send(id, Kind::Binary, &payload).is_ok() {
        expected.extend_from_slice(&plain(BINARY, &payload));
    }
    peer.tls.send_close_notify();
    peer.send();
    peer.tcp.shutdown(std::net::Shutdown::Write).unwrap();
    l.until("the end to be met", |l| l.context.state(id) == State::Closing);
    l.until("the end", |_| {
        peer.pump();
        peer.ended
    });
    assert!(peer.got == expected);
    assert_eq!(l.closed(id), end(1006, "", false, By::Network));
}
