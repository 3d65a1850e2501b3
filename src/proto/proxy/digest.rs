//! Digest access authentication (RFC 7616), the client's part: the answer to one challenge, with qop=auth or, for
//! proxies as old as RFC 2069, without qop.
//!
//! Used by [`connect`](super::connect). MD5 and SHA-256 with their -sess forms; "auth-int" protects bodies, and a CONNECT
//! has none.

use md5::{Digest as Hash, Md5};
use sha2::Sha256;

use super::challenge::Challenge;
use crate::proto::credentials::Credentials;
use crate::proto::http1::{is_field_value, list};

/// A challenge that can be answered.
#[derive(Debug)]
pub(super) struct Digest {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    /// As the proxy writes it; None: it named none, which means MD5.
    algorithm: Option<String>,
    hash: fn(&[&[u8]]) -> String,
    session: bool,
    /// qop=auth; without it there are neither cnonce nor count.
    qop: bool,
    user_hash: bool,
    uses: u32,
}

impl Digest {
    /// None: an algorithm or protection that is not supported, or no Digest.
    pub(super) fn new(challenge: &Challenge) -> Option<Self> {
        let nonce = challenge.get("nonce").filter(|_| challenge.is("Digest"))?;
        let algorithm = challenge.get("algorithm").map(|name| String::from_utf8_lossy(name).into_owned());
        let name = algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
        let (base, session) = name.strip_suffix("-SESS").map_or((&name[..], false), |base| (base, true));
        let hash = match base {
            "MD5" => hex_of::<Md5>,
            "SHA-256" => hex_of::<Sha256>,
            _ => return None,
        };
        let qop = match challenge.get("qop") {
            None => false,
            Some(options) if list(options).any(|option| option.eq_ignore_ascii_case(b"auth")) => true,
            Some(_) => return None,
        };
        let copy = |name| challenge.get(name).map(<[u8]>::to_vec);
        let digest = Self {
            realm: copy("realm").unwrap_or_default(),
            nonce: nonce.to_vec(),
            opaque: copy("opaque"),
            algorithm,
            hash,
            session,
            qop,
            user_hash: challenge.get("userhash").is_some_and(|flag| flag.eq_ignore_ascii_case(b"true")),
            uses: 0,
        };
        // They came without line ends, but a quoted pair may hide other control characters.
        let clean = is_field_value(&digest.realm) && is_field_value(&digest.nonce);
        (clean && digest.opaque.as_deref().is_none_or(is_field_value)).then_some(digest)
    }

    /// The credentials for the next request: the value of Proxy-Authorization.
    pub(super) fn answer(&mut self, credentials: &Credentials, method: &[u8], uri: &[u8], cnonce: &[u8]) -> Vec<u8> {
        self.uses += 1;
        let count = format!("{:08x}", self.uses);
        let response = self.response(credentials, method, uri, cnonce, &count);
        let mut value = b"Digest username=".to_vec();
        if self.user_hash {
            // §3.4.4: "username = H( unq(username) ":" unq(realm) )"
            quote(&mut value, (self.hash)(&[&credentials.user, b":", &self.realm]).as_bytes());
        } else {
            quote(&mut value, &credentials.user);
        }
        let quoted: [(&str, &[u8]); 4] =
            [("realm", &self.realm), ("nonce", &self.nonce), ("uri", uri), ("response", response.as_bytes())];
        for (name, content) in quoted {
            value.extend_from_slice(format!(", {name}=").as_bytes());
            quote(&mut value, content);
        }
        if let Some(algorithm) = &self.algorithm {
            value.extend_from_slice(format!(", algorithm={algorithm}").as_bytes());
        }
        if self.qop || self.session {
            value.extend_from_slice(b", cnonce=");
            quote(&mut value, cnonce);
        }
        if self.qop {
            value.extend_from_slice(format!(", nc={count}, qop=auth").as_bytes());
        }
        if let Some(opaque) = &self.opaque {
            value.extend_from_slice(b", opaque=");
            quote(&mut value, opaque);
        }
        if self.user_hash {
            value.extend_from_slice(b", userhash=true");
        }
        value
    }

