//! Requests and responses of the opening handshake, and what each must lead to.
//!
//! Tables only, so that every runner can use them: `handshake_core.rs` feeds them to the core, a runner with sockets to
//! a whole client or server. Among them are those of H8, H10 and H14 in the list of hazards.

mod requests;
mod responses;

pub(crate) use requests::requests;
pub(crate) use responses::responses;

use wsrs::proto::handshake::client::{AnswerError, BodyLength};

/// What a request must lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// It can be accepted, with this `Sec-WebSocket-Accept`.
    Accept(&'static str),
    /// It is well-formed, but asks for a page.
    Page,
    /// It is refused with this status.
    Refuse(u16),
}

/// One request.
pub(crate) struct RequestCase {
    pub(crate) name: &'static str,
    pub(crate) request: Vec<u8>,
    pub(crate) expect: Expect,
}

/// What a response must lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The WebSocket opens, with this subprotocol.
    Accepted(Option<&'static str>),
    /// The server said no, with this status and such a body.
    Rejected(u16, BodyLength),
    /// The answer breaks the protocol.
    Invalid(AnswerError),
}

/// One response to a request that offered the subprotocols `chat` and `superchat`.
pub(crate) struct ResponseCase {
    pub(crate) name: &'static str,
    /// `{accept}` stands for the right `Sec-WebSocket-Accept`.
    pub(crate) response: Vec<u8>,
    pub(crate) expect: Verdict,
}

impl ResponseCase {
    /// The response with `accept` where it belongs.
    pub(crate) fn with_accept(&self, accept: &[u8]) -> Vec<u8> {
        const MARK: &[u8] = b"{accept}";
        let mut rest = &self.response[..];
        let mut out = Vec::new();
        while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(accept);
            rest = &rest[at + MARK.len()..];
        }
        out.extend_from_slice(rest);
        out
    }
}

/// The key of RFC 6455 §1.3 and its answer.
pub(crate) const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const RFC_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";

/// Lines with their ends, and the empty line.
fn head(lines: &[&str]) -> Vec<u8> {
    let mut bytes = lines.join("\r\n").into_bytes();
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}

/// `message` with other bytes, which need not be text, in the place of `from`.
fn replaced(message: &[u8], from: &str, to: &[u8]) -> Vec<u8> {
    let at = message.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.expect("the piece is in the message");
    [&message[..at], to, &message[at + from.len()..]].concat()
}
