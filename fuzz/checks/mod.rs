//! What holds for every input of the protocol core. Each function takes any bytes and panics where it does not.
//!
//! The fuzz targets feed them with new bytes, `tests/fuzz_corpus.rs` with those in `corpus`. To search for a while
//! (new inputs go to the first folder, which is not kept):
//!
//! ```text
//! mkdir -p fuzz/found/frames
//! cargo +nightly fuzz run frames fuzz/found/frames fuzz/corpus/frames -- -max_total_time=120
//! ```

mod bytes;
mod frames;
mod handshake;
mod model;

pub use bytes::{chunked, url, utf8};
pub use frames::frames;
pub use handshake::{answer, request};

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
