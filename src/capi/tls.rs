//! wsrs_tls_*: TLS endpoints, their certificates, and what a connection agreed on.
//!
//! An endpoint belongs to no context: the registry holds it, under the lock that it has anyway. Files are read here, so
//! that the loop never waits for a disk.

use super::message::utf8;
use super::result::*;
use super::state::registry;
use super::state::thread::visit_conn;
use super::state::{Fault, export, export_any};
use super::types::{wsrs_conn, wsrs_tls};
use crate::boundary::pointer::{Sized0, bytes, out, read_sized, sized_out};
use crate::net::Error;
use crate::net::tls::{ClientCerts, Identity, Info, Tls, TlsOptions, Trust, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::ffi::{c_char, c_void};

/// In client_certs of wsrs_tls_options: clients are not asked for a certificate.
pub const WSRS_CLIENT_CERTS_NONE: i32 = 0;
/// In client_certs of wsrs_tls_options: clients may show a certificate; one that can't be verified is refused.
pub const WSRS_CLIENT_CERTS_OPTIONAL: i32 = 1;
/// In client_certs of wsrs_tls_options: clients without a certificate are refused.
pub const WSRS_CLIENT_CERTS_REQUIRED: i32 = 2;

/// A version of TLS (RFC 5246).
pub const WSRS_TLS_1_2: i32 = 0x0303;
/// A version of TLS (RFC 8446).
pub const WSRS_TLS_1_3: i32 = 0x0304;

/// Options of wsrs_tls_new. Start from WSRS_TLS_OPTIONS_INIT. Files are read, and everything is copied, by the call. PEM in
/// memory goes before a file.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_tls_options {
    /// sizeof(wsrs_tls_options), as WSRS_TLS_OPTIONS_INIT sets it.
    pub size: usize,
    /// The own certificate, of a server or of a client: a PEM file with the certificate first, then those between it and its
    /// CA. NULL: none.
    pub cert_file: *const c_char,
    /// Its private key: a PEM file, not encrypted. NULL: it is in cert_file.
    pub key_file: *const c_char,
    /// The own certificate as PEM in memory.
    pub cert: *const c_void,
    /// In bytes.
    pub cert_len: usize,
    /// Its private key as PEM in memory.
    pub key: *const c_void,
    /// In bytes.
    pub key_len: usize,
    /// CAs to trust: a PEM file. NULL: those of the system, see wsrs_tls_new.
    pub ca_file: *const c_char,
    /// CAs to trust as PEM in memory.
    pub ca: *const c_void,
    /// In bytes.
    pub ca_len: usize,
    /// Clients: the server's key has to be one of these, as "sha256//BASE64;sha256//BASE64", each the SHA-256 of a
    /// SubjectPublicKeyInfo, beside everything else that is verified. NULL: any.
    pub pins: *const c_char,
    /// Clients: this name is asked for (SNI) and looked for in the certificate, instead of the URL's. NULL: the URL's.
    pub server_name: *const c_char,
    /// Protocols inside TLS (ALPN), preferred first, as "http/1.1". NULL: none is asked for or chosen.
    pub alpn: *const c_char,
    /// The lowest version: WSRS_TLS_1_2 or WSRS_TLS_1_3. 0: 1.2.
    pub min_version: i32,
    /// The highest version. 0: 1.3.
    pub max_version: i32,
    /// Servers: a WSRS_CLIENT_CERTS_* constant. They are verified by ca_file, ca or the system's trust store.
    pub client_certs: i32,
    /// Not 0: the CAs of the system are trusted beside ca_file or ca.
    pub ca_and_system: i32,
    /// Not 0: clients take any certificate for any name, so that anybody on the way can read and change everything. Only
    /// pins are still looked at.
    pub dangerous_no_verification: i32,
    /// Not 0: no session is resumed.
    pub no_resumption: i32,
    /// Not 0: secrets are appended to the file that the environment variable SSLKEYLOGFILE names, for Wireshark.
    pub key_log: i32,
}

