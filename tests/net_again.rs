//! Connections that are made again, over real sockets: which ends are retried, when, and how often; what the program may do
//! meanwhile; redirects.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use loopback::{Loop, Raw, Seen, answer_to, end};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use wsrs::net::{By, ConnId, ConnectOptions, Context, Limits, Reconnect, State};
use wsrs::proto::message::Kind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Exact delays, and short ones.
fn exact() -> Reconnect {
    Reconnect { min_delay: ms(30), max_delay: ms(100), jitter_percent: 0, stable: ms(300), ..Reconnect::default() }
}

fn kept_up() -> ConnectOptions {
    ConnectOptions { reconnect: Some(exact()), ..ConnectOptions::default() }
}

/// A server that is told what to do, step by step.
struct Server(TcpListener);

impl Server {
    fn new() -> Server {
        Server::at("127.0.0.1:0".parse().unwrap())
    }

    fn at(address: SocketAddr) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        Server(listener)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn url(&self) -> String {
        format!("ws://{}/chat?room=1", self.address())
    }

    /// The next connection, and its request.
    fn asked(&self, l: &mut Loop) -> (Raw, String) {
        let mut accepted = None;
        l.until("a connection", |_| {
            accepted = self.0.accept().ok();
            accepted.is_some()
        });
        let mut raw = Raw::new(accepted.unwrap().0);
        raw.until(l, "a request", |raw| raw.head().is_some());
        let request = raw.skip_head();
        (raw, request)
    }

    /// Answers the next request with a status.
    fn answers(&self, l: &mut Loop, answer: &str) -> String {
        let (mut raw, request) = self.asked(l);
        raw.write(answer.as_bytes());
        l.during(ms(5));
        request
    }

    /// Takes the next connection.
    fn opens(&self, l: &mut Loop) -> Raw {
        let before = l.count(|seen| matches!(seen, Seen::Open(_)));
        let (mut raw, request) = self.asked(l);
        raw.write(answer_to(request.as_bytes()).as_bytes());
        l.opened(before);
        raw
    }
}

/// The retries that were told: number, delay, and whether the connection had been open.
fn retries(l: &Loop) -> Vec<(u32, u128, bool)> {
    let of = |seen: &Seen| match seen {
        Seen::Retry(_, number, delay, outcome) => Some((*number, delay.as_millis(), outcome.is_ok())),
        _ => None,
    };
    l.seen.iter().filter_map(of).collect()
}

fn until_retries(l: &mut Loop, count: usize) {
    l.until("a retry", |l| retries(l).len() >= count);
}

fn ends(l: &Loop) -> usize {
    l.count(|seen| matches!(seen, Seen::Closed(..) | Seen::Failed(..)))
}

/// Lost, refused thrice, back, lost again at once, stable, lost: numbers, delays and times.
#[test]
fn delays_are_kept() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    let (address, url) = (server.address(), server.url());
    let id = l.context.connect(&url, kept_up()).unwrap();
    l.context.set_user_data(id, 7).unwrap();
    drop(server.opens(&mut l));
    drop(server);
    let begin = Instant::now();
    until_retries(&mut l, 4);
    let time = begin.elapsed();
    assert_eq!(retries(&l), [(1, 30, true), (2, 60, false), (3, 100, false), (4, 100, false)]);
    // Three delays have passed, each rounded up to a tick of 16 ms.
    assert!(time >= ms(190) && time < ms(190 + 3 * 16 + 150), "{time:?}");
    assert_eq!(l.context.state(id), State::Connecting);

    let server = Server::at(address);
    let raw = server.opens(&mut l);
    assert_eq!(l.context.user_data(id).unwrap(), 7);
    drop(raw);
    until_retries(&mut l, 5);
    let raw = server.opens(&mut l);
    l.during(ms(320));
    drop(raw);
    until_retries(&mut l, 6);
    assert_eq!(retries(&l)[4..], [(5, 100, true), (1, 30, true)]);
    assert_eq!(ends(&l), 0);
    let stats = l.context.stats(id).unwrap();
    assert_eq!((stats.attempts, stats.retries), (6, 5));

    l.context.close(id, 1000, b"").unwrap();
    assert_eq!(l.closed(id), end(1006, "", false, By::Local));
    let totals = l.context.totals();
    assert_eq!((totals.attempts, totals.retries, totals.redirects), (6, 5, 0));
    assert_eq!((totals.opened, totals.closed, totals.connects_failed), (3, 3, 3));
}

