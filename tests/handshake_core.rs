//! The opening handshake without sockets: every case of `handshake/cases.rs`, whole and however it is cut.
#![allow(clippy::unwrap_used)]

#[path = "handshake/cases.rs"]
mod cases;
#[path = "common/cost.rs"]
mod cost;

use cases::{Expect, RFC_ACCEPT, RFC_KEY, Verdict};
use cost::least_cpu;
use wsrs::proto::handshake::client::{self, Answer, Offer};
use wsrs::proto::handshake::server::{self, Incoming, Request};
use wsrs::proto::http1::{HeadLimits, Scanned};
use wsrs::proto::url::WsUrl;

/// What follows a head must be left alone: here, a masked frame and something like a head.
const PIPELINED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\r\n\r\nGET / HTTP/1.1\r\n\r\n";

const LIMITS: HeadLimits = HeadLimits { max_bytes: 16_384, max_headers: 100, max_target: 8_192 };

/// Feeds `input` up to each of `cuts` in turn, and at last whole, until `parse` says something.
///
/// The input grows in its own allocation, so that reading beyond it would be seen.
fn feed<T>(
    input: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    mut parse: impl FnMut(&[u8], &mut Scanned) -> Option<T>,
) -> Option<T> {
    let mut scanned = Scanned::default();
    for cut in cuts.into_iter().chain([input.len()]) {
        let before = scanned.position();
        let result = parse(&input[..cut], &mut scanned);
        assert!(scanned.position() >= before, "the search went back");
        assert!(scanned.position() <= cut, "the search went beyond the input");
        if result.is_some() {
            return result;
        }
    }
    None
}

/// Every position of a short input; of a long one those near its ends, near limits, and samples between.
fn positions(length: usize) -> Vec<usize> {
    let near = |at: usize, point: usize| at.abs_diff(point) < 40;
    let important = |at: usize| {
        length < 2_000 || at < 40 || near(at, length) || near(at, 8_192) || near(at, 16_384) || at.is_multiple_of(331)
    };
    (0..=length).filter(|&at| important(at)).collect()
}

/// The verdict must be the same for the whole, for every cut in two, and for single bytes.
fn check<T: PartialEq + std::fmt::Debug>(
    name: &str,
    input: &[u8],
    expected: &T,
    mut parse: impl FnMut(&[u8], &mut Scanned) -> Option<T>,
) {
    assert_eq!(feed(input, [], &mut parse).as_ref(), Some(expected), "{name}, whole");
    for cut in positions(input.len()) {
        let verdict = feed(input, [cut], &mut parse);
        assert_eq!(verdict.as_ref(), Some(expected), "{name}, cut at {cut}");
    }
    let verdict = feed(input, 0..input.len(), &mut parse);
    assert_eq!(verdict.as_ref(), Some(expected), "{name}, byte by byte");
}

