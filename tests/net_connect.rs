//! Connecting, over real sockets: what goes wrong ends in one `Failed` with stage, error and words; every address in
//! turn; Unix sockets both ways; refused upgrades with status, fields and body.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use loopback::{Fault, Loop, Raw, Seen};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use wsrs::net::event::SocketName;
use wsrs::net::{ConnId, ConnectOptions, Error, Limits, ListenOptions, Stage};
use wsrs::proto::message::Kind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn connect(l: &mut Loop, url: &str) -> ConnId {
    l.context.connect(url, ConnectOptions::default()).unwrap()
}

/// It ends in one `Failed`, and nothing else is told of it.
fn fault(l: &mut Loop, url: &str) -> Fault {
    l.seen.clear();
    let id = connect(l, url);
    let fault = l.failed(id);
    l.during(ms(5));
    assert_eq!(l.seen.len(), 1, "{:?}", l.seen);
    assert_eq!(l.context.state(id), wsrs::net::State::Closed);
    fault
}

/// A port that nobody listens on.
fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn nobody_listens() {
    let mut l = Loop::new(Limits::default());
    for host in ["127.0.0.1", "[::1]"] {
        let url = format!("ws://{host}:{}/", unused_port());
        let fault = fault(&mut l, &url);
        let refused = fault.error.contains("ConnectionRefused") || fault.error.contains("AddrNotAvailable");
        assert!(fault.stage == Stage::Connect && refused, "{fault:?}");
        assert!(fault.text.starts_with(&format!("connect to {}: ", &url[5..url.len() - 1])), "{}", fault.text);
    }
}

#[test]
fn a_name_without_address() {
    let mut l = Loop::new(Limits::default());
    let fault = fault(&mut l, "ws://no-such-name.invalid:8080/");
    assert_eq!((fault.stage, fault.status), (Stage::Resolve, 0));
    assert!(fault.text.starts_with("looking up no-such-name.invalid:8080: "), "{}", fault.text);
    assert!(fault.error.starts_with("Resolve("), "{}", fault.error);
}

/// A listener whose queue is full swallows connection requests.
struct Swallower {
    listener: socket2::Socket,
    _fillers: Vec<socket2::Socket>,
}

impl Swallower {
    fn new(address: std::net::SocketAddr) -> Swallower {
        let listener =
            socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let to = listener.local_addr().unwrap();
        let fill = || {
            let socket = socket2::Socket::new(to.domain(), socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&to);
            socket
        };
        let fillers = (0..4).map(|_| fill()).collect();
        Swallower { listener, _fillers: fillers }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().as_socket().unwrap().port()
    }
}

#[test]
fn a_connect_that_nobody_answers_ends_at_its_deadline() {
    let mut l = Loop::new(Limits { connect_timeout: ms(200), ..Limits::default() });
    let swallower = Swallower::new("127.0.0.1:0".parse().unwrap());
    let begin = Instant::now();
    let fault = fault(&mut l, &format!("ws://127.0.0.1:{}/", swallower.port()));
    let time = begin.elapsed();
    assert!(time >= ms(200) && time < ms(500), "{time:?}");
    assert_eq!((fault.stage, &*fault.error), (Stage::Connect, "Timeout(\"connecting took too long\")"));
}

/// `localhost` has two addresses on most machines: whichever listens is found, in either order.
#[test]
fn every_address_of_a_name_is_tried() {
    let mut l = Loop::new(Limits { connect_timeout: ms(1_000), ..Limits::default() });
    for host in ["127.0.0.1", "[::1]"] {
        let Ok(id) = l.context.listen(&format!("{host}:0"), ListenOptions::default()) else { continue };
        let Ok(SocketName::Tcp(address)) = l.context.listener_address(id) else { panic!() };
        let names: Vec<_> = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", address.port())).unwrap().collect();
        if names.contains(&address) {
            l.seen.clear();
            let client = connect(&mut l, &format!("ws://localhost:{}/", address.port()));
            l.until_seen(&Seen::Open(client));
            assert_eq!(l.context.peer_address(client).unwrap(), SocketName::Tcp(address));
        }
    }
    let fault = fault(&mut l, &format!("ws://localhost:{}/", unused_port()));
    assert_eq!(fault.stage, Stage::Connect);
}

