//! TLS in words: what went wrong and what to do about it, and whose certificate it is.
//!
//! Used by `session`. Numbers of alerts are those of RFC 8446 §6.

use super::super::error::{Error, Result};
use super::Broken;
use super::verify::{self, Unpinned};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, CipherSuite, OtherError};
use x509_cert::Certificate;
use x509_cert::der::{DateTime, Decode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A name that certificates can be compared with.
pub(super) fn server_name(name: &str) -> Result<ServerName<'static>> {
    // The dot of the root is part of an address, not of the names in certificates.
    let bare = name.strip_suffix('.').unwrap_or(name);
    let bare = bare.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(bare);
    ServerName::try_from(bare.to_string())
        .map_err(|_| Error::Url(format!("{name:?} can't be the name of a TLS server")))
}

/// The name that a client asks a server for. RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted".
pub(super) fn asked_for(name: &str) -> Option<String> {
    match server_name(name) {
        Ok(ServerName::DnsName(name)) => Some(name.as_ref().to_string()),
        _ => None,
    }
}

/// What went wrong; `name` is the server's, for clients.
pub(super) fn explain(error: &rustls::Error, name: Option<&str>, established: bool) -> Broken {
    let alert = alert(error);
    let (text, certificate) = match error {
        rustls::Error::InvalidCertificate(error) => (certificate_error(error, name), true),
        rustls::Error::NoCertificatesPresented => {
            ("the client showed no certificate, and one is required".into(), true)
        }
        rustls::Error::AlertReceived(description) => (received(*description, name.is_some()), false),
        rustls::Error::InvalidMessage(_) if established => ("what came is no TLS record".into(), false),
        rustls::Error::InvalidMessage(_) if name.is_some() => ("the server does not speak TLS there".into(), false),
        rustls::Error::InvalidMessage(_) => ("what the client sent is no TLS".into(), false),
        rustls::Error::PeerIncompatible(why) => (format!("the peer's TLS does not fit: {why:?}"), false),
        rustls::Error::DecryptError => ("a TLS record was changed on its way".into(), false),
        rustls::Error::NoApplicationProtocol => ("no ALPN protocol in common".into(), false),
        error => (format!("TLS: {error}"), false),
    };
    // Names in certificates are the peer's words: no line of a log may be made by them.
    let text = text.replace(char::is_control, "?");
    Broken { text, alert: alert.map_or(0, u8::from), certificate }
}

fn certificate_error(error: &CertificateError, name: Option<&str>) -> String {
    let whose = if name.is_some() { "the server's certificate" } else { "the client's certificate" };
    let refused = verify::take_refused().and_then(|der| Certificate::from_der(&der).ok());
    match error {
        CertificateError::ExpiredContext { not_after, .. } => format!("{whose} expired on {}", date(not_after)),
        CertificateError::Expired => format!("{whose} expired"),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("{whose} is not valid before {}: is the clock right?", date(not_before))
        }
        CertificateError::NotValidYet => format!("{whose} is not valid yet: is the clock right?"),
        CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => {
            let names = refused.map(|certificate| hosts(&certificate)).filter(|names| !names.is_empty());
            let (name, names) = (name.unwrap_or_default(), names.unwrap_or_else(|| "it has none".into()));
            format!("{whose} was refused: name {name} not in certificate: {names}")
        }
        CertificateError::UnknownIssuer => {
            let issuer =
                refused.map(|certificate| format!(" {}", certificate.tbs_certificate.issuer)).unwrap_or_default();
            format!("{whose} has an unknown issuer{issuer}: give its CA, or the certificates in between are missing")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("{whose} is not meant for this use (extended key usage)")
        }
        CertificateError::Revoked => format!("{whose} was revoked"),
        CertificateError::BadSignature => format!("{whose} has a wrong signature"),
        CertificateError::Other(other) => match other.0.downcast_ref::<Unpinned>() {
            Some(unpinned) => format!("{whose} was refused: {unpinned}"),
            None if is_ca_as_end(other) => {
                format!(
                    "{whose} is a CA's, probably self-signed: trust it by giving it as the CA, or have it signed by one"
                )
            }
            None => format!("{whose} was refused: {}", other.0),
        },
        error => format!("{whose} was refused: {error}"),
    }
}

/// A CA's certificate in the place of a server's, as self-signed ones are. rustls has no name of its own for it.
pub(super) fn is_ca_as_end(other: &OtherError) -> bool {
    other.0.to_string().contains("CaUsedAsEndEntity")
}

/// RFC 5280 §4.1.2.5: "The certificate validity period is the time interval during which the CA warrants that it will
/// maintain information about the status of the certificate."
pub(super) fn check_dates(der: &[u8], now: UnixTime) -> std::result::Result<(), CertificateError> {
    let certificate = Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = |time: x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    let validity = certificate.tbs_certificate.validity;
    let (not_before, not_after) = (seconds(validity.not_before), seconds(validity.not_after));
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after });
    }
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before });
    }
    Ok(())
}

