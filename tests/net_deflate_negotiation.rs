//! The negotiation of permessage-deflate over real sockets, both roles: answers to the byte, what connections agree on,
//! redirects, and connections that are made again.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;
#[path = "deflate/odd.rs"]
mod odd;

use loopback::{ANSWER, Loop, REQUEST, Raw, Seen, answer_to};
use std::net::TcpListener;
use std::time::Duration;
use wsrs::net::{ConnId, ConnectOptions, Error, Limits, ListenOptions, Reconnect, Stage};
use wsrs::proto::deflate::{Agreed, Settings, Side};
use wsrs::proto::handshake::client::AnswerError;

fn agreed(server: (u8, bool), client: (u8, bool)) -> Agreed {
    Agreed { server: Side::new(server.0, server.1), client: Side::new(client.0, client.1) }
}

/// `head` with a line of `value`, unless that is empty.
fn with(head: &str, value: &str) -> String {
    let line = if value.is_empty() { String::new() } else { format!("Sec-WebSocket-Extensions: {value}\r\n") };
    format!("{}{line}\r\n", head.strip_suffix("\r\n").unwrap())
}

fn deflate(l: &Loop, id: ConnId) -> Option<Agreed> {
    match l.context.deflate(id) {
        Ok(agreed) => Some(agreed),
        Err(Error::NotFound) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Sends a request with this offer: the answer's head, and what the connection has then.
fn ask(l: &mut Loop, address: std::net::SocketAddr, offer: &str) -> (String, Option<Agreed>) {
    let before = l.count(|seen| matches!(seen, Seen::Open(_)));
    let mut raw = Raw::connect(address);
    raw.write(with(std::str::from_utf8(REQUEST).unwrap(), offer).as_bytes());
    raw.until(l, "an answer", |raw| raw.head().is_some());
    let id = l.opened(before);
    let seen = (raw.skip_head(), deflate(l, id));
    l.context.abort(id).unwrap();
    l.closed(id);
    seen
}

/// A listener of the test, which knows nothing of the library.
struct Server(TcpListener);

impl Server {
    fn new() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Server(listener)
    }

    fn url(&self) -> String {
        format!("ws://{}/", self.0.local_addr().unwrap())
    }

    /// The next connection, and what it offers.
    fn asked(&self, l: &mut Loop) -> (Raw, String, Option<String>) {
        let mut accepted = None;
        l.until("a connection", |_| {
            accepted = self.0.accept().ok();
            accepted.is_some()
        });
        let mut raw = Raw::new(accepted.unwrap().0);
        raw.until(l, "a request", |raw| raw.head().is_some());
        let request = raw.skip_head();
        let offer = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).map(String::from);
        (raw, request, offer)
    }

    /// Answers the next request with this extension.
    fn answers(&self, l: &mut Loop, answer: &str) -> Raw {
        let (mut raw, request, offer) = self.asked(l);
        assert_eq!(offer.as_deref(), Some("permessage-deflate; client_max_window_bits"));
        raw.write(with(&answer_to(request.as_bytes()), answer).as_bytes());
        raw
    }
}

fn compressing() -> ConnectOptions {
    ConnectOptions { deflate: Some(Settings::default()), ..ConnectOptions::default() }
}

/// Servers and clients of the loop with each other: with settings on both sides, on one, on none.
#[test]
fn both_ends_know_what_they_agreed_on() {
    let mut l = Loop::new(Limits::default());
    let small = Settings { window_bits: 10, takeover: false, peer_window_bits: 9, ..Settings::default() };
    let plain = Some(Settings::default());
    for (ours, theirs, expected) in [
        (plain.clone(), plain.clone(), Some(agreed((15, true), (15, true)))),
        (Some(small.clone()), plain.clone(), Some(agreed((10, false), (9, true)))),
        (plain.clone(), Some(small), Some(agreed((9, true), (10, false)))),
        (None, plain.clone(), None),
        (plain, None, None),
        (None, None, None),
    ] {
        let (listener, address) = l.listen(ListenOptions { deflate: ours, ..ListenOptions::default() });
        let options = ConnectOptions { deflate: theirs, ..ConnectOptions::default() };
        let client = l.context.connect(&format!("ws://{address}/"), options).unwrap();
        let mut seen = Vec::new();
        let mut look = |context: &mut wsrs::net::Context, event: &Seen| {
            if let Seen::Open(id) = event {
                seen.push(context.deflate(*id).ok());
            }
        };
        l.until_with("both Opens", &mut look, &mut |l| l.count(|seen| matches!(seen, Seen::Open(_))) == 2);
        assert_eq!(seen, [expected, expected], "while Open is handled");
        l.context.close_listener(listener).unwrap();
        l.context.abort(client).unwrap();
        l.closed(client);
        l.seen.clear();
    }
}

