//! How connections end (RFC 6455 §7): closing handshake done, protocol broken, TCP gone, cancelled.
//!
//! Called by the other parts of the loop. Whoever learns first why a connection ends notes it with
//! [`Peer::end_as`]; [`Core::end`] closes the socket and queues the last event, which `context` delivers.

use super::core::Core;
use super::error::Error;
use super::event::{By, Closing, ConnId, Failure, Level, Stage, State};
use super::limits::Limits;
use super::peer::{Ending, Peer, Phase};
use super::tls::Broken;
use super::transport::Socket;
use crate::proto::close::ABNORMAL;
use crate::proto::connection::Role;
use crate::proto::error::ProtocolError;
use std::time::Duration;

impl Peer {
    /// Notes how the connection ends, unless something was noted before.
    pub(super) fn end_as(&mut self, code: u16, reason: &str, by: By) {
        self.rare().ending.get_or_insert_with(|| Ending { code, reason: reason.into(), by });
    }

    /// The peer's Close says more than ours, but who began stays.
    pub(super) fn end_as_peer_says(&mut self, code: u16, reason: String) {
        let ending = self.rare().ending.get_or_insert_with(|| Ending { code, reason: "".into(), by: By::Remote });
        ending.code = code;
        ending.reason = reason.into();
    }

    /// Notes why it never opened, unless something was noted before.
    pub(super) fn fail_as(&mut self, stage: Stage, error: Error, text: impl FnOnce() -> String) {
        self.lap(stage);
        let rare = self.rare();
        if rare.failure.is_none() {
            rare.failure = Some(Box::new(Failure { stage, error, text: text(), status: 0, body: Vec::new() }));
        }
    }

    /// How an attempt ended.
    pub(super) fn outcome(&mut self) -> Result<Closing, Box<Failure>> {
        let clean = self.proto.close_sent() && self.proto.close_received();
        let rare = self.rare();
        if let Some(failure) = rare.failure.take() {
            return Err(failure);
        }
        let responded = rare.responded;
        let gone = Ending { code: if responded { 0 } else { ABNORMAL }, reason: "".into(), by: By::Network };
        let Ending { code, reason, by } = rare.ending.take().unwrap_or(gone);
        let truncated = rare.truncated && !clean && !responded;
        Ok(Closing { truncated, code, reason, clean: (clean || responded) && !rare.cut, by, failure: None })
    }
}

impl Core {
    /// Closes the socket; the last event follows, or that of a retry.
    pub(super) fn end(&mut self, id: ConnId, peer: &mut Peer) {
        let phase = std::mem::replace(&mut peer.phase, Phase::Ended);
        peer.blocked = false;
        self.count_end(id, peer, &phase);
        match phase {
            Phase::Ended => return,
            Phase::Asked(_) | Phase::Deciding { .. } => self.never_opened(peer),
            Phase::Dialing(dial) => self.drop_attempts(&dial),
            Phase::Proxying(proxying) => proxying.lookup().into_iter().for_each(|asker| self.forget_lookups(asker)),
            // Accepted, and gone again before `Open` was delivered.
            _ if peer.opening => peer.fail_as(Stage::Handshake, Error::Closed, || "it ended before it opened".into()),
            _ => {}
        }
        if let Some(tls) = &mut peer.tls {
            tls.close(&peer.socket);
        }
        match peer.upkeep {
            Some(_) => self.drop_socket(peer),
            None => peer.socket = Socket::None,
        }
        if peer.write_dead || peer.queued() > 0 {
            peer.rare().cut = true;
        }
        peer.outbox = None;
        self.wheel.clear(id.slot);
        self.addresses.leave(peer.address);
        let state = if peer.upkeep.is_some() && self.returns(peer) { State::Connecting } else { State::Closed };
        self.door.tell(id, state);
        self.ended.push_back(id);
    }

    /// A server connection ends before it opened.
    fn never_opened(&mut self, peer: &mut Peer) {
        self.pending -= 1;
        peer.fail_as(Stage::Handshake, Error::Io(std::io::ErrorKind::ConnectionReset.into()), || {
            "the client went away before the handshake was done".into()
        });
    }

    /// Ends a connection that is not open, because this program wants it so.
    pub(super) fn cancel(&mut self, id: ConnId, peer: &mut Peer, why: &'static str) {
        let stage = match &peer.phase {
            Phase::Dialing(dial) => dial.stage(),
            Phase::Proxying(_) => Stage::Proxy,
            Phase::Securing(_) => Stage::Tls,
            Phase::Waiting => peer.upkeep.as_ref().map_or(Stage::Handshake, |upkeep| upkeep.stage()),
            _ => Stage::Handshake,
        };
        peer.fail_as(stage, Error::Closed, || why.into());
        self.end(id, peer);
    }

