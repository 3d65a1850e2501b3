//! The whole opening handshake between our client and our server, with options that the input chooses.

use super::handshake::however_cut;
use super::input::Input;
use wsrs::proto::handshake::client::{self, Answer, AnswerError, BodyLength, Offer};
use wsrs::proto::handshake::server::{self, Incoming, Request};
use wsrs::proto::http1::{Head, HeadLimits, Scanned};
use wsrs::proto::url::WsUrl;

type Header<'d> = (&'d str, &'d [u8]);

/// What one side writes is what the other reads, or is refused before it is written.
pub fn handshake(data: &[u8]) {
    let mut input = Input::new(data);
    let (ours, theirs) = (limits(&mut input), limits(&mut input));
    let scheme = input.pick(&["ws://localhost", "ws://[::1]:8080", "ws+unix:/run/x.sock:", "wss://a.example:444", ""]);
    let rest = String::from_utf8_lossy(input.bytes(255)).into_owned();
    let Ok(url) = WsUrl::parse(&format!("{scheme}{rest}")) else { return };
    let (offered, headers) = (names(&mut input), headers(&mut input));

    let mut request = b"before".to_vec();
    let nonce = [input.byte(); 16];
    let Ok(offer) = client::write_request(&mut request, &url, nonce, &offered, None, &headers) else {
        assert_eq!(request, b"before");
        return;
    };
    let request = &request[b"before".len()..];
    let verdict = however_cut(request, |bytes, scanned| match server::parse(bytes, scanned, &theirs) {
        Incoming::Partial => None,
        Incoming::Refused(refusal) => Some(Err(refusal)),
        Incoming::Request { request, consumed } => {
            let offered: Vec<_> = request.subprotocols().map(str::to_owned).collect();
            Some(Ok((consumed, request.is_upgrade(), request.target().to_owned(), offered)))
        }
    });
    let mut answer = Vec::new();
    match verdict.expect("a whole request") {
        Err(refusal) => {
            let fields = request.windows(2).filter(|pair| pair == b"\r\n").count() - 2;
            let expected = url.target.len() > theirs.max_target && refusal.status == 414
                || (request.len() > theirs.max_bytes || fields > theirs.max_headers) && refusal.status == 431;
            assert!(expected, "{refusal:?} for {} bytes, {fields} fields", request.len());
            server::write_refusal(&mut answer, &refusal);
            rejected(&answer, &ours, &offer, refusal.status, refusal.why.as_bytes());
        }
        Ok(read) => {
            let expected = offered.iter().map(|name| name.to_string()).collect();
            assert_eq!(read, (request.len(), true, url.target.clone(), expected));
            let Incoming::Request { request, .. } = server::parse(request, &mut Scanned::default(), &theirs) else {
                unreachable!("just now it could be read");
            };
            assert_fields(request.head(), &headers);
            answered(&mut input, &request, &ours, &offer, &offered);
        }
    }
}

/// The server's part, and what the client makes of it.
fn answered(input: &mut Input, request: &Request, limits: &HeadLimits, offer: &Offer, offered: &[&str]) {
    let mut answer = b"before".to_vec();
    let fields = headers(input);
    if input.flag() {
        let (status, body) = (input.pick(&[200, 204, 301, 304, 404, 426, 599, 199, 600]), input.bytes(200));
        match server::write_response(&mut answer, status, &fields, body, false) {
            Ok(()) => rejected(&answer[b"before".len()..], limits, offer, status, body),
            Err(_) => assert_eq!(answer, b"before"),
        }
        return;
    }
    let chosen = [None, offered.first(), offered.last(), Some(&"unknown")][usize::from(input.byte() % 4)].copied();
    if server::write_accept(&mut answer, request, chosen, None, &fields).is_err() {
        assert_eq!(answer, b"before");
        return;
    }
    let mut answer = answer.split_off(b"before".len());
    let head = answer.len();
    answer.extend_from_slice(b"\x81\x00");
    match read_answer(&answer, limits, offer) {
        Verdict::Invalid(error) => assert!(too_large(error, &answer[..head], limits), "{error:?}"),
        verdict => assert_eq!(verdict, Verdict::Accepted(head, chosen.map(str::to_owned))),
    }
    if let Answer::Accepted { response, .. } = client::parse(&answer, &mut Scanned::default(), limits, offer) {
        assert_fields(response.head(), &fields);
    }
    // With a byte changed it may mean anything, but never a WebSocket that the client did not ask for.
    let at = (usize::from(input.byte()) * 256 + usize::from(input.byte())) % head;
    answer[at] ^= input.byte();
    if let Answer::Accepted { response, .. } = client::parse(&answer, &mut Scanned::default(), limits, offer) {
        assert_eq!(response.head().header("sec-websocket-accept"), Some(&offer.accept()[..]));
        assert!(response.subprotocol().is_none_or(|name| offered.contains(&name)));
    }
}