/// H5: each odd offer, and those of several kilobytes, to a server: connected without compression, to the byte; with an offer
/// behind it that is none, connected with what that says.
///
/// Checked by: as its neighbour in deflate_negotiation.rs.
#[test]
fn h05_a_server_declines_odd_offers_over_a_socket() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions { deflate: Some(Settings::default()), ..ListenOptions::default() });
    let odd = odd::ODD.iter().map(|(parameters, _)| format!("permessage-deflate; {parameters}"));
    for offer in odd.chain(odd::large()) {
        assert_eq!(ask(&mut l, address, &offer), (ANSWER.to_owned(), None), "{offer}");
        let next = format!("{offer}, permessage-deflate; client_max_window_bits=12; server_no_context_takeover");
        let answer = "permessage-deflate; server_no_context_takeover; client_max_window_bits=12";
        assert_eq!(
            ask(&mut l, address, &next),
            (with(ANSWER, answer), Some(agreed((15, false), (12, true)))),
            "{next}"
        );
    }
    let mut bare = Loop::new(Limits::default());
    let (_, address) = bare.listen(ListenOptions::default());
    assert_eq!(ask(&mut bare, address, "permessage-deflate"), (ANSWER.to_owned(), None));
}

/// H5: each odd answer, and those of several kilobytes, to a client: it fails, with the reason in words.
///
/// Checked by: as its neighbour in deflate_negotiation.rs.
#[test]
fn h05_a_client_fails_with_odd_answers_over_a_socket() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    for &(parameters, fault) in odd::ODD {
        let id = l.context.connect(&server.url(), compressing()).unwrap();
        let _raw = server.answers(&mut l, &format!("permessage-deflate; {parameters}"));
        let failed = l.failed(id);
        assert_eq!((failed.stage, failed.status), (Stage::Handshake, 0), "{parameters}");
        assert_eq!(failed.text, AnswerError::Extension(fault).to_string(), "{parameters}");
        assert!(failed.text.contains("permessage-deflate"), "{}", failed.text);
    }
    for answer in odd::large() {
        let id = l.context.connect(&server.url(), compressing()).unwrap();
        let _raw = server.answers(&mut l, &answer);
        assert_eq!(l.failed(id).stage, Stage::Handshake);
    }
}

/// A connection made again offers again, and has what it agreed on last, not before.
#[test]
fn each_attempt_negotiates_anew() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    let short = Duration::from_millis(10);
    let reconnect = Reconnect { min_delay: short, max_delay: short, ..Reconnect::default() };
    let id = l.context.connect(&server.url(), ConnectOptions { reconnect: Some(reconnect), ..compressing() }).unwrap();
    for (nth, answer, expected) in [
        (0, "permessage-deflate; server_max_window_bits=9", Some(agreed((9, true), (15, true)))),
        (1, "", None),
        (2, "permessage-deflate; client_no_context_takeover", Some(agreed((15, true), (15, false)))),
    ] {
        let raw = server.answers(&mut l, answer);
        assert_eq!(l.opened(nth), id);
        assert_eq!(deflate(&l, id), expected, "{answer}");
        drop(raw);
        l.until("a retry", |l| l.count(|seen| matches!(seen, Seen::Retry(..))) > nth);
        assert!(matches!(l.context.deflate(id), Err(Error::NotOpen)), "between two attempts");
    }
}

/// Where a redirect leads, the same is offered.
#[test]
fn a_redirect_is_followed_with_the_same_offer() {
    let mut l = Loop::new(Limits::default());
    let (first, second) = (Server::new(), Server::new());
    let id = l.context.connect(&first.url(), ConnectOptions { max_redirects: 1, ..compressing() }).unwrap();
    let (mut raw, _, offer) = first.asked(&mut l);
    assert_eq!(offer.as_deref(), Some("permessage-deflate; client_max_window_bits"));
    let redirect = "HTTP/1.1 307 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\nContent-Length: 0\r\n";
    raw.write(format!("{redirect}Location: {}\r\n\r\n", second.url()).as_bytes());
    let _raw = second.answers(&mut l, "permessage-deflate; client_max_window_bits=13");
    assert_eq!(l.opened(0), id);
    assert_eq!(deflate(&l, id), Some(agreed((15, true), (13, true))));
}
