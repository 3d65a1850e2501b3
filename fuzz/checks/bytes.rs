//! Addresses, redirects, chunked bodies, UTF-8.

use super::Cuts;
use std::str::from_utf8;
use wsrs::proto::chunked::Chunked;
use wsrs::proto::credentials::Credentials;
use wsrs::proto::handshake::{client, redirect as redirects, server};
use wsrs::proto::http1::{HeadLimits, Scanned};
use wsrs::proto::url::WsUrl;
use wsrs::proto::utf8::{Utf8, is_valid};

/// An address that is accepted can be written and read again, and our own server understands the request for it.
pub fn url(data: &[u8]) {
    let Some(url) = from_utf8(data).ok().and_then(|text| WsUrl::parse(text).ok()) else { return };
    assert!(url.port != 0 && url.target.starts_with('/') && url.target.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(path) = &url.unix_path {
        assert!(path.starts_with('/') && !path.contains('\0'), "{path:?}");
    } else {
        let scheme = if url.secure { "wss" } else { "ws" };
        let login = url.credentials.as_ref().map_or(String::new(), login);
        let again = WsUrl::parse(&format!("{scheme}://{login}{}{}", url.authority(), url.target));
        assert_eq!(again.as_ref(), Ok(&url));
    }
    let mut request = Vec::new();
    client::write_request(&mut request, &url, [7; 16], &["chat"], None, &[]).expect("a request");
    let limits = HeadLimits { max_bytes: 1 << 20, max_target: 1 << 20, ..HeadLimits::default() };
    match server::parse(&request, &mut Scanned::default(), &limits) {
        server::Incoming::Request { request: read, consumed } => {
            assert!(read.is_upgrade() && read.target() == url.target && consumed == request.len());
            let basic = url.credentials.map(|credentials| credentials.basic().into_bytes());
            assert_eq!(read.head().header("authorization"), basic.as_deref());
        }
        other => panic!("{other:?}"),
    }
}

/// An address, a line end, a Location. What it leads to is an address, in the same origin or openly in another, never
/// out of TLS or a Unix socket; it leads there again from itself, and written out whole.
pub fn redirect(data: &[u8]) {
    let Some((from, location)) = from_utf8(data).ok().and_then(|text| text.split_once('\n')) else { return };
    let Ok(from) = WsUrl::parse(from) else { return };
    let next =
        |from: &WsUrl, location: &str, allowed| redirects::next(from, [location.as_bytes()].into_iter(), allowed);
    let Ok(to) = next(&from, location, true) else { return };
    assert!(to.port != 0 && to.target.starts_with('/') && to.target.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!to.target.contains('#'));
    assert_eq!(to.unix_path, from.unix_path);
    let kept = redirects::same_origin(&from, &to).then(|| from.credentials.clone()).flatten();
    assert_eq!(to.credentials, kept);
    let strict = next(&from, location, false);
    assert_eq!(strict.is_err(), from.secure && !to.secure);
    if to.unix_path.is_some() {
        return;
    }
    let scheme = if to.secure { "https" } else { "http" };
    let whole = format!("{scheme}://{}{}", to.authority(), to.target);
    let again = next(&to, &whole, false).expect("the same place");
    assert!(redirects::same_origin(&to, &again));
    // A reference without a path keeps the path of the address before, which may have dots.
    if location.starts_with(['/', '.']) {
        assert_eq!(again, to);
        let path = to.target.split('?').next().unwrap_or_default();
        assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{path}");
    }
}

/// Credentials as they may stand in an address: every byte encoded.
fn login(credentials: &Credentials) -> String {
    let encode = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
    format!("{}:{}@", encode(&credentials.user), encode(&credentials.password))
}

/// A body is read the same however it is cut, and what is written as chunks comes out again.
pub fn chunked(data: &[u8]) {
    let whole = read_chunks([data]);
    assert_eq!(read_chunks(data.chunks(1)), whole, "byte by byte");
    assert_eq!(read_chunks(Cuts::of(data).pieces(data, 9)), whole, "in pieces");

    let mut body = Vec::new();
    for chunk in Cuts::of(data).pieces(data, 40) {
        body.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\nTrailer: x\r\n\r\nnext");
    let pieces = Cuts::of(&body).pieces(&body, 50);
    assert_eq!(read_chunks(pieces), (data.to_vec(), Ok(true)), "written and read");
}

type Read = (Vec<u8>, Result<bool, wsrs::proto::chunked::Malformed>);

fn read_chunks<'d>(pieces: impl IntoIterator<Item = &'d [u8]>) -> Read {
    let (mut reader, mut data, mut verdict) = (Chunked::default(), Vec::new(), Ok(false));
    for piece in pieces {
        verdict = reader.push(&mut &piece[..], |bytes| data.extend_from_slice(bytes));
        if verdict != Ok(false) {
            break;
        }
    }
    (data, verdict)
}

/// The standard library says the same of the whole, and of every beginning of it at which a piece ends.
pub fn utf8(data: &[u8]) {
    assert_eq!(is_valid(data), from_utf8(data).is_ok());
    let mut cuts = Cuts::of(data);
    for most in [1, 5, 80] {
        let (mut reader, mut end) = (Utf8::default(), 0);
        for piece in cuts.pieces(data, most) {
            end += piece.len();
            let (hopeless, complete) = match from_utf8(&data[..end]) {
                Ok(_) => (false, true),
                Err(error) => (error.error_len().is_some(), false),
            };
            assert_eq!(reader.push(piece).is_err(), hopeless, "up to {end}, pieces of {most}");
            if hopeless {
                break;
            }
            assert_eq!(reader.is_complete(), complete, "up to {end}, pieces of {most}");
        }
    }
}
