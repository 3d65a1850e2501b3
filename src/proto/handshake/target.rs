//! Request targets and the Host field (RFC 7230 §5.3, §5.4), for `server`.
//!
//! A target that comes out of [`parse`] is visible ASCII, has no fragment, and its path is empty or starts with `/`.

use std::ops::Range;

use memchr::memrchr2;

/// Where the parts of a target are.
pub(super) struct Target {
    /// Host and port of an absolute form, with whether the default port is that of TLS.
    pub(super) authority: Option<(Range<usize>, bool)>,
    /// Empty where an absolute form has none, which means `/`.
    pub(super) path: Range<usize>,
    pub(super) query: Option<Range<usize>>,
}

pub(super) fn parse(target: &[u8]) -> Result<Target, &'static str> {
    if !target.iter().all(u8::is_ascii_graphic) {
        return Err("the request target contains a character that must be percent-encoded");
    }
    // RFC 6455 §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used".
    if target.contains(&b'#') {
        return Err("the request target has a fragment");
    }
    let authority = authority(target)?;
    let start = authority.as_ref().map_or(0, |(range, _)| range.end);
    let question = target.iter().skip(start).position(|&byte| byte == b'?');
    let end = question.map_or(target.len(), |offset| start + offset);
    if authority.is_none() && target.first() != Some(&b'/') {
        return Err("the request target is neither a path nor an http or ws address");
    }
    Ok(Target { authority, path: start..end, query: question.map(|_| end + 1..target.len()) })
}

/// The authority of an absolute form: `http://host:port/…`.
fn authority(target: &[u8]) -> Result<Option<(Range<usize>, bool)>, &'static str> {
    const SCHEMES: [(&[u8], bool); 4] =
        [(b"http://", false), (b"ws://", false), (b"https://", true), (b"wss://", true)];
    let starts = |scheme: &[u8]| {
        let start = target.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let Some((scheme, secure)) = SCHEMES.into_iter().find(|(scheme, _)| starts(scheme)) else {
        return Ok(None);
    };
    let rest = &target[scheme.len()..];
    let length = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    if !is_host(&rest[..length]) {
        return Err("the request target has no valid host");
    }
    Ok(Some((scheme.len()..scheme.len() + length, secure)))
}

/// Whether a Host field can be one: `uri-host [ ":" port ]` (RFC 7230 §5.4), and not empty.
pub(super) fn is_host(value: &[u8]) -> bool {
    let (host, port) = split_port(value);
    let port_ok = port.is_none_or(|port| port.len() <= 5 && port.iter().all(u8::is_ascii_digit));
    let host_ok = match host {
        [b'[', inside @ .., b']'] => inside.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)),
        // RFC 3986 §3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ), of which the comma is left out: it
        // is what two Host fields joined by a proxy look like.
        _ => host.iter().all(|&byte| HOST[byte as usize]),
    };
    port_ok && host_ok && !host.is_empty() && host != b"[]"
}

/// Whether two authorities name the same place: RFC 7230 §5.4: "a client MUST send a field-value for Host that is
/// identical to that authority component", where leaving out the default port is not a difference.
pub(super) fn same_host(a: &[u8], b: &[u8], secure: bool) -> bool {
    let default: &[u8] = if secure { b"443" } else { b"80" };
    let parts = |value| {
        let (host, port) = split_port(value);
        (host, port.filter(|port| !port.is_empty()).unwrap_or(default))
    };
    let ((host_a, port_a), (host_b, port_b)) = (parts(a), parts(b));
    host_a.eq_ignore_ascii_case(host_b) && port_a == port_b
}

/// Host and, after the last colon outside brackets, the port.
fn split_port(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memrchr2(b':', b']', value) {
        Some(at) if value[at] == b':' => (&value[..at], Some(&value[at + 1..])),
        _ => (value, None),
    }
}

/// Whether each byte may stand in a host that is not in brackets.
const HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'')
            || matches!(byte as u8, b'(' | b')' | b'*' | b'+' | b';' | b'=');
        byte += 1;
    }
    table
};
