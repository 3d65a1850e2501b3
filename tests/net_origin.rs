//! Where a client connects from and how its sockets are set, read back from the system; how long each part took.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use loopback::{Loop, Raw, Seen, answer_to};
use socket2::{Domain, SockRef};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use wsrs::net::event::SocketName;
use wsrs::net::tcp::{Origin, SocketOptions};
use wsrs::net::{ConnId, ConnectOptions, Error, Limits, ListenOptions, Stage, Timings};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn from(origin: Origin) -> ConnectOptions {
    ConnectOptions { origin, ..ConnectOptions::default() }
}

fn tcp(name: SocketName) -> SocketAddr {
    match name {
        SocketName::Tcp(address) => address,
        other => panic!("{other:?}"),
    }
}

/// Calls `look` with the socket of a connection, which is the only one of this process with its two ends.
fn look_at<T>(l: &Loop, id: ConnId, look: impl FnOnce(SockRef<'_>) -> T) -> T {
    let ends = (tcp(l.context.local_address(id).unwrap()), tcp(l.context.peer_address(id).unwrap()));
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let number = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        // SAFETY: borrowed for the look only; the loop, which owns it, closes nothing meanwhile.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = SockRef::from(&descriptor);
        let name = |name: std::io::Result<socket2::SockAddr>| name.ok().and_then(|name| name.as_socket());
        if (name(socket.local_addr()), name(socket.peer_addr())) == (Some(ends.0), Some(ends.1)) {
            return look(socket);
        }
    }
    panic!("no socket from {} to {}", ends.0, ends.1);
}

/// What the system says of a connection's socket.
fn read_back(l: &Loop, id: ConnId) -> SocketOptions {
    look_at(l, id, |socket| {
        let tos = socket.tos_v4().unwrap();
        if socket.domain().unwrap() == Domain::IPV6 {
            assert_eq!(socket.tclass_v6().unwrap(), tos);
        }
        let keepalive = socket.keepalive().unwrap();
        SocketOptions {
            nagle: !socket.tcp_nodelay().unwrap(),
            keepalive: if keepalive { socket.tcp_keepalive_time().unwrap() } else { Duration::ZERO },
            // The system doubles them.
            send_buffer: socket.send_buffer_size().unwrap() as u32 / 2,
            receive_buffer: socket.recv_buffer_size().unwrap() as u32 / 2,
            user_timeout: socket.tcp_user_timeout().unwrap().unwrap_or_default(),
            dscp: tos >> 2,
        }
    })
}

/// Both ends of a connection to a listener at `host`.
fn both(l: &mut Loop, listen: &str, host: &str, listening: SocketOptions, origin: Origin) -> (ConnId, ConnId) {
    let options = ListenOptions { socket: listening, ..ListenOptions::default() };
    let listener = l.context.listen(listen, options).unwrap();
    let port = tcp(l.context.listener_address(listener).unwrap()).port();
    l.seen.clear();
    let client = l.context.connect(&format!("ws://{host}:{port}/"), from(origin)).unwrap();
    l.until_seen(&Seen::Open(client));
    let ends = [l.opened(0), l.opened(1)];
    (client, ends[usize::from(ends[0] == client)])
}

#[test]
fn socket_options_reach_the_system_in_both_roles() {
    let mut l = Loop::new(Limits::default());
    let one = SocketOptions {
        nagle: true,
        keepalive: ms(7_300),
        send_buffer: 20_000,
        receive_buffer: 30_000,
        user_timeout: ms(12_345),
        dscp: 46,
    };
    let other = SocketOptions { nagle: false, send_buffer: 40_000, user_timeout: ms(1_000), dscp: 8, ..one.clone() };
    // Seconds, rounded up.
    let told = |options: &SocketOptions| SocketOptions { keepalive: ms(8_000), ..options.clone() };
    for (listen, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]"), ("*:0", "127.0.0.1"), ("*:0", "[::1]")] {
        let origin = Origin { socket: one.clone(), ..Origin::default() };
        let (client, server) = both(&mut l, listen, host, other.clone(), origin);
        assert_eq!(read_back(&l, client), told(&one), "{listen} {host}");
        assert_eq!(read_back(&l, server), told(&other), "{listen} {host}");
    }
}

#[test]
fn sockets_are_as_the_system_makes_them_unless_told() {
    let mut l = Loop::new(Limits::default());
    let (client, server) = both(&mut l, "127.0.0.1:0", "127.0.0.1", SocketOptions::default(), Origin::default());
    for id in [client, server] {
        let SocketOptions { nagle, keepalive, user_timeout, dscp, .. } = read_back(&l, id);
        assert_eq!((nagle, keepalive, user_timeout, dscp), (false, Duration::ZERO, Duration::ZERO, 0));
    }
}

