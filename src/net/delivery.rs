//! What came through the door, applied to the loop.
//!
//! Called by `context` once a turn. The door has looked at states and marks when it took a frame; here it is sent if the
//! connection is still open.

use super::commands::Outgoing;
use super::context::Context;
use super::core::Core;
use super::error::{Error, Result};
use super::event::{ConnId, Level};
use super::peer::Peer;
use super::prepared::Prepared;
use super::send::find;
use super::wake::{Command, Delivery};
use crate::proto::frame::opcode;

impl Context {
    /// What came through the door, but for posts and names, which are left.
    pub(super) fn deliver(&mut self, delivery: Delivery) -> Vec<Command> {
        let mut rest = Vec::new();
        for command in delivery.commands {
            let done = match command {
                Command::Send(id, how, data) => self.posted(id, |core, peer| core.post(id, peer, how, None, &data)),
                Command::Fragment(id, how, data, last) => {
                    self.posted(id, |core, peer| core.post(id, peer, how, Some(last), &data))
                }
                Command::Prepared(id, prepared) => {
                    self.posted(id, |core, peer| core.post_prepared(id, peer, &prepared))
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
                Command::Post(_) | Command::Resolved(_) => {
                    rest.push(command);
                    Ok(())
                }
            };
            // Any other error is a connection that closed meanwhile: its `on_close` says so.
            if let Err(error @ Error::State(_)) = done {
                self.core.log(Level::Warning, || format!("a message from another thread is lost: {error}"));
            }
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

impl Core {
    /// A message or fragment that the door has admitted: the mark was looked at there.
    fn post(&mut self, id: ConnId, peer: &mut Peer, how: Outgoing, fragment: Option<bool>, data: &[u8]) -> Result<()> {
        peer.check_open()?;
        let first = match fragment {
            None => peer.proto.begin_message(how.kind)?,
            Some(last) => peer.proto.begin_fragment(how.kind, last)?,
        };
        peer.used = true;
        self.put_message(id, peer, first, &[data], how.uncompressed)?;
        self.count_sent(id, peer, data.len(), fragment != Some(false));
        Ok(())
    }

    fn post_prepared(&mut self, id: ConnId, peer: &mut Peer, prepared: &Prepared) -> Result<()> {
        peer.check_open()?;
        self.put_prepared(id, peer, prepared)
    }

    fn post_control(&mut self, id: ConnId, peer: &mut Peer, code: u8, data: &[u8]) -> Result<()> {
        peer.check_open()?;
        self.put_control(id, peer, code, data)
    }
}
