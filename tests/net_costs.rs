//! What peers can make a loop hold and burn, over real sockets: promises, floods, silence. The bounds are far above what is
//! needed and far below what a missing limit would cost.
#![allow(clippy::unwrap_used)]

#[path = "common/cost.rs"]
mod cost;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/held.rs"]
mod held;
#[path = "common/loopback.rs"]
mod loopback;

use cost::{cpu, resident};
use frames::{BINARY, CLOSE, KEY, PING, TEXT, close_body, header, masked};
use held::held;
use loopback::{Loop, REQUEST, Raw, Seen, end, sent};
use std::net::{Shutdown, TcpListener};
use std::time::Duration;
use wsrs::net::{By, ConnId, ConnectOptions, Context, Limits, ListenOptions};
use wsrs::proto::message::{Kind, MessageLimits};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const UNLIMITED: MessageLimits =
    MessageLimits { max_message: u64::MAX, max_frame: u64::MAX, max_fragments: u32::MAX, max_ratio: u64::MAX };

/// H2: many connections promise an exbibyte each, as one frame, as a fragment, as the body of an answer, and
/// say no more, or one byte.
///
/// Checked by: when Pool::take of proto/buffer.rs makes a buffer of the size that is expected, or of 1 MiB, this fails.
#[test]
fn h02_promises_and_silence_leave_memory_flat() {
    const PEERS: usize = 200;
    let mut l = Loop::new(Limits { message: UNLIMITED, max_body: usize::MAX, ..Limits::default() });
    let (_, address) = l.listen(ListenOptions::default());
    let mut peers: Vec<Raw> = (0..PEERS).map(|_| l.accept_raw(address).0).collect();
    let mut servers = Vec::new();
    for _ in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        l.context.connect(&format!("ws://{}/", listener.local_addr().unwrap()), ConnectOptions::default()).unwrap();
        let mut raw = Raw::new(listener.accept().unwrap().0);
        raw.until(&mut l, "the request", |raw| raw.head().is_some());
        servers.push(raw);
    }
    l.during(ms(20));
    let (before, resident_before) = (held(), resident());
    for (number, raw) in peers.iter_mut().enumerate() {
        let first = [BINARY, TEXT, 0x01, 0x02][number % 4];
        raw.write(&header(first, 1 << 60, Some(KEY)));
    }
    l.during(ms(10));
    peers.iter_mut().step_by(2).for_each(|raw| raw.write(b"x"));
    servers.iter_mut().for_each(|raw| raw.write(b"HTTP/1.1 401 x\r\nContent-Length: 1152921504606846976\r\n\r\n"));
    l.during(ms(50));
    let (more, more_resident) = (held() - before, resident() - resident_before);
    assert_eq!(l.count(|seen| !matches!(seen, Seen::Open(_))), 0, "all of them are waited for");
    assert!(more < (PEERS as isize + 20) * 6_000, "{more} bytes for promises");
    assert!(more_resident < 4 << 20, "{more_resident} bytes more in memory");
}

/// H3: a million fragments of one byte or none: closed with 1008 or 1009 at the limit, and what still comes costs nothing.
///
/// Checked by: without either test of a limit in message.rs this fails.
#[test]
fn h03_a_million_fragments_over_a_socket() {
    let sized = MessageLimits { max_message: 5_000, ..UNLIMITED };
    for (limits, payload, code, reason) in [
        (MessageLimits::default(), &b""[..], 1008, "too many fragments"),
        (MessageLimits::default(), b"x", 1008, "too many fragments"),
        (sized, b"x", 1009, "message too big"),
    ] {
        let mut l = Loop::new(Limits { message: limits, ..Limits::default() });
        let (_, address) = l.listen(ListenOptions::default());
        let (mut raw, id) = l.accept_raw(address);
        let fragments = masked(0x00, payload).repeat(10_000);
        raw.write(&masked(0x02, payload));
        let (before, begin) = (held(), cpu());
        let (mut written, mut at) = (0, 0);
        l.until("the end", |l| {
            at += raw.write_some(&fragments[at..]);
            if at == fragments.len() {
                (written, at) = (written + 10_000, 0);
            }
            assert!(held() - before < 600_000, "{} bytes held", held() - before);
            written >= 1_000_000 || l.count(|seen| matches!(seen, Seen::Closed(..))) == 1
        });
        raw.read();
        assert_eq!(raw.frames(), [sent(CLOSE, &close_body(code, reason.as_bytes()))]);
        drop(raw);
        assert_eq!(l.closed(id), end(code, reason, false, By::Local));
        assert!(cpu() - begin < Duration::from_secs(5), "{:?}", cpu() - begin);
    }
}