#[test]
fn the_peer_sees_the_source() {
    let mut l = Loop::new(Limits::default());
    let origin =
        |source: &str| Origin { source: Some(wsrs::net::tcp::parse_source(source).unwrap()), ..Origin::default() };
    let (_, server) = both(&mut l, "127.0.0.1:0", "127.0.0.1", SocketOptions::default(), origin("127.0.0.2"));
    assert_eq!(tcp(l.context.peer_address(server).unwrap()).ip().to_string(), "127.0.0.2");

    // A port that was free a moment ago, and then again while the first connection from it is in TIME_WAIT.
    let free = TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap();
    for _ in 0..2 {
        let (client, server) =
            both(&mut l, "127.0.0.1:0", "127.0.0.1", SocketOptions::default(), origin(&free.to_string()));
        assert_eq!(tcp(l.context.peer_address(server).unwrap()), free);
        // Who ends TCP first keeps the port for a while.
        l.context.abort(client).unwrap();
        l.closed(server);
    }

    // Addresses of another family are not tried: `localhost` has both.
    let (_, server) = both(&mut l, "127.0.0.1:0", "localhost", SocketOptions::default(), origin("127.0.0.2"));
    assert_eq!(tcp(l.context.peer_address(server).unwrap()).ip().to_string(), "127.0.0.2");
}

#[test]
fn sockets_are_bound_to_the_interface() {
    let mut l = Loop::new(Limits::default());
    let origin = Origin { interface: Some("lo".into()), ..Origin::default() };
    let (client, _) = both(&mut l, "127.0.0.1:0", "127.0.0.1", SocketOptions::default(), origin);
    assert_eq!(look_at(&l, client, |socket| socket.device().unwrap()), Some(b"lo".to_vec()));
}

