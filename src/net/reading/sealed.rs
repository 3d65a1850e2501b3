//! Receiving through TLS: records from the socket, what is in them into the window.
//!
//! Called by `reading` for connections with a session. What the session has to say of itself, that it failed or ended, is
//! told after what came before it.

use super::super::context::Context;
use super::super::core::Core;
use super::super::event::{ConnId, Window};
use super::super::peer::Peer;
use super::super::tls::{Opened, Received};
use super::{Current, Next, WINDOW};
use std::io;

impl Context {
    /// [`Context::receive_plain`] through TLS.
    #[inline(never)]
    pub(super) fn receive_plain_sealed(&mut self, id: ConnId, window: &mut Window) -> bool {
        let Some(peer) = self.peers.get_mut(id.slot, id.generation) else { return false };
        if peer.tls.as_ref().is_some_and(|tls| tls.has_more_to_say()) {
            return false;
        }
        let (count, plain) = match self.core.open_sealed(id, peer, window) {
            Ok((0, _)) => return false,
            Ok(counts) => counts,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (0, 0),
            Err(_) => return false,
        };
        peer.readable &= count > 0;
        self.current = Some(Current { id, at: 0..plain, received: count, counted: (0, 0), more: peer.readable });
        self.took_ready();
        true
    }
}

impl Core {
    /// [`Core::receive`] through TLS: all that came is opened into the window.
    pub(super) fn receive_sealed(&mut self, peer: &mut Peer, current: &mut Current, window: &mut Window) -> Next {
        let id = current.id;
        let Some(tls) = &mut peer.tls else { return Next::Done };
        if let Some(broken) = tls.take_failure() {
            self.tls_broken(id, peer, broken);
            return Next::Continue;
        }
        if tls.has_ended() {
            return self.ended_by_peer(peer, current, None);
        }
        match self.open_sealed(id, peer, window) {
            Ok((0, _)) => self.ended_by_peer(peer, current, None),
            Ok((count, plain)) => {
                current.received += count;
                current.at = 0..plain;
                current.more = peer.readable;
                Next::Continue
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                peer.readable = false;
                Next::Done
            }
            Err(error) => self.ended_by_peer(peer, current, Some(error)),
        }
    }

    /// Receives once and opens it: how many bytes came, and how many plain ones are in the window. A failure, or the end
    /// of TLS, shows when more is to be received.
    fn open_sealed(&mut self, id: ConnId, peer: &mut Peer, window: &mut Window) -> io::Result<(usize, usize)> {
        let Some(tls) = &mut peer.tls else { return Ok((0, 0)) };
        let Received { count, more, sealed } = tls.receive(&peer.socket, &mut self.tls, WINDOW)?;
        if count == 0 {
            return Ok((0, 0));
        }
        let established = tls.is_established();
        let opened = tls.open(sealed, &mut self.tls, &mut window.shared);
        peer.heard = true;
        peer.readable = more || peer.read_closed || tls.has_more_to_say();
        let secured = !established && tls.is_established();
        if tls.queued() > 0 {
            self.flush(id, peer);
        }
        let plain = match opened {
            Opened::Plain(plain) => plain,
            Opened::NotTls(plain) => {
                peer.tls = None;
                plain
            }
        };
        if secured {
            self.secured(id, peer);
        }
        Ok((count, plain))
    }
}