/// What TLS agreed on. Texts are not NUL-terminated.
///
/// Functions: wsrs_conn_tls.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_tls_info {
    /// sizeof(wsrs_tls_info); WSRS_TLS_INFO_INIT sets it.
    pub size: usize,
    /// WSRS_TLS_1_2 or WSRS_TLS_1_3.
    pub version: i32,
    /// 1: the session goes on with the keys of an earlier one.
    pub resumed: i32,
    /// The cipher suite, like "TLS_AES_128_GCM_SHA256".
    pub cipher: *const c_char,
    /// In bytes.
    pub cipher_len: usize,
    /// The protocol that ALPN chose; NULL: none.
    pub alpn: *const c_char,
    /// In bytes.
    pub alpn_len: usize,
    /// The name that the client asked for (SNI); NULL: none, as for an address.
    pub server_name: *const c_char,
    /// In bytes.
    pub server_name_len: usize,
    /// The peer's certificate in DER; NULL: it showed none.
    pub peer_cert: *const u8,
    /// In bytes.
    pub peer_cert_len: usize,
    /// Its subject, like "CN=client,O=Example" (RFC 4514); empty without one.
    pub peer_subject: *const c_char,
    /// In bytes.
    pub peer_subject_len: usize,
    /// Its other names, like "DNS:example.org, IP:192.0.2.1, email:a@example.org, URI:spiffe://x/y"; empty without any.
    /// What has no place in a name, such as a space, is there as a backslash and two digits: "DNS:a\20b".
    pub peer_names: *const c_char,
    /// In bytes.
    pub peer_names_len: usize,
}

// SAFETY: repr(C), begins with its size; zero is NULL or 0 for each member.
unsafe impl Sized0 for wsrs_tls_options {
    const FIRST: usize = size_of::<[usize; 13]>() + size_of::<[i32; 8]>();
}
// SAFETY: as above.
unsafe impl Sized0 for wsrs_tls_info {
    const FIRST: usize = size_of::<[usize; 12]>() + size_of::<[i32; 2]>();
}

/// Makes a TLS endpoint: what this program is and whom it trusts, for any number of listeners and connections of any
/// context. They share its certificates, its tickets and the sessions that it remembers, so make one and keep it.
///
/// A client needs no option: it trusts the CAs of the system, or those that the environment variables SSL_CERT_FILE and
/// SSL_CERT_DIR name. A server needs a certificate. options may be NULL. Why it failed: wsrs_last_error. The first one of a
/// process may take some 50 ms, in which entropy is gathered.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_PEM; WSRS_ERR_ARGUMENT; WSRS_ERR_URL for a server_name that can't be one;
/// WSRS_ERR_LIMIT; WSRS_ERR_UNSUPPORTED in a build without TLS.
///
/// # Safety
/// - options is NULL, or initialised by WSRS_TLS_OPTIONS_INIT, and what it points to is valid.
/// - tls points to a wsrs_tls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_tls_new(options: *const wsrs_tls_options, tls: *mut wsrs_tls) -> wsrs_result {
    export_any("wsrs_tls_new", 0, |_| {
        let place = out(tls)?;
        // SAFETY: promised by the caller.
        let made = Tls::new(unsafe { read(options) }?)?;
        let id = registry::add(made)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_tls { id }) };
        Ok(())
    })
}

/// Frees an endpoint. Listeners and connections that use it keep what they need.
///
/// Any thread. Returns WSRS_OK, also when it is gone already; WSRS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_tls_free(tls: wsrs_tls) -> wsrs_result {
    export_any("wsrs_tls_free", 0, |_| registry::remove::<Tls>(tls.id))
}

/// Adds a certificate, or replaces the one that is there, while listeners use the endpoint: handshakes from now on have
/// the new one, connections that are open stay. name is the name for which clients that ask for it get it, like
/// "chat.example.org" or "*.example.org"; NULL: all others, and clients that ask for none. Clients never ask for an
/// address. Files as in wsrs_tls_options.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_PEM; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED.
///
/// # Safety
/// - name is NULL or NUL-terminated; cert_file is NUL-terminated; key_file is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_tls_set_cert(
    tls: wsrs_tls,
    name: *const c_char,
    cert_file: *const c_char,
    key_file: *const c_char,
) -> wsrs_result {
    export_any("wsrs_tls_set_cert", 0, |_| {
        let endpoint = registry::get::<Tls>(tls.id)?;
        // SAFETY: promised by the caller.
        let (name, chain, key) = unsafe {
            let key_file = if key_file.is_null() { cert_file } else { key_file };
            (optional(name)?, file(cert_file)?, file(key_file)?)
        };
        Ok(endpoint.set_cert(name, &Identity { chain, key })?)
    })
}