/// What this end can't do is said by the call, with the reason.
#[test]
fn what_the_system_refuses_is_said_by_the_call() {
    let mut l = Loop::new(Limits::default());
    let mut refused = |url: &str, origin: Origin| match l.context.connect(url, from(origin)) {
        Err(error @ (Error::Local(..) | Error::Argument(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let source = |text: &str| Origin { source: Some(text.parse().unwrap()), ..Origin::default() };
    let interface = |name: &str| Origin { interface: Some(name.into()), ..Origin::default() };
    let socket = |socket| Origin { socket, ..Origin::default() };
    let url = "ws://127.0.0.1:1/";
    let text = refused(url, source("203.0.113.7:0"));
    assert_eq!(text, "source 203.0.113.7:0: Cannot assign requested address (os error 99)");
    assert_eq!(refused(url, interface("nowhere0")), "interface \"nowhere0\": No such device (os error 19)");
    assert_eq!(refused(url, interface("")), "the interface's name is not of 1 to 15 bytes");
    assert_eq!(refused(url, source("[::1]:0")), "the source is IPv6, the host IPv4");
    assert_eq!(refused("ws://[::1]:1/", source("127.0.0.1:0")), "the source is IPv4, the host IPv6");
    let text = "source and interface are for TCP, the address is a Unix socket";
    assert_eq!(refused("ws+unix:/tmp/x", source("127.0.0.1:0")), text);
    assert_eq!(refused("ws+unix:/tmp/x", interface("lo")), text);
    assert_eq!(refused(url, socket(SocketOptions { dscp: 64, ..Default::default() })), "the DSCP is more than 63");
    let days = SocketOptions { keepalive: Duration::from_secs(86_400), ..Default::default() };
    assert_eq!(refused(url, socket(days)), "keepalive: Invalid argument (os error 22)");
    let options = ListenOptions { socket: SocketOptions { dscp: 99, ..Default::default() }, ..Default::default() };
    assert!(matches!(l.context.listen("127.0.0.1:0", options), Err(Error::Argument("the DSCP is more than 63"))));
    l.during(ms(5));
    assert_eq!(l.seen, []);
}

#[test]
fn the_parts_of_a_connect_are_timed() {
    let mut l = Loop::new(Limits::default());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let begin = Instant::now();
    let client =
        l.context.connect(&format!("ws://localhost:{}/", silent.local_addr().unwrap().port()), from(Origin::default()));
    let client = client.unwrap();
    silent.set_nonblocking(true).unwrap();
    let mut stream = None;
    l.until("a connection", |_| {
        stream = silent.accept().ok();
        stream.is_some()
    });
    let mut raw = Raw::new(stream.unwrap().0);
    raw.until(&mut l, "the request", |raw| raw.head().is_some());
    let asked = Instant::now();
    l.during(ms(30));
    raw.write(answer_to(&raw.bytes.clone()).as_bytes());
    l.until_seen(&Seen::Open(client));
    let (all, upgrade) = (begin.elapsed(), asked.elapsed());
    let told = l.context.timings(client).unwrap();
    let Timings { resolve, connect, proxy, tls, .. } = told;
    assert!(resolve > Duration::ZERO && connect > Duration::ZERO && resolve + connect < all - ms(29), "{told:?}");
    assert_eq!((proxy, tls), (Duration::ZERO, Duration::ZERO));
    assert!(told.upgrade >= ms(29) && told.upgrade <= upgrade + resolve + connect, "{told:?}");
    let sum = resolve + connect + told.upgrade;
    assert!(told.total >= sum && told.total - sum < Duration::from_micros(10) && told.total <= all, "{told:?}");
    // It stays.
    l.during(ms(5));
    assert_eq!(l.context.timings(client).unwrap(), told);
}

#[test]
fn a_connect_that_fails_tells_how_far_it_came() {
    let mut l = Loop::new(Limits { connect_timeout: ms(60), handshake_timeout: ms(60), ..Limits::default() });
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", silent.local_addr().unwrap());
    let (mut told, mut stage) = (None, None);
    let client = l.context.connect(&url, from(Origin::default())).unwrap();
    let mut look = |context: &mut wsrs::net::Context, seen: &Seen| {
        if let Seen::Failed(id, fault) = seen {
            (told, stage) = (context.timings(*id).ok(), Some(fault.stage));
        }
    };
    l.until_with("Failed", &mut look, &mut |l| {
        l.seen.iter().any(|seen| matches!(seen, Seen::Failed(id, _) if *id == client))
    });
    let told = told.expect("there until the event is handled");
    assert_eq!(stage, Some(Stage::Handshake));
    assert!(told.connect > Duration::ZERO && told.upgrade >= ms(60) && told.total >= told.upgrade, "{told:?}");

    let (_, server) = both(&mut l, "127.0.0.1:0", "127.0.0.1", SocketOptions::default(), Origin::default());
    assert!(matches!(l.context.timings(server), Err(Error::NotFound)));
    assert!(matches!(l.context.timings(client), Err(Error::Closed)));
}

/// Wherever there is TLS in the build.
#[cfg(feature = "rustls")]
#[test]
fn the_tls_handshake_is_timed() {
    use wsrs::net::tls::{Identity, Tls, TlsOptions, Trust};
    let folder = format!("{}/tls", env!("CARGO_TARGET_TMPDIR"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/certificates.sh");
    assert!(std::process::Command::new("sh").args([script, &folder]).status().unwrap().success());
    let read = |name: &str| std::fs::read(format!("{folder}/{name}")).unwrap();
    let identity = Some(Identity { chain: read("server.pem"), key: read("server.key") });
    let server = Tls::new(TlsOptions { identity, ..TlsOptions::default() }).unwrap();
    let trust = Trust { ca: Some(read("ca.pem")), ..Trust::default() };
    let client = Tls::new(TlsOptions { trust, ..TlsOptions::default() }).unwrap();

    let mut l = Loop::new(Limits { handshake_timeout: ms(60), ..Limits::default() });
    let options = |tls: &Tls| ConnectOptions { tls: Some(tls.clone()), ..ConnectOptions::default() };
    let listening = ListenOptions { tls: Some(server), ..ListenOptions::default() };
    let (_, address) = l.listen(listening);
    let id = l.context.connect(&format!("wss://{address}/"), options(&client)).unwrap();
    l.until_seen(&Seen::Open(id));
    let told = l.context.timings(id).unwrap();
    assert!(told.tls > Duration::ZERO && told.upgrade > Duration::ZERO && told.proxy == Duration::ZERO, "{told:?}");
    assert!(told.tls + told.upgrade <= told.total, "{told:?}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = l.context.connect(&format!("wss://{}/", silent.local_addr().unwrap()), options(&client)).unwrap();
    let mut told = None;
    let mut look = |context: &mut wsrs::net::Context, seen: &Seen| {
        if let Seen::Failed(id, fault) = seen {
            assert_eq!(fault.stage, Stage::Tls);
            told = context.timings(*id).ok();
        }
    };
    l.until_with("Failed", &mut look, &mut |l| l.count(|seen| matches!(seen, Seen::Failed(i, _) if *i == id)) == 1);
    let told = told.expect("there until the event is handled");
    assert!(told.tls >= ms(60) && told.upgrade == Duration::ZERO && told.total >= told.tls, "{told:?}");
}
