//! Certificates, keys, CAs, pins and names that a program gives.
//!
//! What holds: they are refused with a text that can be read and that has nothing of the key, by the C surface as by the
//! endpoint beneath it; or the endpoint serves, and a handshake with it succeeds, or fails once for a reason that is told;
//! and the names in a certificate can be told apart.

use super::super::Cuts;
use super::super::input::Input;
use super::bytes::carry;
use super::wire::{Flow, Held, Socket};
use super::world::World;
use super::{CA, CERTIFICATE, KEY, check_text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ffi::{CStr, CString, c_char};
use std::ptr::null;
use wsrs::capi::result::*;
use wsrs::capi::tls::{wsrs_tls_free, wsrs_tls_new, wsrs_tls_options};
use wsrs::capi::types::wsrs_tls;
use wsrs::net::tls::{ClientCerts, Identity, Tls, TlsOptions, Trust};
use wsrs::net::{Error, Stage};

/// See above.
pub fn pem(data: &[u8]) {
    let _alone = super::super::alone();
    let mut input = Input::new(data);
    let (flags, more) = (input.byte(), input.byte());
    let pins = text(input.bytes(120));
    let name = text(input.bytes(40));
    let given = match flags & 1 == 0 {
        true => input.rest().to_vec(),
        false => wrapped(input.rest()),
    };
    let part = |bit: u8, good: &[u8]| if flags & bit == 0 { good.to_vec() } else { given.clone() };
    let mut options = TlsOptions {
        identity: Some(Identity { chain: part(2, CERTIFICATE), key: part(4, KEY) }),
        trust: Trust { ca: Some(part(8, CA)), dangerous_no_verification: flags & 16 != 0, ..Trust::default() },
        client_certs: if flags & 32 == 0 { ClientCerts::None } else { ClientCerts::Optional },
        ..TlsOptions::default()
    };
    options.server_name =
        if flags & 64 != 0 { name.as_ref().and_then(|name| name.to_str().ok().map(Into::into)) } else { None };
    from_c(&options, if more & 1 == 0 { None } else { pins.as_deref() });
    replaced(&options);
    match Tls::new(options.clone()) {
        Ok(_) => shake_hands(options, Cuts::of(data)),
        Err(error) => check_refusal(&error),
    }
}

fn text(bytes: &[u8]) -> Option<CString> {
    CString::new(bytes).ok()
}

/// DER in PEM.
fn wrapped(der: &[u8]) -> Vec<u8> {
    let mut text = vec![0; der.len() * 4 / 3 + 4];
    let length = STANDARD.encode_slice(der, &mut text).expect("room for it");
    [b"-----BEGIN CERTIFICATE-----\n", &text[..length], b"\n-----END CERTIFICATE-----\n"].concat()
}

fn check_refusal(error: &Error) {
    assert!(matches!(error, Error::Pem(_) | Error::Url(_) | Error::Argument(_)), "{error:?}");
    check_text(&error.to_string());
}

/// The C surface says the same, but for the pins, which it reads itself.
fn from_c(options: &TlsOptions, pins: Option<&CStr>) {
    let identity = options.identity.as_ref().expect("one");
    let ca = options.trust.ca.as_ref().expect("one");
    let name = options.server_name.as_ref().map(|name| CString::new(name.as_str()).expect("text"));
    let chars = |text: Option<&CStr>| text.map_or(null::<c_char>(), CStr::as_ptr);
    let given = wsrs_tls_options {
        size: size_of::<wsrs_tls_options>(),
        cert: identity.chain.as_ptr().cast(),
        cert_len: identity.chain.len(),
        key: identity.key.as_ptr().cast(),
        key_len: identity.key.len(),
        ca: ca.as_ptr().cast(),
        ca_len: ca.len(),
        pins: chars(pins),
        server_name: chars(name.as_deref()),
        // SAFETY: numbers and pointers that may be NULL.
        ..unsafe { std::mem::zeroed() }
    };
    let mut made = wsrs_tls { id: 0 };
    // SAFETY: all of it is valid beyond the call.
    let result = unsafe { wsrs_tls_new(&given, &mut made) };
    let pins_are_good = pins.is_none_or(|pins| {
        let mut pins =
            pins.to_str().unwrap_or_default().split(';').map(str::trim).filter(|pin| !pin.is_empty()).peekable();
        pins.peek().is_some() && pins.all(is_pin)
    });
    let expected = match Tls::new(options.clone()) {
        _ if !pins_are_good => WSRS_ERR_ARGUMENT,
        Ok(_) => WSRS_OK,
        Err(Error::Url(_)) => WSRS_ERR_URL,
        Err(_) => WSRS_ERR_PEM,
    };
    assert_eq!(result, expected);
    assert_eq!(result == WSRS_OK, made.id != 0);
    assert_eq!(wsrs_tls_free(made), if made.id == 0 { WSRS_ERR_ARGUMENT } else { WSRS_OK });
}

fn is_pin(text: &str) -> bool {
    let digest = text.strip_prefix("sha256//").unwrap_or_default();
    matches!(STANDARD.decode_slice(digest, &mut [0; 128]), Ok(32))
}

/// A certificate that is refused leaves the one that is there.
fn replaced(options: &TlsOptions) {
    let identity = options.identity.as_ref().expect("one");
    let tls = Tls::new(super::server()).expect("an endpoint");
    let own = TlsOptions { identity: Some(identity.clone()), ..TlsOptions::default() };
    for name in [None, options.server_name.as_deref()] {
        let set = tls.set_cert(name, identity);
        // A name that nobody can ask for is refused too.
        assert!(set.is_ok() == Tls::new(own.clone()).is_ok() || (set.is_err() && name.is_some()));
        set.err().iter().for_each(check_refusal);
    }
    tls.remove_cert(None).expect("the one that there was, or the new one");
    tls.set_cert(None, &super::identity()).expect("the one that there was");
}

/// Both ends have all of it.
fn shake_hands(options: TlsOptions, mut cuts: Cuts) {
    let mut world = World::new();
    let verified = !options.trust.dangerous_no_verification;
    let tls = Tls::new(options).expect("once more");
    // A CA that can't be used shows when it is to be used.
    let Ok(socket) = world.serve(tls.clone(), false) else { return };
    let Some(client) = world.connect(tls) else { return };
    let ends = [Held::new(Socket::Tcp(client)), Held::new(Socket::Unix(socket))];
    carry(&mut world, ends, &mut [Flow::default(), Flow::default()], &mut cuts, 1 << 17);
    world.finish();
    for names in &world.names {
        let known = ["DNS:", "email:", "URI:", "IP:", "directory:"];
        let told = names.split(", ").all(|name| known.iter().any(|kind| name.starts_with(kind)));
        assert!((names.is_empty() || told) && !names.contains(char::is_control), "{names:?}");
    }
    match world.sides[0].end.as_ref().expect("an end") {
        Ok(closing) => assert!(closing.clean, "{closing:?}"),
        Err(failure) => {
            assert!(verified || !matches!(&failure.error, Error::Tls(broken) if broken.certificate), "{failure:?}");
            assert!(matches!(failure.stage, Stage::Tls | Stage::Handshake), "{failure:?}");
        }
    }
}
