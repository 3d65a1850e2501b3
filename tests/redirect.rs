//! Where a redirect leads: RFC 3986 §5.4's examples, what is refused and why, what goes along to another origin.
#![allow(clippy::unwrap_used)]

use wsrs::proto::handshake::redirect::{self, RedirectError, RedirectError::*};
use wsrs::proto::url::{UrlError, WsUrl};

fn next(from: &str, location: &str, ws_allowed: bool) -> Result<String, RedirectError> {
    let to = redirect::next(&WsUrl::parse(from).unwrap(), [location.as_bytes()].into_iter(), ws_allowed)?;
    let scheme = if to.secure { "wss" } else { "ws" };
    Ok(format!("{scheme}://{}{}", to.authority(), to.target))
}

/// RFC 3986 §5.4.1 and §5.4.2, those that are WebSocket addresses; fragments are left out.
#[test]
fn the_examples_of_the_rfc() {
    let examples = [
        ("g", "/b/c/g"),
        ("./g", "/b/c/g"),
        ("g/", "/b/c/g/"),
        ("/g", "/g"),
        ("?y", "/b/c/d;p?y"),
        ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q"),
        ("g#s", "/b/c/g"),
        ("g?y#s", "/b/c/g?y"),
        (";x", "/b/c/;x"),
        ("g;x", "/b/c/g;x"),
        ("g;x?y#s", "/b/c/g;x?y"),
        (".", "/b/c/"),
        ("./", "/b/c/"),
        ("..", "/b/"),
        ("../", "/b/"),
        ("../g", "/b/g"),
        ("../..", "/"),
        ("../../", "/"),
        ("../../g", "/g"),
        ("../../../g", "/g"),
        ("../../../../g", "/g"),
        ("/./g", "/g"),
        ("/../g", "/g"),
        ("g.", "/b/c/g."),
        (".g", "/b/c/.g"),
        ("g..", "/b/c/g.."),
        ("..g", "/b/c/..g"),
        ("./../g", "/b/g"),
        ("./g/.", "/b/c/g/"),
        ("g/./h", "/b/c/g/h"),
        ("g/../h", "/b/c/h"),
        ("g;x=1/./y", "/b/c/g;x=1/y"),
        ("g;x=1/../y", "/b/c/y"),
        ("g?y/./x", "/b/c/g?y/./x"),
        ("g?y/../x", "/b/c/g?y/../x"),
        ("g#s/../x", "/b/c/g"),
    ];
    for (location, target) in examples {
        assert_eq!(next("ws://a/b/c/d;p?q", location, false), Ok(format!("ws://a{target}")), "{location}");
        // A base without a path of its own.
        assert!(next("ws://a?q", location, false).unwrap().starts_with("ws://a/"), "{location}");
    }
    assert_eq!(next("ws://a/b/c/d;p?q", "//g", false), Ok("ws://g/".into()));
}

#[test]
fn each_scheme_leads_to_its_own() {
    for (location, to) in [
        ("http://b/x", "ws://b/x"),
        ("HTTPS://B:443/x/../y?z#f", "wss://b/y?z"),
        ("ws://b:81", "ws://b:81/"),
        ("wss://[::1]:444?q", "wss://[::1]:444/?q"),
        ("//b:82/c", "ws://b:82/c"),
        ("/a:b", "ws://a:8080/a:b"),
        ("?a:b", "ws://a:8080/?a:b"),
        ("./a:b", "ws://a:8080/a:b"),
    ] {
        assert_eq!(next("ws://a:8080/", location, false), Ok(to.into()), "{location}");
    }
    assert_eq!(next("wss://a/", "//b/", false), Ok("wss://b/".into()));
}

#[test]
fn tls_is_not_left_unless_allowed() {
    for location in ["http://a/", "ws://a:443/"] {
        assert_eq!(next("wss://a/", location, false), Err(LeavesTls));
        assert!(next("wss://a/", location, true).is_ok());
    }
    assert_eq!(next("ws://a/", "https://a/", false), Ok("wss://a/".into()));
}

#[test]
fn what_leads_nowhere_is_refused() {
    let from = WsUrl::parse("ws://a/").unwrap();
    let all = |locations: &[&[u8]]| redirect::next(&from, locations.iter().copied(), true);
    assert_eq!(all(&[]), Err(Missing));
    assert_eq!(all(&[b""]), Err(Missing));
    assert_eq!(all(&[b"/a", b"/a"]), Err(Duplicate));
    assert_eq!(all(&[b"/\xff"]), Err(Url(UrlError::NonAscii)));
    for (location, error) in [
        ("ftp://b/", Scheme),
        ("javascript:alert(1)", Scheme),
        ("b:81/c", Scheme),
        ("ws+unix:/run/socket", UnixSocket),
        ("http:b", Url(UrlError::Slashes)),
        ("http://", Url(UrlError::EmptyHost)),
        ("http:///b", Url(UrlError::EmptyHost)),
        ("//", Url(UrlError::EmptyHost)),
        ("http://b:0/", Url(UrlError::Port)),
        ("http://b:x/", Url(UrlError::Port)),
        ("http://b c/", Url(UrlError::Space)),
        ("/b c", Url(UrlError::Space)),
        ("/b\r\nX: y", Url(UrlError::Space)),
        ("/%g0", Url(UrlError::Percent)),
        ("\\\\b\\c", Url(UrlError::Character)),
        ("/é", Url(UrlError::NonAscii)),
        ("http://127.1/", Url(UrlError::V4)),
        ("http://me@b/", Credentials),
        ("//me:secret@a/", Credentials),
    ] {
        assert_eq!(all(&[location.as_bytes()]), Err(error), "{location}");
    }
}

#[test]
fn a_unix_socket_stays_what_it_is() {
    let from = WsUrl::parse("ws+unix:/run/socket:/a/b?c").unwrap();
    let to = |location: &str| redirect::next(&from, [location.as_bytes()].into_iter(), true);
    assert_eq!(to("../d"), Ok(WsUrl { target: "/d".into(), ..from.clone() }));
    assert_eq!(to("http://localhost/d"), Err(UnixSocket));
    assert_eq!(to("//localhost/d"), Err(UnixSocket));
}

#[test]
fn credentials_stay_in_their_origin() {
    let url = |text| WsUrl::parse(text).unwrap();
    assert!(redirect::same_origin(&url("ws://a/x"), &url("ws://A:80/y?z")));
    for other in ["wss://a/x", "wss://a:80/x", "ws://a:81/x", "ws://b/x", "ws://a./x"] {
        assert!(!redirect::same_origin(&url("ws://a/x"), &url(other)), "{other}");
    }
    for name in ["Authorization", "cookie", "Cookie2", "Proxy-Authorization", "HOST"] {
        assert!(!redirect::crosses_origins(name), "{name}");
    }
    for name in ["Origin", "User-Agent", "X-Cookie"] {
        assert!(redirect::crosses_origins(name), "{name}");
    }
    assert_eq!(
        [300, 301, 302, 303, 304, 305, 306, 307, 308, 309].map(redirect::is_redirect),
        [false, true, true, true, false, false, false, true, true, false]
    );
}