/// Closing or aborting an attempt ends it with one `Failed`, at every stage.
#[test]
fn attempts_can_be_cancelled() {
    let mut l = Loop::new(Limits::default());
    let swallower = Swallower::new("127.0.0.1:0".parse().unwrap());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let urls = [
        ("ws://localhost:9/".to_string(), Stage::Resolve),
        (format!("ws://127.0.0.1:{}/", swallower.port()), Stage::Connect),
        (format!("ws://{}/", silent.local_addr().unwrap()), Stage::Handshake),
    ];
    for (url, stage) in urls {
        for abort in [false, true] {
            let id = connect(&mut l, &url);
            assert_eq!(l.context.state(id), wsrs::net::State::Connecting);
            assert!(matches!(l.context.send(id, Kind::Text, b"early"), Err(Error::NotOpen)));
            if stage == Stage::Handshake {
                let mut raw = Raw::new(silent.accept().unwrap().0);
                raw.until(&mut l, "the request", |raw| raw.head().is_some());
            }
            let text = if abort {
                l.context.abort(id).unwrap();
                "aborted by the program"
            } else {
                l.context.close(id, 1000, b"").unwrap();
                "closed by the program"
            };
            let fault = l.failed(id);
            assert_eq!((fault.stage, &*fault.text, &*fault.error), (stage, text, "Closed"), "{url}");
        }
    }
    l.during(ms(20));
    assert_eq!(l.count(|seen| matches!(seen, Seen::Failed(..))), 6, "a name found too late means nothing");
    assert_eq!(l.seen.len(), 6);
}

