//! What holds for every input of the protocol core. Each function takes any bytes and panics where it does not.
//!
//! The fuzz targets feed them with new bytes (`scripts/fuzz.sh`), `tests/fuzz_corpus.rs` with those in `corpus`.

mod bytes;
mod calls;
mod connection;
mod deflate;
#[path = "../../tests/common/deflated.rs"]
mod deflated;
#[path = "../../tests/common/drive.rs"]
mod drive;
mod frames;
mod handshake;
#[path = "../../tests/common/held.rs"]
mod held;
#[path = "../../tests/common/inflater.rs"]
mod inflater;
mod input;
mod model;
mod negotiation;
mod pair;
mod proxy;
#[cfg(feature = "rustls")]
mod tls;
mod upgrade;
#[path = "../../tests/common/frames.rs"]
mod wire;

pub use bytes::{chunked, redirect, url, utf8};
pub use calls::calls;
pub use connection::connection;
pub use deflate::inflate;
pub use frames::frames;
pub use handshake::{answer, request};
pub use negotiation::deflate_negotiation;
pub use proxy::{proxy_address, proxy_answer};
#[cfg(feature = "rustls")]
pub use tls::{pem, tls};
pub use upgrade::handshake;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// For checks that have descriptors, which are counted, and handles, whose table is the process's: one input at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts that depend on nothing but the input.
struct Cuts(u64);

impl Cuts {
    fn of(data: &[u8]) -> Cuts {
        // FNV-1a; never zero, which xorshift could not leave.
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        Cuts(data.iter().fold(0xcbf2_9ce4_8422_2325, hash) | 1)
    }

    /// A number from 1 to `most`.
    fn next(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + (self.0 >> 11) as usize % most
    }

    /// `data` in pieces of 1 to `most` bytes.
    fn pieces<'d>(&mut self, mut data: &'d [u8], most: usize) -> Vec<&'d [u8]> {
        let mut pieces = Vec::new();
        while !data.is_empty() {
            let (piece, rest) = data.split_at(self.next(most).min(data.len()));
            pieces.push(piece);
            data = rest;
        }
        pieces
    }
}