/// What a server does with one connection; whether the connection is tried again.
#[test]
fn what_is_tried_again() {
    let refused = |status: u16| format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
    let closes = |code: u16| frames::header(0x88, 2, None).into_iter().chain(code.to_be_bytes()).collect::<Vec<u8>>();
    let mut table: Vec<(String, Vec<u8>, bool)> = Vec::new();
    for (status, again) in [
        (500, true),
        (502, true),
        (503, true),
        (599, true),
        (429, true),
        (200, false),
        (301, false),
        (302, false),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, false),
        (426, false),
        (600, false),
    ] {
        table.push((format!("status {status}"), refused(status).into_bytes(), again));
    }
    for (code, again) in [
        (1000, false),
        (1001, true),
        (1002, false),
        (1003, false),
        (1007, false),
        (1008, false),
        (1009, false),
        (1010, false),
        (1011, true),
        (1012, true),
        (1013, true),
        (1014, true),
        (3000, false),
        (4999, false),
    ] {
        table.push((format!("close {code}"), [b"101", &closes(code)[..]].concat(), again));
    }
    table.push(("a close without a code".into(), b"101\x88\x00".to_vec(), false));
    table.push(("an end without a close".into(), b"101".to_vec(), true));
    table.push(("an end before the answer".into(), b"".to_vec(), true));
    table.push(("an end inside the answer".into(), b"HTTP/1.1 101 x\r\n".to_vec(), true));
    table.push(("no HTTP".into(), b"SSH-2.0\r\n".to_vec(), false));
    table.push(("no upgrade".into(), b"HTTP/1.1 101 x\r\n\r\n".to_vec(), false));
    table.push(("a broken frame".into(), b"101\xff\x00".to_vec(), true));
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    for (what, bytes, again) in table {
        l.seen.clear();
        let id = l.context.connect(&server.url(), kept_up()).unwrap();
        let (mut raw, request) = server.asked(&mut l);
        match bytes.strip_prefix(b"101") {
            Some(frames) => {
                raw.write(answer_to(request.as_bytes()).as_bytes());
                raw.write(frames);
            }
            None => raw.write(&bytes),
        }
        raw.stream.shutdown(std::net::Shutdown::Write).unwrap();
        l.until(&what, |l| retries(l).len() + ends(l) > 0);
        assert_eq!((retries(&l).len(), ends(&l)), if again { (1, 0) } else { (0, 1) }, "{what}: {:?}", l.seen);
        assert_eq!(l.context.state(id), if again { State::Connecting } else { State::Closed }, "{what}");
        if again {
            l.context.abort(id).unwrap();
            l.until(&what, |l| ends(l) == 1);
        }
    }
}

#[test]
fn deadlines_are_tried_again() {
    let mut l = Loop::new(Limits {
        handshake_timeout: ms(50),
        close_timeout: ms(50),
        ping_interval: ms(40),
        pong_timeout: ms(40),
        ..Limits::default()
    });
    let server = Server::new();
    let id = l.context.connect(&server.url(), kept_up()).unwrap();
    let (_silent, _) = server.asked(&mut l);
    until_retries(&mut l, 1);
    let _no_pong = server.opens(&mut l);
    until_retries(&mut l, 2);
    let Seen::Retry(_, 2, _, Ok(end)) = l.seen.last().unwrap() else { panic!("{:?}", l.seen) };
    assert_eq!(*end, loopback::end(1006, "", false, By::Timeout));
    // Our own Close that is not answered is no loss.
    let _silent = server.opens(&mut l);
    l.context.close(id, 1000, b"").unwrap();
    l.until("the end", |l| ends(l) == 1);
    assert_eq!(retries(&l).len(), 2);
}

#[test]
fn a_server_may_ask_to_be_left_alone() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    for (after, delay) in [("0", 30), ("1", 100), ("Fri, 31 Dec 9999 23:59:59 GMT", 100), ("soon", 30)] {
        l.seen.clear();
        let id = l.context.connect(&server.url(), kept_up()).unwrap();
        server.answers(&mut l, &format!("HTTP/1.1 503 x\r\nRetry-After: {after}\r\nContent-Length: 0\r\n\r\n"));
        until_retries(&mut l, 1);
        assert_eq!(retries(&l), [(1, delay, false)], "{after}");
        assert!(l.context.response(id).is_err(), "it was there for the hook only");
        l.context.abort(id).unwrap();
    }
}

