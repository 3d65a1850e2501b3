//! Bytes that are no TLS, or no longer what was sent.
//!
//! What holds: whatever comes, each end ends exactly once, with a text that can be read where it failed; a server that
//! speaks TLS only answers with nothing but TLS; a message comes as it was sent or not at all; nothing changed means that
//! everything comes and that the close is clean; memory stays small.

use super::super::Cuts;
use super::super::held::most;
use super::super::input::Input;
use super::check_text;
use super::wire::{Flow, Held, How, Socket, Tamper, relay};
use super::world::World;
use std::time::Duration;
use wsrs::net::tls::{Tls, TlsOptions, Version};
use wsrs::net::{Error, Stage};

/// RFC 8446 §5.1: types of records.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// What a run may hold: twice the two windows of a context, what rustls keeps, and messages on their way.
const MOST_MEMORY: isize = 2 << 20;

/// The largest piece.
const PIECES: [usize; 4] = [1 << 17, 1, 60, 6000];

/// See above.
pub fn tls(data: &[u8]) {
    let _alone = super::super::alone();
    let memory = most(|| {
        let mut input = Input::new(data);
        let how = input.byte();
        let cuts = Cuts::of(data);
        match how % 5 {
            0 => to_server(input, cuts, false),
            1 => to_server(input, cuts, true),
            2 => to_client(input, cuts),
            _ => between(input, cuts),
        }
    });
    assert!(memory < MOST_MEMORY, "{memory}");
}

fn endpoint(mut options: TlsOptions, input: &mut Input) -> Tls {
    options.versions.1 = Some(input.pick(&[Version::Tls13, Version::Tls12]));
    Tls::new(options).expect("an endpoint")
}

/// Any bytes to a server.
fn to_server(mut input: Input, mut cuts: Cuts, or_plain: bool) {
    let mut world = World::new();
    let tls = endpoint(super::server(), &mut input);
    let end = Held::new(Socket::Unix(world.serve(tls, or_plain).expect("a certificate")));
    let words = Words::new(input);
    let speaks_tls = !or_plain || words.bytes.first() == Some(&HANDSHAKE);
    let answer = words.speak(&mut world, end, &mut cuts);
    world.finish();
    if !speaks_tls {
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
        return;
    }
    assert!(!world.sides[1].opened);
    match answer.first() {
        // An alert is not answered, and rustls has none for some messages that are too large or interleaved.
        None => assert!(world.warnings.len() <= 1, "{:?}", world.warnings),
        // RFC 8446 §6: level (2: fatal) and description.
        Some(&ALERT) => {
            assert!(answer.len() == 7 && answer[5] == 2, "{answer:?}");
            assert_eq!(world.warnings.len(), 1, "{:?}", world.warnings);
        }
        Some(&first) => assert_eq!(first, HANDSHAKE),
    }
}

/// Any bytes to a client.
fn to_client(mut input: Input, mut cuts: Cuts) {
    let mut world = World::new();
    let tls = endpoint(super::client(), &mut input);
    let end = Held::new(Socket::Tcp(world.connect(tls).expect("an endpoint that can connect")));
    let asked = Words::new(input).speak(&mut world, end, &mut cuts);
    world.finish();
    assert_eq!(asked.first(), Some(&HANDSHAKE));
    let Some(Err(failure)) = &world.sides[0].end else { panic!("{:?}", world.sides[0].end) };
    assert_eq!(failure.stage, Stage::Tls, "{}", failure.text);
    match &failure.error {
        Error::Tls(broken) => assert!(broken.alert > 0, "{broken:?}"),
        Error::Io(_) => {}
        error => panic!("{error:?}"),
    }
}

/// What is said to one end.
struct Words<'d> {
    bytes: &'d [u8],
    most: usize,
    /// The end comes in order.
    ends: bool,
}

impl<'d> Words<'d> {
    fn new(mut input: Input<'d>) -> Words<'d> {
        let (most, ends) = (input.pick(&PIECES), input.flag());
        Words { bytes: input.rest(), most, ends }
    }

    /// Says all of it in pieces, and then ends; what the other end said.
    fn speak(&self, world: &mut World, mut end: Held, cuts: &mut Cuts) -> Vec<u8> {
        (end.to, end.last) = (self.bytes.to_vec(), self.ends);
        let mut quiet = 0;
        while quiet < 3 {
            let any = world.turn(Duration::from_millis(u64::from(quiet > 0)));
            quiet = if end.move_on(cuts.next(self.most)) || any { 0 } else { quiet + 1 };
        }
        std::mem::take(&mut end.came)
    }
}

/// A client and a server, and changes on the way.
fn between(mut input: Input, mut cuts: Cuts) {
    let mut world = World::new();
    let (server, client) = (endpoint(super::server(), &mut input), endpoint(super::client(), &mut input));
    let most = input.pick(&PIECES);
    for side in &mut world.sides {
        side.plan = (0..input.byte() % 4).map(|_| input.size()).collect();
    }
    let mut flows = [Flow::default(), Flow::default()];
    while !input.is_over() {
        flows[usize::from(input.flag())].tampers.push(tamper(&mut input));
    }
    let to_client = Held::new(Socket::Tcp(world.connect(client).expect("an endpoint that can connect")));
    let to_server = Held::new(Socket::Unix(world.serve(server, false).expect("a certificate")));
    carry(&mut world, [to_client, to_server], &mut flows, &mut cuts, most);
    world.finish();
    let plans = world.sides.each_ref().map(|side| &side.plan);
    if flows.iter().all(|flow| !flow.touched) {
        for (side, sent) in world.sides.iter().zip([plans[1], plans[0]]) {
            assert_eq!(&side.received, sent);
            let end = side.end.as_ref().expect("an end").as_ref();
            assert!(end.is_ok_and(|end| end.clean && end.code == 1000 && !end.truncated), "{end:?}");
        }
    }
    for side in &world.sides {
        if let Some(Err(failure)) = &side.end
            && let Error::Tls(broken) = &failure.error
        {
            check_text(&broken.text);
            assert!(broken.alert > 0, "{broken:?}");
        }
    }
}

fn tamper(input: &mut Input) -> Tamper {
    let (record, place) = (usize::from(input.byte() % 16), input.size());
    let how = match input.byte() % 5 {
        0 => How::Flip(input.byte()),
        1 => How::Drop,
        2 => How::Insert(input.bytes(255).into()),
        3 => How::Repeat(input.size()),
        _ => How::End,
    };
    Tamper { record, place, how }
}

/// Carries bytes until both are over, or nothing moves any more and the wire is cut.
pub(super) fn carry(world: &mut World, mut ends: [Held; 2], flows: &mut [Flow; 2], cuts: &mut Cuts, most: usize) {
    let mut quiet = 0;
    // Without a change everything comes to its end by itself.
    while quiet < 3 || (quiet < 3000 && flows.iter().all(|flow| !flow.touched)) {
        let moved = relay(&mut ends, flows, cuts, most);
        let any = world.turn(Duration::from_millis(u64::from(quiet > 0)));
        quiet = if moved || any { 0 } else { quiet + 1 };
        if world.context.next_conn(None).is_none() {
            break;
        }
    }
}
