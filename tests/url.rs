//! Addresses that a program passes to connect: what is read from them, and what is refused and why.
#![allow(clippy::unwrap_used)]

use wsrs::proto::credentials::hide;
use wsrs::proto::url::UrlError::{self, *};
use wsrs::proto::url::{Host, WsUrl};

/// An address and what it must be read as: Host header, port, target.
const VALID: &[(&str, bool, &str, u16, &str)] = &[
    ("ws://example.com", false, "example.com", 80, "/"),
    ("wss://example.com", true, "example.com", 443, "/"),
    ("WS://Example.COM/A", false, "example.com", 80, "/A"),
    ("wSs://example.com/", true, "example.com", 443, "/"),
    ("ws://example.com:80/", false, "example.com", 80, "/"),
    ("wss://example.com:443/", true, "example.com", 443, "/"),
    ("ws://example.com:443/", false, "example.com:443", 443, "/"),
    ("wss://example.com:80/", true, "example.com:80", 80, "/"),
    ("ws://example.com:65535", false, "example.com:65535", 65_535, "/"),
    ("ws://example.com:1", false, "example.com:1", 1, "/"),
    ("ws://example.com:0080", false, "example.com", 80, "/"),
    ("ws://example.com?x", false, "example.com", 80, "/?x"),
    ("ws://example.com?", false, "example.com", 80, "/?"),
    ("ws://example.com/?x=/y?z", false, "example.com", 80, "/?x=/y?z"),
    ("ws://example.com/a%20b%2F?c=%e9", false, "example.com", 80, "/a%20b%2F?c=%e9"),
    ("ws://example.com/a/../b", false, "example.com", 80, "/a/../b"),
    ("ws://example.com//a", false, "example.com", 80, "//a"),
    ("ws://example.com/a@b:c", false, "example.com", 80, "/a@b:c"),
    ("ws://example.com?a[]=1", false, "example.com", 80, "/?a[]=1"),
    ("ws://example.com/~a!$&'()*+,;=", false, "example.com", 80, "/~a!$&'()*+,;="),
    ("ws://localhost:9001", false, "localhost:9001", 9001, "/"),
    ("ws://my_service", false, "my_service", 80, "/"),
    ("ws://xn--caf-dma.example", false, "xn--caf-dma.example", 80, "/"),
    ("ws://example.com.", false, "example.com.", 80, "/"),
    ("ws://1and1.example", false, "1and1.example", 80, "/"),
    ("ws://127.0.0.1", false, "127.0.0.1", 80, "/"),
    ("ws://127.0.0.1:8080/x", false, "127.0.0.1:8080", 8080, "/x"),
    ("ws://[::1]", false, "[::1]", 80, "/"),
    ("ws://[::1]:8080/x", false, "[::1]:8080", 8080, "/x"),
    ("wss://[2001:DB8:0:0:0:0:0:1]?x", true, "[2001:db8::1]", 443, "/?x"),
    ("ws://[::ffff:192.0.2.1]", false, "[::ffff:192.0.2.1]", 80, "/"),
];