/// As wsrs_tls_set_cert, of PEM in memory. Everything is copied. key may be NULL when cert has the key too.
///
/// Any thread. Returns as wsrs_tls_set_cert.
///
/// # Safety
/// - name is NULL or NUL-terminated.
/// - cert is readable for cert_len bytes, key for key_len, or NULL with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_tls_set_cert_pem(
    tls: wsrs_tls,
    name: *const c_char,
    cert: *const c_void,
    cert_len: usize,
    key: *const c_void,
    key_len: usize,
) -> wsrs_result {
    export_any("wsrs_tls_set_cert_pem", 0, |_| {
        let endpoint = registry::get::<Tls>(tls.id)?;
        // SAFETY: promised by the caller.
        let (name, chain, key) =
            unsafe { (optional(name)?, bytes(cert.cast(), cert_len)?, bytes(key.cast(), key_len)?) };
        let key = if key.is_empty() { chain } else { key };
        Ok(endpoint.set_cert(name, &Identity { chain: chain.to_vec(), key: key.to_vec() })?)
    })
}

/// Removes the certificate that was set for a name; NULL: that for all others. Connections that are open stay.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED.
///
/// # Safety
/// - name is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_tls_remove_cert(tls: wsrs_tls, name: *const c_char) -> wsrs_result {
    export_any("wsrs_tls_remove_cert", 0, |_| {
        let endpoint = registry::get::<Tls>(tls.id)?;
        // SAFETY: promised by the caller.
        let name = unsafe { optional(name) }?;
        Ok(endpoint.remove_cert(name)?)
    })
}

/// What TLS agreed on with the peer, from on_request (servers) or on_open on. What the members of info point to is owned
/// by the context, until the connection is gone or made again (see wsrs_reconnect).
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a connection without TLS; WSRS_ERR_NOT_OPEN before the TLS
/// handshake is done, and for a client that is not connected yet; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD;
/// WSRS_ERR_FORKED.
///
/// # Safety
/// - info points to a wsrs_tls_info that WSRS_TLS_INFO_INIT initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_tls(conn: wsrs_conn, info: *mut wsrs_tls_info) -> wsrs_result {
    export("wsrs_conn_tls", conn.id, |here| {
        // SAFETY: promised by the caller.
        let place = unsafe { sized_out(info) }?;
        let (ctx, id) = visit_conn(here, conn)?;
        let made = info_of(ctx.net.borrow_mut().tls_info(id)?);
        // SAFETY: promised by the caller.
        unsafe { place.write(made) };
        Ok(())
    })
}

fn info_of(info: &Info) -> wsrs_tls_info {
    let text =
        |text: Option<&str>| (text.map_or(std::ptr::null(), |text| text.as_ptr().cast()), text.map_or(0, str::len));
    let (cipher, cipher_len) = text(Some(info.cipher));
    let (alpn, alpn_len) = text(info.alpn.as_deref());
    let (server_name, server_name_len) = text(info.server_name.as_deref());
    let (peer_subject, peer_subject_len) = text(Some(&info.subject));
    let (peer_names, peer_names_len) = text(Some(&info.names));
    let certificate = info.certificate.as_deref();
    wsrs_tls_info {
        size: size_of::<wsrs_tls_info>(),
        version: i32::from(info.version),
        resumed: i32::from(info.resumed),
        cipher,
        cipher_len,
        alpn,
        alpn_len,
        server_name,
        server_name_len,
        peer_cert: certificate.map_or(std::ptr::null(), <[u8]>::as_ptr),
        peer_cert_len: certificate.map_or(0, <[u8]>::len),
        peer_subject,
        peer_subject_len,
        peer_names,
        peer_names_len,
    }
}

/// The endpoint that a listener or connect names; None for none.
pub(super) fn endpoint(tls: wsrs_tls) -> Result<Option<Tls>, Fault> {
    if tls.id == 0 { Ok(None) } else { registry::get::<Tls>(tls.id).map(Some) }
}