fn parse_request(bytes: &[u8], scanned: &mut Scanned) -> Option<(Expect, usize)> {
    match server::parse(bytes, scanned, &LIMITS) {
        Incoming::Partial => None,
        Incoming::Refused(refusal) => Some((Expect::Refuse(refusal.status), 0)),
        Incoming::Request { request, consumed } if request.is_upgrade() => {
            let accept = accept_value(&request);
            let known = [RFC_ACCEPT, "qBPI+1rPa4lNhVJ0cztOjbvugAQ=", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="];
            let accept = known.into_iter().find(|known| *known == accept);
            Some((Expect::Accept(accept.unwrap_or("an unknown value")), consumed))
        }
        Incoming::Request { consumed, .. } => Some((Expect::Page, consumed)),
    }
}

fn accept_value(request: &Request) -> String {
    let mut out = Vec::new();
    server::write_accept(&mut out, request, None, None, &[]).unwrap();
    let text = String::from_utf8(out).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Accept: "));
    line.unwrap().to_owned()
}

/// H10: requests that one reader understands in another way than the next.
///
/// Checked by: without any one of the tests of a repeated Host, Key, Version, Upgrade or Origin, of Transfer-Encoding or
/// Content-Length in handshake/check.rs, or that of bare LF in http1.rs, this fails.
#[test]
fn h10_every_request_leads_to_its_verdict_however_it_is_cut() {
    for case in cases::requests() {
        let refused = matches!(case.expect, Expect::Refuse(_));
        let expected = (case.expect, if refused { 0 } else { case.request.len() });
        check(case.name, &case.request, &expected, parse_request);
        let pipelined = [&case.request[..], PIPELINED].concat();
        check(case.name, &pipelined, &expected, parse_request);
    }
}

/// H10: nothing that follows a refusal is ever read as a request.
///
/// Checked by: as the one before: a case that is not refused fails here too.
#[test]
fn h10_every_refusal_is_a_whole_response_that_closes() {
    for case in cases::requests() {
        let Expect::Refuse(status) = case.expect else {
            continue;
        };
        let Incoming::Refused(refusal) = server::parse(&case.request, &mut Scanned::default(), &LIMITS) else {
            panic!("{} is not refused", case.name);
        };
        let mut out = Vec::new();
        server::write_refusal(&mut out, &refusal);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let lines: Vec<_> = head.split("\r\n").collect();
        assert!(lines[0].starts_with(&format!("HTTP/1.1 {status} ")), "{}: {}", case.name, lines[0]);
        assert!(lines[1].starts_with("Connection: close"), "{}", case.name);
        assert!(lines.contains(&format!("Content-Length: {}", refusal.why.len()).as_str()), "{}", case.name);
        assert_eq!(body, if refusal.head_only { "" } else { refusal.why }, "{}", case.name);
        assert_eq!(status == 426, lines.contains(&"Sec-WebSocket-Version: 13"), "{}", case.name);
        assert_eq!(status == 426, lines.contains(&"Upgrade: websocket"), "{}", case.name);
        assert_eq!(status == 405, lines.contains(&"Allow: GET"), "{}", case.name);
    }
}

fn offer(subprotocols: &[&str]) -> Offer {
    let url = WsUrl::parse("ws://server.example.com/chat").unwrap();
    client::write_request(&mut Vec::new(), &url, *b"the sample nonce", subprotocols, None, &[]).unwrap()
}

fn parse_answer(bytes: &[u8], scanned: &mut Scanned, offer: &Offer) -> Option<(Verdict, usize)> {
    match client::parse(bytes, scanned, &LIMITS, offer) {
        Answer::Partial => None,
        Answer::Accepted { response, consumed } => {
            assert_eq!(response.status(), 101);
            let known = ["chat", "superchat"].into_iter().find(|known| Some(*known) == response.subprotocol());
            assert_eq!(known, response.subprotocol());
            Some((Verdict::Accepted(known), consumed))
        }
        Answer::Rejected { response, consumed, body } => Some((Verdict::Rejected(response.status(), body), consumed)),
        Answer::Invalid(error) => Some((Verdict::Invalid(error), 0)),
    }
}

/// H14: answers that a client must not believe.
///
/// Checked by: without any one of the seven tests of accepted() in handshake/client.rs, or the restart after a 1xx, this
/// fails.
#[test]
fn h14_every_response_leads_to_its_verdict_however_it_is_cut() {
    let offer = offer(&["chat", "superchat"]);
    for case in cases::responses() {
        let response = case.with_accept(offer.accept());
        let invalid = matches!(case.expect, Verdict::Invalid(_));
        let expected = (case.expect, if invalid { 0 } else { response.len() });
        check(case.name, &response, &expected, |bytes, scanned| parse_answer(bytes, scanned, &offer));
        let pipelined = [&response[..], PIPELINED].concat();
        check(case.name, &pipelined, &expected, |bytes, scanned| parse_answer(bytes, scanned, &offer));
    }
}

/// H14: nor a choice where there was none.
///
/// Checked by: without the test of the subprotocol in accepted() of handshake/client.rs this fails.
#[test]
fn h14_a_subprotocol_is_invalid_when_none_was_offered() {
    let offer = offer(&[]);
    for value in ["chat", ""] {
        let response = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {RFC_ACCEPT}\r\n\
             Sec-WebSocket-Protocol: {value}\r\n\r\n"
        );
        let verdict = parse_answer(response.as_bytes(), &mut Scanned::default(), &offer);
        assert_eq!(verdict, Some((Verdict::Invalid(client::AnswerError::Subprotocol), 0)));
    }
}