/// Fills what lies between the two ends.
fn fill(context: &mut Context, id: ConnId) {
    while context.send(id, Kind::Binary, &[0; 100_000]).is_ok() {}
}

/// Connections of every kind that can only wait; who keeps them so.
fn stuck(l: &mut Loop) -> (Vec<Raw>, Vec<TcpListener>) {
    let (_, address) = l.listen(ListenOptions::default());
    let mut half_request = Raw::connect(address);
    half_request.write(&REQUEST[..50]);
    let silent = Raw::connect(address);
    let (mut half_frame, _) = l.accept_raw(address);
    half_frame.write(&masked(TEXT, b"half")[..7]);
    let (full, id) = l.accept_raw(address);
    fill(&mut l.context, id);
    let (mut full_and_asking, id) = l.accept_raw(address);
    fill(&mut l.context, id);
    full_and_asking.write(&masked(PING, b"?"));
    let (full_and_gone, id) = l.accept_raw(address);
    fill(&mut l.context, id);
    full_and_gone.stream.shutdown(Shutdown::Write).unwrap();
    let (mut full_and_closed, id) = l.accept_raw(address);
    fill(&mut l.context, id);
    full_and_closed.write(&masked(CLOSE, &close_body(1000, b"")));
    let (mut paused, id) = l.accept_raw(address);
    l.context.pause(id, true).unwrap();
    paused.write(&masked(TEXT, b"unread").repeat(10_000));
    let (paused_and_gone, id) = l.accept_raw(address);
    l.context.pause(id, true).unwrap();
    paused_and_gone.stream.shutdown(Shutdown::Write).unwrap();
    let (unanswered_close, id) = l.accept_raw(address);
    l.context.close(id, 1000, b"").unwrap();
    let (_, asking) = l.listen(ListenOptions { ask: true, ..ListenOptions::default() });
    let mut deferred = Raw::connect(asking);
    deferred.write(&[REQUEST, &masked(TEXT, b"early")].concat());
    let silent_server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", silent_server.local_addr().unwrap());
    l.context.connect(&url, ConnectOptions::default()).unwrap();
    let peers = vec![
        half_request,
        silent,
        half_frame,
        full,
        full_and_asking,
        full_and_gone,
        full_and_closed,
        paused,
        paused_and_gone,
        unanswered_close,
        deferred,
    ];
    (peers, vec![silent_server])
}

/// H13: half-open and full connections, whichever way they are stuck, cost no turns and no processor time.
///
/// Checked by: when a paused connection goes on the list for the next turn (Core::next in net/reading.rs), or when open
/// handshakes count as work (has_work in net/context.rs), this fails.
#[test]
fn h13_connections_that_can_only_wait_cost_nothing() {
    let off = Duration::ZERO;
    let limits = Limits { ping_interval: off, handshake_timeout: off, close_timeout: off, ..Limits::default() };
    let mut l = Loop::new(limits);
    let mut defer = |context: &mut Context, seen: &Seen| {
        if let Seen::Request(id) = seen {
            context.defer(*id).unwrap();
        }
    };
    let _who = stuck(&mut l);
    l.until_with("the request", &mut defer, &mut |l| l.count(|seen| matches!(seen, Seen::Request(_))) == 1);
    l.during(ms(50));
    let (turns, begin) = (l.turns, cpu());
    l.during(ms(400));
    let (turns, time) = (l.turns - turns, cpu() - begin);
    assert_eq!(l.count(|seen| matches!(seen, Seen::Closed(..) | Seen::Failed(..))), 0, "all of them wait");
    assert!(turns <= 4, "{turns} turns");
    assert!(time < ms(20), "{time:?} of processor time");
}
