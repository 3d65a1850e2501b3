//! Chunked bodies (RFC 7230 §4.1), as they come: what is data and where the body ends.
//!
//! Used by [`body`](super::body). Chunk extensions and trailers are passed over.

/// Where in the body the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the digits of a chunk's size; whether there was one.
    Size {
        begun: bool,
    },
    /// After them, before the line's end.
    Extension,
    Data,
    /// In the line end after a chunk's data.
    DataEnd,
    /// In a trailer; whether its line is empty so far.
    Trailer {
        empty: bool,
    },
    End,
}

/// Reads a chunked body.
#[derive(Debug)]
pub struct Chunked {
    at: At,
    /// Of the chunk: what its size says so far, or what is left of it.
    left: u64,
}

impl Default for Chunked {
    fn default() -> Self {
        Chunked { at: At::Size { begun: false }, left: 0 }
    }
}

/// The body is not what it should be; nothing after this can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Chunked {
    /// Takes received bytes up to the body's end and gives data to `sink`. Whether the body has ended.
    pub fn push(&mut self, bytes: &mut &[u8], mut sink: impl FnMut(&[u8])) -> Result<bool, Malformed> {
        while let (Some(&byte), false) = (bytes.first(), self.at == At::End) {
            if self.at == At::Data {
                let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                sink(&bytes[..count]);
                self.left -= count as u64;
                *bytes = &bytes[count..];
                if self.left == 0 {
                    self.at = At::DataEnd;
                }
            } else {
                self.framing(byte)?;
                *bytes = &bytes[1..];
            }
        }
        Ok(self.at == At::End)
    }

    fn framing(&mut self, byte: u8) -> Result<(), Malformed> {
        self.at = match (self.at, byte) {
            (At::Size { begun: true } | At::Extension, b'\n') if self.left == 0 => At::Trailer { empty: true },
            (At::Size { begun: true } | At::Extension, b'\n') => At::Data,
            (At::Size { begun: true }, b'\r' | b';' | b' ' | b'\t') => At::Extension,
            // "chunk-size = 1*HEXDIG"
            (At::Size { .. }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                // Sixteen digits are more than any body has.
                self.left = self.left.checked_mul(16).ok_or(Malformed)? + u64::from(digit);
                At::Size { begun: true }
            }
            (At::DataEnd, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size { begun: false },
            (At::DataEnd, _) => return Err(Malformed),
            (At::Trailer { empty: true }, b'\n') => At::End,
            (At::Trailer { .. }, b'\n') => At::Trailer { empty: true },
            (At::Trailer { empty }, b'\r') => At::Trailer { empty },
            (At::Trailer { .. }, _) => At::Trailer { empty: false },
            (at, _) => at,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<u8>, Result<bool, Malformed>) {
        let (mut chunked, mut data, mut result) = (Chunked::default(), Vec::new(), Ok(false));
        for piece in pieces {
            result = chunked.push(&mut &piece[..], |bytes| data.extend_from_slice(bytes));
        }
        (data, result)
    }

    #[test]
    fn what_follows_the_body_is_left() {
        let mut bytes = &b"1\r\na\r\n0\r\n\r\nnext"[..];
        assert_eq!(Chunked::default().push(&mut bytes, |_| {}), Ok(true));
        assert_eq!(bytes, b"next");
    }

    #[test]
    fn data_comes_out_however_the_body_is_cut() {
        let body = b"4\r\nWiki\r\n6;a=\"b\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\nnext";
        let wanted = b"Wikipedia in \r\n\r\nchunks.";
        for cut in 0..body.len() {
            let (data, end) = read(&[&body[..cut], &body[cut..]]);
            assert_eq!((data.as_slice(), end), (wanted.as_slice(), Ok(true)), "{cut}");
        }
        let whole = body.len() - "next".len();
        assert_eq!(read(&[&body[..whole - 1]]).1, Ok(false), "one byte short of the end");
        assert_eq!(read(&[&body[..whole]]).1, Ok(true));
    }

    #[test]
    fn nonsense_is_refused() {
        for body in [&b"x\r\n"[..], b"\r\n\r\n", b"1\r\na\r\n;\r\n", b"2\r\nabc", b"11111111111111111\r\n", b"-1\r\n"] {
            assert_eq!(read(&[body]).1, Err(Malformed), "{body:?}");
        }
    }
}
