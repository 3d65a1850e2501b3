//! Receiving: from the socket through the protocol to an event, one readiness of one connection at a time.
//!
//! Called by `context` for the connection whose turn it is. All connections share one window; a large message goes
//! straight to its own place. A short read ends the readiness, as the poll set is edge-triggered; a connection that
//! has more than its share goes on the list for the next turn.

mod plain;
mod sealed;

pub use self::plain::Whole;

use super::context::{Context, Found};
use super::core::Core;
use super::event::{ConnId, Window};
use super::peer::{Peer, Phase};
use crate::proto::connection::{Place, Step};
use std::io;
use std::ops::Range;

/// The window that connections share.
pub(super) const WINDOW: usize = 128 << 10;
/// What is received at first where the last message was large: its successor's header and a beginning.
const SMALL: usize = 4 << 10;
/// A message above this is large.
const LARGE: usize = 64 << 10;
/// What a connection may receive in one turn.
const SHARE: usize = 1 << 20;

/// The connection whose bytes are being handled.
pub(super) struct Current {
    pub(super) id: ConnId,
    /// What is left of the received bytes, in the window.
    at: Range<usize>,
    /// Received in this turn, as it was inflated.
    received: usize,
    /// Messages that the counters don't know of yet, and their bytes.
    pub(super) counted: (u32, u64),
    /// There may be more to receive, or something else to do than messages.
    more: bool,
}

impl Current {
    pub(super) fn new(id: ConnId) -> Self {
        Current { id, at: 0..0, received: 0, counted: (0, 0), more: true }
    }
}

/// How it goes on with the current connection.
enum Next {
    Found(Found),
    /// Look again.
    Continue,
    /// It is done for this turn.
    Done,
}

impl Context {
    /// Handles the current connection up to its next event; `None` when it is done.
    #[inline]
    pub(super) fn read_on(&mut self, window: &mut Window) -> Option<Found> {
        let current = self.current.as_mut()?;
        if let Some(peer) = self.peers.get_mut(current.id.slot, current.id.generation) {
            loop {
                if let Some(whole) = plain::whole_message(peer, current, window) {
                    return Some(Found::Whole(whole));
                }
                let next = match (peer.is_plain() && peer.rare.is_none(), current.at.is_empty()) {
                    (true, true) => self.core.receive(peer, current, window),
                    (true, false) => self.core.step(peer, current, window),
                    _ => self.core.next(peer, current, window),
                };
                match next {
                    Next::Found(found) => return Some(found),
                    Next::Continue => {}
                    Next::Done => break,
                }
            }
        }
        self.count_current();
        self.current = None;
        None
    }
}

impl Core {
    /// One step of the protocol through the bytes in the window.
    fn step(&mut self, peer: &mut Peer, current: &mut Current, window: &mut Window) -> Next {
        if peer.proto.close_received() {
            // §5.5.1: after a Close nothing more is sent; what comes all the same means nothing.
            current.at.start = current.at.end;
            return Next::Continue;
        }
        // What it became counts for the share: a window of compressed bytes may be a thousand windows.
        if current.received >= SHARE && peer.proto.agreed().is_some() {
            self.hold(peer, current, window);
            self.read_again(current.id, peer);
            return Next::Done;
        }
        let limits = &peer.profile.limits.message;
        let bytes = &mut window.shared[current.at.clone()];
        let (used, step) = peer.proto.receive(bytes, limits, &mut self.shared, &mut window.lent);
        let start = current.at.start;
        current.at.start += used;
        self.interpret(peer, current, window, step, start)
    }

    /// What a step means for the connection. `start`: where its place is counted from.
    fn interpret(
        &mut self,
        peer: &mut Peer,
        current: &mut Current,
        window: &mut Window,
        step: Step,
        start: usize,
    ) -> Next {
        let id = current.id;
        current.received += self.count_inflated(id) as usize;
        match step {
            Step::More => Next::Continue,
            Step::Message { kind, place, first, last } => {
                // After our Close the program has said that it wants nothing more.
                if peer.proto.close_sent() {
                    self.shared.pool.give(std::mem::take(&mut window.lent));
                    return Next::Continue;
                }
                let place = place.moved(start);
                let length = window.bytes(&place).len();
                current.counted.0 += u32::from(last);
                current.counted.1 += length as u64;
                peer.used = true;
                peer.large = matches!(place, Place::Lent) && length > LARGE && peer.proto.agreed().is_none();
                Next::Found(Found::Message { id, kind, place, first, last })
            }
            Step::Ping(place) => {
                let place = place.moved(start);
                self.count_ping(id);
                self.answer_ping(id, peer, window.bytes(&place));
                Next::Found(Found::Ping { id, place })
            }
            Step::Pong(place) => {
                let place = place.moved(start);
                self.count_pong(id, peer, window.bytes(&place));
                Next::Found(Found::Pong { id, place })
            }
            Step::Close { code, reason } => {
                self.close_came(id, peer, current, code, reason);
                Next::Continue
            }
            Step::Failed(error) => {
                current.at.start = current.at.end;
                self.fail(id, peer, error);
                Next::Continue
            }
        }
    }

    /// §5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send
    /// a Close frame in response." With the same code: "the endpoint typically echos the status code it received".
    fn close_came(&mut self, id: ConnId, peer: &mut Peer, current: &mut Current, code: u16, reason: String) {
        // Whatever follows a Close is not looked at, but has to be read before the socket may be closed.
        peer.readable |= !current.at.is_empty();
        current.at.start = current.at.end;
        peer.end_as_peer_says(code, reason);
        if peer.proto.close_sent() {
            // Ours may still wait in the queue, behind what the peer is to read: then `emptied` ends it.
            if peer.queued() == 0 {
                self.closed_both(id, peer);
            }
        } else {
            let echoed = if code == crate::proto::close::NO_STATUS { 0 } else { code };
            self.close(id, peer, echoed, "", super::event::By::Remote);
        }
    }