    /// §3.4.1 to §3.4.3.
    fn response(&self, credentials: &Credentials, method: &[u8], uri: &[u8], cnonce: &[u8], count: &str) -> String {
        let hash = self.hash;
        // "A1 = unq(username) ":" unq(realm) ":" passwd"
        let mut secret = hash(&[&credentials.user, b":", &self.realm, b":", &credentials.password]);
        if self.session {
            // "A1 = H( unq(username) ":" unq(realm) ":" passwd ) ":" unq(nonce-prime) ":" unq(cnonce-prime)"
            secret = hash(&[secret.as_bytes(), b":", &self.nonce, b":", cnonce]);
        }
        // "A2 = Method ":" request-uri"
        let request = hash(&[method, b":", uri]);
        if self.qop {
            // "KD ( H(A1), unq(nonce) ":" nc ":" unq(cnonce) ":" unq(qop) ":" H(A2) )"
            let parts = [secret.as_bytes(), &self.nonce, count.as_bytes(), cnonce, b"auth", request.as_bytes()];
            hash(&[&parts.join(&b':')])
        } else {
            // RFC 2617 §3.2.2.1: "KD ( H(A1), unq(nonce-value) ":" H(A2) )"
            hash(&[secret.as_bytes(), b":", &self.nonce, b":", request.as_bytes()])
        }
    }
}

fn hex_of<H: Hash>(parts: &[&[u8]]) -> String {
    let mut hash = H::new();
    for part in parts {
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// In lower case, as the RFC wants it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A quoted string (RFC 7230 §3.2.6).
fn quote(out: &mut Vec<u8>, content: &[u8]) {
    out.push(b'"');
    for &byte in content {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::challenge;
    use super::*;

    fn answer(challenge: &str, user: &str, password: &str, request: (&str, &str), cnonce: &str) -> String {
        let credentials = Credentials { user: user.into(), password: password.into() };
        let mut digest = Digest::new(&challenge::parse(challenge.as_bytes())[0]).expect("supported");
        let value = digest.answer(&credentials, request.0.as_bytes(), request.1.as_bytes(), cnonce.as_bytes());
        String::from_utf8(value).expect("text")
    }

    const RFC: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
        nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let ask = |algorithm: &str| {
            let challenge = format!("{RFC}, algorithm={algorithm}");
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            answer(&challenge, "Mufasa", "Circle of Life", ("GET", "/dir/index.html"), cnonce)
        };
        let value = ask("MD5");
        assert_eq!(
            value,
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", \
             response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", nc=00000001, qop=auth, \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let value = ask("SHA-256");
        assert!(
            value.contains("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""),
            "{value}"
        );
    }

    /// RFC 2069 §2.4 with the correction of its erratum, and the same with -sess and userhash computed by hand.
    #[test]
    fn older_and_rarer_forms() {
        let old = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let value = answer(old, "Mufasa", "CircleOfLife", ("GET", "/dir/index.html"), "c");
        assert!(value.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{value}");
        assert!(!value.contains("nc=") && !value.contains("cnonce"), "{value}");
        let session = format!("{old}, algorithm=SHA-256-sess, qop=auth, userhash=true");
        let value = answer(&session, "a\"b", "p", ("CONNECT", "h:1"), "c");
        assert!(value.contains(SESS_RESPONSE) && value.contains(USER_HASH), "{value}");
    }

    const SESS_RESPONSE: &str = "response=\"ac64b89b7a19ce92c746933aedb5b58feeafef913bee382b91c04028275d6020\"";
    const USER_HASH: &str = "username=\"69a91c1431d854c311c57bdb5a99d5410dbe98a17bc238175fb433deb7040bcc\"";

    #[test]
    fn the_count_goes_up_and_quotes_are_escaped() {
        let credentials = Credentials { user: b"a\"b\\".to_vec(), password: Vec::new() };
        let mut digest = Digest::new(&challenge::parse(b"Digest nonce=n, qop=auth")[0]).expect("supported");
        let mut ask = || String::from_utf8(digest.answer(&credentials, b"CONNECT", b"h:1", b"c")).expect("text");
        assert!(ask().contains("username=\"a\\\"b\\\\\", realm=\"\""));
        assert!(ask().contains("nc=00000002"));
    }

    #[test]
    fn what_is_not_supported_is_not_answered() {
        for field in [
            "Basic realm=x",
            "Digest realm=x",
            "Digest nonce=n, algorithm=SHA-512-256",
            "Digest nonce=n, algorithm=MD5-sess-sess",
            "Digest nonce=n, qop=auth-int",
            "Digest nonce=\"\\\x01\"",
        ] {
            assert!(Digest::new(&challenge::parse(field.as_bytes())[0]).is_none(), "{field}");
        }
    }
}
