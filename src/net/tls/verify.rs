//! Whom to trust (RFC 5280, RFC 6125): the verifiers of both roles.
//!
//! Used by `config`; rustls asks them in each full handshake. Everything but pins is webpki's.

use super::super::error::{Error, Result};
use super::certs::chain;
use super::config::provider;
use super::options::{ClientCerts, TlsOptions, Trust};
use super::text;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// The server's certificate that this thread has just refused: rustls's errors don't bring it.
    static REFUSED: RefCell<Option<CertificateDer<'static>>> = const { RefCell::new(None) };
}

/// The certificate of a server that this thread has just refused, once.
pub(super) fn take_refused() -> Option<CertificateDer<'static>> {
    REFUSED.take()
}

/// Verifies servers.
pub(super) fn servers(options: &TlsOptions) -> Result<Arc<dyn ServerCertVerifier>> {
    let trust = &options.trust;
    let chain = match trust.dangerous_no_verification {
        true => None,
        false => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(trust)?), provider())
                .build()
                .map_err(|error| Error::Pem(error.to_string()))?,
        ),
    };
    let own = match (&trust.ca, trust.dangerous_no_verification) {
        (Some(pem), false) => super::certs::chain(pem, "the CA")?,
        _ => Vec::new(),
    };
    Ok(Arc::new(Servers { chain, own, pins: trust.pins.clone() }))
}

/// Verifies clients.
pub(super) fn clients(options: &TlsOptions) -> Result<Arc<dyn ClientCertVerifier>> {
    if options.client_certs == ClientCerts::None {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&options.trust)?), provider());
    let builder = match options.client_certs {
        ClientCerts::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map_err(|error| Error::Pem(error.to_string()))
}

/// The CAs to trust: the program's, the system's, or both.
fn roots(trust: &Trust) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &trust.ca {
        for ca in chain(pem, "the CA")? {
            roots.add(ca).map_err(|error| Error::Pem(format!("the CA: {error}")))?;
        }
    }
    if trust.ca.is_none() || trust.and_system {
        // It honours SSL_CERT_FILE and SSL_CERT_DIR. One that can't be read is no reason to do without the others.
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if let (true, Some(error)) = (roots.is_empty(), system.errors.first()) {
            return Err(Error::Pem(format!("the system's trust store: {error}")));
        }
    }
    if roots.is_empty() {
        return Err(Error::Pem(
            "the system's trust store has no certificates: install ca-certificates, or give a CA".into(),
        ));
    }
    Ok(roots)
}

/// The chain to a CA and the name in the certificate, then the pins.
#[derive(Debug)]
struct Servers {
    /// None: anybody is trusted who has the key of a pin, or anybody at all.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// What the program gave as CAs: may be the server's own certificate.
    own: Vec<CertificateDer<'static>>,
    pins: Vec<[u8; 32]>,
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if let Some(chain) = &self.chain {
            let verified = chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
            verified
                .or_else(|error| self.vouched_for(end_entity, server_name, now, error))
                .inspect_err(|_| REFUSED.set(Some(end_entity.clone().into_owned())))?;
        }
        if !self.pins.is_empty() {
            let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
            let digest: [u8; 32] = Sha256::digest(&key).into();
            if !self.pins.contains(&digest) {
                let why = OtherError(Arc::new(Unpinned(digest)));
                return Err(CertificateError::Other(why).into());
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// webpki refuses certificates that signed themselves: as those of a CA, or for want of their issuer.
fn is_chainless(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => text::is_ca_as_end(other),
        _ => false,
    }
}

impl Servers {
    /// A certificate that signed itself has no chain. The program vouches for it by naming it.
    fn vouched_for(
        &self,
        end_entity: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        now: UnixTime,
        error: rustls::Error,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if !self.own.iter().any(|own| own == end_entity) || !is_chainless(&error) {
            return Err(error);
        }
        text::check_dates(end_entity, now)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }
}

/// The public key is none of those pinned.
#[derive(Debug)]
pub(super) struct Unpinned(pub(super) [u8; 32]);

impl std::fmt::Display for Unpinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use base64::Engine;
        let mut text = [0; 44];
        let encoded = base64::engine::general_purpose::STANDARD.encode_slice(self.0, &mut text);
        let key = std::str::from_utf8(&text[..encoded.unwrap_or(0)]).unwrap_or_default();
        write!(f, "its public key is none of those pinned: sha256//{key}")
    }
}

impl std::error::Error for Unpinned {}
