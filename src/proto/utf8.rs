//! Incremental UTF-8 (RFC 3629, RFC 6455 §8.1): bytes in pieces, an error at the first byte that can't be right.
//!
//! Called by `message` and for whole texts by `connection` and `net::send`. The bulk is checked by vector code (simdutf8); only a character that a piece cuts is kept.

/// Whether `text` is UTF-8, all of it at once. ASCII, which most text is, has a way of its own: a third of the
/// instructions.
#[inline(always)]
pub fn is_valid(text: &[u8]) -> bool {
    crate::simd::is_ascii(text) || simdutf8::basic::from_utf8(text).is_ok()
}

/// Where a text stands between two pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    /// The beginning of a character that the last piece cut.
    cut: [u8; 4],
    length: u8,
}

/// The text can't become valid any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

impl Utf8 {
    /// Takes the next piece.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), Invalid> {
        while self.length > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            self.cut[usize::from(self.length)] = byte;
            self.length += 1;
            self.check_cut()?;
        }
        match simdutf8::compat::from_utf8(piece) {
            Ok(_) => Ok(()),
            // An error length means that no further byte can mend it; none, that the piece ends inside a character.
            Err(error) if error.error_len().is_some() => Err(Invalid),
            Err(error) => {
                let tail = &piece[error.valid_up_to()..];
                self.cut[..tail.len()].copy_from_slice(tail);
                self.length = tail.len() as u8;
                Ok(())
            }
        }
    }

    /// Whether the text may end here.
    pub fn is_complete(&self) -> bool {
        self.length == 0
    }

    fn check_cut(&mut self) -> Result<(), Invalid> {
        match std::str::from_utf8(&self.cut[..usize::from(self.length)]) {
            Ok(_) => self.length = 0,
            Err(error) if error.error_len().is_some() => return Err(Invalid),
            Err(_) => {}
        }
        Ok(())
    }
}
