//! What leaves through a session: what the queue has, sealed into records, and the end.

use super::super::super::outbox::Outbox;
use super::super::super::transport::Socket;
use super::super::records::{close_notify, seal};
use super::{Conn, Session, Shared};
use std::io::{self, ErrorKind};

/// Plain bytes sealed for one system call.
const BATCH: usize = 256 << 10;

impl Session {
    /// Seals what the queue has and sends it; `Ok(true)` when the socket took all.
    pub(in crate::net) fn flush(
        &mut self,
        socket: &Socket,
        outbox: Option<&mut Outbox>,
        shared: &mut Shared,
    ) -> io::Result<bool> {
        if !self.flush_sealed(socket)? {
            return Ok(false);
        }
        let Some(outbox) = outbox else { return Ok(self.queued() == 0) };
        loop {
            shared.sealed.clear();
            while shared.sealed.len() < BATCH {
                let front = outbox.front(BATCH);
                if front.is_empty() {
                    break;
                }
                self.seal(front, &mut shared.sealed)?;
                let count = front.len();
                outbox.took(count);
            }
            if shared.sealed.is_empty() {
                return Ok(self.queued() == 0);
            }
            if !self.send(socket, &shared.sealed)? {
                return Ok(false);
            }
        }
    }

    /// The same with `more` after everything else, sealed from where it lies; what the socket does not take is kept.
    pub(in crate::net) fn flush_with(
        &mut self,
        socket: &Socket,
        outbox: &mut Outbox,
        more: [&[u8]; 2],
        shared: &mut Shared,
    ) -> io::Result<bool> {
        let mut taken = self.flush(socket, Some(outbox), shared);
        shared.sealed.clear();
        for part in more.into_iter().flat_map(|piece| piece.chunks(BATCH)) {
            if !matches!(taken, Ok(true)) {
                outbox.push_with(|tail| tail.extend_from_slice(part));
                continue;
            }
            taken = self.seal(part, &mut shared.sealed).map(|()| true);
            // A header is no system call of its own.
            if shared.sealed.len() >= BATCH && taken.is_ok() {
                taken = self.send(socket, &shared.sealed);
                shared.sealed.clear();
            }
        }
        if matches!(taken, Ok(true)) && !shared.sealed.is_empty() {
            taken = self.send(socket, &shared.sealed);
        }
        taken
    }

    /// Tells the peer that nothing more comes. As far as the socket takes it now: nobody waits for it.
    pub(in crate::net) fn close(&mut self, socket: &Socket) {
        if self.closing || self.broken || !self.established || self.queued() > 0 {
            return;
        }
        self.closing = true;
        let mut sealed = [0; 64];
        let count = match &mut self.conn {
            Conn::Client(conn, _) => close_notify(conn, &mut self.partial, &mut sealed),
            Conn::Server(conn, _) => close_notify(conn, &mut self.partial, &mut sealed),
            Conn::Undecided(_) => 0,
        };
        let _ = self.send_raw(socket, &sealed[..count]);
        if let Some(outer) = &mut self.outer {
            outer.session.close(socket);
        }
    }

    /// Offers bytes to the socket, or to the session around this one; how many it took.
    fn send_raw(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.outer {
            None => socket.send(bytes),
            Some(outer) => outer.send(socket, bytes),
        }
    }

    /// Sends one batch; what the socket does not take is kept.
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<bool> {
        let count = match self.send_raw(socket, bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            result => result?,
        };
        self.sealed.extend_from_slice(&bytes[count..]);
        Ok(self.queued() == 0)
    }

    pub(super) fn flush_sealed(&mut self, socket: &Socket) -> io::Result<bool> {
        if let Some(outer) = &mut self.outer
            && !outer.session.flush_sealed(socket)?
        {
            return Ok(false);
        }
        if self.sealed.is_empty() {
            return Ok(true);
        }
        let sealed = std::mem::take(&mut self.sealed);
        let sent = std::mem::take(&mut self.sent);
        match self.send_raw(socket, &sealed[sent..]) {
            Ok(count) if sent + count == sealed.len() => return Ok(true),
            Ok(count) => self.sent = sent + count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.sent = sent,
            Err(error) => return Err(error),
        }
        self.sealed = sealed;
        Ok(false)
    }

    pub(super) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let result = match &mut self.conn {
            // rustls would look for what it was given before.
            _ if self.broken => None,
            Conn::Client(conn, _) => seal(conn, &mut self.partial, plain, out),
            Conn::Server(conn, _) => seal(conn, &mut self.partial, plain, out),
            Conn::Undecided(_) => None,
        };
        // The handshake is not done, or the session is over: nothing can be sent any more.
        result.ok_or_else(|| ErrorKind::BrokenPipe.into())
    }
}
