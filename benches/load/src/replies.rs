//! Reads the frames that a server sends (RFC 6455 5.2), and compares every byte with the message that it answers.
//!
//! A reply may come in fragments, as some servers send long ones; Ping and Pong frames between them are skipped. Where
//! compression is agreed on, a reply may be compressed or not; what is in those that are is looked at by a checker, if
//! there is one.

use crate::Result;
use crate::deflate::Checker;
use crate::ring::{CLOSE, COMPRESSED, FINAL, Ring};

const LONGEST_HEADER: usize = 10;
const CONTINUATION: u8 = 0;

/// Where one connection stands in what it receives.
#[derive(Default)]
pub struct Replies {
    /// The start of a header whose rest hasn't come.
    stash: [u8; LONGEST_HEADER],
    stashed: usize,
    frame: Option<Frame>,
    /// The message of the ring that the next reply, or the one under way, has to be.
    slot: usize,
    /// How much of it has come.
    at: usize,
    in_message: bool,
    /// The message under way is compressed.
    compressed: bool,
    checker: Option<Box<Checker>>,
    /// Bytes of payload of the message under way, and of all complete ones, as they came.
    coming: u64,
    pub wire: u64,
    /// A Close frame has come.
    pub closed: bool,
}

#[derive(Clone, Copy)]
struct Frame {
    opcode: u8,
    compressed: bool,
    last: bool,
    left: usize,
}

impl Replies {
    /// With a checker for compressed replies.
    pub fn checked_by(checker: Option<Checker>) -> Self {
        Replies { checker: checker.map(Box::new), ..Replies::default() }
    }

    /// Takes what was received. Returns how many replies it completes.
    pub fn take(&mut self, ring: &Ring, mut bytes: &[u8]) -> Result<usize> {
        let mut completed = 0;
        loop {
            let Some(mut frame) = self.frame else {
                if bytes.is_empty() || !self.header(ring, &mut bytes)? {
                    return Ok(completed);
                }
                continue;
            };
            let part = frame.left.min(bytes.len());
            self.content(ring, frame, &bytes[..part])?;
            bytes = &bytes[part..];
            frame.left -= part;
            self.frame = Some(frame);
            if frame.left > 0 {
                return Ok(completed);
            }
            self.frame = None;
            completed += usize::from(self.end(ring, frame)?);
        }
    }

    /// Begins a frame. Returns false when its header isn't there in full.
    fn header(&mut self, ring: &Ring, bytes: &mut &[u8]) -> Result<bool> {
        if self.stashed == 0
            && let Some((frame, size)) = parse(bytes)?
        {
            *bytes = &bytes[size..];
            return self.begin(ring, frame);
        }
        while let Some((&first, rest)) = bytes.split_first() {
            *bytes = rest;
            self.stash[self.stashed] = first;
            self.stashed += 1;
            if let Some((frame, _)) = parse(&self.stash[..self.stashed])? {
                self.stashed = 0;
                return self.begin(ring, frame);
            }
        }
        Ok(false)
    }

    fn begin(&mut self, ring: &Ring, frame: Frame) -> Result<bool> {
        let begins = frame.opcode < CLOSE && !self.in_message;
        if frame.compressed && !(begins && ring.deflate.is_some()) {
            return Err(format!("the server sent a frame with opcode {} and RSV1", frame.opcode));
        }
        if frame.opcode < CLOSE {
            let expected = if self.in_message { CONTINUATION } else { ring.opcode };
            if frame.opcode != expected {
                return Err(format!("the server sent opcode {}, where {expected} was due", frame.opcode));
            }
            self.compressed = if begins { frame.compressed } else { self.compressed };
            if !self.compressed && frame.left > ring.size - self.at {
                return Err(format!("the server answers {} bytes with {} or more", ring.size, self.at + frame.left));
            }
            self.in_message = true;
        }
        self.frame = Some(frame);
        Ok(true)
    }

    fn content(&mut self, ring: &Ring, frame: Frame, bytes: &[u8]) -> Result<()> {
        if frame.opcode >= CLOSE {
            return Ok(());
        }
        self.coming += bytes.len() as u64;
        let expected = &ring.payload(self.slot)[self.at..];
        if self.compressed {
            if let Some(checker) = &mut self.checker {
                self.at += checker.take(bytes, expected)?;
            }
            return Ok(());
        }
        if bytes != &expected[..bytes.len()] {
            return Err(format!("the server changed a message of {} bytes, after byte {}", ring.size, self.at));
        }
        self.at += bytes.len();
        Ok(())
    }

