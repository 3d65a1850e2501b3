//! What is counted: of each connection and of the context, readable by any thread at any time.
//!
//! The loop's thread alone writes, so that a count is a load and a store; other threads read through the door. Messages
//! are first counted beside the bytes that they came with ([`Current`]) or wait with (`Outbox`), and added here once a
//! readiness; who asks on the loop's thread gets these too.

mod compression;
mod snapshot;

use self::compression::Compression;
use super::context::Context;
use super::core::Core;
use super::count::{Count, Small};
use super::error::Result;
use super::event::{By, ConnId};
use super::peer::{Peer, Phase};
use super::reading::Current;
use super::rows::Rows;
use super::send::find;
use crate::proto::error::ProtocolError;
use std::time::Instant;

pub use self::snapshot::{Stats, Totals};

/// Everything that is counted in a context.
#[derive(Debug)]
pub(super) struct Counts {
    traffic: Rows<Traffic>,
    control: Rows<Control>,
    /// Only where there was a compressed message.
    compression: Rows<Compression>,
    pub(super) sums: Sums,
}

/// The messages of a connection, and of all connections.
#[derive(Debug, Default)]
struct Traffic {
    messages_received: Count,
    messages_sent: Count,
    bytes_received: Count,
    bytes_sent: Count,
}

/// What few connections have to tell.
#[derive(Debug, Default)]
struct Control {
    queued: Count,
    /// Sends refused by the loop; the door counts its own.
    sends_refused: Count,
    pings_received: Small,
    pings_sent: Small,
    pongs_received: Small,
    rtt: Small,
    rtt_least: Small,
    rtt_mean: Small,
    attempts: Small,
    retries: Small,
}

/// What happened to all connections of a context.
#[derive(Debug, Default)]
pub(super) struct Sums {
    traffic: Traffic,
    compression: Compression,
    queued: Count,
    pings_received: Count,
    pings_sent: Count,
    pongs_received: Count,
    sends_refused: Count,
    pub(super) opened: Count,
    closed: Count,
    pub(super) handshakes_failed: Count,
    pub(super) handshakes_rejected: Count,
    connects_failed: Count,
    attempts: Count,
    retries: Count,
    pub(super) redirects: Count,
    protocol_errors: Count,
    text_errors: Count,
    limit_errors: Count,
    timeouts: Count,
    losses: Count,
}

impl Traffic {
    #[inline(always)]
    fn received(&self, messages: u32, bytes: u64) {
        self.messages_received.add(messages.into());
        self.bytes_received.add(bytes);
    }

    #[inline(always)]
    fn sent(&self, messages: u32, bytes: u64) {
        self.messages_sent.add(messages.into());
        self.bytes_sent.add(bytes);
    }

    fn read(&self, stats: &mut Stats) {
        stats.messages_received = self.messages_received.get();
        stats.messages_sent = self.messages_sent.get();
        stats.bytes_received = self.bytes_received.get();
        stats.bytes_sent = self.bytes_sent.get();
    }
}

impl Control {
    fn round_trip(&self, micros: u64) {
        let micros = micros.max(1);
        let (least, mean) = (self.rtt_least.get(), self.rtt_mean.get());
        self.rtt.set(micros);
        self.rtt_least.set(if least == 0 { micros } else { least.min(micros) });
        self.rtt_mean.set(if mean == 0 { micros } else { (mean * 7 + micros) / 8 });
    }

    fn read(&self, stats: &mut Stats) {
        stats.queued = self.queued.get();
        stats.pings_received = self.pings_received.get();
        stats.pings_sent = self.pings_sent.get();
        stats.pongs_received = self.pongs_received.get();
        stats.sends_refused = self.sends_refused.get();
        stats.rtt = self.rtt.get();
        stats.rtt_least = self.rtt_least.get();
        stats.rtt_mean = self.rtt_mean.get();
        stats.attempts = self.attempts.get();
        stats.retries = self.retries.get();
    }
}

impl Counts {
    /// For connections in the first `places` of the table.
    pub(super) fn new(places: usize) -> Counts {
        Counts {
            traffic: Rows::new(places),
            control: Rows::new(places),
            compression: Rows::new(places),
            sums: Sums::default(),
        }
    }

