//! The certificates of scripts/certificates.sh, and endpoints made of them.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use wsrs::net::tls::{Identity, Tls, TlsOptions, Trust};

/// The folder of this test's certificates, made where it is missing: once, or a key might be of another making than its
/// certificate.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!(env!("CARGO_CRATE_NAME"), "-tls"));
        let made = Command::new("sh").arg(root.join("scripts/certificates.sh")).arg(&folder).status().unwrap();
        assert!(made.success());
        folder
    })
}

pub fn pem(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

/// One that shows NAME.pem.
pub fn server(name: &str) -> Option<Tls> {
    let identity = Some(Identity { chain: pem(&format!("{name}.pem")), key: pem(&format!("{name}.key")) });
    Some(Tls::new(TlsOptions { identity, ..TlsOptions::default() }).unwrap())
}

/// One that trusts ca.pem.
pub fn client() -> Option<Tls> {
    let trust = Trust { ca: Some(pem("ca.pem")), ..Trust::default() };
    Some(Tls::new(TlsOptions { trust, ..TlsOptions::default() }).unwrap())
}
