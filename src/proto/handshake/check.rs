//! What a request must satisfy (RFC 6455 §4.2.1, RFC 7230 §3.3 and §5.4), for `server`.
//!
//! All fields are looked at once; only what a rule needs is kept. Rules stand in the order in which their statuses
//! tell the peer most: the method before the fields, HTTP's rules before those of WebSocket.

use super::Key;
use super::server::{Checked, refuse};
use super::{extensions, target};
use crate::proto::http1::{Head, RequestLine, is_token, list};

/// Checks a whole request. The key is there for a request that asks for a WebSocket.
pub(super) fn check(line: &RequestLine, head: &Head) -> Checked<(target::Target, Option<Key>)> {
    let method = line.method.of(head.bytes());
    if method != b"GET" && method != b"HEAD" {
        return refuse(405, "the method is not GET");
    }
    let fields = Fields::of(head);
    let uri = line.target.of(head.bytes());
    let target = target::parse(uri).or_else(|why| refuse(400, why))?;
    check_host(&fields, &target, uri, line.minor_version)?;
    check_no_body(&fields)?;
    if !fields.mentions_websocket {
        return Ok((target, None));
    }
    // RFC 6455 §4.2.1: "An HTTP/1.1 or higher GET request".
    if method != b"GET" {
        return refuse(405, "a WebSocket request must use GET");
    }
    if line.minor_version < 1 {
        return refuse(400, "a WebSocket request must use HTTP/1.1");
    }
    let key = check_upgrade(&fields)?;
    check_offers(head, &fields)?;
    Ok((target, Some(key)))
}

/// A field that may come once.
#[derive(Default)]
struct Single<'a> {
    value: Option<&'a [u8]>,
    repeated: bool,
}

impl<'a> Single<'a> {
    fn add(&mut self, value: &'a [u8]) {
        self.repeated |= self.value.replace(value).is_some();
    }
}

/// What the fields that matter say.
#[derive(Default)]
struct Fields<'a> {
    host: Single<'a>,
    origin: Single<'a>,
    content_length: Single<'a>,
    upgrade: Single<'a>,
    version: Single<'a>,
    key: Single<'a>,
    connection_upgrade: bool,
    transfer_encoding: bool,
    protocols: bool,
    extensions: bool,
    mentions_websocket: bool,
}

impl<'a> Fields<'a> {
    fn of(head: &'a Head) -> Self {
        let mut fields = Self::default();
        for (name, value) in head.fields() {
            fields.add(name, value);
        }
        fields.mentions_websocket |= fields.key.value.is_some() || fields.version.value.is_some();
        fields.mentions_websocket |= fields.protocols || fields.extensions;
        fields
    }

    fn add(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &[u8]| is_same(name, known);
        // The length decides most names, and costs one jump.
        match name.len() {
            4 if is(b"Host") => self.host.add(value),
            6 if is(b"Origin") => self.origin.add(value),
            7 if is(b"Upgrade") => {
                self.upgrade.add(value);
                self.mentions_websocket |= has_token(value, b"websocket") || list(value).any(names_websocket);
            }
            10 if is(b"Connection") => self.connection_upgrade |= has_token(value, b"Upgrade"),
            14 if is(b"Content-Length") => self.content_length.add(value),
            17 if is(b"Transfer-Encoding") => self.transfer_encoding = true,
            17 if is(b"Sec-WebSocket-Key") => self.key.add(value),
            21 if is(b"Sec-WebSocket-Version") => self.version.add(value),
            22 if is(b"Sec-WebSocket-Protocol") => self.protocols = true,
            24 if is(b"Sec-WebSocket-Extensions") => self.extensions = true,
            _ => {}
        }
    }
}

/// Whether two names are the same in any case. Nearly all peers write them as the RFCs do, and that is quick to see.
fn is_same(name: &[u8], usual: &[u8]) -> bool {
    name == usual || name.eq_ignore_ascii_case(usual)
}

/// Whether a comma-separated list has `token`, in any case.
pub(super) fn has_token(value: &[u8], token: &[u8]) -> bool {
    // Most lists have one element.
    is_same(value, token) || list(value).any(|element| element.eq_ignore_ascii_case(token))
}

/// Whether an element of Upgrade means WebSocket, even one with a version that makes it invalid.
fn names_websocket(protocol: &[u8]) -> bool {
    let name = protocol.split(|&byte| byte == b'/').next().unwrap_or_default();
    name.eq_ignore_ascii_case(b"websocket")
}

fn check_host(fields: &Fields<'_>, target: &target::Target, uri: &[u8], minor_version: u8) -> Checked<()> {
    // RFC 7230 §5.4: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
    // that lacks a Host header field and to any request message that contains more than one Host header field or a
    // Host header field with an invalid field-value."
    if fields.host.repeated {
        return refuse(400, "there is more than one Host header");
    }
    let Some(host) = fields.host.value else {
        return if minor_version == 0 { Ok(()) } else { refuse(400, "there is no Host header") };
    };
    if !target::is_host(host) {
        return refuse(400, "the Host header is malformed");
    }
    match &target.authority {
        Some((range, secure)) if !target::same_host(&uri[range.clone()], host, *secure) => {
            refuse(400, "the Host header contradicts the request target")
        }
        _ => Ok(()),
    }
}