    /// Everything but frames in the window: the phases before and after, what is held, and receiving.
    fn next(&mut self, peer: &mut Peer, current: &mut Current, window: &mut Window) -> Next {
        let id = current.id;
        // Delivered even if the program paused the connection while it decided: only what comes after waits.
        if peer.opening && matches!(peer.phase, Phase::Open) {
            peer.opening = false;
            peer.note_open();
            return Next::Found(Found::Open { id });
        }
        if peer.is_held() {
            self.hold(peer, current, window);
            // Nothing is sent any more: the drain that the program waits for before it goes on never comes.
            if peer.write_dead && peer.wants_drain {
                self.end(id, peer);
            }
            return Next::Done;
        }
        let has_held = peer.rare.as_ref().is_some_and(|rare| !rare.held.is_empty());
        if current.at.is_empty() && has_held && !matches!(peer.phase, Phase::Ended) {
            let held = std::mem::take(&mut peer.rare().held);
            window.shared[..held.len()].copy_from_slice(&held);
            current.at = 0..held.len();
            peer.drop_rare();
            return Next::Continue;
        }
        match peer.phase {
            Phase::Ended => Next::Done,
            Phase::Waiting | Phase::Dialing(_) => Next::Done,
            Phase::Securing(_) => self.receive(peer, current, window),
            Phase::Lingering => {
                current.at.start = current.at.end;
                self.receive(peer, current, window)
            }
            _ if current.at.is_empty() => self.receive(peer, current, window),
            Phase::Asked(_) => {
                let ask = self.hear_request(id, peer, &mut window.shared, &mut current.at);
                if ask { Next::Found(Found::Request { id }) } else { Next::Continue }
            }
            Phase::Proxying(_) => {
                self.hear_proxy(id, peer, &window.shared, &mut current.at);
                Next::Continue
            }
            Phase::Asking(_) => {
                self.hear_answer(id, peer, &mut window.shared, &mut current.at);
                Next::Continue
            }
            Phase::Open => self.step(peer, current, window),
            Phase::Deciding { .. } => Next::Done,
        }
    }

    /// Keeps what was received until the program wants it.
    fn hold(&mut self, peer: &mut Peer, current: &mut Current, window: &Window) {
        if !current.at.is_empty() {
            peer.rare().held.extend_from_slice(&window.shared[current.at.clone()]);
            current.at.start = current.at.end;
        }
    }

    /// Receives more, if there may be more and the connection has not had its share.
    #[inline(always)]
    fn receive(&mut self, peer: &mut Peer, current: &mut Current, window: &mut Window) -> Next {
        if !peer.readable {
            return Next::Done;
        }
        if current.received >= SHARE {
            self.read_again(current.id, peer);
            return Next::Done;
        }
        if peer.tls.is_some() {
            return self.receive_sealed(peer, current, window);
        }
        let open = matches!(peer.phase, Phase::Open);
        let (asked, result, direct) = match if open { peer.proto.room() } else { None } {
            Some(room) => (room.len(), peer.socket.receive(room), true),
            None => {
                let size = if peer.large { SMALL } else { WINDOW };
                (size, peer.socket.receive(&mut window.shared[..size]), false)
            }
        };
        let count = match result {
            Ok(0) => return self.ended_by_peer(peer, current, None),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                peer.readable = false;
                return Next::Done;
            }
            Err(error) => return self.ended_by_peer(peer, current, Some(error)),
        };
        peer.heard = true;
        // Edge-triggered: fewer bytes than there was room for are all that there are. The end needs a read of its own.
        peer.readable = count == asked || peer.read_closed;
        current.more = peer.readable;
        current.received += count;
        if !direct {
            current.at = 0..count;
            return Next::Continue;
        }
        let limits = &peer.profile.limits.message;
        let (beyond, step) = peer.proto.received(count, &mut window.shared, limits, &mut self.shared, &mut window.lent);
        current.at = 0..beyond;
        self.interpret(peer, current, window, step, 0)
    }

    fn ended_by_peer(&mut self, peer: &mut Peer, current: &mut Current, error: Option<io::Error>) -> Next {
        let id = current.id;
        current.at.start = current.at.end;
        peer.readable = false;
        peer.read_closed = true;
        // RFC 8446 §6.1: without close_notify an attacker may have cut off what was still to come.
        if peer.tls.as_ref().is_some_and(|tls| tls.is_established() && !tls.has_ended()) {
            peer.rare().truncated = true;
        }
        if matches!(&peer.phase, Phase::Asking(asking) if asking.is_refused()) {
            self.rejected(id, peer);
        } else {
            self.lost(id, peer, error);
        }
        Next::Done
    }
}

impl Place {
    fn moved(self, by: usize) -> Place {
        match self {
            Place::Window(range) => Place::Window(range.start + by..range.end + by),
            Place::Lent => Place::Lent,
        }
    }
}

impl Window {
    /// The bytes of a place.
    #[inline]
    pub(super) fn bytes(&self, place: &Place) -> &[u8] {
        match place {
            Place::Window(range) => &self.shared[range.clone()],
            Place::Lent => self.lent.filled(),
        }
    }
}
