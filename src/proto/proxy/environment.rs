//! Which proxy the environment names for an address: `ws_proxy` and its relatives, and the exceptions in `no_proxy`, as
//! curl reads them.
//!
//! Called by `net::proxy` with a lookup in the process's environment.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use super::address::{ProxyUrl, ProxyUrlError};
use crate::proto::url::{Host, WsUrl};

/// The proxy for `url`; None: it is reached directly. `variable` looks a variable up; an empty one counts as not set.
pub fn proxy_for(url: &WsUrl, variable: impl Fn(&str) -> Option<String>) -> Result<Option<ProxyUrl>, EnvironmentError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    // A web server sets HTTP_PROXY for its CGI programs if a client sends a Proxy header ("httpoxy", CVE-2016-5385):
    // REQUEST_METHOD tells such a program. Only lower-case names can't be made from a header.
    let in_cgi = set("REQUEST_METHOD").is_some();
    let either = |lower: &'static str, upper: &'static str| {
        let upper = (!(upper == "HTTP_PROXY" && in_cgi)).then_some(upper);
        [Some(lower), upper].into_iter().flatten().find_map(|name| Some((name, set(name)?)))
    };
    let [ws, http] = match url.secure {
        false => [["ws_proxy", "WS_PROXY"], ["http_proxy", "HTTP_PROXY"]],
        true => [["wss_proxy", "WSS_PROXY"], ["https_proxy", "HTTPS_PROXY"]],
    };
    let names = [ws, http, ["all_proxy", "ALL_PROXY"]];
    let Some((name, value)) = names.into_iter().find_map(|[lower, upper]| either(lower, upper)) else {
        return Ok(None);
    };
    let exceptions = either("no_proxy", "NO_PROXY").map(|(_, value)| value).unwrap_or_default();
    if url.unix_path.is_some() || is_excepted(&exceptions, &url.host, url.port) {
        return Ok(None);
    }
    ProxyUrl::parse(&value).map(Some).map_err(|error| EnvironmentError { name, error })
}

/// A variable holds no address of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvironmentError {
    /// Which.
    pub name: &'static str,
    /// Why.
    pub error: ProxyUrlError,
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {}: {}", self.name, self.error)
    }
}

impl Error for EnvironmentError {}

/// Whether `no_proxy` names this host: elements between commas or white space, `*` for all of them.
fn is_excepted(exceptions: &str, host: &Host, port: u16) -> bool {
    let elements = exceptions.split([',', ' ', '\t']).filter(|element| !element.is_empty());
    elements.into_iter().any(|element| element == "*" || names(element, host, port))
}

/// `example.org`, `.example.org`, `192.0.2.1`, `192.0.2.0/24`, `::1`, `[::1]`, each with `:port` where that can be told
/// from the address.
fn names(element: &str, host: &Host, port: u16) -> bool {
    let address = match host {
        Host::V4(address) => Some(IpAddr::from(*address)),
        Host::V6(address) => Some(IpAddr::from(*address).to_canonical()),
        Host::Name(_) => None,
    };
    if let Some(network) = network(element) {
        return address.is_some_and(|address| contains(network, address));
    }
    let (element, its_port) = match element.rsplit_once(':') {
        Some((element, digits)) => match digits.parse::<u16>() {
            Ok(its_port) => (element, Some(its_port)),
            Err(_) => return false,
        },
        None => (element, None),
    };
    if its_port.is_some_and(|its_port| its_port != port) {
        return false;
    }
    match (host, network(element)) {
        (_, Some(network)) => address.is_some_and(|address| contains(network, address)),
        (Host::Name(name), None) => is_below(name, element),
        _ => false,
    }
}

/// An address with a number of bits that count, all of them unless told.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(all), |bits| bits.parse().ok().filter(|&bits| bits <= all))?;
    Some((address, bits))
}