/// A body would be read as frames, or as the next request of somebody else: a smuggler's tool either way.
fn check_no_body(fields: &Fields<'_>) -> Checked<()> {
    if fields.transfer_encoding {
        return refuse(400, "the request has a Transfer-Encoding");
    }
    if fields.content_length.repeated || fields.content_length.value.is_some_and(|length| length != b"0") {
        return refuse(400, "the request has a body");
    }
    Ok(())
}

/// The fields of RFC 6455 §4.2.1, 3 to 6.
fn check_upgrade(fields: &Fields<'_>) -> Checked<Key> {
    // "An |Upgrade| header field containing the value "websocket", treated as an ASCII case-insensitive value."
    if fields.upgrade.repeated {
        return refuse(400, "there is more than one Upgrade header");
    }
    if !fields.upgrade.value.is_some_and(|value| has_token(value, b"websocket")) {
        return refuse(400, "there is no Upgrade header with the value websocket");
    }
    // "A |Connection| header field that includes the token "Upgrade", treated as an ASCII case-insensitive value."
    if !fields.connection_upgrade {
        return refuse(400, "there is no Connection header with the value Upgrade");
    }
    check_version(fields)?;
    // "A |Sec-WebSocket-Key| header field with a base64-encoded value that, when decoded, is 16 bytes in length."
    if fields.key.repeated {
        return refuse(400, "there is more than one Sec-WebSocket-Key header");
    }
    let Some(value) = fields.key.value else {
        return refuse(400, "there is no Sec-WebSocket-Key header");
    };
    match Key::try_from(value) {
        Ok(key) if is_key(&key) => Ok(key),
        _ => refuse(400, "the Sec-WebSocket-Key header is not 16 bytes in base64"),
    }
}

/// RFC 6455 §4.2.1: "A |Sec-WebSocket-Version| header field, with a value of 13."
fn check_version(fields: &Fields<'_>) -> Checked<()> {
    if fields.version.repeated {
        return refuse(400, "there is more than one Sec-WebSocket-Version header");
    }
    match fields.version.value {
        Some(b"13") => Ok(()),
        // RFC 6455 §4.2.2: "the server MUST abort the WebSocket handshake described in this section and instead send
        // an appropriate HTTP error code (such as 426 Upgrade Required) and a |Sec-WebSocket-Version| header field
        // indicating the version(s) the server is capable of understanding."
        Some(_) => refuse(426, "only version 13 of the WebSocket protocol is supported"),
        None => refuse(400, "there is no Sec-WebSocket-Version header"),
    }
}

/// Whether a key is canonical base64 of 16 bytes: 21 digits, one of which only two bits count, two paddings.
fn is_key(key: &Key) -> bool {
    let (digits, padding) = key.split_at(22);
    digits.iter().all(|&byte| DIGIT[byte as usize])
        && matches!(digits[21], b'A' | b'Q' | b'g' | b'w')
        && padding == b"=="
}

/// Whether each byte is a digit of base64.
const DIGIT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'+' || byte as u8 == b'/';
        byte += 1;
    }
    table
};

/// The optional fields of RFC 6455 §4.2.1, 7 to 9.
fn check_offers(head: &Head, fields: &Fields<'_>) -> Checked<()> {
    // Two origins would let one be checked and the other be believed.
    if fields.origin.repeated {
        return refuse(400, "there is more than one Origin header");
    }
    if fields.protocols && !are_subprotocols(head) {
        return refuse(400, "Sec-WebSocket-Protocol is not a list of distinct tokens");
    }
    let mut offers = head.all("sec-websocket-extensions");
    if fields.extensions && !offers.all(extensions::is_well_formed) {
        return refuse(400, "Sec-WebSocket-Extensions is malformed");
    }
    Ok(())
}

/// RFC 6455 §4.1: "The elements that comprise this value MUST be non-empty strings with characters in the range
/// U+0021 to U+007E not including separator characters as defined in [RFC2616] and MUST all be unique strings."
fn are_subprotocols(head: &Head) -> bool {
    let names = || head.all("sec-websocket-protocol").flat_map(list);
    // A head's worth of one-letter names would cost millions of comparisons; nobody speaks so many.
    let count = names().take(MAX_SUBPROTOCOLS + 1).count();
    count <= MAX_SUBPROTOCOLS
        && names().enumerate().all(|(index, name)| is_token(name) && names().take(index).all(|earlier| earlier != name))
}

/// Subprotocols that a request may offer.
const MAX_SUBPROTOCOLS: usize = 64;
