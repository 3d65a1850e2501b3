//! What the program may ask of a connection, and its timers.
//!
//! Called by the C surface.

use super::context::Context;
use super::error::{Error, Result};
use super::event::{ConnId, SocketName, State, TimerId};
use super::peer::{Peer, Phase};
use super::tls::Info;
use super::transport::Socket;
use crate::proto::deflate::Agreed;
use std::time::Duration;

impl Context {
    /// The connection of that name, unless it is gone.
    pub(super) fn peer(&self, id: ConnId) -> Result<&Peer> {
        self.peers.get(id.slot, id.generation).ok_or(Error::Closed)
    }

    /// `Closed` for what is gone.
    pub fn state(&self, id: ConnId) -> State {
        match self.peer(id).map(|peer| (&peer.phase, peer.proto.close_sent())) {
            Err(_) | Ok((Phase::Ended, _)) => State::Closed,
            Ok((Phase::Open, false)) => State::Open,
            Ok((Phase::Open, true) | (Phase::Lingering, _)) => State::Closing,
            Ok(_) => State::Connecting,
        }
    }

    /// The connection's word.
    pub fn user_data(&self, id: ConnId) -> Result<usize> {
        self.peer(id).map(|peer| peer.user_data)
    }

    /// Sets it.
    pub fn set_user_data(&mut self, id: ConnId, word: usize) -> Result<()> {
        super::send::find(&mut self.peers, id)?.user_data = word;
        Ok(())
    }

    /// Our end.
    pub fn local_address(&self, id: ConnId) -> Result<SocketName> {
        self.address(id, Socket::local_name)
    }

    /// The peer's end.
    pub fn peer_address(&self, id: ConnId) -> Result<SocketName> {
        self.address(id, Socket::peer_name)
    }

    /// What TLS agreed on. Stays where it is until the connection is forgotten.
    pub fn tls_info(&mut self, id: ConnId) -> Result<&Info> {
        let peer = super::send::find(&mut self.peers, id)?;
        if let Phase::Waiting | Phase::Dialing(_) | Phase::Proxying(_) = peer.phase {
            // It may have a session yet.
            return Err(Error::NotOpen);
        }
        let tls = peer.tls.as_ref().ok_or(Error::NotFound)?;
        let rare = peer.rare.get_or_insert_default();
        if rare.tls_info.is_none() {
            rare.tls_info = Some(Box::new(tls.info()?));
        }
        rare.tls_info.as_deref().ok_or(Error::NotOpen)
    }

    /// What was agreed on for compressing messages; `NotFound` without it, `NotOpen` as long as nothing is.
    pub fn deflate(&self, id: ConnId) -> Result<Agreed> {
        let peer = self.peer(id)?;
        match self.state(id) {
            State::Connecting => Err(Error::NotOpen),
            _ => peer.proto.agreed().ok_or(Error::NotFound),
        }
    }

    /// `NotOpen` before TCP is connected, `Closed` when it is no more.
    fn address(&self, id: ConnId, which: fn(&Socket) -> std::io::Result<SocketName>) -> Result<SocketName> {
        let peer = self.peer(id)?;
        if let Phase::Waiting | Phase::Dialing(_) = peer.phase {
            return Err(Error::NotOpen);
        }
        which(&peer.socket).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotConnected => Error::Closed,
            _ => error.into(),
        })
    }

    /// `interval` None: once.
    pub fn add_timer(&mut self, delay: Duration, interval: Option<Duration>, words: [usize; 2]) -> Result<TimerId> {
        let at = self.core.clock.exact_now() + delay.as_millis() as u64;
        let at = at.max(self.tick.map_or(0, |tick| tick + 1));
        let interval = interval.map(|interval| (interval.as_millis() as u64).max(1));
        let id = self.timers.add(at, interval, words).ok_or(Error::Limit("timers"))?;
        self.act();
        Ok(id)
    }

    /// `Closed` when it is gone.
    pub fn cancel_timer(&mut self, id: TimerId) -> Result<()> {
        if self.timers.cancel(id) { Ok(()) } else { Err(Error::Closed) }
    }

    /// Connections that have not ended, in the order of their slots; `None` starts.
    pub fn next_conn(&self, previous: Option<ConnId>) -> Option<ConnId> {
        let mut from = previous.map_or(0, |id| id.slot + 1);
        loop {
            let (slot, generation) = self.peers.next(from)?;
            let id = ConnId { slot, generation };
            if self.peer(id).is_ok_and(|peer| peer.announced) && self.state(id) != State::Closed {
                return Some(id);
            }
            from = slot + 1;
        }
    }

    /// Bytes queued and not yet taken by the system.
    pub fn buffered(&self, id: ConnId) -> Result<usize> {
        self.peer(id).map(Peer::queued)
    }
}
