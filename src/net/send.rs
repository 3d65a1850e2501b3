//! Sending: the commands of the program, from either side of the door, to the queues of the connections.
//!
//! Called by the C surface through [`Context`], and by `context` for what came through the door. A frame is written
//! into the connection's queue and leaves when what is being handled now is done: many frames, one system call. Large
//! payloads of a server go to the socket straight from the caller's memory, and only what it does not take is copied.

use super::context::Context;
use super::core::Core;
use super::error::{Error, Result};
use super::event::{By, ConnId, State};
use super::peer::{Peer, Phase};
use super::wake::{Command, Delivery};
use crate::proto::close::{self, MAX_REASON};
use crate::proto::connection::{NotNow, Role};
use crate::proto::frame::{self, FIN, MAX_CONTROL, Written, opcode};
use crate::proto::message::Kind;
use crate::proto::utf8;
use std::io;
use std::sync::Arc;

/// Payloads above this are not copied if the socket takes them (16 KiB by copy: 14.5k instructions, by gathering 14.9k).
const COPY: usize = 128 << 10;
/// A queue is flushed early when it is this long: about what a socket takes at once.
const CORK: usize = 256 << 10;

/// A message framed once, for many server connections; its payload for client connections, which mask each frame.
#[derive(Clone)]
pub struct Framed {
    kind: Kind,
    header: usize,
    bytes: Arc<[u8]>,
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
        if outbox.len() > CORK.min(peer.profile.limits.high_water) {
            return false;
        }
        peer.used = true;
        outbox.push_plain(FIN | kind.opcode(), data);
        true
    }

    /// Queues or writes a whole message. Text must be UTF-8.
    #[inline]
    pub fn send(&mut self, id: ConnId, kind: Kind, data: &[u8]) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        if kind == Kind::Text && !utf8::is_valid(data) {
            return Err(Error::Utf8);
        }
        let first = peer.proto.begin_message(kind)?;
        peer.used = true;
        self.core.put(id, peer, first, data)?;
        self.act();
        Ok(())
    }

    /// The same from several pieces.
    pub fn send_gathered(&mut self, id: ConnId, kind: Kind, parts: &[&[u8]]) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        check_text(kind, parts)?;
        let first = peer.proto.begin_message(kind)?;
        peer.used = true;
        self.core.put_gathered(id, peer, first, parts)?;
        self.act();
        Ok(())
    }

    /// One frame of a message; all have the same kind.
    pub fn send_fragment(&mut self, id: ConnId, kind: Kind, data: &[u8], last: bool) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        let first = peer.proto.begin_fragment(kind, last)?;
        peer.used = true;
        self.core.put(id, peer, first, data)?;
        self.act();
        Ok(())
    }

    /// Frames a message for many.
    pub fn frame(&mut self, kind: Kind, data: &[u8]) -> Result<Framed> {
        check_text(kind, &[data])?;
        let header = Written::new(FIN | kind.opcode(), data.len(), None);
        let mut bytes = Vec::with_capacity(header.as_bytes().len() + data.len());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        Ok(Framed { kind, header: header.as_bytes().len(), bytes: bytes.into() })
    }

    /// Sends what `frame` made.
    pub fn send_framed(&mut self, id: ConnId, framed: &Framed) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        let first = peer.proto.begin_message(framed.kind)?;
        peer.used = true;
        match peer.proto.role() {
            Role::Client => self.core.put(id, peer, first, &framed.bytes[framed.header..])?,
            Role::Server => self.core.outbox(id, peer).push_shared(framed.bytes.clone()),
        }
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
        let first = peer.proto.begin_control(code)?;
        self.core.put(id, peer, first, data)?;
        self.act();
        Ok(())
    }

    /// Starts the closing handshake; cancels a connect. `code` 0: a Close without body; reason at most 123 bytes.
    pub fn close(&mut self, id: ConnId, code: u16, reason: &[u8]) -> Result<()> {
        let reason = check_close(code, reason)?;
        let peer = find(&mut self.peers, id)?;
        match peer.phase {
            Phase::Open if peer.proto.close_sent() => return Err(Error::Closed),
            Phase::Open => self.core.close(id, peer, code, reason, By::Local),
            Phase::Lingering | Phase::Ended => return Err(Error::Closed),
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

    /// One `Drain` as soon as the queue is low.
    pub fn request_drain(&mut self, id: ConnId) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        peer.check_open()?;
        peer.wants_drain = true;
        self.core.check_drain(id, peer);
        self.act();
        Ok(())
    }

    /// Bytes queued and not yet taken by the system.
    pub fn buffered(&self, id: ConnId) -> Result<usize> {
        self.peer(id).map(Peer::queued)
    }

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

    /// What came through the door, but for posts and names, which are left.
    pub(super) fn deliver(&mut self, delivery: Delivery) -> Vec<Command> {
        let mut rest = Vec::new();
        for command in delivery.commands {
            // An error here is a connection that closed meanwhile: its `on_close` says so.
            let _ = match command {
                Command::Send(id, kind, data) => self.posted(id, |core, peer| core.post(id, peer, kind, None, &data)),
                Command::Fragment(id, kind, data, last) => {
                    self.posted(id, |core, peer| core.post(id, peer, kind, Some(last), &data))
                }
                Command::Ping(id, data) => {
                    self.posted(id, |core, peer| core.post_control(id, peer, opcode::PING, &data))
                }
                Command::Pong(id, data) => {
                    self.posted(id, |core, peer| core.post_control(id, peer, opcode::PONG, &data))
                }
                Command::Close(id, code, reason) => self.close(id, code, &reason),
                Command::Abort(id) => self.abort(id),
                Command::Pause(id, paused) => self.pause(id, paused),
                Command::Post(_) | Command::Resolved(..) => {
                    rest.push(command);
                    Ok(())
                }
            };
        }
        self.flush_dirty();
        for slot in delivery.sent_to.into_iter().chain(delivery.refused.iter().copied()) {
            self.report_backlog(slot);
        }
        for slot in delivery.refused {
            if let Some((generation, _)) = self.peers.at(slot) {
                let id = ConnId { slot, generation };
                // Closed meanwhile: no `Drain` then.
                let _ = self.request_drain(id);
            }
        }
        rest
    }

    fn posted(&mut self, id: ConnId, send: impl FnOnce(&mut Core, &mut Peer) -> Result<()>) -> Result<()> {
        send(&mut self.core, find(&mut self.peers, id)?)
    }

    /// Tells other threads whether the connection's queue is above its mark.
    fn report_backlog(&mut self, slot: u32) {
        let Some((generation, _)) = self.peers.at(slot) else { return };
        if let Some(peer) = self.peers.get_mut(slot, generation) {
            peer.unblocks_door = peer.queued() >= peer.profile.limits.high_water;
            self.core.door.block(slot, peer.unblocks_door);
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
    /// A message or fragment that the door has admitted: the mark was looked at there.
    fn post(&mut self, id: ConnId, peer: &mut Peer, kind: Kind, fragment: Option<bool>, data: &[u8]) -> Result<()> {
        peer.check_open()?;
        let first = match fragment {
            None => peer.proto.begin_message(kind)?,
            Some(last) => peer.proto.begin_fragment(kind, last)?,
        };
        peer.used = true;
        self.put(id, peer, first, data)
    }

    fn post_control(&mut self, id: ConnId, peer: &mut Peer, code: u8, data: &[u8]) -> Result<()> {
        peer.check_open()?;
        let first = peer.proto.begin_control(code)?;
        self.put(id, peer, first, data)
    }

    /// Whether a frame may be queued now.
    #[inline]
    fn admit(&mut self, id: ConnId, peer: &mut Peer) -> Result<()> {
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
    fn put_gathered(&mut self, id: ConnId, peer: &mut Peer, first: u8, parts: &[&[u8]]) -> Result<()> {
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

    /// A large payload: what is queued, the header and the payload in one system call.
    #[inline(never)]
    fn put_large(&mut self, id: ConnId, peer: &mut Peer, first: u8, data: &[u8]) {
        let header = Written::new(first, data.len(), None);
        self.outbox(id, peer);
        if let Some(outbox) = &mut peer.outbox {
            let result = outbox.flush_with(&peer.socket, [header.as_bytes(), data]);
            self.flushed(id, peer, result);
        }
    }

    /// Offers the queue to the socket.
    #[inline(always)]
    pub(super) fn flush(&mut self, id: ConnId, peer: &mut Peer) {
        if let (Some(outbox), false) = (&mut peer.outbox, peer.blocked) {
            let result = outbox.flush(&peer.socket);
            self.flushed(id, peer, result);
        }
    }

    #[inline(always)]
    fn flushed(&mut self, id: ConnId, peer: &mut Peer, result: io::Result<bool>) {
        match result {
            Ok(true) => {
                if let Some(outbox) = peer.outbox.take() {
                    self.give_back(outbox);
                }
                if peer.wants_drain
                    || !matches!(peer.phase, Phase::Open)
                    || peer.proto.close_sent()
                    || peer.rare.is_some()
                {
                    self.emptied(id, peer);
                }
            }
            Ok(false) => {
                peer.blocked = true;
                self.check_drain(id, peer);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                peer.blocked = true;
                self.check_drain(id, peer);
            }
            // What the peer sent before it went is still to be read; the end of that tells how it ended.
            Err(_) => {
                peer.write_dead = true;
                peer.read_closed = true;
                peer.readable = true;
                peer.outbox = None;
                self.read_again(id, peer);
            }
        }
    }

    /// The socket is writable again.
    pub(super) fn writable(&mut self, id: ConnId, peer: &mut Peer) {
        peer.blocked = false;
        self.flush(id, peer);
    }

    /// The queue is empty: what waited for that.
    fn emptied(&mut self, id: ConnId, peer: &mut Peer) {
        self.check_drain(id, peer);
        if let Some(data) = peer.rare.as_mut().and_then(|rare| rare.owed_pong.take()) {
            self.answer_ping(id, peer, &data);
            peer.drop_rare();
        }
        match peer.phase {
            Phase::Lingering if !std::mem::replace(&mut peer.shut, true) => peer.socket.end_sending(),
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
        } else if let Ok(first) = peer.proto.begin_control(opcode::PONG) {
            // Fails without randomness only, and then the next frame says so.
            let _ = self.put(id, peer, first, data);
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
        self.arm(id, peer.profile.limits.close_timeout);
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
