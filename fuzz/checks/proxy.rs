//! Answers of proxies, and the addresses that name them.

use super::Cuts;
use super::input::Input;
use wsrs::proto::http1::{HeadLimits, is_field_value};
use wsrs::proto::proxy::address::ProxyUrl;
use wsrs::proto::proxy::environment::proxy_for;
use wsrs::proto::proxy::{Handshake, Limits, Refusal, Step, Target};
use wsrs::proto::url::WsUrl;

const PROXIES: [&str; 5] =
    ["http://p", "http://user:secret@p", "socks5h://p", "socks5h://user:secret@p", "socks4a://p"];

/// What a proxy answers means the same however it is cut: what is sent, the outcome, and where the next layer begins.
pub fn proxy_answer(data: &[u8]) {
    let mut input = Input::new(data);
    let proxy = ProxyUrl::parse(input.pick(&PROXIES)).expect("an address");
    let small = HeadLimits { max_bytes: 220, max_headers: 6, max_target: 12 };
    let answer = input.rest();
    for limits in [Limits { head: HeadLimits::default(), max_body: 4096 }, Limits { head: small, max_body: 7 }] {
        let whole = hear(&proxy, limits, &[answer]);
        assert_eq!(hear(&proxy, limits, &answer.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
        assert_eq!(hear(&proxy, limits, &Cuts::of(answer).pieces(answer, 60)), whole, "in pieces");
    }
}

/// What was sent, what came of it, and how many bytes were the proxy's if it is known.
fn hear(proxy: &ProxyUrl, limits: Limits, pieces: &[&[u8]]) -> (Vec<u8>, String, usize) {
    let url = WsUrl::parse("ws://host:8080").expect("an address");
    let target = Target { host: url.host, port: url.port };
    let mut handshake = Handshake::new(proxy, target, limits, [7; 16]).expect("a target for each of them");
    let (mut sent, mut before) = (Vec::new(), 0);
    handshake.start(&mut sent);
    for piece in pieces {
        // An allocation of its own, so that reading beyond it would be seen.
        let bytes = piece.to_vec();
        match handshake.push(&bytes, &mut sent) {
            Step::More => before += piece.len(),
            Step::Done { consumed } => {
                assert!(consumed <= piece.len() && before + consumed > 0);
                return (sent, "done".into(), before + consumed);
            }
            step => {
                let text = describe(step, limits.max_body);
                assert!(!text.contains("secret") || pieces.concat().windows(6).any(|word| word == b"secret"), "{text}");
                return (sent, text, 0);
            }
        }
    }
    let requests = sent.windows(8).filter(|window| window == b"CONNECT ").count();
    assert!(requests <= 2, "{requests}");
    let asked = sent.len();
    let end = describe(handshake.end(), limits.max_body);
    if end == "reconnect" {
        handshake.start(&mut sent);
        assert!(sent.len() > asked);
        assert_ne!(describe(handshake.end(), limits.max_body), "reconnect");
    } else if let Some(refusal) = handshake.refusal() {
        panic!("a refusal after the end: {refusal:?}");
    }
    (sent, end, before)
}

fn describe(step: Step, max_body: usize) -> String {
    match step {
        Step::Refused(Refusal { status, text, response, body }) => {
            assert!(body.len() <= max_body && !text.is_empty());
            format!("{status} {text} {body:?} {:?}", response.map(|response| response.reason().to_owned()))
        }
        Step::Reconnect => "reconnect".into(),
        Step::Invalid(error) => error.to_string(),
        Step::More | Step::Done { .. } => panic!("{step:?}"),
    }
}

/// Three lines: a proxy, exceptions, the address to reach. What is accepted can be shown and read again, and asked for
/// in bytes that mean what they should.
pub fn proxy_address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let [proxy, exceptions, url] = [0; 3].map(|_| lines.next().unwrap_or_default());
    let parsed = ProxyUrl::parse(proxy);
    let Ok(url) = WsUrl::parse(if url.is_empty() { "ws://example.org:8080" } else { url }) else { return };
    let found = proxy_for(&url, |name| match name {
        "ws_proxy" | "ALL_PROXY" => Some(proxy.into()),
        "no_proxy" => Some(exceptions.into()),
        _ => None,
    });
    assert!(match &found {
        Ok(None) => true,
        Ok(Some(found)) => Ok(found) == parsed.as_ref(),
        Err(found) => Err(&found.error) == parsed.as_ref().map(|_| ()),
    });
    let Ok(proxy) = parsed else { return };
    let again = ProxyUrl::parse(&proxy.to_string()).expect("what is shown can be read");
    assert_eq!(again, ProxyUrl { credentials: None, ..proxy.clone() });

    let limits = Limits { head: HeadLimits::default(), max_body: 0 };
    let target = Target { host: url.host, port: url.port };
    let Ok(mut handshake) = Handshake::new(&proxy, target, limits, [7; 16]) else { return };
    let mut sent = Vec::new();
    handshake.start(&mut sent);
    if let Handshake::Http(_) = handshake {
        let head = sent.strip_suffix(b"\r\n\r\n").expect("a whole head");
        assert!(head.split(|&byte| byte == b'\n').all(|line| is_field_value(line.trim_ascii_end())), "{head:?}");
    } else {
        assert!(sent.starts_with(b"\x05") || sent.starts_with(b"\x04\x01"), "{sent:?}");
    }
}
