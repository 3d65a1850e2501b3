//! What a connection has to send and the socket has not taken yet.
//!
//! Exists only while there is something: filled while one readiness is handled (the cork), sent in one system call,
//! and given back to the context's small stock when the socket took it all. Invariant: bytes leave in the order in
//! which they came in, and a frame is never cut by another.

use super::transport::Socket;
use crate::proto::frame::{self, MAX_HEADER};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

/// Frames that a socket is offered at once.
const PIECES: usize = 16;
/// The tail grows by this.
const LEAST: usize = 4096;

/// The queue.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Before `tail`: what must keep its place between shared frames.
    queue: VecDeque<Piece>,
    /// Where frames are written to, behind `filled`. All of it was written once, so that a frame is one copy into a
    /// slice and nothing else.
    tail: Vec<u8>,
    filled: usize,
    /// Bytes of the first piece (or of `tail`) that the socket has taken.
    sent: usize,
    /// Bytes in `queue`.
    queued: usize,
    /// Messages in it that the counters don't know of yet, and their bytes.
    pub counted: (u32, u64),
}

#[derive(Debug)]
enum Piece {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Own(bytes) => bytes,
            Piece::Shared(bytes) => bytes,
        }
    }
}

impl Outbox {
    /// Appends a whole frame that is not masked.
    #[inline(always)]
    pub fn push_plain(&mut self, first: u8, payload: &[u8]) {
        let count = payload.len() + MAX_HEADER;
        match self.tail.get_mut(self.filled..self.filled + count) {
            Some(room) => self.filled += frame::write_plain(room, first, payload),
            None => self.push_plain_growing(first, payload),
        }
    }

    #[cold]
    fn push_plain_growing(&mut self, first: u8, payload: &[u8]) {
        let count = payload.len() + MAX_HEADER;
        self.grow(count);
        self.filled += frame::write_plain(&mut self.tail[self.filled..][..count], first, payload);
    }