const INVALID: &[(&str, UrlError)] = &[
    ("", Scheme),
    ("ws", Scheme),
    ("example.com", Scheme),
    ("http://example.com", Scheme),
    ("https://example.com", Scheme),
    ("wsss://example.com", Scheme),
    ("ftp://example.com", Scheme),
    ("://example.com", Scheme),
    ("wss+unix:/a", Scheme),
    ("ws:example.com", Slashes),
    ("ws:/example.com", Slashes),
    ("ws:", Slashes),
    ("ws:\\\\example.com", Character),
    (" ws://example.com", Space),
    ("ws://example.com ", Space),
    ("ws://exam ple.com", Space),
    ("ws://example.com/a b", Space),
    ("ws://example.com/a\tb", Space),
    ("ws://example.com/\r\nX: y", Space),
    ("ws://example.com/\0", Space),
    ("ws://example.com/\x7f", Space),
    ("ws://ex\u{e9}mple.com", NonAscii),
    ("ws://example.com/\u{e9}", NonAscii),
    ("ws://example.com/\u{2028}", NonAscii),
    ("ws://example.com/#a", Fragment),
    ("ws://example.com#", Fragment),
    ("ws://example.com/?x#", Fragment),
    ("ws://example.com/\"", Character),
    ("ws://example.com/<a>", Character),
    ("ws://example.com/{a}", Character),
    ("ws://example.com/a\\b", Character),
    ("ws://example.com\\@evil.example", Character),
    ("ws://@example.com", Credentials),
    ("ws://a@b@example.com", Credentials),
    ("ws://a:b@c@example.com", Credentials),
    ("ws://[::1]@example.com", Credentials),
    ("ws://a%3ab:c@example.com", Credentials),
    ("ws://a%0d%0ab@example.com", Credentials),
    ("ws://a:%7f@example.com", Credentials),
    ("ws://a:%00@example.com", Credentials),
    ("ws://a:%4@example.com", Percent),
    ("ws://%:b@example.com", Percent),
    ("ws://a b:c@example.com", Space),
    ("ws://caf\u{e9}:c@example.com", NonAscii),
    ("ws://a:<b>@example.com", Character),
    ("ws://user:pass@", EmptyHost),
    ("ws://user:pass@:80", EmptyHost),
    ("ws://user:pa/ss@example.com", Port),
    ("ws://user:pa#ss@example.com", Fragment),
    ("ws+unix://user@/a.sock", UnixPath),
    ("ws://", EmptyHost),
    ("ws:///chat", EmptyHost),
    ("ws://:80", EmptyHost),
    ("ws://?x", EmptyHost),
    ("ws://.", HostName),
    ("ws://a..b", HostName),
    ("ws://.a", HostName),
    ("ws://a..", HostName),
    ("ws://-a.example", HostName),
    ("ws://a-.example", HostName),
    ("ws://a%20b.example", HostName),
    ("ws://a,b", HostName),
    ("ws://a!b", HostName),
    ("ws://1.2.3", V4),
    ("ws://127.1", V4),
    ("ws://256.0.0.1", V4),
    ("ws://1.2.3.4.5", V4),
    ("ws://01.2.3.4", V4),
    ("ws://2130706433", V4),
    ("ws://0x7f000001", V4),
    ("ws://0x7f.0.0.0x1", V4),
    ("ws://a.1", V4),
    ("ws://1.2.3.4.", V4),
    ("ws://[", V6),
    ("ws://[]", V6),
    ("ws://[::1", V6),
    ("ws://[::1]x", V6),
    ("ws://[::1]8080", V6),
    ("ws://[127.0.0.1]", V6),
    ("ws://[:::1]", V6),
    ("ws://[12345::]", V6),
    ("ws://[v1.a]", V6),
    ("ws://[fe80::1%25eth0]", Zone),
    ("ws://[fe80::1%eth0]:80", Zone),
    ("ws://::1", EmptyHost),
    ("ws://a]", HostName),
    ("ws://example.com:", Port),
    ("ws://example.com:/", Port),
    ("ws://example.com:0", Port),
    ("ws://example.com:65536", Port),
    ("ws://example.com:99999999999999999999", Port),
    ("ws://example.com:+80", Port),
    ("ws://example.com:-80", Port),
    ("ws://example.com:80a", Port),
    ("ws://example.com:http", Port),
    ("ws://example.com:80:80", Port),
    ("ws://[::1]:", Port),
    ("ws://example.com/%", Percent),
    ("ws://example.com/%2", Percent),
    ("ws://example.com/%zz", Percent),
    ("ws://example.com/%2g", Percent),
    ("ws://example.com/?%%20", Percent),
    ("ws+unix:", UnixPath),
    ("ws+unix://", UnixPath),
    ("ws+unix:relative.sock", UnixPath),
    ("ws+unix://host/a.sock", UnixPath),
    ("ws+unix:?x", UnixPath),
    ("ws+unix::/x", UnixPath),
    ("ws+unix:/a.sock?x", UnixPath),
    ("ws+unix:/a%00.sock", UnixPath),
    ("ws+unix:/a%ff.sock", UnixPath),
    ("ws+unix:/a%2.sock", Percent),
    ("ws+unix:/a.sock:/%zz", Percent),
    ("ws+unix:/a.sock:x", Target),
    ("ws+unix:/a b.sock", Space),
    ("ws+unix:/a.sock#x", Fragment),
];

#[test]
fn valid_addresses_are_read() {
    for &(text, secure, authority, port, target) in VALID {
        let url = WsUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let read = (url.secure, url.authority(), url.port, &url.target[..]);
        assert_eq!(read, (secure, authority.into(), port, target), "{text}");
        assert_eq!(url.unix_path, None);
    }
}

