//! The inputs that fuzzing has kept, through the checks of `fuzz/checks`.
#![allow(clippy::unwrap_used)]

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::path::Path;

fn replay(name: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0, "no inputs");
}

#[test]
fn frames() {
    replay("frames", checks::frames);
}

#[test]
fn requests() {
    replay("request", checks::request);
}

#[test]
fn answers() {
    replay("answer", checks::answer);
}

#[test]
fn addresses() {
    replay("url", checks::url);
}

#[test]
fn redirects() {
    replay("redirect", checks::redirect);
}

#[test]
fn chunked_bodies() {
    replay("chunked", checks::chunked);
}

#[test]
fn utf8() {
    replay("utf8", checks::utf8);
}

#[test]
fn answers_of_proxies() {
    replay("proxy_answer", checks::proxy_answer);
}

#[test]
fn addresses_of_proxies() {
    replay("proxy_address", checks::proxy_address);
}

#[test]
fn connections() {
    replay("connection", checks::connection);
}

#[test]
fn handshakes() {
    replay("handshake", checks::handshake);
}

#[test]
fn negotiations_of_compression() {
    replay("deflate_negotiation", checks::deflate_negotiation);
}

#[test]
fn compressed_messages() {
    replay("inflate", checks::inflate);
}

#[test]
fn calls() {
    replay("calls", checks::calls);
}

#[cfg(feature = "rustls")]
#[test]
fn tls() {
    replay("tls", checks::tls);
}

#[cfg(feature = "rustls")]
#[test]
fn pem() {
    replay("pem", checks::pem);
}