    /// Appends whatever `write` appends.
    pub fn push_with<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.forget_sent();
        self.tail.truncate(self.filled);
        let result = write(&mut self.tail);
        self.filled = self.tail.len();
        result
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        self.forget_sent();
        let size = (self.filled + count).next_multiple_of(LEAST).max(self.tail.capacity());
        self.tail.resize(size, 0);
    }

    /// What was sent of a long tail is dropped when it is the larger part, so that a busy queue does not grow.
    fn forget_sent(&mut self) {
        if self.queue.is_empty() && self.sent > LEAST && self.sent * 2 > self.filled {
            self.tail.copy_within(self.sent..self.filled, 0);
            self.filled -= self.sent;
            self.sent = 0;
        }
    }

    /// Appends a frame that other connections send too.
    pub fn push_shared(&mut self, bytes: Arc<[u8]>) {
        if self.filled > 0 {
            let mut tail = std::mem::take(&mut self.tail);
            tail.truncate(std::mem::take(&mut self.filled));
            self.queued += tail.len();
            self.queue.push_back(Piece::Own(tail));
        }
        self.queued += bytes.len();
        self.queue.push_back(Piece::Shared(bytes));
    }

    /// Bytes that are waiting.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.queued + self.filled - self.sent
    }

    /// Bytes written into it since it was empty.
    #[inline(always)]
    pub fn corked(&self) -> usize {
        self.filled
    }

    /// Offers everything to the socket; `Ok(true)` when it took all.
    #[inline(always)]
    pub fn flush(&mut self, socket: &Socket) -> io::Result<bool> {
        if !self.queue.is_empty() {
            return self.flush_queue(socket);
        }
        if self.sent == self.filled {
            return Ok(true);
        }
        let count = socket.send(&self.tail[self.sent..self.filled])?;
        self.sent += count;
        Ok(self.sent == self.filled)
    }

    fn flush_queue(&mut self, socket: &Socket) -> io::Result<bool> {
        Ok(self.flush_rounds(socket)? && self.flush_pieces(socket, &[])?)
    }

    /// The same with `more` after everything else; what is not taken of `more` is copied in.
    pub fn flush_with(&mut self, socket: &Socket, more: [&[u8]; 2]) -> io::Result<bool> {
        let result = self.flush_rounds(socket);
        if let Ok(true) = result {
            return self.flush_pieces(socket, &more);
        }
        self.keep(&more, false);
        result
    }

    /// Leaves what one system call carries, if the socket takes whole rounds. "Not all" is said only of a socket that
    /// took less than it was offered: no edge would come for what it was not offered.
    fn flush_rounds(&mut self, socket: &Socket) -> io::Result<bool> {
        while self.queue.len() > PIECES {
            if !self.flush_pieces(socket, &[])? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Offers one round; `Ok(true)` when the socket took what it was offered.
    fn flush_pieces(&mut self, socket: &Socket, more: &[&[u8]]) -> io::Result<bool> {
        let mut all: Vec<&[u8]> = self.queue.iter().take(PIECES).map(Piece::bytes).collect();
        // A frame may leave only after everything before it.
        let whole = self.queue.len() <= PIECES;
        if whole {
            all.push(&self.tail[..self.filled]);
            all.extend_from_slice(more);
        }
        let mut skip = self.sent;
        let slices: Vec<IoSlice<'_>> = all
            .iter()
            .filter_map(|piece| {
                let cut = skip.min(piece.len());
                skip -= cut;
                (cut < piece.len()).then(|| IoSlice::new(&piece[cut..]))
            })
            .collect();
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let result = if offered == 0 { Ok(0) } else { socket.send_gathered(&slices) };
        let mut taken = self.sent + *result.as_ref().unwrap_or(&0);
        let complete = result.is_ok() && taken == self.sent + offered;
        self.sent = 0;
        while let Some(piece) = self.queue.front() {
            let length = piece.bytes().len();
            if taken < length {
                break;
            }
            taken -= length;
            self.queued -= length;
            self.queue.pop_front();
        }
        if self.queue.is_empty() && taken >= self.filled {
            taken -= self.filled;
            self.filled = 0;
        }
        self.sent = taken;
        self.keep(more, complete && whole);
        result.map(|_| complete)
    }

    /// Copies in what the socket did not take of `more`.
    fn keep(&mut self, more: &[&[u8]], complete: bool) {
        if complete {
            self.sent = 0; // what was taken of `more`
            return;
        }
        let before = self.queued + self.filled;
        let mut skip = if before == 0 { std::mem::take(&mut self.sent) } else { 0 };
        for piece in more {
            let cut = skip.min(piece.len());
            skip -= cut;
            self.push_with(|tail| tail.extend_from_slice(&piece[cut..]));
        }
    }

    /// For TLS: what is next to be sent, in one piece of at most `most` bytes; empty when there is nothing.
    #[cfg_attr(not(feature = "rustls"), expect(dead_code))]
    pub fn front(&self, most: usize) -> &[u8] {
        let piece = self.queue.front().map_or(&self.tail[..self.filled], Piece::bytes);
        &piece[self.sent..][..most.min(piece.len() - self.sent)]
    }

    /// The first `count` bytes of [`Outbox::front`] are taken care of.
    #[cfg_attr(not(feature = "rustls"), expect(dead_code))]
    pub fn took(&mut self, count: usize) {
        self.sent += count;
        if let Some(piece) = self.queue.front() {
            let length = piece.bytes().len();
            if self.sent == length {
                self.queued -= length;
                self.sent = 0;
                self.queue.pop_front();
            }
        } else if self.sent == self.filled {
            (self.sent, self.filled) = (0, 0);
        }
    }

    /// Makes it as new, for another connection.
    #[inline(always)]
    pub fn reset(&mut self) {
        if !self.queue.is_empty() {
            self.queue.clear();
        }
        self.filled = 0;
        self.sent = 0;
        self.queued = 0;
    }

    /// Bytes of memory that it holds.
    pub fn capacity(&self) -> usize {
        self.tail.capacity()
    }
}