    /// A connection begins in this place, which nobody else knows by its new name yet.
    pub(super) fn begin(&self, slot: u32) {
        if let Some(Traffic { messages_received, messages_sent, bytes_received, bytes_sent }) = self.traffic.find(slot)
        {
            [messages_received, messages_sent, bytes_received, bytes_sent].iter().for_each(|count| count.set(0));
        }
        if let Some(control) = self.control.find(slot) {
            let Control { queued, sends_refused, pings_received, pings_sent, .. } = control;
            let Control { pongs_received, rtt, rtt_least, rtt_mean, attempts, retries, .. } = control;
            [queued, sends_refused].iter().for_each(|count| count.set(0));
            let small = [pings_received, pings_sent, pongs_received, rtt, rtt_least, rtt_mean, attempts, retries];
            small.iter().for_each(|count| count.set(0));
        }
        self.compression.find(slot).into_iter().for_each(Compression::clear);
    }

    /// Of the connection in this place.
    pub(super) fn stats(&self, slot: u32) -> Stats {
        let mut stats = Stats::default();
        self.traffic.find(slot).into_iter().for_each(|traffic| traffic.read(&mut stats));
        self.control.find(slot).into_iter().for_each(|control| control.read(&mut stats));
        self.compression.find(slot).into_iter().for_each(|compression| compression.read(&mut stats));
        stats
    }

    /// Of all.
    pub(super) fn totals(&self) -> Totals {
        let sums = &self.sums;
        let mut all = Stats {
            queued: sums.queued.get(),
            pings_received: sums.pings_received.get(),
            pings_sent: sums.pings_sent.get(),
            pongs_received: sums.pongs_received.get(),
            sends_refused: sums.sends_refused.get(),
            ..Stats::default()
        };
        sums.traffic.read(&mut all);
        sums.compression.read(&mut all);
        Totals {
            all,
            opened: sums.opened.get(),
            closed: sums.closed.get(),
            handshakes_failed: sums.handshakes_failed.get(),
            handshakes_rejected: sums.handshakes_rejected.get(),
            connects_failed: sums.connects_failed.get(),
            protocol_errors: sums.protocol_errors.get(),
            text_errors: sums.text_errors.get(),
            limit_errors: sums.limit_errors.get(),
            timeouts: sums.timeouts.get(),
            losses: sums.losses.get(),
            attempts: sums.attempts.get(),
            retries: sums.retries.get(),
            redirects: sums.redirects.get(),
        }
    }
}

impl Context {
    /// What a connection counted so far.
    pub fn stats(&mut self, id: ConnId) -> Result<Stats> {
        self.count_current();
        let peer = find(&mut self.peers, id)?;
        self.core.count_corked(id, peer);
        Ok(Stats { queued: peer.queued() as u64, ..self.core.counts.stats(id.slot) })
    }

    /// What all connections counted so far.
    pub fn totals(&mut self) -> Totals {
        self.count_current();
        let mut corked = 0;
        for &id in &self.core.dirty {
            if let Some(peer) = self.peers.get_mut(id.slot, id.generation) {
                self.core.count_corked(id, peer);
                corked += if peer.blocked { 0 } else { peer.queued() as u64 };
            }
        }
        let mut totals = self.core.counts.totals();
        totals.all.queued += corked;
        totals.all.sends_refused += self.core.door.refused();
        totals
    }

    /// Counts what the current connection received so far.
    #[inline(always)]
    pub(super) fn count_current(&mut self) {
        if let Some(Current { id, counted, .. }) = &mut self.current {
            let (messages, bytes) = std::mem::take(counted);
            if bytes | u64::from(messages) != 0 {
                self.core.counts.traffic.row(id.slot).received(messages, bytes);
                self.core.counts.sums.traffic.received(messages, bytes);
            }
        }
    }
}

impl Core {
    /// Counts the messages that wait in the cork.
    #[inline(always)]
    pub(super) fn count_corked(&self, id: ConnId, peer: &mut Peer) {
        let Some(outbox) = &mut peer.outbox else { return };
        let (messages, bytes) = std::mem::take(&mut outbox.counted);
        if messages != 0 {
            self.counts.traffic.row(id.slot).sent(messages, bytes);
            self.counts.sums.traffic.sent(messages, bytes);
        }
    }

