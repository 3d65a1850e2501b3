//! Resolvers that never answer and addresses that swallow everything: deadlines hold, the loop goes on, IPv4 takes over
//! from IPv6 and the other way round (RFC 8305). Each in namespaces of its own; the figures are printed.
#![allow(clippy::unwrap_used)]

#[path = "common/apart.rs"]
mod apart;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use apart::{HOLE_V4, HOLE_V6, Names, apart};
use loopback::{Loop, Seen};
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};
use wsrs::net::event::SocketName;
use wsrs::net::{ConnId, ConnectOptions, Limits, ListenOptions, Stage};
use wsrs::proto::message::Kind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn connect(l: &mut Loop, host: &str, port: u16) -> ConnId {
    l.context.connect(&format!("ws://{host}:{port}/"), ConnectOptions::default()).unwrap()
}

fn listen(l: &mut Loop, at: &str) -> u16 {
    let listener = l.context.listen(at, ListenOptions::default()).unwrap();
    match l.context.listener_address(listener).unwrap() {
        SocketName::Tcp(address) => address.port(),
        other => panic!("{other:?}"),
    }
}

/// How long it took until `host` was open, and where it led.
fn opened(l: &mut Loop, host: &str, port: u16) -> (Duration, IpAddr) {
    let begin = Instant::now();
    let id = connect(l, host, port);
    l.until_seen(&Seen::Open(id));
    let time = begin.elapsed();
    let SocketName::Tcp(address) = l.context.peer_address(id).unwrap() else { panic!("TCP") };
    eprintln!("{host}: connected to {} in {time:.1?}: {:.1?}", address.ip(), l.context.timings(id).unwrap());
    (time, address.ip())
}

/// It takes so many milliseconds, and leads to that family. Once in three times will do: a busy machine may be late.
fn within(l: &mut Loop, host: &str, port: u16, (least, most): (u64, u64), is_v4: bool) {
    let is_right = |(time, address): (Duration, IpAddr)| {
        assert!(time >= ms(least), "{host}: {time:?}");
        time < ms(most) && address.is_ipv4() == is_v4
    };
    assert!((0..3).any(|_| is_right(opened(l, host, port))), "{host}: never in {most} ms to IPv4 ({is_v4})");
}

fn resolver_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.unwrap().path().join("comm"));
    tasks.filter_map(|task| name(task).ok()).filter(|name| name.trim() == "wsrs-resolver").count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The longest turn until `done`, not counting the pauses between turns.
fn longest_turn(l: &mut Loop, done: impl Fn(&Loop) -> bool) -> Duration {
    let (begin, mut longest) = (Instant::now(), Duration::ZERO);
    while !done(l) {
        assert!(begin.elapsed() < loopback::PATIENCE);
        let turn = Instant::now();
        l.turn(Duration::ZERO);
        longest = longest.max(turn.elapsed());
        std::thread::sleep(ms(1));
    }
    longest
}

/// Forty names at once, more than there are threads for.
#[test]
fn a_resolver_that_hangs_blocks_nothing() {
    const HANGS: Names =
        Names { hosts: "", resolver: "nameserver 10.99.0.2\nsearch .\noptions timeout:1 attempts:1\n", sources: "dns" };
    apart("a_resolver_that_hangs_blocks_nothing", &HANGS, || {
        let before = descriptors();
        // A busy machine may take the processor away from a turn; hardly three times.
        let longest = (0..3).map(|_| hanging_round()).min().unwrap();
        assert!(longest < ms(5), "{longest:?}");
        assert!(resolver_threads() > 0, "the lookups hang no more");
        let begin = Instant::now();
        while resolver_threads() > 0 || descriptors() > before {
            assert!(
                begin.elapsed() < ms(8_000),
                "{} threads, {} descriptors",
                resolver_threads(),
                descriptors() - before
            );
            std::thread::sleep(ms(20));
        }
        eprintln!("all threads and descriptors are back after {:.1?}", begin.elapsed());
    });
}