fn contains((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    let same = |one: u128, other: u128, all: u32| bits == 0 || (one ^ other) >> (all - bits) == 0;
    match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => same(one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

/// The domain itself or a name in it, in any case, with or without the dot of the root.
fn is_below(name: &str, domain: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let (name, domain) = (name.strip_suffix('.').unwrap_or(name), domain.strip_suffix('.').unwrap_or(domain));
    let Some(start) = name.len().checked_sub(domain.len()).filter(|_| !domain.is_empty()) else { return false };
    let Some((front, end)) = name.split_at_checked(start) else { return false };
    end.eq_ignore_ascii_case(domain) && (front.is_empty() || front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> String {
        let url = WsUrl::parse(url).expect("a URL");
        let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string());
        match proxy_for(&url, lookup) {
            Ok(proxy) => proxy.map_or("none".into(), |proxy| proxy.to_string()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_most_special_variable_wins() {
        let mut variables = vec![
            ("ws_proxy", "a"),
            ("WS_PROXY", "b"),
            ("http_proxy", "c"),
            ("HTTP_PROXY", "d"),
            ("all_proxy", "socks5h://e"),
            ("ALL_PROXY", "f"),
            ("wss_proxy", "s"),
        ];
        for wanted in ["http://a:80", "http://b:80", "http://c:80", "http://d:80", "socks5h://e:1080", "http://f:80"] {
            assert_eq!(proxy("ws://host", &variables), wanted);
            assert_eq!(proxy("wss://host", &variables), "http://s:80");
            variables.remove(0);
        }
        assert_eq!(proxy("ws://host", &variables), "none");
        let secure = [("http_proxy", "a"), ("HTTPS_PROXY", "https://b"), ("https_proxy", "")];
        assert_eq!(proxy("wss://host", &secure), "https://b:443");
        assert_eq!(proxy("ws+unix:/socket", &[("ws_proxy", "a")]), "none");
    }

    /// "httpoxy": a Proxy header becomes HTTP_PROXY in a CGI program.
    #[test]
    fn a_request_header_names_no_proxy() {
        let cgi = [("HTTP_PROXY", "evil"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy("ws://host", &cgi), "none");
        assert_eq!(proxy("ws://host", &[cgi[0], cgi[1], ("http_proxy", "good")]), "http://good:80");
        assert_eq!(proxy("ws://host", &[cgi[0], cgi[1], ("ALL_PROXY", "good")]), "http://good:80");
    }

    #[test]
    fn a_wrong_address_is_told_without_its_credentials() {
        let text = proxy("ws://host", &[("all_proxy", "ftp://user:secret@host")]);
        assert!(text.starts_with("the environment variable all_proxy: the proxy's address"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(proxy("ws://host", &[("all_proxy", "ftp://x"), ("no_proxy", "host")]), "none");
    }

    #[test]
    fn no_proxy() {
        let excepted = |url: &str, list: &str| proxy(url, &[("ws_proxy", "p"), ("NO_PROXY", list)]) == "none";
        for (url, list) in [
            ("ws://a.b", "*"),
            ("ws://a.b", "x, *"),
            ("ws://example.org", "example.org"),
            ("ws://EXAMPLE.org.", "other,Example.ORG"),
            ("ws://example.org", "example.org."),
            ("ws://www.example.org", "example.org"),
            ("ws://www.example.org", "x .example.org"),
            ("ws://example.org", ".example.org"),
            ("ws://example.org:8080", "example.org:8080"),
            ("ws://example.org", ".org:80"),
            ("ws://192.0.2.1", "192.0.2.1"),
            ("ws://192.0.2.1", "192.0.2.0/24"),
            ("ws://192.0.2.1:81", "192.0.2.1:81"),
            ("ws://192.0.2.1", "0.0.0.0/0"),
            ("ws://[::1]", "::1"),
            ("ws://[::1]", "[::1]"),
            ("ws://[::1]:81", "[::1]:81"),
            ("ws://[2001:db8::1]", "2001:db8::/32"),
            ("ws://[::ffff:192.0.2.1]", "192.0.2.0/24"),
        ] {
            assert!(excepted(url, list), "{url} {list}");
        }
        for (url, list) in [
            ("ws://a.b", ""),
            ("ws://a.b", ".,,:"),
            ("ws://a.b", "**"),
            ("ws://myexample.org", "example.org"),
            ("ws://myexample.org", ".example.org"),
            ("ws://org", "example.org"),
            ("ws://example.org:8080", "example.org:80"),
            ("ws://example.org", "example.org:x"),
            ("ws://192.0.2.1", "192.0.2.1:81"),
            ("ws://192.0.3.1", "192.0.2.0/24"),
            ("ws://192.0.2.1", "192.0.2.0/33"),
            ("ws://192.0.2.1", "2.1"),
            ("ws://192.0.2.1", "::/0"),
            ("ws://[2001:db9::1]", "2001:db8::/32"),
            ("ws://[::1]:81", "[::1]:80"),
            ("ws://localhost", "127.0.0.0/8"),
        ] {
            assert!(!excepted(url, list), "{url} {list}");
        }
    }
}