    /// TCP ended or failed.
    pub(super) fn lost(&mut self, id: ConnId, peer: &mut Peer, error: Option<std::io::Error>) {
        if let Phase::Proxying(_) = peer.phase {
            return self.proxy_gone(id, peer, error);
        }
        if let Phase::Securing(_) = peer.phase {
            let why = error.as_ref().map_or(String::new(), |error| format!(": {error}"));
            let error = error.unwrap_or_else(|| std::io::ErrorKind::ConnectionReset.into());
            let text = || format!("the server ended the connection during the TLS handshake{why}");
            peer.fail_as(Stage::Tls, Error::Io(error), text);
        } else if let Phase::Asking(_) = peer.phase {
            let text = match &error {
                Some(error) => format!("the server ended the connection before it answered: {error}"),
                None => "the server ended the connection before it answered".into(),
            };
            let error = error.unwrap_or_else(|| std::io::ErrorKind::ConnectionReset.into());
            peer.fail_as(Stage::Handshake, Error::Io(error), || text);
        } else if error.is_none() && self.still_sends(id, peer) {
            return;
        }
        self.end(id, peer);
    }

    /// TLS failed. The alert is on its way, so the rest of what comes is read: otherwise the peer would not get to see it.
    pub(super) fn tls_broken(&mut self, id: ConnId, peer: &mut Peer, broken: Broken) {
        self.log(Level::Warning, || broken.text.clone());
        match peer.phase {
            Phase::Proxying(_) | Phase::Securing(_) | Phase::Asking(_) => {
                self.flush(id, peer);
                self.tls_failed(id, peer, Error::Tls(broken));
            }
            Phase::Lingering | Phase::Ended => self.end(id, peer),
            Phase::Asked(_) | Phase::Deciding { .. } if !peer.announced => {
                self.counts.sums.handshakes_failed.add(1);
                peer.rare().responded = true;
                self.linger(id, peer);
            }
            _ => {
                peer.end_as(ABNORMAL, "", By::Network);
                self.linger(id, peer);
            }
        }
    }

    /// A peer that ended its side may still read: what is queued leaves. Whether that has to wait for the socket;
    /// `emptied` or the deadline ends it then.
    fn still_sends(&mut self, id: ConnId, peer: &mut Peer) -> bool {
        self.flush(id, peer);
        if peer.queued() == 0 {
            return false;
        }
        if let Phase::Open = peer.phase {
            peer.phase = Phase::Lingering;
            self.door.tell(id, State::Closing);
            self.await_end(id, peer);
        }
        matches!(peer.phase, Phase::Lingering)
    }

    /// §7.1.7: "If the connection is already established, [...] the endpoint SHOULD send a Close frame with an
    /// appropriate status code before proceeding to _Close the WebSocket Connection_."
    pub(super) fn fail(&mut self, id: ConnId, peer: &mut Peer, error: ProtocolError) {
        self.count_failure(error);
        self.log(Level::Warning, || format!("connection failed with {}: {error}", error.close_code()));
        self.close(id, peer, error.close_code(), error.text(), By::Local);
        self.linger(id, peer);
    }

    /// Sends the rest of the queue, ends our side, and reads the peer's side to its end without looking at it: data
    /// that nobody reads would make the system reset the connection and lose what we sent last.
    pub(super) fn linger(&mut self, id: ConnId, peer: &mut Peer) {
        if let Phase::Asked(_) | Phase::Deciding { .. } = peer.phase {
            self.pending -= 1;
        }
        peer.phase = Phase::Lingering;
        peer.readable = true;
        self.unpause(id, peer);
        self.await_end(id, peer);
        // An empty queue is flushed too: that is what ends our side.
        self.outbox(id, peer);
        self.read_again(id, peer);
    }

    /// The peer has this long, from now on, to take what is left of the queue and to end.
    pub(super) fn await_end(&mut self, id: ConnId, peer: &Peer) {
        let after = match (peer.profile.limits.close_timeout, &peer.phase) {
            // A deadline that is off would leave it to the peer how long the socket stays.
            (Duration::ZERO, Phase::Lingering) => Limits::default().close_timeout,
            (after, _) => after,
        };
        // A callback that took its time may have asked for it.
        self.clock.exact_now();
        self.arm(id, after);
    }

    /// Both Close frames are exchanged and ours is sent.
    ///
    /// §7.1.1: "The underlying TCP connection, in most normal cases, SHOULD be closed first by the server".
    pub(super) fn closed_both(&mut self, id: ConnId, peer: &mut Peer) {
        match peer.proto.role() {
            Role::Server if !peer.readable => self.end(id, peer),
            Role::Server => self.linger(id, peer),
            Role::Client if peer.has_ended() => self.end(id, peer),
            Role::Client => {
                if !std::mem::replace(&mut peer.shut, true) {
                    self.await_end(id, peer);
                }
            }
        }
    }
}