#[test]
fn invalid_addresses_are_refused_with_the_reason() {
    assert!(INVALID.len() >= 40);
    for &(text, error) in INVALID {
        assert_eq!(WsUrl::parse(text), Err(error), "{text:?}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn hosts_are_told_apart() {
    let host = |text| WsUrl::parse(text).unwrap().host;
    assert_eq!(host("ws://Example"), Host::Name("example".into()));
    assert_eq!(host("ws://192.0.2.1"), Host::V4([192, 0, 2, 1].into()));
    assert_eq!(host("ws://[::1]"), Host::V6(std::net::Ipv6Addr::LOCALHOST));
}

#[test]
fn unix_sockets_have_a_path_and_a_target() {
    let cases = [
        ("ws+unix:/run/a.sock", "/run/a.sock", "/"),
        ("ws+unix:/run/a.sock:/chat?x", "/run/a.sock", "/chat?x"),
        ("ws+unix:///run/a.sock:/chat", "/run/a.sock", "/chat"),
        ("WS+UNIX:///run/a.sock", "/run/a.sock", "/"),
        ("ws+unix:/run/a.sock:", "/run/a.sock", "/"),
        ("ws+unix:/run/a.sock:?x", "/run/a.sock", "/?x"),
        ("ws+unix:/run/a.sock:/b:c", "/run/a.sock", "/b:c"),
        ("ws+unix:/run/a%20b%3a.sock", "/run/a b:.sock", "/"),
        ("ws+unix:/run/caf%C3%A9.sock", "/run/caf\u{e9}.sock", "/"),
    ];
    for (text, path, target) in cases {
        let url = WsUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((url.unix_path.as_deref(), &url.target[..]), (Some(path), target), "{text}");
        assert_eq!((url.secure, url.authority()), (false, "localhost".into()));
    }
}

#[test]
fn long_names_are_refused_to_the_byte() {
    let label = "a".repeat(63);
    let name = [&label[..], &label, &label, &label[..61]].join(".");
    assert_eq!(name.len(), 253);
    assert!(WsUrl::parse(&format!("ws://{name}")).is_ok());
    assert!(WsUrl::parse(&format!("ws://{name}.")).is_ok());
    assert_eq!(WsUrl::parse(&format!("ws://{name}a")), Err(HostName));
    assert_eq!(WsUrl::parse(&format!("ws://{label}a.example")), Err(HostName));
}

/// Address, Host header, user, password, Authorization header.
type Login = (&'static str, &'static str, &'static [u8], &'static [u8], &'static str);

#[test]
fn credentials_are_decoded_and_become_basic() {
    let cases: [Login; 8] = [
        ("ws://Aladdin:open%20sesame@h/x", "h", b"Aladdin", b"open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("wss://user@h", "h", b"user", b"", "Basic dXNlcjo="),
        ("ws://user:@h:81", "h:81", b"user", b"", "Basic dXNlcjo="),
        ("ws://:token@[::1]:81/", "[::1]:81", b"", b"token", "Basic OnRva2Vu"),
        ("ws://a:b:c%3a%40%2f@h", "h", b"a", b"b:c:@/", "Basic YTpiOmM6QC8="),
        ("ws://caf%C3%A9:%ff@h", "h", "caf\u{e9}".as_bytes(), b"\xff", "Basic Y2Fmw6k6/w=="),
        ("ws://example.com:80@evil.example", "evil.example", b"example.com", b"80", "Basic ZXhhbXBsZS5jb206ODA="),
        ("ws://~!$&'()*+,;=-._:x@h?q@r", "h", b"~!$&'()*+,;=-._", b"x", "Basic fiEkJicoKSorLDs9LS5fOng="),
    ];
    for (text, host, user, password, basic) in cases {
        let url = WsUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(url.authority(), host, "{text}");
        let credentials = url.credentials.unwrap();
        assert_eq!((&credentials.user[..], &credentials.password[..]), (user, password), "{text}");
        assert_eq!(credentials.basic(), basic);
    }
    assert_eq!(WsUrl::parse("ws://h/a@b:c@d").unwrap().credentials, None);
}

#[test]
fn passwords_are_not_shown() {
    let shown = [
        ("ws://host/", "ws://host/"),
        ("ws://user:secret@host/x", "ws://***@host/x"),
        ("ws://user:se/cr?et#@host/x", "ws://***@host/x"),
        ("ws://user:s@cret@host", "ws://***@host"),
        ("http://user:secret@host", "http://***@host"),
        ("ws:user:secret@host", "***@host"),
        ("user:secret@host", "***@host"),
        ("user@ws://host", "***@ws://host"),
        ("@", "***@"),
    ];
    for (address, text) in shown {
        assert_eq!(hide(address), text);
    }
    assert!(!format!("{:?}", WsUrl::parse("ws://user:secret@host")).contains("secret"));
}

/// Whatever parses can go into a request as it is.
#[test]
fn nothing_that_parses_can_end_a_line() {
    for byte in 0..=255u8 {
        let character = char::from(byte);
        for text in [
            format!("ws://a{character}b"),
            format!("ws://a{character}:b{character}@c"),
            format!("ws://ab/{character}"),
            format!("ws://ab?{character}"),
            format!("ws+unix:/a:/{character}"),
        ] {
            if let Ok(url) = WsUrl::parse(&text) {
                assert!(url.target.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
                assert!(url.authority().bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
                let basic = url.credentials.map_or(String::new(), |credentials| credentials.basic());
                assert!(basic.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{text:?}");
            }
        }
    }
}
