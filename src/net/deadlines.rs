//! What happens when a connection's deadline passes, and the watch over silent connections.
//!
//! Called by `context` when the timerfd fires. A connection has one deadline at a time; what it means follows from
//! its phase. Open connections are looked at every half interval, so that no message has to touch a timer: a ping
//! goes out after one to one and a half intervals of silence.

use super::core::Core;
use super::error::Error;
use super::event::{By, ConnId, Level, Stage};
use super::peer::{Peer, Phase};
use crate::proto::close::ABNORMAL;
use crate::proto::frame::opcode;
use std::time::Duration;

impl Core {
    /// Begins to watch a connection that has just opened.
    pub(super) fn watch_silence(&mut self, id: ConnId, peer: &mut Peer) {
        peer.silent = 0;
        peer.unused = 0;
        self.arm(id, next_check(peer));
    }

    /// The deadline has passed.
    pub(super) fn on_deadline(&mut self, id: ConnId, peer: &mut Peer) {
        match &peer.phase {
            Phase::Waiting => self.dial_again(id, peer),
            Phase::Dialing(_) => self.dial_due(id, peer),
            Phase::Proxying(_) => self.proxy_late(id, peer),
            Phase::Securing(_) => {
                let text = || "the server did not finish the TLS handshake in time".into();
                peer.fail_as(Stage::Tls, Error::Timeout("TLS handshake"), text);
                self.end(id, peer);
            }
            Phase::Asking(asking) if asking.is_refused() => self.rejected(id, peer),
            Phase::Asking(_) => {
                let text = || "the server did not answer the handshake in time".into();
                peer.fail_as(Stage::Handshake, Error::Timeout("handshake"), text);
                self.end(id, peer);
            }
            Phase::Asked(_) | Phase::Deciding { .. } => {
                self.log(Level::Info, || "a client did not finish its handshake in time".into());
                let text = || "the handshake was not finished in time".into();
                peer.fail_as(Stage::Handshake, Error::Timeout("handshake"), text);
                self.end(id, peer);
            }
            Phase::Open if peer.proto.close_sent() => {
                self.log(Level::Info, || "the peer did not finish the closing handshake in time".into());
                if !peer.proto.close_received() {
                    peer.times_out();
                }
                self.end(id, peer);
            }
            Phase::Open => self.check_silence(id, peer),
            Phase::Lingering => self.end(id, peer),
            Phase::Ended => {}
        }
    }

    fn check_silence(&mut self, id: ConnId, peer: &mut Peer) {
        let limits = &peer.profile.limits;
        let (ping, pong, idle) = (limits.ping_interval, limits.pong_timeout, limits.idle_timeout);
        let step = next_check(peer).as_millis() as u32;
        // Nothing is received from a connection that the program has paused: that says nothing about the peer.
        let heard = std::mem::take(&mut peer.heard) || peer.paused;
        peer.silent = if heard { 0 } else { peer.silent.saturating_add(step) };
        peer.unused = if std::mem::take(&mut peer.used) { 0 } else { peer.unused.saturating_add(step) };
        peer.awaiting_pong &= !heard;
        if peer.awaiting_pong && u128::from(peer.silent) >= pong.as_millis() {
            self.log(Level::Info, || "no pong in time".into());
            peer.end_as(ABNORMAL, "", By::Timeout);
            return self.end(id, peer);
        }
        if !idle.is_zero() && u128::from(peer.unused) >= idle.as_millis() {
            return self.close(id, peer, 1001, "idle", By::Timeout);
        }
        self.release_contexts(peer);
        if !peer.awaiting_pong && !ping.is_zero() && u128::from(peer.silent) >= ping.as_millis() {
            peer.silent = 0;
            peer.awaiting_pong = !pong.is_zero();
            // Fails without randomness only; the missing pong ends the connection then.
            let _ = self.put_control(id, peer, opcode::PING, b"");
        }
        self.arm(id, next_check(peer));
    }
}

impl Peer {
    /// Whatever was noted before: it is a deadline that ends it.
    fn times_out(&mut self) {
        if let Some(ending) = &mut self.rare().ending {
            ending.by = By::Timeout;
        }
    }
}

/// When to look at an open connection next, from the last look on; zero: never.
fn next_check(peer: &Peer) -> Duration {
    let interval = check_interval(peer);
    if !peer.awaiting_pong {
        return interval;
    }
    let silent = Duration::from_millis(peer.silent.into());
    let left = peer.profile.limits.pong_timeout.saturating_sub(silent);
    interval.min(left).max(Duration::from_millis(1))
}

/// How often to look at an open connection; zero: never.
fn check_interval(peer: &Peer) -> Duration {
    let limits = &peer.profile.limits;
    let half = |time: Duration| if time.is_zero() { time } else { (time / 2).max(Duration::from_millis(1)) };
    [limits.ping_interval, limits.idle_timeout, peer.release_after()]
        .map(half)
        .into_iter()
        .filter(|time| !time.is_zero())
        .min()
        .unwrap_or_default()
}
