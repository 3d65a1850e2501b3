//! Compression over real sockets: what idle connections give up and do not miss, what those own that keep nothing, and
//! bombs (H4) on many connections.
#![allow(clippy::unwrap_used)]

#[path = "common/cost.rs"]
mod cost;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/held.rs"]
mod held;
#[path = "common/loopback.rs"]
mod loopback;

use cost::resident;
use frames::{CLOSE, close_body, masked};
use held::held;
use loopback::{Loop, REQUEST, Raw, Seen, sent};
use std::net::SocketAddr;
use std::time::Duration;
use wsrs::net::{ConnId, ConnectOptions, Limits, ListenOptions, Prepared};
use wsrs::proto::deflate::Settings;
use wsrs::proto::message::Kind;

/// Ends of connections that the loop has with itself.
struct Pairs {
    l: Loop,
    address: SocketAddr,
    settings: Option<Settings>,
}

impl Pairs {
    fn new(settings: Option<Settings>) -> Pairs {
        let mut l = Loop::new(Limits::default());
        let (_, address) = l.listen(ListenOptions { deflate: settings.clone(), ..ListenOptions::default() });
        Pairs { l, address, settings }
    }

    /// Client and server of one more.
    fn connect(&mut self) -> [ConnId; 2] {
        let opened = |l: &Loop| l.count(|seen| matches!(seen, Seen::Open(_)));
        let before = opened(&self.l);
        let options = ConnectOptions { deflate: self.settings.clone(), ..ConnectOptions::default() };
        let client = self.l.context.connect(&format!("ws://{}/", self.address), options).unwrap();
        self.l.until("both ends", |l| opened(l) == before + 2);
        let ends = [self.l.opened(before), self.l.opened(before + 1)];
        if ends[0] == client { ends } else { [ends[1], ends[0]] }
    }

    /// Each end sends, the other receives.
    fn exchange(&mut self, ends: [ConnId; 2], message: &[u8]) {
        for (from, to) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            self.l.seen.retain(|seen| !matches!(seen, Seen::Message(..)));
            self.l.context.send(from, Kind::Text, message).unwrap();
            self.l.until("the message", |l| !l.messages(to).is_empty());
            assert!(self.l.messages(to) == [message]);
        }
    }
}

fn message(seed: u32) -> Vec<u8> {
    (0..600).flat_map(|n: u32| format!("{{\"n\":{}}}", n.wrapping_mul(seed) % 5_000).into_bytes()).collect()
}

fn settings(takeover: bool, release_after: u64) -> Settings {
    let release_after = Duration::from_millis(release_after);
    Settings { takeover, peer_takeover: takeover, release_after, ..Settings::default() }
}

/// Checked by: without release_contexts in net/deadlines.rs this fails; with `squeeze` of contexts.rs keeping nothing, too.
#[test]
fn idle_connections_give_their_contexts_up_and_go_on() {
    const PAIRS: usize = 8;
    let mut pairs = Pairs::new(Some(settings(true, 100)));
    let ends: Vec<_> = (0..PAIRS).map(|_| pairs.connect()).collect();
    for round in 1..=3 {
        let before = held();
        for each in &ends {
            pairs.exchange(*each, &message(7));
            pairs.exchange(*each, &message(round));
            pairs.exchange(*each, &message(7));
        }
        let most = held();
        assert!(most - before > 100_000 || round > 1, "{} bytes for {PAIRS} pairs", most - before);
        // What the loop keeps for all is some 2 MiB at most.
        let left = |_: &mut Loop| held() < before + if round == 1 { 1_700_000 } else { 100_000 };
        pairs.l.until("the release", left);
    }
    let from: Vec<u64> = ends.iter().map(|[client, _]| pairs.l.context.stats(*client).unwrap().deflated_to).collect();
    assert!(from.iter().all(|&bytes| bytes > 1_000), "{from:?}");
}

