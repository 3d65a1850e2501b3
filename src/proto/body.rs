//! The body of an answer that refuses (RFC 7230 §3.3.3), as it comes, kept up to a limit.
//!
//! Used by `net::dial` for a refused upgrade and by [`proxy`](super::proxy) for a refused CONNECT.
//!
//! Invariants: no more than the limit is kept; what was kept and where the body ends don't depend on the cuts.

use super::chunked::Chunked;

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// So many bytes.
    Known(u64),
    /// As its chunks say.
    Chunked,
    /// Until the sender closes.
    UntilClose,
}

/// A body that is being read.
#[derive(Debug)]
pub struct Body {
    kept: Vec<u8>,
    most: usize,
    length: Length,
}

/// What is still to come.
#[derive(Debug)]
enum Length {
    /// So many bytes.
    Left(u64),
    Chunked(Chunked),
    UntilEnd,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// More is to come, but none of it would be kept.
    Full,
    /// That was all of it.
    Ended,
}

impl Body {
    /// Of this length; no more than `most` bytes are kept.
    pub fn new(length: BodyLength, most: usize) -> Self {
        let length = match length {
            BodyLength::None => Length::Left(0),
            BodyLength::Known(length) => Length::Left(length),
            BodyLength::Chunked => Length::Chunked(Chunked::default()),
            BodyLength::UntilClose => Length::UntilEnd,
        };
        Self { kept: Vec::new(), most, length }
    }

    /// Takes what belongs to the body from the front of `received`.
    pub fn push(&mut self, received: &mut &[u8]) -> Progress {
        let (kept, most) = (&mut self.kept, self.most);
        let mut full = false;
        let mut keep = |data: &[u8]| {
            let room = most - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
            full |= data.len() > room;
        };
        let ended = match &mut self.length {
            Length::Left(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
                let (data, rest) = received.split_at(count);
                keep(data);
                *received = rest;
                *left -= count as u64;
                *left == 0
            }
            // What is no chunked body ends where that shows: the status is what matters.
            Length::Chunked(chunked) => chunked.push(received, keep).unwrap_or(true),
            Length::UntilEnd => {
                keep(std::mem::take(received));
                false
            }
        };
        match (full, ended) {
            (true, _) => Progress::Full,
            (false, true) => Progress::Ended,
            (false, false) => Progress::More,
        }
    }

    /// What was kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.kept
    }
}