#[test]
fn tries_are_used_up() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    let (address, url) = (server.address(), server.url());
    let options =
        || ConnectOptions { reconnect: Some(Reconnect { max_tries: 2, ..exact() }), ..ConnectOptions::default() };
    let never = l.context.connect(&url, options()).unwrap();
    drop(server);
    let fault = l.failed(never);
    assert!(fault.error.contains("ConnectionRe"), "{fault:?}");
    assert_eq!((retries(&l).len(), ends(&l)), (2, 1));

    // One that was open ends in `Closed`.
    l.seen.clear();
    let server = Server::at(address);
    let once = l.context.connect(&url, options()).unwrap();
    drop(server.opens(&mut l));
    drop(server);
    assert_eq!(l.closed(once), end(1006, "", false, By::Network));
    assert_eq!((retries(&l).len(), ends(&l)), (2, 1));
}

/// The ways to end a connection that waits, that was open before or not.
#[test]
fn the_program_ends_it_while_it_waits() {
    type Act = fn(&mut Loop, ConnId);
    let acts: [(&str, Act); 5] = [
        ("close", |l, id| l.context.close(id, 4000, b"enough").unwrap()),
        ("abort", |l, id| l.context.abort(id).unwrap()),
        ("close from elsewhere", |l, id| l.door.close(id, 4000, b"").unwrap()),
        ("abort from elsewhere", |l, id| l.door.abort(id).unwrap()),
        ("stop", |l, _| l.context.stop()),
    ];
    for (what, act) in acts {
        for open in [false, true] {
            let mut l = Loop::new(Limits::default());
            let server = Server::new();
            let id = l.context.connect(&server.url(), kept_up()).unwrap();
            if open {
                drop(server.opens(&mut l))
            } else {
                drop(server.asked(&mut l))
            }
            until_retries(&mut l, 1);
            assert_eq!(l.door.state(id), State::Connecting);
            act(&mut l, id);
            match open {
                true => assert_eq!(l.closed(id), end(1006, "", false, By::Local), "{what}"),
                false => assert_eq!(l.failed(id).error, "Closed", "{what}"),
            }
            assert_eq!((l.context.state(id), l.door.state(id)), (State::Closed, State::Closed));
            l.during(ms(60));
            assert_eq!((retries(&l).len(), ends(&l)), (1, 1), "{what}");
            assert!(server.0.accept().is_err(), "{what}: it came again");
        }
    }
}

/// In the middle of a retry's handshake, too.
#[test]
fn the_program_ends_it_while_it_dials() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    let id = l.context.connect(&server.url(), kept_up()).unwrap();
    drop(server.opens(&mut l));
    let (_raw, _) = server.asked(&mut l);
    l.context.close(id, 1000, b"").unwrap();
    assert_eq!(l.closed(id), end(1006, "", false, By::Local));
}

/// The peer began to close, and would have been asked again: the program's close is the last word.
#[test]
fn a_close_while_the_peer_closes() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    let id = l.context.connect(&server.url(), kept_up()).unwrap();
    let mut raw = server.opens(&mut l);
    raw.write(b"\x88\x02\x03\xe9");
    l.until("closing", |l| l.context.state(id) == State::Closing);
    l.context.close(id, 1000, b"").unwrap();
    assert!(l.context.close(id, 1000, b"").is_err());
    drop(raw);
    assert_eq!(l.closed(id), end(1001, "", true, By::Remote));
    assert_eq!(retries(&l).len(), 0);

    // So is a stop.
    let id = l.context.connect(&server.url(), kept_up()).unwrap();
    let mut raw = server.opens(&mut l);
    raw.write(b"\x88\x02\x03\xf3");
    l.until("closing", |l| l.context.state(id) == State::Closing);
    l.context.stop();
    drop(raw);
    assert_eq!(l.closed(id), end(1011, "", true, By::Remote));
    l.until("the end of the stop", |l| l.context.take_stopped());
    assert_eq!(retries(&l).len(), 0);
}