/// Checked by: with nothing in forget_sent of deflated.rs this fails.
#[test]
fn prepared_messages_between_own_ones() {
    let mut pairs = Pairs::new(Some(settings(true, 30_000)));
    let ends = pairs.connect();
    let prepared = [message(3), message(4)].map(|data| (Prepared::new(Kind::Text, &data).unwrap(), data));
    for round in 0..6 {
        pairs.exchange(ends, &message(round));
        pairs.exchange(ends, &message(1));
        for (form, data) in &prepared {
            for (from, to) in [(ends[0], ends[1]), (ends[1], ends[0])] {
                pairs.l.seen.clear();
                pairs.l.context.send_prepared(from, form).unwrap();
                pairs.l.until("the message", |l| !l.messages(to).is_empty());
                assert!(pairs.l.messages(to) == [&data[..]]);
            }
        }
    }
}

/// A connection that keeps no contexts owns between messages what one without compression does.
///
/// Checked by: without drop_contexts in deflated.rs, or with contexts made in deflate_with of connection.rs, this fails.
#[test]
fn without_takeover_connections_own_what_plain_ones_do() {
    const PAIRS: usize = 30;
    let costs = [None, Some(settings(false, 30_000)), Some(settings(true, 30_000))].map(|settings| {
        let takeover = settings.as_ref().is_some_and(|settings| settings.takeover);
        let mut pairs = Pairs::new(settings);
        let warm = pairs.connect();
        pairs.exchange(warm, &message(2));
        pairs.l.seen.reserve(10 * PAIRS);
        let before = held();
        let ends: Vec<_> = (0..PAIRS).map(|_| pairs.connect()).collect();
        if !takeover {
            ends.iter().for_each(|each| pairs.exchange(*each, &message(2)));
        }
        pairs.l.seen.retain(|seen| matches!(seen, Seen::Open(_)));
        held() - before
    });
    let most = costs[0] + (PAIRS as isize) * 32;
    assert!(costs[1] <= most, "{costs:?}: after messages");
    assert!(costs[2] <= most, "{costs:?}: before the first");
}

/// H4: hundreds of bombs, each a connection of its own, on one that takes whole messages and on one that streams: 1009
/// each, and memory stays where it was after the first.
///
/// Checked by: with u64::MAX as `most` in `whole` or `piece` of inflating.rs this fails.
#[test]
fn h04_bombs_on_many_connections_leave_memory_flat() {
    // 1,032 zeros for each byte of 0.
    let mut bomb = vec![0xec, 0xc1, 0x01, 0x01, 0x00, 0x00, 0x00, 0x82, 0x20, 0xff, 0xaf, 0x6e, 0x48, 0x40];
    bomb.resize(50_000, 0);
    let bomb = masked(0xc2, &bomb);
    let offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let request = [&REQUEST[..REQUEST.len() - 2], offer].concat();
    for streaming in [false, true] {
        let mut l = Loop::new(Limits::default());
        let deflate = Some(settings(true, 30_000));
        let (_, address) = l.listen(ListenOptions { deflate, streaming, ..ListenOptions::default() });
        let mut before = (0, 0);
        for round in 0..12 {
            let mut peers: Vec<Raw> = (0..10).map(|_| Raw::connect(address)).collect();
            for raw in &mut peers {
                raw.write(&request);
                raw.until(&mut l, "the answer", |raw| raw.head().is_some());
                assert!(raw.skip_head().contains("permessage-deflate"));
                raw.write(&bomb);
            }
            for raw in &mut peers {
                raw.until(&mut l, "the Close", |raw| raw.bytes.len() >= 19);
                assert_eq!(raw.frames(), [sent(CLOSE, &close_body(1009, b"message too big"))]);
            }
            drop(peers);
            l.until("the ends", |l| l.count(|seen| matches!(seen, Seen::Closed(..))) == 10);
            let most = |seen: &Seen| if let Seen::Piece(_, _, data, ..) = seen { data.len() } else { 0 };
            assert!(l.seen.iter().map(most).sum::<usize>() <= 10 << 20, "streaming {streaming}");
            assert_eq!(l.count(|seen| matches!(seen, Seen::Message(..))), 0);
            l.seen = Vec::new();
            match round {
                1 => before = (held(), resident()),
                2.. => assert!(held() < before.0 + 100_000, "{} more held", held() - before.0),
                _ => {}
            }
        }
        let more = resident() - before.1;
        assert!(more < 16 << 20, "{more} bytes more in memory");
    }
}
