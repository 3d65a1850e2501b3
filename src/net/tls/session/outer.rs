//! TLS with a proxy, through which the session with the host goes.

use super::super::super::transport::Socket;
use super::{Opened, Received, Session, Shared};
use std::io::{self, ErrorKind};

/// A session that carries another one: with buffers of its own, as those of the context are in use.
#[derive(Debug)]
pub(super) struct Outer {
    pub(super) session: Session,
    pub(super) shared: Shared,
    pub(super) plain: Vec<u8>,
}

impl Outer {
    /// Receives and opens what the session inside is to open.
    pub(super) fn receive(&mut self, socket: &Socket, room: &mut [u8]) -> io::Result<Received> {
        if self.session.has_more_to_say() {
            return Ok(Received { count: 0, more: false, sealed: 0 });
        }
        // What is in records is shorter than they are, so it fits where they would.
        let Received { count, more, .. } = self.session.receive(socket, &mut self.shared, room.len())?;
        self.plain.resize(room.len(), 0);
        let sealed = match self.session.open(count, &mut self.shared, &mut self.plain) {
            Opened::Plain(plain) | Opened::NotTls(plain) => plain,
        };
        room[..sealed].copy_from_slice(&self.plain[..sealed]);
        // Its end or failure is met by receiving once more, as that of TCP.
        Ok(Received { count, more: more || self.session.has_more_to_say(), sealed })
    }

    /// Seals bytes and sends them. It keeps what the socket does not take, and takes no more before that is gone.
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        if !self.session.flush_sealed(socket)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.shared.sealed.clear();
        self.session.seal(bytes, &mut self.shared.sealed)?;
        self.session.send(socket, &self.shared.sealed)?;
        Ok(bytes.len())
    }
}