    /// Ends a frame. Returns true when it was the last of a message.
    fn end(&mut self, ring: &Ring, frame: Frame) -> Result<bool> {
        self.closed |= frame.opcode == CLOSE;
        if frame.opcode >= CLOSE || !frame.last {
            return Ok(false);
        }
        match &mut self.checker {
            Some(checker) if self.compressed => self.at += checker.end(&ring.payload(self.slot)[self.at..])?,
            None if self.compressed => self.at = ring.size,
            _ => {}
        }
        if self.at != ring.size {
            return Err(format!("the server answers {} bytes with {}", ring.size, self.at));
        }
        self.at = 0;
        self.in_message = false;
        self.wire += std::mem::take(&mut self.coming);
        self.slot = (self.slot + 1) % ring.count;
        Ok(true)
    }
}

/// The frame that a header announces, and the header's size; `None` when there isn't all of it.
fn parse(bytes: &[u8]) -> Result<Option<(Frame, usize)>> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first & 0x30 != 0 || second & 0x80 != 0 {
        return Err(format!("the server sent a frame that begins with {first:02x} {second:02x}"));
    }
    let (left, size) = match second {
        126 => match bytes {
            &[_, _, a, b, ..] => (u16::from_be_bytes([a, b]).into(), 4),
            _ => return Ok(None),
        },
        127 => match bytes.get(2..LONGEST_HEADER) {
            Some(length) => (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), LONGEST_HEADER),
            None => return Ok(None),
        },
        length => (length.into(), 2),
    };
    let (opcode, last, compressed) = (first & 0x0f, first & FINAL != 0, first & COMPRESSED != 0);
    Ok(Some((Frame { opcode, compressed, last, left }, size)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate::{Compressor, Takeover};

    /// What a server sends that echoes `payload`, in fragments of `most` bytes.
    fn reply(opcode: u8, payload: &[u8], most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut pieces: Vec<&[u8]> = payload.chunks(most).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        for (index, piece) in pieces.iter().enumerate() {
            let last = if index + 1 == pieces.len() { FINAL } else { 0 };
            bytes.push(last | if index == 0 { opcode } else { CONTINUATION });
            match piece.len() {
                length @ 0..=125 => bytes.push(length as u8),
                length @ 126..=65535 => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                length => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.extend(*piece);
        }
        bytes
    }

    #[test]
    fn every_split_of_two_replies_counts_two() {
        for size in [0, 1, 125, 126, 300] {
            let ring = Ring::new(size, 1, false);
            let bytes = [reply(2, ring.payload(0), 1000), reply(2, ring.payload(1), 100), vec![0x89, 0]].concat();
            for at in 0..=bytes.len() {
                let mut replies = Replies::default();
                let first = replies.take(&ring, &bytes[..at]).unwrap();
                assert_eq!(first + replies.take(&ring, &bytes[at..]).unwrap(), 2, "{size} bytes, split at {at}");
            }
        }
    }

    #[test]
    fn a_long_reply_byte_by_byte() {
        let ring = Ring::new(70_000, 1, true);
        let mut replies = Replies::default();
        let bytes = reply(1, ring.payload(0), 70_000);
        let completed: usize = bytes.iter().map(|byte| replies.take(&ring, &[*byte]).unwrap()).sum();
        assert_eq!(completed, 1);
    }

    #[test]
    fn compressed_and_plain_replies_are_compared_and_counted() {
        let ring = Ring::compressed(300, 1, Takeover::Kept).unwrap();
        let mut compressor = Compressor::new(Takeover::Kept);
        let first = compressor.message(ring.payload(0)).unwrap();
        let third = compressor.message(ring.payload(2)).unwrap();
        let squeezed = |message: &[u8], most| reply(1 | COMPRESSED, message, most);
        let bytes = [squeezed(&first, 1000), reply(1, ring.payload(1), 1000), squeezed(&third, 50)].concat();
        for at in 0..=bytes.len() {
            let mut replies = Replies::checked_by(Some(Checker::new(Takeover::Kept)));
            let before = replies.take(&ring, &bytes[..at]).unwrap();
            assert_eq!(before + replies.take(&ring, &bytes[at..]).unwrap(), 3, "split at {at}");
            assert_eq!(replies.wire as usize, first.len() + 300 + third.len());
        }
        let mut replies = Replies::checked_by(Some(Checker::new(Takeover::Kept)));
        assert!(replies.take(&ring, &squeezed(&third, 1000)).is_err());
        assert!(Replies::default().take(&Ring::new(300, 1, true), &bytes).is_err());
    }

    #[test]
    fn what_differs_is_refused() {
        let ring = Ring::new(200, 1, false);
        let right = reply(2, ring.payload(0), 1000);
        for at in 0..right.len() {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            let mut replies = Replies::default();
            assert!(!matches!(replies.take(&ring, &wrong), Ok(1)), "byte {at}");
        }
        let second_first = reply(2, ring.payload(1), 1000);
        assert!(Replies::default().take(&ring, &second_first).is_err());
        let short = reply(2, &ring.payload(0)[..199], 1000);
        assert!(Replies::default().take(&ring, &short).is_err());
        let long = reply(2, &[ring.payload(0), &[0]].concat(), 1000);
        assert!(Replies::default().take(&ring, &long).is_err());
    }
}