/// The longest turn, or call, of one round.
fn hanging_round() -> Duration {
    let before = resolver_threads();
    let mut l = Loop::new(Limits { connect_timeout: ms(400), ..Limits::default() });
    let port = listen(&mut l, "127.0.0.1:0");
    let begin = Instant::now();
    let ids: Vec<_> = (0..40).map(|n| connect(&mut l, &format!("host{n}.example"), 80)).collect();
    let calls = begin.elapsed() / 40;
    let good = connect(&mut l, "127.0.0.1", port);
    l.until_seen(&Seen::Open(good));
    l.context.send(good, Kind::Text, b"meanwhile").unwrap();
    l.until("the message", |l| {
        l.seen.iter().any(|seen| matches!(seen, Seen::Message(_, _, data) if data == b"meanwhile"))
    });
    let meanwhile = begin.elapsed();
    l.context.abort(ids[0]).unwrap();
    assert_eq!(l.failed(ids[0]).text, "aborted by the program");
    let failures = |l: &Loop| l.count(|seen| matches!(seen, Seen::Failed(..)));
    let longest = longest_turn(&mut l, |l| failures(l) == ids.len());
    let deadline = begin.elapsed();
    for &id in &ids[1..] {
        let fault = l.failed(id);
        assert_eq!((fault.stage, &*fault.error), (Stage::Resolve, "Timeout(\"connecting took too long\")"));
        assert!(
            fault.text.starts_with("looking up host") && fault.text.ends_with(":80: it took too long"),
            "{}",
            fault.text
        );
    }
    assert!(deadline >= ms(400) && deadline < ms(600), "{deadline:?}");
    // Those of the round before may still hang.
    assert!(resolver_threads().saturating_sub(before) <= 32, "{before} and {}", resolver_threads());
    let again = connect(&mut l, "host0.example", 80);
    let free = Instant::now();
    drop(l);
    let free = free.elapsed();
    eprintln!(
        "40 names: {calls:.1?} a call, a message to another connection after {meanwhile:.1?}, \
         all failed after {deadline:.1?}, longest turn {longest:.1?}, freed in {free:.1?} ({again:?} was on its way)"
    );
    longest.max(calls).max(free)
}

#[test]
fn ipv4_takes_over_from_an_ipv6_that_goes_nowhere() {
    const NAMES: Names = Names {
        hosts: "fd00:99::2 good4.test\n127.0.0.1 good4.test\n::1 good6.test\n10.99.0.2 good6.test\n\
                127.0.0.1 localhost\n::1 localhost\n",
        resolver: "",
        sources: "files",
    };
    apart("ipv4_takes_over_from_an_ipv6_that_goes_nowhere", &NAMES, || {
        let mut l = Loop::new(Limits::default());
        let before = descriptors();
        let (four, six) = (listen(&mut l, "127.0.0.1:0"), listen(&mut l, "[::1]:0"));
        let (_, address) = opened(&mut l, "good4.test", four);
        assert!(address.is_ipv4(), "{address}");
        // The attempt that lost is gone: two listeners and both ends of the connection are left.
        assert_eq!(descriptors(), before + 4);
        within(&mut l, "good4.test", four, (250, 320), true);
        for (host, port, is_v6) in [("good6.test", six, true), ("localhost", four, false), ("localhost", six, true)] {
            within(&mut l, host, port, (0, 100), !is_v6);
        }
    });
}