/// An alert of the peer says what it did not like about us.
fn received(description: AlertDescription, from_server: bool) -> String {
    let (whose, whom) = if from_server { ("the server's", "this client") } else { ("the client's", "this server") };
    let hint = match description {
        AlertDescription::CertificateRequired => ": it wants a client certificate",
        AlertDescription::UnknownCA => ": it does not know the CA of our certificate",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            ": it does not accept our certificate"
        }
        AlertDescription::CertificateExpired => ": our certificate has expired",
        AlertDescription::ProtocolVersion => ": no version of TLS in common",
        AlertDescription::UnrecognisedName => ": it has no certificate for that name",
        AlertDescription::NoApplicationProtocol => ": no ALPN protocol in common",
        AlertDescription::HandshakeFailure => ": nothing in common, or it wants a client certificate",
        _ => "",
    };
    format!("{whose} TLS alert {description:?} to {whom}{hint}")
}

/// The alert received, or the one that rustls sends.
fn alert(error: &rustls::Error) -> Option<AlertDescription> {
    Some(match error {
        rustls::Error::AlertReceived(description) => *description,
        rustls::Error::InvalidCertificate(error) => error.clone().into(),
        rustls::Error::NoCertificatesPresented => AlertDescription::CertificateRequired,
        rustls::Error::InvalidMessage(_) => AlertDescription::DecodeError,
        rustls::Error::DecryptError => AlertDescription::BadRecordMac,
        rustls::Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        rustls::Error::PeerMisbehaved(_) => AlertDescription::IllegalParameter,
        rustls::Error::PeerIncompatible(_) => AlertDescription::HandshakeFailure,
        rustls::Error::NoApplicationProtocol => AlertDescription::NoApplicationProtocol,
        rustls::Error::InappropriateMessage { .. } | rustls::Error::InappropriateHandshakeMessage { .. } => {
            AlertDescription::UnexpectedMessage
        }
        _ => return None,
    })
}

/// A cipher suite as the registry of IANA names it, and so do other programs; rustls's names of TLS 1.3 are its own.
pub(super) fn suite(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        suite => suite.as_str().unwrap_or("unknown"),
    }
}

/// Like "2026-11-22 04:00:00 UTC".
fn date(time: &UnixTime) -> String {
    let since = std::time::Duration::from_secs(time.as_secs());
    match DateTime::from_unix_duration(since) {
        Ok(date) => date.to_string().replace('T', " ").replace('Z', " UTC"),
        Err(_) => format!("{} s after 1970", time.as_secs()),
    }
}

/// Subject and names of a certificate; empty where it can't be read.
pub(super) fn certificate(der: &[u8]) -> (String, String) {
    let Ok(certificate) = Certificate::from_der(der) else { return Default::default() };
    let certificate = certificate.tbs_certificate;
    let names = match certificate.get::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().filter_map(general_name).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    (certificate.subject.to_string(), names)
}

/// The names that a server's name is compared with, without their kinds.
fn hosts(certificate: &Certificate) -> String {
    let Ok(Some((_, names))) = certificate.tbs_certificate.get::<SubjectAltName>() else { return String::new() };
    let names = names.0.iter().filter_map(general_name);
    let hosts = names.filter_map(|name| name.strip_prefix("DNS:").or(name.strip_prefix("IP:")).map(str::to_string));
    hosts.collect::<Vec<_>>().join(", ")
}

fn general_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(format!("DNS:{}", visible(name.as_str()))),
        GeneralName::Rfc822Name(name) => Some(format!("email:{}", visible(name.as_str()))),
        GeneralName::UniformResourceIdentifier(name) => Some(format!("URI:{}", visible(name.as_str()))),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes().len() {
            4 => <[u8; 4]>::try_from(bytes.as_bytes()).ok().map(|ip| format!("IP:{}", std::net::Ipv4Addr::from(ip))),
            16 => <[u8; 16]>::try_from(bytes.as_bytes()).ok().map(|ip| format!("IP:{}", std::net::Ipv6Addr::from(ip))),
            _ => None,
        },
        GeneralName::DirectoryName(name) => Some(format!("directory:{name}")),
        _ => None,
    }
}

/// The peer wrote the name, and may have written a line break, or ", DNS:" and a name that nobody signed for. Neither is
/// part of a real one: they are told as RFC 4514 §2.4 does it, a backslash and two digits.
fn visible(name: &str) -> String {
    let mut told = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'\\' => told.push(char::from(byte)),
            byte => told.push_str(&format!("\\{byte:02x}")),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_cert::der::asn1::Ia5String;

    #[test]
    fn names_in_a_certificate_can_be_told_apart() {
        let told =
            |name: &str| general_name(&GeneralName::DnsName(Ia5String::new(name).expect("ASCII"))).expect("a DNS name");
        assert_eq!(told("*.example.org"), "DNS:*.example.org");
        assert_eq!(told("a, DNS:b"), "DNS:a,\\20DNS:b");
        assert_eq!(told("a\nb\0\\"), "DNS:a\\0ab\\00\\5c");
    }

    #[test]
    fn the_peers_words_make_no_lines() {
        let error = rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(std::sync::Arc::new(
            std::io::Error::other("good\r\n\x1b[2Jbad"),
        ))));
        assert_eq!(explain(&error, None, false).text, "the client's certificate was refused: good???[2Jbad");
    }
}