#[test]
fn names_and_inputs_of_the_cases_are_distinct() {
    let (requests, responses) = (cases::requests(), cases::responses());
    let distinct = |inputs: Vec<&[u8]>| inputs.iter().collect::<std::collections::HashSet<_>>().len();
    assert_eq!(distinct(requests.iter().map(|case| &case.request[..]).collect()), requests.len());
    assert_eq!(distinct(responses.iter().map(|case| &case.response[..]).collect()), responses.len());
    assert_eq!(distinct(requests.iter().map(|case| case.name.as_bytes()).collect()), requests.len());
    assert_eq!(distinct(responses.iter().map(|case| case.name.as_bytes()).collect()), responses.len());
    let invalid = requests.iter().filter(|case| matches!(case.expect, Expect::Refuse(_))).count()
        + responses.iter().filter(|case| !matches!(case.expect, Verdict::Accepted(_))).count();
    println!("{} requests, {} responses, {invalid} of them invalid", requests.len(), responses.len());
    assert!(requests.len() >= 110 && responses.len() >= 50 && invalid >= 120);
}

/// A prefix of a valid head is never refused: that would break clients on slow lines.
#[test]
fn no_prefix_of_a_valid_head_has_a_verdict() {
    for case in cases::requests() {
        if !matches!(case.expect, Expect::Refuse(_)) {
            let all_but_last = feed(&case.request[..case.request.len() - 1], 0..case.request.len() - 1, parse_request);
            assert_eq!(all_but_last, None, "{}", case.name);
        }
    }
}

/// What cannot become HTTP is refused at its first wrong byte.
#[test]
fn garbage_is_refused_at_once() {
    for bytes in [&b"\x16"[..], b"\x16\x03\x01", b"\0", b"\n", b" ", b"\x80", b"\r\x16", b"\r\n\r", b"GE\x01"] {
        assert_eq!(feed(bytes, [], parse_request), Some((Expect::Refuse(400), 0)), "{bytes:?}");
    }
    let offer = offer(&[]);
    for bytes in [&b"\x16"[..], b"h", b"HTTX", b"\r", b"HTTP-"] {
        let verdict = feed(bytes, [], |bytes, scanned| parse_answer(bytes, scanned, &offer));
        assert_eq!(verdict, Some((Verdict::Invalid(client::AnswerError::NotHttp), 0)), "{bytes:?}");
    }
    let verdict = feed(b"\x15", [], |bytes, scanned| parse_answer(bytes, scanned, &offer));
    assert_eq!(verdict, Some((Verdict::Invalid(client::AnswerError::Tls), 0)), "an alert of a TLS server");
}

/// H8: limits are recognised when they are passed, to the byte.
///
/// Checked by: without the count of lines in find_end() of http1.rs this fails.
#[test]
fn h08_limits_are_recognised_when_they_are_passed() {
    let verdict_at = |input: &[u8]| {
        let mut scanned = Scanned::default();
        (0..=input.len()).find_map(|at| Some((at, parse_request(&input[..at], &mut scanned)?.0)))
    };
    let long = [b"GET /", &[b'x'; 20_000][..]].concat();
    assert_eq!(verdict_at(&long), Some((4 + 8_192 + 11, Expect::Refuse(414))));
    let large = [b"GET / HTTP/1.1\r\nx:", &[b'x'; 20_000][..]].concat();
    assert_eq!(verdict_at(&large), Some((16_384, Expect::Refuse(431))));
    let fields = [b"GET / HTTP/1.1\r\n", &b"a:b\r\n".repeat(10_000)[..]].concat();
    assert_eq!(verdict_at(&fields), Some((16 + 101 * 5, Expect::Refuse(431))));
}

