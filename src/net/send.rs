//! Sending: frames into the queues of connections, and queues to their sockets.
//!
//! Called by `commands`, `delivery` and whatever else sends a frame. A frame is written
//! into the connection's queue and leaves when what is being handled now is done: many frames, one system call. Large
//! payloads of a server go to the socket straight from the caller's memory, and only what it does not take is copied.

use super::context::Context;
use super::core::Core;
use super::error::{Error, Result};
use super::event::{By, ConnId, State};
use super::peer::{Peer, Phase};
use crate::proto::close::{self, MAX_REASON};
use crate::proto::connection::{NotNow, Role};
use crate::proto::frame::{self, MAX_CONTROL, Written, opcode};
use crate::proto::message::Kind;
use crate::proto::utf8;
use std::io;

/// Payloads above this are not copied if the socket takes them (16 KiB by copy: 14.5k instructions, by gathering 14.9k).
pub(super) const COPY: usize = 128 << 10;
/// A queue is flushed early when it is this long: about what a socket takes at once.
pub(super) const CORK: usize = 256 << 10;

impl Context {
    /// Sends what was queued while something was handled.
    #[inline(always)]
    pub(super) fn flush_dirty(&mut self) {
        while let Some(id) = self.core.dirty.pop() {
            if let Some(peer) = self.peers.get_mut(id.slot, id.generation) {
                peer.dirty = false;
                self.core.flush(id, peer);
            }
        }
    }
}

/// The connection of that name, unless it is gone.
#[inline]
pub(super) fn find(peers: &mut super::table::Table<Peer>, id: ConnId) -> Result<&mut Peer> {
    match peers.get_mut(id.slot, id.generation) {
        Some(peer) => Ok(peer),
        None => Err(Error::Closed),
    }
}

impl Core {
    /// Whether a frame may be queued now.
    #[inline]
    pub(super) fn admit(&mut self, id: ConnId, peer: &mut Peer) -> Result<()> {
        peer.check_open()?;
        match peer.outbox.is_some() && peer.queued() >= peer.profile.limits.high_water {
            true => self.admit_above_mark(id, peer),
            false => Ok(()),
        }
    }

    /// What is corked was not offered to the socket yet.
    #[cold]
    fn admit_above_mark(&mut self, id: ConnId, peer: &mut Peer) -> Result<()> {
        self.flush(id, peer);
        peer.check_open()?;
        if peer.queued() >= peer.profile.limits.high_water {
            peer.wants_drain = true;
            self.count_refused(id);
            return Err(Error::Again);
        }
        Ok(())
    }

    /// Queues a frame.
    #[inline]
    pub(super) fn put(&mut self, id: ConnId, peer: &mut Peer, first: u8, data: &[u8]) -> Result<()> {
        let key = match peer.proto.role() {
            Role::Server if data.len() > COPY && !peer.blocked => {
                self.put_large(id, peer, first, data);
                return Ok(());
            }
            Role::Server => None,
            Role::Client => Some(self.random()?),
        };
        let outbox = self.outbox(id, peer);
        match key {
            None => outbox.push_plain(first, data),
            Some(key) => outbox.push_with(|out| frame::write(out, first, data, key)),
        }
        if outbox.len() > CORK {
            self.flush(id, peer);
        }
        Ok(())
    }

    /// Queues a frame whose payload lies in several pieces.
    pub(super) fn put_gathered(&mut self, id: ConnId, peer: &mut Peer, first: u8, parts: &[&[u8]]) -> Result<()> {
        let key = match peer.proto.role() {
            Role::Server => None,
            Role::Client => Some(self.random()?),
        };
        let outbox = self.outbox(id, peer);
        outbox.push_with(|out| frame::write_gathered(out, first, parts, key));
        if outbox.len() > CORK {
            self.flush(id, peer);
        }
        Ok(())
    }

