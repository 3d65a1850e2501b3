//! What nearly every event is: a message that is whole in the window, from a connection with nothing special about it.
//!
//! [`Context::next_whole`] is asked first, and declines without having changed anything; `reading` does all the rest, and
//! asks for such messages too.

use super::super::context::Context;
use super::super::event::{ConnId, Window};
use super::super::peer::Peer;
use super::{Current, SMALL, WINDOW};
use crate::proto::message::Kind;
use std::io;
use std::ops::Range;

/// A message that is whole in the window: a [`What::Message`](super::super::What), without the detour over an event.
pub struct Whole {
    /// Which connection.
    pub id: ConnId,
    /// The word of the listener or connect call that it came from.
    pub tag: u32,
    /// The connection's own word.
    pub user_data: usize,
    /// Text or binary.
    pub kind: Kind,
    /// Where it is: see [`Window::of`].
    at: Range<usize>,
}

impl Context {
    /// The next event, if it is a message that is whole in the window, from a connection with nothing special about it:
    /// what most events are. `None`: [`Context::next_event`] goes on from here.
    #[inline(always)]
    pub fn next_whole(&mut self, window: &mut Window) -> Option<Whole> {
        if self.is_unsettled() {
            return None;
        }
        loop {
            if let Some(current) = &mut self.current {
                if !current.at.is_empty() {
                    let peer = self.peers.get_mut(current.id.slot, current.id.generation)?;
                    return whole_message(peer, current, window);
                }
                if current.more {
                    return None;
                }
                self.count_current();
                self.current = None;
                self.flush_dirty();
            }
            if !self.receive_plain(window) {
                return None;
            }
        }
    }

    /// Receives from the next connection that the poll set named, if there is nothing special about it.
    #[inline(always)]
    fn receive_plain(&mut self, window: &mut Window) -> bool {
        if self.core.has_notice() {
            return false;
        }
        let Some(id) = self.next_plain_ready() else { return false };
        let Some(peer) = self.peers.get_mut(id.slot, id.generation) else { return false };
        // What is held comes first: a connection that holds something and is not paused is on the list.
        if !peer.is_plain() || peer.blocked || peer.read_closed || peer.again || peer.proto.is_receiving() {
            return false;
        }
        if peer.tls.is_some() {
            return self.receive_plain_sealed(id, window);
        }
        let size = if peer.large { SMALL } else { WINDOW };
        let count = match peer.socket.receive(&mut window.shared[..size]) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // An end or an error shows again in the long way.
            _ => return false,
        };
        let more = count == size;
        peer.heard = true;
        peer.readable = more;
        self.current = Some(Current { id, at: 0..count, received: count, counted: (0, 0), more });
        self.took_ready();
        true
    }
}

/// The next message of a connection, in the common case that it is whole in the window.
#[inline(always)]
pub(super) fn whole_message(peer: &mut Peer, current: &mut Current, window: &mut Window) -> Option<Whole> {
    let Range { start, end } = current.at;
    if start == end || !peer.is_plain() {
        return None;
    }
    let (kind, at) = peer.proto.whole_message(&mut window.shared, start, end, &peer.profile.limits.message)?;
    current.at.start = at.end;
    current.counted.0 += 1;
    current.counted.1 += at.len() as u64;
    peer.used = true;
    peer.large = false;
    Some(Whole { id: current.id, tag: peer.profile.tag, user_data: peer.user_data, kind, at })
}

impl Window {
    /// The bytes of a message.
    #[inline(always)]
    pub fn of(&self, whole: &Whole) -> &[u8] {
        &self.shared[whole.at.clone()]
    }
}
