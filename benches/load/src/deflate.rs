//! permessage-deflate on the client's side (RFC 7692): the offer, the messages once at the start, replies of a sample.

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

use crate::Result;

const NAME: &str = "permessage-deflate";
const LEVEL: i32 = 6;
const WINDOW_BITS: u8 = 15;
/// What a message lacks at its end (7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Inflated at a time.
const PIECE: usize = 16 * 1024;

/// Whether a message may refer to those before it, in both directions alike.
#[derive(Clone, Copy, PartialEq)]
pub enum Takeover {
    Kept,
    Declined,
}

impl Takeover {
    /// The header field of the request.
    pub fn offer(self) -> &'static str {
        match self {
            Takeover::Kept => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            Takeover::Declined => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
            }
        }
    }

    /// What an answer's head says. An error when that is not what this measures.
    pub fn agreed(self, head: &str) -> Result<String> {
        let field = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-extensions").then(|| value.trim().to_string())
        });
        let answer = field.ok_or("the server declines compression")?;
        let mut words = answer.split(';').map(str::trim);
        let named = words.next() == Some(NAME);
        let parameters: Vec<&str> = words.collect();
        let fresh = self == Takeover::Declined;
        let as_asked = ["server_no_context_takeover", "client_no_context_takeover"]
            .iter()
            .all(|parameter| parameters.contains(parameter) == fresh);
        let whole_window =
            !parameters.iter().any(|each| each.starts_with("client_max_window_bits") && !each.ends_with("=15"));
        if named && as_asked && whole_window { Ok(answer) } else { Err(format!("the server answers with {answer}")) }
    }
}

/// Compresses the client's messages.
pub struct Compressor {
    stream: Deflate,
    takeover: Takeover,
}

impl Compressor {
    pub fn new(takeover: Takeover) -> Self {
        let config = DeflateConfig { level: LEVEL, window_bits: -i32::from(WINDOW_BITS), ..DeflateConfig::default() };
        Compressor { stream: Deflate::new_with_config(config), takeover }
    }

    /// A message's payload.
    pub fn message(&mut self, text: &[u8]) -> Result<Vec<u8>> {
        if self.takeover == Takeover::Declined {
            self.stream.reset();
        }
        // Stored, it takes five bytes more for each block, and a flush takes ten.
        let mut out = vec![0; text.len() + text.len() / 64 + 64];
        let before = self.stream.total_out();
        self.stream
            .compress(text, &mut out, DeflateFlush::SyncFlush)
            .map_err(|error| format!("compressing: {error:?}"))?;
        out.truncate((self.stream.total_out() - before) as usize - TAIL.len());
        Ok(out)
    }
}

/// Inflates the replies of one connection and compares them.
pub struct Checker {
    stream: Inflate,
    takeover: Takeover,
    piece: Vec<u8>,
}

impl Checker {
    pub fn new(takeover: Takeover) -> Self {
        Checker { stream: Inflate::new(false, WINDOW_BITS), takeover, piece: vec![0; PIECE] }
    }

    /// Takes a part of a reply, which has to be what follows in `expected`. Returns how much of that it was.
    pub fn take(&mut self, mut bytes: &[u8], expected: &[u8]) -> Result<usize> {
        let mut at = 0;
        loop {
            let before = (self.stream.total_in(), self.stream.total_out());
            self.stream
                .decompress(bytes, &mut self.piece, InflateFlush::SyncFlush)
                .map_err(|error| format!("the server's compressed data is broken: {error:?}"))?;
            let part = &self.piece[..(self.stream.total_out() - before.1) as usize];
            bytes = &bytes[(self.stream.total_in() - before.0) as usize..];
            if expected.get(at..at + part.len()) != Some(part) {
                return Err(format!("the server changed a compressed message, after byte {at} of a part"));
            }
            at += part.len();
            if bytes.is_empty() && part.len() < self.piece.len() {
                return Ok(at);
            }
            if part.is_empty() {
                return Err("the server's compressed data ends before the message does".into());
            }
        }
    }

    /// Ends a reply. `rest` is what of it has not come yet.
    pub fn end(&mut self, rest: &[u8]) -> Result<usize> {
        let last = self.take(&TAIL, rest)?;
        if self.takeover == Takeover::Declined {
            self.stream.reset(false);
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_agreed_has_to_be_what_was_offered() {
        let head = |answer: &str| format!("HTTP/1.1 101 \r\nsec-websocket-extensions: {answer}\r\n\r\n");
        let fresh = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
        assert_eq!(Takeover::Declined.agreed(&head(fresh)).as_deref(), Ok(fresh));
        assert!(Takeover::Kept.agreed(&head(fresh)).is_err());
        assert!(Takeover::Kept.agreed(&head("permessage-deflate; server_max_window_bits=12")).is_ok());
        assert!(Takeover::Kept.agreed(&head("permessage-deflate; client_max_window_bits=12")).is_err());
        assert!(Takeover::Declined.agreed(&head("permessage-deflate; server_no_context_takeover")).is_err());
        assert!(Takeover::Kept.agreed("HTTP/1.1 101 \r\n\r\n").is_err());
    }

    #[test]
    fn a_checker_takes_what_a_compressor_made_and_nothing_else() {
        for takeover in [Takeover::Kept, Takeover::Declined] {
            let (mut compressor, mut checker) = (Compressor::new(takeover), Checker::new(takeover));
            for text in [&b"the same text, the same text"[..], b"the same text, the same text", &[b'a'; 100_000]] {
                let message = compressor.message(text).unwrap();
                let came = checker.take(&message, text).unwrap();
                assert_eq!(came + checker.end(&text[came..]).unwrap(), text.len());
            }
            let message = compressor.message(b"another").unwrap();
            assert!(checker.take(&message, b"an0ther").is_err());
        }
    }

    #[test]
    fn a_reference_to_an_earlier_message_is_refused_where_there_must_be_none() {
        let (mut compressor, mut checker) = (Compressor::new(Takeover::Kept), Checker::new(Takeover::Declined));
        let text = b"a text that comes twice";
        let (first, second) = (compressor.message(text).unwrap(), compressor.message(text).unwrap());
        let came = checker.take(&first, text).unwrap();
        checker.end(&text[came..]).unwrap();
        assert!(checker.take(&second, text).is_err());
    }
}