    /// Queues a ping or pong.
    pub(super) fn put_control(&mut self, id: ConnId, peer: &mut Peer, code: u8, data: &[u8]) -> Result<()> {
        let first = peer.proto.begin_control(code)?;
        self.put(id, peer, first, data)?;
        if code == opcode::PING {
            self.count_ping_sent(id, peer, data);
        }
        self.count_queue(id, peer);
        Ok(())
    }

    /// A large payload: what is queued, the header and the payload in one system call.
    #[inline(never)]
    fn put_large(&mut self, id: ConnId, peer: &mut Peer, first: u8, data: &[u8]) {
        let header = Written::new(first, data.len(), None);
        self.outbox(id, peer);
        if let Some(outbox) = &mut peer.outbox {
            let more = [header.as_bytes(), data];
            let result = match &mut peer.tls {
                None => outbox.flush_with(&peer.socket, more),
                Some(tls) => tls.flush_with(&peer.socket, outbox, more, &mut self.tls),
            };
            self.flushed(id, peer, result);
        }
    }

    /// Offers the queue to the socket.
    #[inline(always)]
    pub(super) fn flush(&mut self, id: ConnId, peer: &mut Peer) {
        if peer.tls.is_some() {
            return self.flush_sealed(id, peer);
        }
        if let (Some(outbox), false) = (&mut peer.outbox, peer.blocked) {
            let result = outbox.flush(&peer.socket);
            self.flushed(id, peer, result);
        }
    }

    /// The same through TLS, whose own records leave too.
    fn flush_sealed(&mut self, id: ConnId, peer: &mut Peer) {
        if let (Some(tls), false) = (&mut peer.tls, peer.blocked) {
            let result = tls.flush(&peer.socket, peer.outbox.as_deref_mut(), &mut self.tls);
            self.flushed(id, peer, result);
        }
    }

