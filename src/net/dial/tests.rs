//! Dials over real sockets, with answers that no resolver gave.

use super::super::event::SocketName;
use super::super::{Door, Event, Limits, ListenOptions, What, Window};
use super::*;
use socket2::{Domain, Type};
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("bound")
}

fn context(connect_timeout: Duration) -> (Context, Window) {
    let limits = Limits { connect_timeout, ..Limits::default() };
    let wake = rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK).expect("eventfd");
    Context::new(limits, Door::new(Arc::new(wake)), 1).expect("context")
}

/// A server of `context`'s own.
fn open(context: &mut Context, host: &str) -> SocketAddr {
    let listener = context.listen(&format!("{host}:0"), ListenOptions::default()).expect("listening");
    let Ok(SocketName::Tcp(open)) = context.listener_address(listener) else { panic!("TCP") };
    open
}

/// Refuses.
fn refused(host: &str) -> SocketAddr {
    address(&TcpListener::bind((host, 0)).expect("bind"))
}

/// Swallows connection requests: its queue is full.
fn full(host: &str) -> (TcpListener, Vec<socket2::Socket>) {
    let at: SocketAddr = (host.parse::<std::net::IpAddr>().expect("an address"), 0).into();
    let listener = socket2::Socket::new(Domain::for_address(at), Type::STREAM, None).expect("socket");
    listener.bind(&at.into()).expect("bind");
    listener.listen(0).expect("listen");
    let listener = TcpListener::from(listener);
    let fill = |_| {
        let socket = socket2::Socket::new(Domain::for_address(at), Type::STREAM, None).expect("socket");
        socket.set_nonblocking(true).expect("nonblocking");
        let _ = socket.connect(&address(&listener).into());
        socket
    };
    let fillers = (0..4).map(fill).collect();
    (listener, fillers)
}

/// A connection whose lookups the test answers.
fn dial(context: &mut Context) -> ConnId {
    let anybody = TcpListener::bind("127.0.0.1:0").expect("bind");
    let id = context.connect(&format!("ws://{}/", address(&anybody)), ConnectOptions::default()).expect("begun");
    let peer = context.peers.get_mut(id.slot, id.generation).expect("there");
    let Phase::Dialing(dial) = &mut peer.phase else { panic!("{:?}", peer.phase) };
    for (slot, generation) in std::mem::take(&mut dial.in_flight) {
        context.core.attempts.remove(slot, generation);
    }
    dial.addresses = Eyeballs::pending(&[Family::V6, Family::V4]);
    dial.target = Target::Tcp(Host::Name("test".into()), 9);
    (dial.tried, dial.error) = (false, None);
    dial.faults.clear();
    id
}

fn answer(context: &mut Context, id: ConnId, family: Family, addresses: &[SocketAddr]) {
    let peer = context.peers.get_mut(id.slot, id.generation).expect("there");
    let Phase::Dialing(dial) = &peer.phase else { panic!("{:?}", peer.phase) };
    let asker = dial.asker;
    context.resolved(Found { asker, family, addresses: Ok(addresses.to_vec()) });
    context.act();
}

/// What is told of `id` first.
fn outcome(context: &mut Context, window: &mut Window, id: ConnId) -> String {
    for _ in 0..500 {
        context.wait(Some(ms(10))).expect("wait");
        while let Some(event) = context.next_event(window) {
            match event {
                Event::Conn(event) if event.id == id => {
                    return match event.what {
                        What::Failed(failure) => failure.text,
                        what => format!("{what:?}"),
                    };
                }
                _ => {}
            }
        }
    }
    "nothing".into()
}

