//! Challenges of a 407 (RFC 7235 §4.3): which authentication a proxy wants, with which parameters.
//!
//! Used by [`connect`](super::connect). What can't be understood is passed over: another challenge may do.

use crate::proto::http1::is_token;

/// One way to authenticate.
#[derive(Debug)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    /// Names in lower case, values without quotes.
    parameters: Vec<(String, Vec<u8>)>,
}

impl Challenge {
    /// The first parameter of this name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }
}

/// The challenges in one Proxy-Authenticate field, in their order.
pub(super) fn parse(mut field: &[u8]) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    while let Some(word) = token(&mut field) {
        // "1*SP" comes after a scheme, "BWS = BWS" after the name of a parameter.
        let after = field.trim_ascii_start();
        match (after.strip_prefix(b"="), challenges.last_mut()) {
            (Some(value), Some(challenge)) => {
                field = value.trim_ascii_start();
                if let Some(value) = parameter_value(&mut field) {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
            }
            _ => challenges.push(Challenge { scheme: word, parameters: Vec::new() }),
        }
    }
    challenges
}

/// The next token; what stands before it is no part of any.
fn token(field: &mut &[u8]) -> Option<String> {
    let start = field.iter().position(|&byte| is_token(&[byte]))?;
    let rest = &field[start..];
    let end = rest.iter().position(|&byte| !is_token(&[byte])).unwrap_or(rest.len());
    *field = &rest[end..];
    String::from_utf8(rest[..end].to_vec()).ok()
}

/// A token or a quoted string (RFC 7230 §3.2.6); None: neither, or without its end.
fn parameter_value(field: &mut &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = field.strip_prefix(b"\"") else {
        return field.first().filter(|&&byte| is_token(&[byte])).and_then(|_| token(field)).map(String::into_bytes);
    };
    let (mut value, mut at) = (Vec::new(), 0);
    loop {
        match quoted.get(at..) {
            Some([b'"', rest @ ..]) => {
                *field = rest;
                return Some(value);
            }
            Some([b'\\', byte, ..]) => {
                value.push(*byte);
                at += 2;
            }
            Some([byte, ..]) => {
                value.push(*byte);
                at += 1;
            }
            _ => {
                *field = &[];
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str) -> String {
        let mut text = String::new();
        for challenge in parse(field.as_bytes()) {
            text += &format!("{}(", challenge.scheme);
            for (name, value) in &challenge.parameters {
                text += &format!("{name}=<{}>", String::from_utf8_lossy(value));
            }
            text += ")";
        }
        text
    }

    #[test]
    fn several_challenges_in_one_field_are_told_apart() {
        assert_eq!(read("Basic realm=\"a, \\\"b\\\"\""), "Basic(realm=<a, \"b\">)");
        assert_eq!(
            read("Digest realm=\"r\", qop=\"auth,auth-int\", Basic realm=x"),
            "Digest(realm=<r>qop=<auth,auth-int>)Basic(realm=<x>)"
        );
        assert_eq!(
            read("Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\""),
            "Newauth(realm=<apps>type=<1>title=<Login to \"apps\">)Basic(realm=<simple>)"
        );
        assert_eq!(read("Negotiate, NTLM"), "Negotiate()NTLM()");
        assert_eq!(read("Digest REALM = \"r\" , nonce\t=\tn"), "Digest(realm=<r>nonce=<n>)");
        assert_eq!(read(", ,Basic,,realm=a"), "Basic(realm=<a>)");
    }

    #[test]
    fn nonsense_is_passed_over() {
        assert_eq!(read(""), "");
        assert_eq!(read("=\"\""), "");
        assert_eq!(read("Digest realm=\"r, nonce=n"), "Digest()");
        assert_eq!(read("Digest realm=\"r\\"), "Digest()");
        assert_eq!(read("Digest realm=;nonce=n"), "Digest(nonce=<n>)");
        assert_eq!(read("Negotiate YWJj==, Basic realm=a"), "Negotiate()Basic(realm=<a>)");
    }
}