    #[inline(always)]
    fn flushed(&mut self, id: ConnId, peer: &mut Peer, result: io::Result<bool>) {
        self.count_corked(id, peer);
        match result {
            Ok(true) => {
                if let Some(outbox) = peer.outbox.take() {
                    self.give_back(outbox);
                }
                self.count_queue(id, peer);
                if peer.wants_drain
                    || peer.unblocks_door
                    || !matches!(peer.phase, Phase::Open)
                    || peer.proto.close_sent()
                {
                    self.emptied(id, peer);
                }
            }
            Ok(false) => self.blocks(id, peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocks(id, peer),
            // What the peer sent before it went is still to be read; the end of that tells how it ended.
            Err(_) => {
                peer.write_dead = true;
                peer.read_closed = true;
                peer.readable = true;
                peer.outbox = None;
                self.count_queue(id, peer);
                self.read_again(id, peer);
            }
        }
    }

    /// The socket took less than it was offered.
    fn blocks(&mut self, id: ConnId, peer: &mut Peer) {
        peer.blocked = true;
        self.count_queue(id, peer);
        self.check_drain(id, peer);
    }

    /// The socket is writable again: the peer has taken a part of what was sent.
    pub(super) fn writable(&mut self, id: ConnId, peer: &mut Peer) {
        peer.blocked = false;
        // Who takes what is sent is there: a pong waits behind the queue, and so does our Close.
        peer.heard = true;
        if peer.proto.close_sent() || matches!(peer.phase, Phase::Lingering) {
            self.await_end(id, peer);
        }
        // §5.5.2: "It SHOULD respond with Pong frame as soon as is practical": a queue may never be empty.
        if let Some(data) = peer.rare.as_mut().and_then(|rare| rare.owed_pong.take()) {
            self.answer_ping(id, peer, &data);
            peer.drop_rare();
        }
        self.flush(id, peer);
    }

    /// The queue is empty: what waited for that.
    fn emptied(&mut self, id: ConnId, peer: &mut Peer) {
        self.check_drain(id, peer);
        match peer.phase {
            Phase::Lingering if peer.has_ended() => self.end(id, peer),
            Phase::Lingering if !std::mem::replace(&mut peer.shut, true) => {
                if let Some(tls) = &mut peer.tls {
                    tls.close(&peer.socket);
                }
                peer.socket.end_sending();
            }
            Phase::Open if peer.proto.close_sent() && peer.proto.close_received() => self.closed_both(id, peer),
            _ => {}
        }
    }

    /// Tells of a queue that is low again, at half its mark.
    pub(super) fn check_drain(&mut self, id: ConnId, peer: &mut Peer) {
        if peer.queued() > peer.profile.limits.high_water / 2 {
            return;
        }
        if std::mem::take(&mut peer.unblocks_door) {
            self.door.block(id.slot, false);
        }
        if std::mem::take(&mut peer.wants_drain) {
            self.drained.push_back(id);
        }
    }

    /// §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received
    /// a Close frame."
    pub(super) fn answer_ping(&mut self, id: ConnId, peer: &mut Peer, data: &[u8]) {
        if peer.blocked {
            // A flood of pings must not fill the queue: §5.5.3 lets us answer the most recent one only.
            peer.rare().owed_pong = Some(data.to_vec());
        } else {
            // Fails without randomness, and then the next frame says so, or after our Close.
            let _ = self.put_control(id, peer, opcode::PONG, data);
        }
    }

    /// Sends our Close and waits for the peer's.
    pub(super) fn close(&mut self, id: ConnId, peer: &mut Peer, code: u16, reason: &str, by: By) {
        let Ok(first) = peer.proto.begin_close() else { return };
        let shown = if code == 0 { close::NO_STATUS } else { code };
        peer.end_as(shown, reason, by);
        let code = code.to_be_bytes();
        let body: [&[u8]; 2] = if shown == close::NO_STATUS { [b"", b""] } else { [&code, reason.as_bytes()] };
        // Fails without randomness only; the deadline ends the connection then.
        let _ = self.put_gathered(id, peer, first, &body);
        self.door.tell(id, State::Closing);
        self.await_end(id, peer);
        self.unpause(id, peer);
    }

    /// Nothing more is delivered, but the peer's Close and the end are to be read.
    pub(super) fn unpause(&mut self, id: ConnId, peer: &mut Peer) {
        if std::mem::take(&mut peer.paused) {
            self.read_again(id, peer);
        }
    }
}

impl From<NotNow> for Error {
    fn from(reason: NotNow) -> Self {
        match reason {
            NotNow::Closing => Error::Closed,
            NotNow::Fragmented => Error::State("a fragmented message is not finished, or of another type"),
        }
    }
}

/// §5.6: text is UTF-8.
#[inline]
pub(super) fn check_text(kind: Kind, parts: &[&[u8]]) -> Result<()> {
    if kind == Kind::Binary {
        return Ok(());
    }
    if let [whole] = parts {
        return if utf8::is_valid(whole) { Ok(()) } else { Err(Error::Utf8) };
    }
    let mut utf8 = utf8::Utf8::default();
    for part in parts {
        utf8.push(part).map_err(|_| Error::Utf8)?;
    }
    if utf8.is_complete() { Ok(()) } else { Err(Error::Utf8) }
}

/// §5.5: control frames carry 125 bytes at most.
pub(super) fn check_control(data: &[u8]) -> Result<()> {
    if data.len() > MAX_CONTROL { Err(Error::TooLarge("a ping or pong has at most 125 bytes")) } else { Ok(()) }
}

/// What may be in a Close frame; the reason as text.
pub(super) fn check_close(code: u16, reason: &[u8]) -> Result<&str> {
    if code != 0 && !close::is_sendable(code) {
        return Err(Error::CloseCode(code));
    }
    if reason.len() > MAX_REASON {
        return Err(Error::TooLarge("a close reason has at most 123 bytes"));
    }
    if code == 0 && !reason.is_empty() {
        return Err(Error::Argument("a close reason needs a code"));
    }
    std::str::from_utf8(reason).map_err(|_| Error::Utf8)
}