/// # Safety
/// `options` is NULL or points to valid options.
unsafe fn read(options: *const wsrs_tls_options) -> Result<TlsOptions, Fault> {
    // SAFETY: the caller's promise.
    let Some(from) = (unsafe { read_sized(options) })? else { return Ok(TlsOptions::default()) };
    // SAFETY: the caller's promise, for what the options point to.
    let (chain, key, ca, alpn, pins, server_name) = unsafe {
        (
            pem(from.cert, from.cert_len, from.cert_file)?,
            pem(from.key, from.key_len, from.key_file)?,
            pem(from.ca, from.ca_len, from.ca_file)?,
            super::options::list(from.alpn, WSRS_ERR_ARGUMENT)?,
            optional(from.pins)?,
            optional(from.server_name)?,
        )
    };
    let identity = match (chain, key) {
        (Some(chain), key) => Some(Identity { key: key.unwrap_or_else(|| chain.clone()), chain }),
        (None, Some(_)) => return Err(Fault::argument("a key without a certificate")),
        (None, None) => None,
    };
    let client_certs = match from.client_certs {
        WSRS_CLIENT_CERTS_NONE => ClientCerts::None,
        WSRS_CLIENT_CERTS_OPTIONAL => ClientCerts::Optional,
        WSRS_CLIENT_CERTS_REQUIRED => ClientCerts::Required,
        _ => return Err(Fault::argument("client_certs is none of WSRS_CLIENT_CERTS_*")),
    };
    if alpn.iter().any(|name| name.len() > 255) {
        return Err(Fault::argument("an ALPN protocol has at most 255 bytes"));
    }
    Ok(TlsOptions {
        identity,
        trust: Trust {
            ca,
            and_system: from.ca_and_system != 0,
            pins: pins.map_or(Ok(Vec::new()), read_pins)?,
            dangerous_no_verification: from.dangerous_no_verification != 0,
        },
        client_certs,
        alpn,
        versions: (version(from.min_version)?, version(from.max_version)?),
        server_name: server_name.map(str::to_string),
        no_resumption: from.no_resumption != 0,
        key_log: from.key_log != 0,
    })
}

fn version(number: i32) -> Result<Option<Version>, Fault> {
    match number {
        0 => Ok(None),
        WSRS_TLS_1_2 => Ok(Some(Version::Tls12)),
        WSRS_TLS_1_3 => Ok(Some(Version::Tls13)),
        _ => Err(Fault::argument("a version that is neither WSRS_TLS_1_2 nor WSRS_TLS_1_3")),
    }
}

/// Like "sha256//BASE64;sha256//BASE64".
fn read_pins(text: &str) -> Result<Vec<[u8; 32]>, Fault> {
    let wrong = Fault::argument("a pin is not like sha256//BASE64, with the 32 bytes of a SHA-256");
    let mut pins = Vec::new();
    for pin in text.split(';').map(str::trim).filter(|pin| !pin.is_empty()) {
        let mut bytes = [0; 34];
        let decoded = pin.strip_prefix("sha256//").map(|pin| STANDARD.decode_slice(pin, &mut bytes));
        match decoded {
            Some(Ok(32)) => pins.push(bytes[..32].try_into().unwrap_or_default()),
            _ => return Err(wrong),
        }
    }
    // No pin at all would mean that any key is good, which nobody asks for by naming pins.
    if pins.is_empty() { Err(wrong) } else { Ok(pins) }
}

/// PEM in memory, or else of a file; None without both.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes, `name` NULL or NUL-terminated.
unsafe fn pem(data: *const c_void, len: usize, name: *const c_char) -> Result<Option<Vec<u8>>, Fault> {
    // SAFETY: the caller's promise, for both.
    unsafe {
        if !data.is_null() {
            return Ok(Some(bytes(data.cast(), len)?.to_vec()));
        }
        if name.is_null() { Ok(None) } else { file(name).map(Some) }
    }
}

/// # Safety
/// `name` is NULL or NUL-terminated.
unsafe fn file(name: *const c_char) -> Result<Vec<u8>, Fault> {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: the caller's promise.
    let name = std::ffi::OsStr::from_bytes(unsafe { crate::boundary::pointer::c_str(name) }?);
    std::fs::read(name).map_err(|error| Fault::Net(Error::Pem(format!("{}: {error}", name.display()))))
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn optional<'a>(text: *const c_char) -> Result<Option<&'a str>, Fault> {
    // SAFETY: the caller's promise.
    if text.is_null() { Ok(None) } else { unsafe { utf8(text, WSRS_ERR_ARGUMENT) }.map(Some) }
}