    /// A message or a fragment was queued; `last` is what makes it a message.
    pub(super) fn count_sent(&self, id: ConnId, peer: &mut Peer, bytes: usize, last: bool) {
        self.counts.traffic.row(id.slot).sent(last.into(), bytes as u64);
        self.counts.sums.traffic.sent(last.into(), bytes as u64);
        self.count_queue(id, peer);
    }

    /// A send was refused.
    pub(super) fn count_refused(&self, id: ConnId) {
        self.counts.control.row(id.slot).sends_refused.add(1);
        self.counts.sums.sends_refused.add(1);
    }

    /// The queue changed: what the system did not take is told.
    #[inline(always)]
    pub(super) fn count_queue(&self, id: ConnId, peer: &mut Peer) {
        if peer.blocked | peer.queue_counted {
            self.count_blocked(id, peer);
        }
    }

    #[cold]
    fn count_blocked(&self, id: ConnId, peer: &mut Peer) {
        let queued = &self.counts.control.row(id.slot).queued;
        let (before, now) = (queued.get(), if peer.blocked { peer.queued() as u64 } else { 0 });
        peer.queue_counted = now > 0;
        queued.set(now);
        self.counts.sums.queued.add(now.wrapping_sub(before));
    }

    /// A ping came.
    pub(super) fn count_ping(&self, id: ConnId) {
        self.counts.control.row(id.slot).pings_received.one_more();
        self.counts.sums.pings_received.add(1);
    }

    /// A ping was queued: the pong with the same data tells the time of the round trip.
    pub(super) fn count_ping_sent(&self, id: ConnId, peer: &mut Peer, data: &[u8]) {
        self.counts.control.row(id.slot).pings_sent.one_more();
        self.counts.sums.pings_sent.add(1);
        peer.rare().pinged = Some((Instant::now(), data.into()));
    }

    /// A pong came.
    pub(super) fn count_pong(&self, id: ConnId, peer: &mut Peer, data: &[u8]) {
        let control = self.counts.control.row(id.slot);
        control.pongs_received.one_more();
        self.counts.sums.pongs_received.add(1);
        let pinged = peer.rare.as_mut().and_then(|rare| rare.pinged.take_if(|(_, sent)| **sent == *data));
        if let Some((at, _)) = pinged {
            control.round_trip(at.elapsed().as_micros() as u64);
            peer.drop_rare();
        }
    }

    /// A connect begins; `retry`: after a loss or a failure.
    pub(super) fn count_attempt(&self, id: ConnId, retry: bool) {
        let control = self.counts.control.row(id.slot);
        control.attempts.one_more();
        self.counts.sums.attempts.add(1);
        if retry {
            control.retries.one_more();
            self.counts.sums.retries.add(1);
        }
    }

    /// The library fails an open connection.
    pub(super) fn count_failure(&self, error: ProtocolError) {
        let sums = &self.counts.sums;
        let kind = match error {
            ProtocolError::Utf8 | ProtocolError::CloseReason => &sums.text_errors,
            ProtocolError::TooManyFragments | ProtocolError::TooBig => &sums.limit_errors,
            _ => &sums.protocol_errors,
        };
        kind.add(1);
    }

    /// A connection ends that was in this phase.
    pub(super) fn count_end(&self, id: ConnId, peer: &mut Peer, phase: &Phase) {
        self.count_corked(id, peer);
        self.count_queue(id, peer);
        let sums = &self.counts.sums;
        let rare = peer.rare.as_ref();
        match phase {
            Phase::Dialing(_) | Phase::Proxying(_) | Phase::Securing(_) | Phase::Asking(_) => {
                sums.connects_failed.add(1)
            }
            Phase::Asked(_) | Phase::Deciding { .. } => sums.handshakes_failed.add(1),
            Phase::Open | Phase::Lingering if !rare.is_some_and(|rare| rare.responded) => {
                sums.closed.add(1);
                match rare.and_then(|rare| rare.ending.as_ref()).map(|ending| ending.by) {
                    None | Some(By::Network) => sums.losses.add(1),
                    Some(By::Timeout) => sums.timeouts.add(1),
                    Some(By::Local | By::Remote) => {}
                }
            }
            Phase::Waiting | Phase::Open | Phase::Lingering | Phase::Ended => {}
        }
    }
}