#[test]
fn the_deadline_holds_where_no_address_answers() {
    const NAMES: Names = Names { hosts: "fd00:99::2 both.test\n10.99.0.2 both.test\n", resolver: "", sources: "files" };
    apart("the_deadline_holds_where_no_address_answers", &NAMES, || {
        let mut l = Loop::new(Limits { connect_timeout: ms(500), ..Limits::default() });
        let before = descriptors();
        let begin = Instant::now();
        let id = connect(&mut l, "both.test", 80);
        let longest = longest_turn(&mut l, |_| descriptors() == before + 2);
        let second = begin.elapsed();
        let fault = l.failed(id);
        let time = begin.elapsed();
        eprintln!("second attempt after {second:.1?}, gave up after {time:.1?}, longest turn {longest:.1?}");
        assert!(second >= ms(250) && second < ms(320) && time >= ms(500) && time < ms(600));
        let late = "timed out: connecting took too long";
        let text = format!("connect to [{HOLE_V6}]:80: {late}; connect to {HOLE_V4}:80: {late}");
        assert_eq!((fault.stage, fault.text), (Stage::Connect, text));
        assert_eq!(descriptors(), before);
    });
}

/// Answers questions for names like `a0-aaaa20.test`: an A record at once, an AAAA record after 20 ms. `x`: there is none;
/// left out: no answer ever.
fn serve_names(socket: &UdpSocket) {
    let mut query = [0; 512];
    while let Ok((len, from)) = socket.recv_from(&mut query) {
        let (question, family) = (query[..len].to_vec(), query[12..len].to_vec());
        let end = 12 + family.iter().position(|&byte| byte == 0).unwrap();
        let label = String::from_utf8(question[13..13 + question[12] as usize].to_vec()).unwrap();
        let (mark, kind, address) = match question[end + 2] {
            1 => ("a", 1, vec![127, 0, 0, 1]),
            28 => ("aaaa", 28, [vec![0; 15], vec![1]].concat()),
            _ => continue,
        };
        let Some(when) =
            label.split('-').find_map(|part| part.strip_prefix(mark).filter(|rest| !rest.starts_with('a')))
        else {
            continue;
        };
        let mut answer = question[..end + 5].to_vec();
        let found = u8::from(when != "x");
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, found, 0, 0, 0, 0]);
        if found == 1 {
            answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, address.len() as u8]);
            answer.extend(address);
        }
        let (socket, delay) = (socket.try_clone().unwrap(), ms(when.parse().unwrap_or(0)));
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            socket.send_to(&answer, from).unwrap();
        });
    }
}

#[test]
fn answers_that_come_late_or_never() {
    const NAMES: Names = Names {
        hosts: "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 aaaa0-hosts.test silent.test\n::1 a0-hosts.test\n",
        resolver: "nameserver 127.0.0.1\nsearch .\noptions timeout:2 attempts:1\n",
        sources: "files dns",
    };
    apart("answers_that_come_late_or_never", &NAMES, || {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        std::thread::spawn(move || serve_names(&socket));
        let mut l = Loop::new(Limits::default());
        let port = listen(&mut l, "*:0");
        let (v4, v6) = (true, false);
        for (name, least, most, is_v4) in [
            ("a0-aaaa0", 0, 45, v6),
            ("a0-aaaa25", 25, 49, v6),
            ("a0", 50, 100, v4),
            ("a0-aaaa300", 50, 100, v4),
            ("a0-aaaax", 0, 45, v4),
            ("aaaa0", 0, 45, v6),
            ("ax-aaaa30", 30, 75, v6),
            ("a30-aaaax", 30, 75, v4),
            // What a name has in the hosts file is all it has, whatever DNS says of it, or does not say.
            ("aaaa0-hosts", 0, 45, v4),
            ("a0-hosts", 0, 45, v6),
            ("silent", 0, 45, v4),
        ] {
            within(&mut l, &format!("{name}.test"), port, (least, most), is_v4);
        }
        let id = connect(&mut l, "ax-aaaax.test", port);
        let fault = l.failed(id);
        assert_eq!(fault.stage, Stage::Resolve);
        assert!(fault.text.starts_with(&format!("looking up ax-aaaax.test:{port}: ")), "{}", fault.text);
        eprintln!("{}", fault.text);
    });
}
