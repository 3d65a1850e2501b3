//! The own certificates of an endpoint: chosen by the name that a client asks for (RFC 6066 §3), changed while running.
//!
//! Used by `config`; rustls asks [`Certs`] in each handshake. Connections that are open keep what they have.

use super::super::error::{Error, Result};
use super::config::provider;
use super::options::Identity;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The certificates, by name.
#[derive(Debug, Default)]
pub(super) struct Certs {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// For clients that name no server, or one without a certificate of its own.
    default: Option<Arc<CertifiedKey>>,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl Certs {
    /// Puts a certificate in the place of the one with this name, which may be like `*.example.org`; None: the default.
    pub(super) fn set(&self, name: Option<&str>, identity: &Identity) -> Result<()> {
        let name = name.map(asked_name).transpose()?;
        let key = Arc::new(certified(identity)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match name {
            None => known.default = Some(key),
            Some(name) => drop(known.named.insert(name, key)),
        }
        Ok(())
    }

    /// Whether there was one.
    pub(super) fn remove(&self, name: Option<&str>) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match name {
            None => known.default.take().is_some(),
            Some(name) => known.named.remove(&name.to_ascii_lowercase()).is_some(),
        }
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let named = name.and_then(|name| {
            let exact = known.named.get(name);
            // RFC 6125 §6.4.3: the wildcard stands for the leftmost label only.
            exact.or_else(|| known.named.get(&format!("*.{}", name.split_once('.')?.1)))
        });
        named.or(known.default.as_ref()).cloned()
    }

    /// There is one that can be used.
    pub(super) fn is_empty(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.default.is_none() && known.named.is_empty()
    }
}

thread_local! {
    /// The name that the client asked for whose hello this thread has just handled: rustls tells it here only.
    static ASKED: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// The name asked for in the handshake that this thread has just gone on with, once.
pub(super) fn take_asked() -> Option<Box<str>> {
    ASKED.take()
}

impl ResolvesServerCert for Certs {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        ASKED.set(hello.server_name().map(Into::into));
        // rustls gives the name in lower case.
        self.find(hello.server_name())
    }
}

impl ResolvesClientCert for Certs {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.find(None)
    }

    fn has_certs(&self) -> bool {
        !self.is_empty()
    }
}

/// A name as [`Certs`] knows it: one that a client can ask for, or a wildcard of such.
fn asked_name(name: &str) -> Result<String> {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    match ServerName::try_from(bare) {
        Ok(ServerName::DnsName(_)) if !bare.ends_with('.') => Ok(name.to_ascii_lowercase()),
        _ => Err(Error::Argument("clients can't ask for that name: it is an address, or no name of the DNS")),
    }
}

/// The certificates of a PEM text.
pub(super) fn chain(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certs = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    match certs {
        Ok(certs) if !certs.is_empty() => Ok(certs),
        Ok(_) => Err(Error::Pem(format!("{what}: no BEGIN CERTIFICATE in it"))),
        Err(error) => Err(Error::Pem(format!("{what}: {error}"))),
    }
}

fn certified(identity: &Identity) -> Result<CertifiedKey> {
    let chain = chain(&identity.chain, "the certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| key_error(&identity.key, error))?;
    let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Error::Pem("the key does not belong to the certificate".into()),
        error => Error::Pem(format!("certificate and key: {error}")),
    })?;
    Ok(key)
}

fn key_error(pem: &[u8], error: rustls::pki_types::pem::Error) -> Error {
    let has = |mark: &[u8]| memchr::memmem::find(pem, mark).is_some();
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Error::Pem("the key is encrypted with a passphrase: decrypt it with openssl pkey first".into());
    }
    match error {
        rustls::pki_types::pem::Error::NoItemsFound => Error::Pem("the key: no BEGIN PRIVATE KEY in it".into()),
        error => Error::Pem(format!("the key: {error}")),
    }
}