/// The answer's status, fields and body, whatever ends the body; it is read while `Failed` is handled.
#[test]
fn a_refused_upgrade_tells_status_fields_and_body() {
    let long = "x".repeat(200_000);
    for (length, body, kept, ends) in [
        ("Content-Length: 6\r\n", "no way", "no way", false),
        ("Content-Length: 6\r\n", "no way and more", "no way", false),
        ("Transfer-Encoding: chunked\r\n", "3\r\nno \r\n3\r\nway\r\n0\r\n\r\n", "no way", false),
        ("", "until the end", "until the end", true),
        ("Content-Length: 99\r\n", "cut short", "cut short", true),
        ("Content-Length: 200000\r\n", &long, &long[..65_536], false),
    ] {
        let mut l = Loop::new(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let id = connect(&mut l, &format!("ws://{}/", listener.local_addr().unwrap()));
        let mut raw = Raw::new(listener.accept().unwrap().0);
        raw.until(&mut l, "the request", |raw| raw.head().is_some());
        let head = format!("HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic\r\n{length}\r\n");
        raw.write_some(&[head.as_bytes(), body.as_bytes()].concat());
        if ends {
            raw.stream.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let mut told = 0;
        let mut read = |context: &mut wsrs::net::Context, seen: &Seen| {
            if let Seen::Failed(id, fault) = seen {
                assert_eq!((fault.stage, fault.status), (Stage::Handshake, 401));
                assert_eq!(fault.text, "the server refused the upgrade: 401 Who are you");
                assert_eq!(fault.body, kept.as_bytes());
                let response = context.response(*id).unwrap();
                assert_eq!(response.head().header("www-authenticate"), Some(&b"Basic"[..]));
                told += 1;
            }
        };
        l.until_with("Failed", &mut read, &mut |l| !l.seen.is_empty());
        assert_eq!((told, l.seen.len()), (1, 1));
        assert!(l.context.response(id).is_err());
    }
}

/// A refusal whose body never ends waits for the handshake's deadline, and tells what came.
#[test]
fn a_refusal_whose_body_never_ends() {
    let mut l = Loop::new(Limits { handshake_timeout: ms(150), ..Limits::default() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = connect(&mut l, &format!("ws://{}/", listener.local_addr().unwrap()));
    let mut raw = Raw::new(listener.accept().unwrap().0);
    raw.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf");
    let fault = l.failed(id);
    assert_eq!((fault.status, &*fault.body), (503, &b"half"[..]));
}

/// The server goes away before, inside, and right after its answer.
#[test]
fn a_server_that_goes_away() {
    for answer in ["", "HTTP/1.1 101 Swit"] {
        let mut l = Loop::new(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let id = connect(&mut l, &format!("ws://{}/", listener.local_addr().unwrap()));
        let mut raw = Raw::new(listener.accept().unwrap().0);
        raw.until(&mut l, "the request", |raw| raw.head().is_some());
        raw.write(answer.as_bytes());
        drop(raw);
        let fault = l.failed(id);
        assert_eq!((fault.stage, fault.status), (Stage::Handshake, 0));
        assert!(fault.text.starts_with("the server ended the connection before it answered"), "{}", fault.text);
        assert!(fault.error.contains("ConnectionReset"), "{}", fault.error);
    }
}

/// Both ends over a Unix socket; its path goes with the listener; one that a dead program left is taken over.
#[test]
fn unix_sockets_both_ways() {
    let folder = std::env::temp_dir().join(format!("wsrs-net-connect-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a socket");
    let shown = path.to_str().unwrap().to_string();
    let mut l = Loop::new(Limits::default());
    let options = ListenOptions { unix_mode: 0o600, ..ListenOptions::default() };
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = l.context.listen(&format!("unix:{shown}"), options.clone()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(l.context.listener_address(listener).unwrap(), SocketName::Unix(path.clone()));
    assert!(matches!(l.context.listen(&format!("unix:{shown}"), options), Err(Error::Io(_))), "in use");

    let url = format!("ws+unix:{}:/chat?x", shown.replace(' ', "%20"));
    let client = connect(&mut l, &url);
    let mut target = String::new();
    let mut act = |context: &mut wsrs::net::Context, seen: &Seen| match seen {
        Seen::Open(id) if *id != client => target = context.request(*id).unwrap().target().to_string(),
        Seen::Message(id, kind, data) if *id != client => context.send(*id, *kind, data).unwrap(),
        _ => {}
    };
    l.until_with("both Opens", &mut act, &mut |l| l.count(|seen| matches!(seen, Seen::Open(_))) == 2);
    assert_eq!(l.context.peer_address(client).unwrap(), SocketName::Unix(path.clone()));
    let data = frames::pattern(600_000);
    l.context.send(client, Kind::Binary, &data).unwrap();
    l.context.send(client, Kind::Text, b"end").unwrap();
    l.until_with("the echo", &mut act, &mut |l| l.messages(client).len() == 2);
    assert!(l.messages(client) == [data, b"end".to_vec()]);
    assert_eq!(target, "/chat?x");
    l.context.close(client, 1000, b"").unwrap();
    assert!(l.closed(client).clean);
    l.context.close_listener(listener).unwrap();
    assert!(!path.exists());
    let fault = fault(&mut l, &url);
    assert_eq!(fault.stage, Stage::Connect);
    assert!(fault.text.starts_with(&format!("connect to unix:{shown}: ")), "{}", fault.text);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What is known to be wrong before any I/O is said by the call, and nothing follows.
#[test]
fn wrong_calls_fail_at_once() {
    let mut l = Loop::new(Limits { max_connections: 1, ..Limits::default() });
    for url in ["", "http://x/", "ws://", "ws://x y/", "ws://x/#f", "ws://x:0/"] {
        let result = l.context.connect(url, ConnectOptions::default());
        assert!(matches!(result, Err(Error::Url(text)) if text.contains(url)), "{url}");
    }
    let result = l.context.connect("ws://user:secret@x:0/", ConnectOptions::default());
    assert!(matches!(result, Err(Error::Url(text)) if text.starts_with("\"ws://***@x:0/\": ")));
    for (name, value) in
        [("Host", "x y"), ("Upgrade", "x"), ("a b", "x"), ("A", "x\r\nB: y"), ("Sec-WebSocket-Key", "x")]
    {
        let options = ConnectOptions { headers: vec![(name.into(), value.into())], ..ConnectOptions::default() };
        assert!(matches!(l.context.connect("ws://127.0.0.1/", options), Err(Error::Header(_))), "{name}");
    }
    for names in [vec!["a b"], vec!["a", "a"], vec![""]] {
        let subprotocols = names.iter().map(|name| name.to_string()).collect();
        let options = ConnectOptions { subprotocols, ..ConnectOptions::default() };
        assert!(matches!(l.context.connect("ws://127.0.0.1/", options), Err(Error::Header(_))), "{names:?}");
    }
    let swallower = Swallower::new("127.0.0.1:0".parse().unwrap());
    let url = format!("ws://127.0.0.1:{}/", swallower.port());
    connect(&mut l, &url);
    assert!(matches!(l.context.connect(&url, ConnectOptions::default()), Err(Error::Limit("connections"))));
    l.during(ms(5));
    assert_eq!(l.seen, []);
}

/// Only a socket that nobody listens on gives way, and who cannot be asked without waiting is not waited for.
#[test]
fn listening_removes_no_file_but_a_dead_socket() {
    let directory = std::env::temp_dir().join(format!("wsrs-listen-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (file, link, full) = (directory.join("file"), directory.join("link"), directory.join("full"));
    std::fs::write(&file, b"precious").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&full).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let _fillers = [0; 4].map(|_| mio::net::UnixStream::connect(&full));
    let mut l = Loop::new(Limits::default());
    for path in [&file, &link, &full] {
        let listened = l.context.listen(&format!("unix:{}", path.display()), ListenOptions::default());
        assert!(matches!(listened, Err(Error::Io(_))), "{path:?}");
    }
    assert_eq!(std::fs::read(&link).unwrap(), b"precious");
    assert!(full.exists());
    std::fs::remove_dir_all(&directory).unwrap();
}