/// Refused, swallowed, then one that listens: found, each in its time. And none at all.
#[test]
fn every_address_of_a_name_is_tried_in_turn() {
    let (mut context, mut window) = context(ms(600));
    let open = open(&mut context, "127.0.0.1");
    let (refused, (swallows, _fillers)) = (refused("127.0.0.1"), full("127.0.0.1"));
    let full = address(&swallows);

    let id = dial(&mut context);
    answer(&mut context, id, Family::V6, &[]);
    let begin = Instant::now();
    answer(&mut context, id, Family::V4, &[refused, full, refused, open]);
    assert_eq!(outcome(&mut context, &mut window, id), "Open");
    let time = begin.elapsed();
    assert!(time >= ms(250) && time < ms(450), "{time:?}");
    let peer = context.peer(id).expect("open");
    assert!(!peer.read_closed, "that was another socket");
    assert_eq!(context.core.attempts.len(), 0);

    let id = dial(&mut context);
    answer(&mut context, id, Family::V6, &[]);
    answer(&mut context, id, Family::V4, &[full, refused]);
    let text = outcome(&mut context, &mut window, id);
    let told = format!("connect to {refused}: Connection refused (os error 111); connect to {full}: timed out: ");
    assert!(text.starts_with(&told), "{text}");
    assert_eq!(context.core.attempts.len(), 0);

    let id = dial(&mut context);
    answer(&mut context, id, Family::V6, &[]);
    answer(&mut context, id, Family::V4, &[]);
    assert_eq!(outcome(&mut context, &mut window, id), "looking up test:9: it has no address");
}

/// IPv6 goes first and is overtaken after a quarter of a second; who is connected later is not kept.
#[test]
fn the_first_that_connects_wins() {
    let (mut context, mut window) = context(ms(2_000));
    let open = open(&mut context, "127.0.0.1");
    let (swallows, _fillers) = full("::1");
    let id = dial(&mut context);
    let begin = Instant::now();
    answer(&mut context, id, Family::V6, &[address(&swallows)]);
    answer(&mut context, id, Family::V4, &[open]);
    assert_eq!(context.core.attempts.len(), 1);
    assert_eq!(outcome(&mut context, &mut window, id), "Open");
    let time = begin.elapsed();
    assert!(time >= ms(250) && time < ms(330), "{time:?}");
    assert_eq!(context.peer_address(id).expect("open"), SocketName::Tcp(open));
    assert_eq!(context.core.attempts.len(), 0);
}

/// An answer for an earlier dial of the same connection, and one that comes when it is over.
#[test]
fn answers_that_are_late_find_nobody() {
    let (mut context, mut window) = context(ms(2_000));
    let open = open(&mut context, "127.0.0.1");
    let id = dial(&mut context);
    let peer = context.peers.get_mut(id.slot, id.generation).expect("there");
    let Phase::Dialing(before) = std::mem::replace(&mut peer.phase, Phase::Ended) else { panic!() };
    let old = before.asker;
    let mut plan = before.plan;
    (plan.url.host, plan.url.port) = (Host::V4([127, 0, 0, 1].into()), open.port());
    context.core.dial(id, peer, plan);
    context.resolved(Found { asker: old, family: Family::V4, addresses: Ok(vec![refused("127.0.0.1")]) });
    let peer = context.peers.get_mut(id.slot, id.generation).expect("there");
    let Phase::Dialing(dial) = &mut peer.phase else { panic!("{:?}", peer.phase) };
    assert_eq!(dial.addresses.step(u64::MAX), Step::Empty);
    assert_eq!(outcome(&mut context, &mut window, id), "Open");
    context.resolved(Found { asker: old, family: Family::V4, addresses: Ok(vec![open]) });
    assert_eq!(context.core.attempts.len(), 0);
}

/// Connections that end while they connect leave no socket and no lookup behind.
#[test]
fn what_ends_early_leaves_nothing() {
    let (mut context, mut window) = context(ms(2_000));
    let (swallows, _fillers) = full("127.0.0.1");
    let id = dial(&mut context);
    answer(&mut context, id, Family::V4, &[address(&swallows)]);
    answer(&mut context, id, Family::V6, &[]);
    assert_eq!(context.core.attempts.len(), 1);
    context.abort(id).expect("aborted");
    assert_eq!(outcome(&mut context, &mut window, id), "aborted by the program");
    assert_eq!(context.core.attempts.len(), 0);
}
