//! The commands of the program: send, ping, close, abort, pause.
//!
//! Called by the C surface on the loop's thread, and by `delivery` for what came through the door. What a frame does on
//! its way to the socket is in `send`.

use super::context::Context;
use super::error::{Error, Result};
use super::event::{By, ConnId};
use super::peer::Phase;
use super::send::{COPY, CORK, check_close, check_control, check_text, find};
use crate::proto::close;
use crate::proto::frame::{FIN, opcode};
use crate::proto::message::Kind;
use crate::proto::utf8;

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Text or binary.
    pub kind: Kind,
    /// Not compressed, whatever was agreed on.
    pub uncompressed: bool,
}

impl From<Kind> for Outgoing {
    fn from(kind: Kind) -> Self {
        Outgoing { kind, uncompressed: false }
    }
}

impl Context {
    /// [`Context::send`] in the common case, and nothing else: an open server connection that keeps up, in a turn.
    /// `false` has changed nothing: `send` tells.
    #[inline(always)]
    pub fn send_plain(&mut self, id: ConnId, kind: Kind, data: &[u8]) -> bool {
        let Some(peer) = self.peers.get_mut(id.slot, id.generation) else { return false };
        if !peer.sends_plain() || data.len() > COPY || !self.core.in_turn {
            return false;
        }
        if kind == Kind::Text && !utf8::is_valid(data) {
            return false;
        }
        let outbox = match &mut peer.outbox {
            Some(outbox) => outbox,
            None => self.core.begin_outbox(id, &mut peer.outbox, &mut peer.dirty),
        };
        // Bytes that were not offered to the socket yet count for no mark: `blocked` tells of those that were.
        if outbox.corked() > CORK {
            return false;
        }
        peer.used = true;
        outbox.counted.0 += 1;
        outbox.counted.1 += data.len() as u64;
        outbox.push_plain(FIN | kind.opcode(), data);
        true
    }

    /// Queues or writes a whole message. Text must be UTF-8.
    #[inline]
    pub fn send(&mut self, id: ConnId, outgoing: impl Into<Outgoing>, data: &[u8]) -> Result<()> {
        let Outgoing { kind, uncompressed } = outgoing.into();
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        if kind == Kind::Text && !utf8::is_valid(data) {
            return Err(Error::Utf8);
        }
        let first = peer.proto.begin_message(kind)?;
        peer.used = true;
        self.core.put_message(id, peer, first, &[data], uncompressed)?;
        self.core.count_sent(id, peer, data.len(), true);
        self.act();
        Ok(())
    }

    /// The same from several pieces.
    pub fn send_gathered(&mut self, id: ConnId, outgoing: impl Into<Outgoing>, parts: &[&[u8]]) -> Result<()> {
        let Outgoing { kind, uncompressed } = outgoing.into();
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        check_text(kind, parts)?;
        let first = peer.proto.begin_message(kind)?;
        peer.used = true;
        self.core.put_message(id, peer, first, parts, uncompressed)?;
        self.core.count_sent(id, peer, parts.iter().map(|part| part.len()).sum(), true);
        self.act();
        Ok(())
    }

    /// One frame of a message; all have the same kind. Whether it is compressed the first one says.
    pub fn send_fragment(&mut self, id: ConnId, outgoing: impl Into<Outgoing>, data: &[u8], last: bool) -> Result<()> {
        let Outgoing { kind, uncompressed } = outgoing.into();
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        self.core.door.begin_fragment(id.slot, kind, data, last)?;
        let first = peer.proto.begin_fragment(kind, last)?;
        peer.used = true;
        self.core.put_message(id, peer, first, &[data], uncompressed)?;
        self.core.count_sent(id, peer, data.len(), last);
        self.act();
        Ok(())
    }

    /// At most 125 bytes.
    pub fn ping(&mut self, id: ConnId, data: &[u8]) -> Result<()> {
        self.control(id, opcode::PING, data)
    }

    /// An unasked pong, at most 125 bytes.
    pub fn pong(&mut self, id: ConnId, data: &[u8]) -> Result<()> {
        self.control(id, opcode::PONG, data)
    }

    fn control(&mut self, id: ConnId, code: u8, data: &[u8]) -> Result<()> {
        check_control(data)?;
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        self.core.put_control(id, peer, code, data)?;
        self.act();
        Ok(())
    }

    /// Starts the closing handshake; cancels a connect. `code` 0: a Close without body; reason at most 123 bytes.
    pub fn close(&mut self, id: ConnId, code: u16, reason: &[u8]) -> Result<()> {
        let reason = check_close(code, reason)?;
        let peer = find(&mut self.peers, id)?;
        if let Phase::Ended = peer.phase {
            return Err(Error::Closed);
        }
        let kept_up = peer.give_up();
        match peer.phase {
            Phase::Open if !peer.proto.close_sent() => self.core.close(id, peer, code, reason, By::Local),
            // It is closing already, but was to come again.
            Phase::Open | Phase::Lingering if kept_up => {}
            Phase::Open | Phase::Lingering => return Err(Error::Closed),
            _ => self.core.cancel(id, peer, "closed by the program"),
        }
        self.act();
        Ok(())
    }

    /// Drops the connection without Close.
    pub fn abort(&mut self, id: ConnId) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        match peer.phase {
            Phase::Ended => return Err(Error::Closed),
            Phase::Open | Phase::Lingering => {
                peer.give_up();
                peer.end_as(close::ABNORMAL, "", By::Local);
                self.core.end(id, peer);
            }
            _ => self.core.cancel(id, peer, "aborted by the program"),
        }
        self.act();
        Ok(())
    }

    /// Stops (true) or continues to receive.
    pub fn pause(&mut self, id: ConnId, paused: bool) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        if matches!(peer.phase, Phase::Ended) {
            return Err(Error::Closed);
        }
        if !paused {
            self.core.unpause(id, peer);
        } else if !peer.proto.close_sent() && !matches!(peer.phase, Phase::Lingering) {
            peer.paused = true;
        }
        self.act();
        Ok(())
    }

    /// One `Drain` as soon as the queue is low, in the next turn if it is.
    pub fn request_drain(&mut self, id: ConnId) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        if peer.write_dead {
            // Refused, and a pause must not keep the end back: see `Core::next`.
            peer.wants_drain = true;
            self.core.read_again(id, peer);
            self.act();
            return Err(Error::Closed);
        }
        peer.check_open()?;
        if !std::mem::replace(&mut peer.wants_drain, true) {
            self.core.drain_asked.push(id);
        }
        self.act();
        Ok(())
    }
}
