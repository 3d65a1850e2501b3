//! What an endpoint is and whom it trusts, ready for use: one [`Tls`] serves listeners and connections of any context and
//! thread, so that they share certificates, tickets and the trust store.
//!
//! Made by the C surface; `listener` and `upgrade` begin sessions with it.

use super::super::error::{Error, Result};
use super::certs::Certs;
use super::options::{Identity, TlsOptions, Version};
use super::{text, verify};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, KeyLogFile, ServerConfig, SupportedProtocolVersion, version};
use std::sync::{Arc, LazyLock, OnceLock};

#[cfg(feature = "tls")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "tls"))]
use rustls::crypto::ring as crypto;

/// Sessions that a client remembers.
const REMEMBERED: usize = 256;
/// Tickets that a server gives in a handshake. Each resumption brings the next one; a second costs 25,000 instructions.
const TICKETS: usize = 1;

/// The cryptography that this build has.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let provider = crypto::default_provider();
        // aws-lc takes some 50 ms to gather entropy for its first random byte: here, where the program makes an endpoint, and
        // not in the loop with the first handshake. A failure shows again there.
        let _ = provider.secure_random.fill(&mut [0]);
        Arc::new(provider)
    });
    PROVIDER.clone()
}

/// An endpoint. Clones are the same endpoint.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    certs: Arc<Certs>,
    options: TlsOptions,
    server: OnceLock<Arc<ServerConfig>>,
    client: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// Fails with what can't be read or used.
    pub fn new(mut options: TlsOptions) -> Result<Tls> {
        let certs = Arc::new(Certs::default());
        if let Some(identity) = options.identity.take() {
            certs.set(None, &identity)?;
        }
        versions(&options)?;
        if let Some(name) = &options.server_name {
            text::server_name(name)?;
        }
        if let Some(ca) = &options.trust.ca {
            super::certs::chain(ca, "the CA")?;
        }
        Ok(Tls(Arc::new(Inner { certs, options, server: OnceLock::new(), client: OnceLock::new() })))
    }

    /// What connects use that bring none: verification by the system's trust store.
    pub fn default_client() -> Result<Tls> {
        static DEFAULT: OnceLock<Tls> = OnceLock::new();
        match DEFAULT.get() {
            Some(tls) => Ok(tls.clone()),
            None => {
                let tls = Tls::new(TlsOptions::default())?;
                tls.client()?;
                Ok(DEFAULT.get_or_init(|| tls).clone())
            }
        }
    }

    /// The same endpoint, which has read what it needs: connects call this, so that the loop never waits for a disk.
    pub(in crate::net) fn ready_for_clients(&self) -> Result<Tls> {
        self.client()?;
        Ok(self.clone())
    }

    /// Puts a certificate in the place of the one with this name; None: the default. Handshakes from now on use it.
    pub fn set_cert(&self, name: Option<&str>, identity: &Identity) -> Result<()> {
        self.0.certs.set(name, identity)
    }

    /// Removes one; `NotFound` where there is none.
    pub fn remove_cert(&self, name: Option<&str>) -> Result<()> {
        if self.0.certs.remove(name) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// The name to ask a server for, if it is not the host's.
    pub(in crate::net) fn server_name(&self) -> Option<&str> {
        self.0.options.server_name.as_deref()
    }

    /// For sessions of servers. Fails without a certificate.
    pub(in crate::net) fn server(&self) -> Result<Arc<ServerConfig>> {
        if let Some(config) = self.0.server.get() {
            return Ok(config.clone());
        }
        if self.0.certs.is_empty() {
            return Err(Error::Pem("a TLS server needs a certificate and its key".into()));
        }
        let config = Arc::new(self.0.make_server()?);
        Ok(self.0.server.get_or_init(|| config).clone())
    }

    /// For sessions of clients. Reads the system's trust store the first time, where that is wanted.
    pub(in crate::net) fn client(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.0.client.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(self.0.make_client()?);
        Ok(self.0.client.get_or_init(|| config).clone())
    }
}

impl Inner {
    fn make_server(&self) -> Result<ServerConfig> {
        let options = &self.options;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions(options)?)
            .map_err(unusable)?
            .with_client_cert_verifier(verify::clients(options)?);
        let mut config = builder.with_cert_resolver(self.certs.clone());
        config.alpn_protocols = alpn(options);
        if options.no_resumption {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else {
            config.ticketer = crypto::Ticketer::new().map_err(unusable)?;
            config.send_tls13_tickets = TICKETS;
        }
        if options.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(config)
    }

    fn make_client(&self) -> Result<ClientConfig> {
        let options = &self.options;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions(options)?)
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verify::servers(options)?);
        let mut config = builder.with_client_cert_resolver(self.certs.clone());
        config.alpn_protocols = alpn(options);
        config.resumption = match options.no_resumption {
            true => Resumption::disabled(),
            false => Resumption::in_memory_sessions(REMEMBERED),
        };
        if options.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(config)
    }
}

fn alpn(options: &TlsOptions) -> Vec<Vec<u8>> {
    options.alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let (least, most) = (options.versions.0.unwrap_or(Version::Tls12), options.versions.1.unwrap_or(Version::Tls13));
    let known = [(Version::Tls12, &version::TLS12), (Version::Tls13, &version::TLS13)];
    let chosen: Vec<_> =
        known.iter().filter(|(v, _)| (least..=most).contains(v)).map(|(_, version)| *version).collect();
    if chosen.is_empty() {
        return Err(Error::Argument("the lowest version of TLS is above the highest"));
    }
    Ok(chosen)
}

/// What the options ask for does not fit together.
pub(super) fn unusable(error: rustls::Error) -> Error {
    Error::Pem(error.to_string())
}
