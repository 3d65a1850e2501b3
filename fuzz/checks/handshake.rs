//! Both heads of the opening handshake.

use super::Cuts;
use wsrs::proto::handshake::client::{self, Answer, Offer};
use wsrs::proto::handshake::server::{self, Incoming};
use wsrs::proto::http1::{Head, HeadLimits, Scanned};
use wsrs::proto::url::WsUrl;

const SMALL: HeadLimits = HeadLimits { max_bytes: 220, max_headers: 6, max_target: 12 };

/// A request means the same however it is cut, with any limits; every verdict can be answered.
pub fn request(data: &[u8]) {
    for limits in [HeadLimits::default(), SMALL] {
        however_cut(data, |bytes, scanned| request_verdict(bytes, scanned, &limits));
    }
}

/// An answer means the same however it is cut, with any limits. It answers the request of RFC 6455 §1.2.
pub fn answer(data: &[u8]) {
    let url = WsUrl::parse("ws://server.example.com/chat").expect("an address");
    let offer = client::write_request(&mut Vec::new(), &url, *b"the sample nonce", &["chat", "superchat"], None, &[]);
    let offer = offer.expect("an offer");
    for limits in [HeadLimits::default(), SMALL] {
        however_cut(data, |bytes, scanned| answer_verdict(bytes, scanned, &limits, &offer));
    }
}

/// What the whole means, and every cut of it.
pub(super) fn however_cut<T: PartialEq + std::fmt::Debug>(
    data: &[u8],
    parse: impl Fn(&[u8], &mut Scanned) -> Option<T>,
) -> Option<T> {
    let feed = |pieces: Vec<&[u8]>| {
        let (mut scanned, mut end) = (Scanned::default(), 0);
        pieces.iter().find_map(|piece| {
            end += piece.len();
            let before = scanned.position();
            // An allocation of its own, so that reading beyond it would be seen.
            let bytes = data[..end].to_vec();
            let verdict = parse(&bytes, &mut scanned);
            assert!((before..=end).contains(&scanned.position()), "{before} to {scanned:?}");
            verdict
        })
    };
    let whole = feed(vec![data]);
    assert_eq!(feed(data.chunks(1).collect()), whole, "byte by byte");
    assert_eq!(feed(Cuts::of(data).pieces(data, 60)), whole, "in pieces");
    whole
}

fn request_verdict(bytes: &[u8], scanned: &mut Scanned, limits: &HeadLimits) -> Option<String> {
    let mut out = Vec::new();
    match server::parse(bytes, scanned, limits) {
        Incoming::Partial => None,
        Incoming::Refused(refusal) => {
            server::write_refusal(&mut out, &refusal);
            Some(format!("{refusal:?}"))
        }
        Incoming::Request { request, consumed } => {
            assert!(bytes[..consumed].ends_with(b"\r\n\r\n") && request.path().starts_with('/'));
            if request.is_upgrade() {
                let chosen = request.subprotocols().next();
                server::write_accept(&mut out, &request, chosen, None, &[]).expect("it can be accepted");
            }
            let (offered, fields) = (request.subprotocols().collect::<Vec<_>>(), fields(request.head()));
            Some(format!("{consumed} {} {} {offered:?} {fields}", request.method(), request.target()))
        }
    }
}

fn answer_verdict(bytes: &[u8], scanned: &mut Scanned, limits: &HeadLimits, offer: &Offer) -> Option<String> {
    let (response, consumed, body) = match client::parse(bytes, scanned, limits, offer) {
        Answer::Partial => return None,
        Answer::Invalid(error) => return Some(format!("{error:?}")),
        Answer::Accepted { response, consumed } => {
            assert_eq!(response.head().header("sec-websocket-accept"), Some(&offer.accept()[..]));
            (response, consumed, None)
        }
        Answer::Rejected { response, consumed, body } => (response, consumed, Some(body)),
    };
    assert!(bytes[..consumed].ends_with(b"\r\n\r\n"));
    let (subprotocol, fields) = (response.subprotocol(), fields(response.head()));
    Some(format!("{consumed} {} {} {body:?} {subprotocol:?} {fields}", response.status(), response.reason()))
}

fn fields(head: &Head) -> String {
    format!("{:?}", head.headers().collect::<Vec<_>>())
}