/// An interim response that ends around the limit, and nonsense behind it: only bytes within the limit count.
#[test]
fn what_follows_an_interim_response_at_the_limit_is_not_looked_at() {
    let offer = offer(&[]);
    let interim = b"HTTP/1.1 103 x\r\nLink: y\r\n\r\n";
    let input = [&interim[..], b"HTxx\r\n\r\n"].concat();
    for beyond in 0..6 {
        let expected = if beyond < 3 { client::AnswerError::TooBig } else { client::AnswerError::NotHttp };
        let limits = HeadLimits { max_bytes: interim.len() + beyond, ..LIMITS };
        check(&format!("{beyond} bytes"), &input, &expected, |bytes, scanned| {
            match client::parse(bytes, scanned, &limits, &offer) {
                Answer::Partial => None,
                Answer::Invalid(error) => Some(error),
                other => panic!("{other:?}"),
            }
        });
    }
}

/// H8: the largest head, byte by byte, costs time in proportion to its length.
///
/// Checked by: when find_end() of http1.rs begins at the start of the head each time, this fails.
#[test]
fn h08_a_head_that_arrives_byte_by_byte_costs_linear_time() {
    let limits = HeadLimits { max_bytes: 1 << 20, max_headers: 256, max_target: 8_192 };
    let time = |length: usize| {
        let request = [b"GET / HTTP/1.1\r\nx:", &vec![b'x'; length][..]].concat();
        least_cpu(|| {
            let mut scanned = Scanned::default();
            for at in 0..=request.len() {
                assert!(matches!(server::parse(&request[..at], &mut scanned, &limits), Incoming::Partial));
            }
        })
    };
    let (small, large) = (time(10_000), time(80_000));
    // Eight times the bytes: linear is 8, quadratic 64.
    assert!(large < small * 24, "{small:?} became {large:?}");
}

/// H8: the same for interim responses, which share the limits of one head.
///
/// Checked by: as the one before.
#[test]
fn h08_interim_responses_cost_linear_time() {
    let offer = offer(&[]);
    let limits = HeadLimits { max_bytes: 1 << 20, max_headers: 256, max_target: 8_192 };
    let time = |length: usize| {
        let hint = format!("HTTP/1.1 103 x\r\nLink: {}\r\n\r\n", "x".repeat(length / 100));
        let input = hint.repeat(100).into_bytes();
        least_cpu(|| {
            let mut scanned = Scanned::default();
            for at in 0..=input.len() {
                assert!(matches!(client::parse(&input[..at], &mut scanned, &limits, &offer), Answer::Partial));
            }
        })
    };
    let (small, large) = (time(10_000), time(80_000));
    assert!(large < small * 24, "{small:?} became {large:?}");
}

#[test]
fn the_request_of_the_sample_round_trips() {
    let url = WsUrl::parse("ws://server.example.com/chat").unwrap();
    let mut request = Vec::new();
    let offer = client::write_request(&mut request, &url, *b"the sample nonce", &["chat"], None, &[]).unwrap();
    assert!(String::from_utf8(request.clone()).unwrap().contains(&format!("Sec-WebSocket-Key: {RFC_KEY}\r\n")));
    assert_eq!(offer.accept(), RFC_ACCEPT.as_bytes());
    let Incoming::Request { request, consumed } = server::parse(&request, &mut Scanned::default(), &LIMITS) else {
        panic!("our own request is refused");
    };
    let mut response = Vec::new();
    server::write_accept(&mut response, &request, Some("chat"), None, &[("Server", b"x")]).unwrap();
    let answer = client::parse(&response, &mut Scanned::default(), &LIMITS, &offer);
    let Answer::Accepted { response: answer, consumed: answered } = answer else {
        panic!("our own response is refused");
    };
    assert_eq!((answer.subprotocol(), answered), (Some("chat"), response.len()));
    assert_eq!(answer.head().header("server"), Some(&b"x"[..]));
    assert!(consumed > 100);
}
