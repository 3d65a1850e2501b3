//! What a program asks for, and what it can learn of a session: plain data, in builds without TLS too.

/// A certificate chain and its key.
#[derive(Clone)]
pub struct Identity {
    /// PEM: the certificate, then those between it and its root.
    pub chain: Vec<u8>,
    /// PEM: the private key.
    pub key: Vec<u8>,
}

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// PEM: the program's own CAs.
    pub ca: Option<Vec<u8>>,
    /// The system's too, where there are own ones. Without own ones it is the system's anyway.
    pub and_system: bool,
    /// SHA-256 of the peer's public key (SubjectPublicKeyInfo): one of them has to match. Empty: any.
    pub pins: Vec<[u8; 32]>,
    /// The peer's certificate is not verified at all, but for the pins.
    pub dangerous_no_verification: bool,
}

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCerts {
    /// It does not.
    #[default]
    None,
    /// It does; clients may have none. One that is not valid is refused.
    Optional,
    /// Clients without one are refused.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 5246.
    Tls12 = 0x0303,
    /// RFC 8446.
    Tls13 = 0x0304,
}

/// What an endpoint is and whom it trusts.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Its own certificate: of a server when no other fits the name asked for, or of a client.
    pub identity: Option<Identity>,
    /// Whom it trusts: servers, or clients that have a certificate.
    pub trust: Trust,
    /// Servers: whether clients show a certificate.
    pub client_certs: ClientCerts,
    /// Protocols inside TLS, preferred first. Empty: ALPN is not used.
    pub alpn: Vec<String>,
    /// Lowest and highest version. None: those that the library has.
    pub versions: (Option<Version>, Option<Version>),
    /// Clients: this name is asked for and verified instead of the host's.
    pub server_name: Option<String>,
    /// Sessions are not resumed.
    pub no_resumption: bool,
    /// Secrets are written to the file that SSLKEYLOGFILE names.
    pub key_log: bool,
}

/// What was agreed on.
#[derive(Clone, Debug, Default)]
pub struct Info {
    /// The version's number, like 0x0304.
    pub version: u16,
    /// The cipher suite by its IANA name, like TLS13_AES_128_GCM_SHA256.
    pub cipher: &'static str,
    /// The protocol chosen by ALPN.
    pub alpn: Option<String>,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The session goes on with keys of an earlier one.
    pub resumed: bool,
    /// The peer's certificate in DER, where it showed one.
    pub certificate: Option<Vec<u8>>,
    /// Its subject, like `CN=client,O=Example` (RFC 4514).
    pub subject: String,
    /// Its names, like `DNS:example.org, IP:192.0.2.1`.
    pub names: String,
}

impl std::fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
