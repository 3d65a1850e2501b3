//! TLS: what is no TLS at all, what was changed on its way, and PEM that is none.
//!
//! ```text
//! world   a server and a client of this library, and what they told
//! wire    the sockets between them, in the hands of somebody who changes what passes
//! bytes   `tls`: any bytes to one end, or changed bytes between both
//! pem     `pem`: certificates, keys, CAs, pins and names
//! ```
//!
//! The certificate is for localhost and 127.0.0.1, by the CA beside it (`scripts/certificates.sh`).

mod bytes;
mod pem;
mod wire;
mod world;

pub use bytes::tls;
pub use pem::pem;

use wsrs::net::tls::{Identity, TlsOptions, Trust};

const CERTIFICATE: &[u8] = include_bytes!("server.pem");
const KEY: &[u8] = include_bytes!("server.key");
const CA: &[u8] = include_bytes!("ca.pem");

fn identity() -> Identity {
    Identity { chain: CERTIFICATE.into(), key: KEY.into() }
}

fn server() -> TlsOptions {
    TlsOptions { identity: Some(identity()), ..TlsOptions::default() }
}

fn client() -> TlsOptions {
    TlsOptions { trust: Trust { ca: Some(CA.into()), ..Trust::default() }, ..TlsOptions::default() }
}

/// One line that somebody can read, and not the key.
fn check_text(text: &str) {
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
    let inside = std::str::from_utf8(KEY).expect("PEM").lines().nth(1).expect("a line of base64");
    assert!(!text.contains(&inside[..20]), "{text}");
}