fn rejected(answer: &[u8], limits: &HeadLimits, offer: &Offer, status: u16, body: &[u8]) {
    let head = answer.len() - body.len();
    let length = if body.is_empty() { BodyLength::None } else { BodyLength::Known(body.len() as u64) };
    match read_answer(answer, limits, offer) {
        Verdict::Invalid(error) => assert!(too_large(error, &answer[..head], limits), "{error:?}"),
        verdict => assert_eq!(verdict, Verdict::Rejected(head, status, length)),
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Accepted(usize, Option<String>),
    Rejected(usize, u16, BodyLength),
    Invalid(AnswerError),
}

fn read_answer(answer: &[u8], limits: &HeadLimits, offer: &Offer) -> Verdict {
    let verdict = however_cut(answer, |bytes, scanned| match client::parse(bytes, scanned, limits, offer) {
        Answer::Partial => None,
        Answer::Accepted { response, consumed } => {
            Some(Verdict::Accepted(consumed, response.subprotocol().map(str::to_owned)))
        }
        Answer::Rejected { response, consumed, body } => Some(Verdict::Rejected(consumed, response.status(), body)),
        Answer::Invalid(error) => Some(Verdict::Invalid(error)),
    });
    verdict.expect("a whole answer")
}

fn too_large(error: AnswerError, head: &[u8], limits: &HeadLimits) -> bool {
    let fields = head.windows(2).filter(|pair| pair == b"\r\n").count() - 2;
    match error {
        AnswerError::TooBig => head.len() > limits.max_bytes,
        AnswerError::TooManyHeaders => fields > limits.max_headers,
        _ => false,
    }
}

/// Each field came through, but for white space around its value.
fn assert_fields(head: &Head, fields: &[Header]) {
    for (name, value) in fields {
        let value = value.trim_ascii();
        assert!(head.all(name).any(|read| read == value), "{name}");
    }
}

fn limits(input: &mut Input) -> HeadLimits {
    HeadLimits {
        max_bytes: input.pick(&[16_384, 220, 400, 1 << 20]),
        max_headers: input.pick(&[100, 6, 8, 256]),
        max_target: input.pick(&[8_192, 12, 100]),
    }
}

fn names<'d>(input: &mut Input<'d>) -> Vec<&'d str> {
    let known = ["chat", "superchat", "v1.wamp", "a,b", ""];
    let count = input.byte() % 5;
    let own = |bytes| std::str::from_utf8(bytes).unwrap_or("?");
    (0..count).map(|_| if input.flag() { own(input.bytes(20)) } else { input.pick(&known) }).collect()
}

fn headers<'d>(input: &mut Input<'d>) -> Vec<Header<'d>> {
    let known = ["Host", "Origin", "Cookie", "x-a", "Content-Length", "Sec-WebSocket-Key", "host ", "a:"];
    let count = input.byte() % 7;
    let mut one = || {
        let name = match input.flag() {
            true => std::str::from_utf8(input.bytes(20)).unwrap_or("?"),
            false => input.pick(&known),
        };
        (name, input.bytes(60))
    };
    (0..count).map(|_| one()).collect()
}