/// Nothing of the old connection shows in the new one: a half message here and there, a queue, a pause.
#[test]
fn the_state_is_new() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    let id = l.context.connect(&server.url(), kept_up()).unwrap();
    drop(server.opens(&mut l));
    until_retries(&mut l, 1);
    let mut raw = server.opens(&mut l);
    l.context.send_fragment(id, Kind::Text, b"half ", false).unwrap();
    raw.write(b"\x01\x05half \x89\x01p");
    l.until_seen(&Seen::Ping(id, b"p".into()));
    l.context.send_fragment(id, Kind::Text, b"more", true).unwrap();
    while l.context.send(id, Kind::Binary, &[0; 60_000]).is_ok() {}
    assert!(l.context.buffered(id).unwrap() > 0);
    raw.reset();
    until_retries(&mut l, 2);
    assert!(l.context.send(id, Kind::Text, b"x").is_err());
    assert!(l.door.send(id, Kind::Text, b"x".to_vec()).is_err());
    assert_eq!(l.context.buffered(id).unwrap(), 0);
    let mut raw = server.opens(&mut l);
    raw.write(b"\x81\x02hi");
    l.until("the message", |l| l.messages(id) == [b"hi"]);
    l.context.send(id, Kind::Text, b"anew").unwrap();
    let frames = raw.until_frames(&mut l, 1);
    assert_eq!((frames[0].first, &*frames[0].payload), (0x81, &b"anew"[..]));
    assert_eq!(l.context.totals().all.queued, 0);
    // A message that another thread had begun is not gone on with.
    l.door.send_fragment(id, Kind::Text, b"half ".to_vec(), false).unwrap();
    l.turn(ms(1));
    drop(raw);
    until_retries(&mut l, 3);
    let mut raw = server.opens(&mut l);
    l.door.send(id, Kind::Text, b"whole".to_vec()).unwrap();
    let frames = raw.until_frames(&mut l, 1);
    assert_eq!((frames[0].first, &*frames[0].payload), (0x81, &b"whole"[..]));
}

#[test]
fn the_hook_may_change_the_address() {
    let mut l = Loop::new(Limits::default());
    let (server, other) = (Server::new(), Server::new());
    let id = l.context.connect(&server.url(), kept_up()).unwrap();
    assert!(l.context.retarget(id, Some(&other.url()), None).is_err());
    let (mut raw, _) = server.asked(&mut l);
    raw.write(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n");
    let url = format!("ws://{}/elsewhere", other.address());
    let mut told = 0;
    let act: &mut dyn FnMut(&mut Context, &Seen) = &mut |context, seen| {
        if let Seen::Retry(id, ..) = seen {
            assert!(context.retarget(*id, Some("http://x/"), None).is_err());
            assert!(context.retarget(*id, None, Some(vec![("Bad Name".into(), vec![])])).is_err());
            context.retarget(*id, Some(&url), Some(vec![("X-Try".into(), b"2".to_vec())])).unwrap();
            told += 1;
        }
    };
    l.until_with("a retry", act, &mut |l| retries(l).len() == 1);
    assert!(l.context.retarget(id, None, None).is_err());
    let (mut raw, request) = other.asked(&mut l);
    assert!(request.starts_with("GET /elsewhere HTTP/1.1\r\n") && request.contains("\r\nX-Try: 2\r\n"), "{request}");
    raw.write(answer_to(request.as_bytes()).as_bytes());
    l.until_seen(&Seen::Open(id));
    // It stays there.
    drop(raw);
    until_retries(&mut l, 2);
    assert!(other.asked(&mut l).1.contains("\r\nX-Try: 2\r\n"));
    assert_eq!(told, 1);
}

fn found(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: 3\r\n\r\nxyz")
}

fn follows(most: u32) -> ConnectOptions {
    let header = |name: &str| (name.to_string(), b"secret".to_vec());
    let headers = ["Authorization", "Cookie", "X-Kept"].map(header).to_vec();
    ConnectOptions { max_redirects: most, headers, ..ConnectOptions::default() }
}

#[test]
fn redirects_are_followed() {
    let mut l = Loop::new(Limits::default());
    l.context.set_log_level(Some(wsrs::net::event::Level::Info));
    let (server, other) = (Server::new(), Server::new());
    let id = l.context.connect(&server.url(), follows(3)).unwrap();
    let first = server.answers(&mut l, &found(301, "../a?b"));
    assert!(first.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{first}");
    let second = server.answers(&mut l, &found(307, &format!("http://{}/c", other.address())));
    assert!(second.starts_with("GET /a?b HTTP/1.1\r\n"), "{second}");
    assert_eq!(second.matches("secret").count(), 3, "{second}");
    let third = other.answers(&mut l, &found(308, &format!("http://{}/d", server.address())));
    assert!(third.starts_with("GET /c HTTP/1.1\r\n"), "{third}");
    assert!(third.contains(&format!("\r\nHost: {}\r\n", other.address())), "{third}");
    assert!(third.contains("\r\nX-Kept: secret\r\n") && third.matches("secret").count() == 1, "{third}");
    let (mut raw, fourth) = server.asked(&mut l);
    assert_eq!(fourth.matches("secret").count(), 1, "what was left behind does not come back: {fourth}");
    raw.write(answer_to(fourth.as_bytes()).as_bytes());
    l.until_seen(&Seen::Open(id));
    let stats = l.context.stats(id).unwrap();
    assert_eq!((stats.attempts, stats.retries, l.context.totals().redirects), (4, 0, 3));
    assert_eq!((l.context.totals().connects_failed, l.context.totals().opened), (0, 1));
    let address = server.address();
    let line = format!("ws://{address}/chat redirects with 301 to ws://{address}/a, 1 of 3");
    assert!(l.seen.contains(&Seen::Log(line)), "{:?}", l.seen);
    raw.write(b"\x81\x02hi");
    l.until("the message", |l| l.messages(id) == [b"hi"]);
}

#[test]
fn redirects_that_are_not_followed() {
    let mut l = Loop::new(Limits::default());
    let server = Server::new();
    for (most, answer, why) in [
        (0, found(302, "/a"), "the server refused the upgrade: 302 x"),
        (1, found(304, "/a"), "the server refused the upgrade: 304 x"),
        (
            1,
            found(302, "ftp://a/"),
            "the redirect of the server (302) is not followed: the redirect goes to an address that is neither http, https, ws nor wss",
        ),
        (
            1,
            "HTTP/1.1 303 x\r\nContent-Length: 0\r\n\r\n".into(),
            "the redirect of the server (303) is not followed: the redirect has no Location",
        ),
    ] {
        let id = l.context.connect(&server.url(), follows(most)).unwrap();
        server.answers(&mut l, &answer);
        let fault = l.failed(id);
        assert_eq!(fault.text, why);
        assert!(l.context.stats(id).is_err());
    }
    // A loop ends at the limit.
    let id = l.context.connect(&server.url(), follows(2)).unwrap();
    (0..3).for_each(|_| drop(server.answers(&mut l, &found(302, "/chat"))));
    let fault = l.failed(id);
    assert_eq!((fault.status, &*fault.body), (302, &b"xyz"[..]));
    assert_eq!(fault.text, "the redirect of the server (302) is not followed: it is number 3");
}

/// All hops together have the time of one attempt; the next attempt begins where the first one did.
#[test]
fn redirects_share_a_deadline_and_a_retry_begins_anew() {
    let limits = Limits { connect_timeout: ms(100), handshake_timeout: ms(200), ..Limits::default() };
    let mut l = Loop::new(limits);
    let server = Server::new();
    let begin = Instant::now();
    let id = l.context.connect(&server.url(), ConnectOptions { reconnect: Some(exact()), ..follows(5) }).unwrap();
    for hop in 0..4 {
        let (mut raw, _) = server.asked(&mut l);
        l.during(ms(if hop < 3 { 70 } else { 0 }));
        raw.write(found(302, "/again").as_bytes());
        l.during(ms(5));
    }
    let (_silent, request) = server.asked(&mut l);
    assert!(request.starts_with("GET /again"));
    until_retries(&mut l, 1);
    let time = begin.elapsed();
    assert!(time >= ms(300) && time < ms(400), "{time:?}");
    let (mut raw, request) = server.asked(&mut l);
    assert!(request.starts_with("GET /chat?room=1") && request.matches("secret").count() == 3, "{request}");
    for _ in 0..3 {
        raw.write(found(302, "/again").as_bytes());
        raw = server.asked(&mut l).0;
    }
    l.during(ms(50));
    assert_eq!(retries(&l).len(), 1);
    l.context.abort(id).unwrap();
    l.failed(id);
}
