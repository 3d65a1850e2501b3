//! The negotiation of permessage-deflate by both roles, against the rules of RFC 7692 §7 said once more, plainly.

use std::collections::BTreeMap;
use wsrs::proto::deflate::{Agreed, Settings, Side, negotiation};
use wsrs::proto::handshake::client::{self, Answer, AnswerError, Offer};
use wsrs::proto::handshake::server::{self, Incoming};
use wsrs::proto::http1::{HeadLimits, Scanned, is_field_value, is_token};
use wsrs::proto::url::WsUrl;

const LIMITS: HeadLimits = HeadLimits { max_bytes: 1 << 20, max_headers: 256, max_target: 100 };

/// Bytes of the input from 128 on are these.
const WORDS: [&str; 16] = [
    "permessage-deflate",
    "server_max_window_bits",
    "client_max_window_bits",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "; ",
    ", ",
    "=",
    "\"",
    "\\",
    "1",
    "8",
    "15",
    "16",
    "08",
    "\n",
];

/// Names and values, in the order of the names.
type Parameters = BTreeMap<String, Option<String>>;
/// A parameter as it stands there.
type Parameter = (String, Option<String>);

/// Two kinds of settings, then the values of headers: as offers to a server, as answers to a client.
pub fn deflate_negotiation(data: &[u8]) {
    let [ours, theirs, text @ ..] = data else { return };
    let (ours, theirs) = (settings(*ours), settings(*theirs));
    let mut values = Vec::new();
    for &byte in text {
        match byte {
            128.. => values.extend_from_slice(WORDS[usize::from(byte) % WORDS.len()].as_bytes()),
            _ => values.push(byte),
        }
    }
    let values: Vec<&[u8]> = values.split(|&byte| byte == b'\n').collect();
    if values.iter().all(|value| is_field_value(value)) && values.len() < 200 {
        offered(&ours, &values);
        answered(&theirs, &values);
    }
    with_each_other(&ours, &theirs);
}

fn settings(byte: u8) -> Settings {
    Settings {
        window_bits: 8 + (byte & 7),
        takeover: byte & 8 == 0,
        peer_window_bits: 8 + (byte >> 4 & 7),
        peer_takeover: byte & 128 == 0,
        ..Settings::default()
    }
}

/// A server takes up the first offer that the rules allow, and answers what they say.
fn offered(ours: &Settings, values: &[&[u8]]) {
    let start = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let incoming = server::parse(&head(start, values), &mut Scanned::default(), &LIMITS);
    let lists: Option<Vec<_>> = values.iter().map(|value| Reader(value).list()).collect();
    let (request, lists) = match (incoming, lists) {
        (Incoming::Request { request, .. }, Some(lists)) => (request, lists),
        (Incoming::Refused(refusal), None) => return assert_eq!(refusal.status, 400),
        (incoming, lists) => panic!("{incoming:?} for {lists:?}"),
    };
    let mut offers = lists.iter().flatten().filter(|(name, _)| name == "permessage-deflate");
    let offer = offers.find_map(|(_, parameters)| allowed(parameters));
    let accepted = negotiation::accept(ours, request.extensions());
    let (Some(offer), Some((agreed, text))) = (&offer, &accepted) else {
        assert_eq!(offer.is_some(), accepted.is_some(), "{offer:?} {accepted:?}");
        return;
    };

    let mut expected = Parameters::new();
    let mut say = |name: &str, value: Option<String>| expected.insert(name.to_owned(), value);
    if offer.contains_key("server_no_context_takeover") || !ours.takeover {
        say("server_no_context_takeover", None);
    }
    if offer.contains_key("client_no_context_takeover") || !ours.peer_takeover {
        say("client_no_context_takeover", None);
    }
    let server = bits(offer, "server_max_window_bits").unwrap_or(15).min(ours.window_bits);
    if offer.contains_key("server_max_window_bits") || server < 15 {
        say("server_max_window_bits", Some(server.to_string()));
    }
    let client = bits(offer, "client_max_window_bits").unwrap_or(15).min(ours.peer_window_bits);
    if offer.contains_key("client_max_window_bits") && client < 15 {
        say("client_max_window_bits", Some(client.to_string()));
    }
    let answer = Reader(text.as_bytes()).list().expect("a list");
    assert_eq!(answer.len(), 1, "{text}");
    assert_eq!(answer[0].0, "permessage-deflate");
    assert_eq!(allowed(&answer[0].1).as_ref(), Some(&expected), "{text}");
    assert_eq!(*agreed, meant(&expected), "{text}");
}

/// A client takes an answer or fails, as the rules say.
fn answered(theirs: &Settings, values: &[&[u8]]) {
    let url = WsUrl::parse("ws://a/").expect("an address");
    for settings in [None, Some(theirs)] {
        let offer = client::write_request(&mut Vec::new(), &url, [1; 16], &[], settings, &[]).expect("an offer");
        let verdict = taken(&offer, values);
        assert_eq!(verdict.ok(), settings.and_then(|settings| takes(settings, values)).map(Some), "{offer:?}");
    }
}

/// What the rules let a client take.
fn takes(theirs: &Settings, values: &[&[u8]]) -> Option<Agreed> {
    let [value] = values else { return None };
    let list = Reader(value).list()?;
    let [(name, parameters)] = &list[..] else { return None };
    let answer = allowed(parameters).filter(|answer| answer.get("client_max_window_bits") != Some(&None))?;
    let limited = theirs.peer_window_bits == 15
        || bits(&answer, "server_max_window_bits").is_some_and(|bits| bits <= theirs.peer_window_bits);
    let reset = theirs.peer_takeover || answer.contains_key("server_no_context_takeover");
    let own = bits(&answer, "client_max_window_bits").is_none_or(|bits| bits <= theirs.window_bits);
    if name != "permessage-deflate" || !limited || !reset || !own {
        return None;
    }
    let Agreed { server, client } = meant(&answer);
    let own = Side::new(client.window_bits().min(theirs.window_bits), client.takeover() && theirs.takeover);
    Some(Agreed { server, client: own })
}

/// A client and a server of any kind agree, on the same, and on what both allow.
fn with_each_other(ours: &Settings, theirs: &Settings) {
    let offered = negotiation::Parameters::offer(theirs).to_string();
    let (agreed, answer) = negotiation::accept(ours, [offered.as_bytes()].into_iter()).expect("an offer to take up");
    let url = WsUrl::parse("ws://a/").expect("an address");
    let offer = client::write_request(&mut Vec::new(), &url, [1; 16], &[], Some(theirs), &[]).expect("an offer");
    assert_eq!(taken(&offer, &[answer.as_bytes()]), Ok(Some(agreed)), "{answer} to {offered}");
    for (side, own, peer_bits, peer_takeover) in [
        (agreed.server, ours, theirs.peer_window_bits, theirs.peer_takeover),
        (agreed.client, theirs, ours.peer_window_bits, ours.peer_takeover),
    ] {
        assert!((8..=own.window_bits.min(peer_bits)).contains(&side.window_bits()), "{agreed:?}");
        assert!(!side.takeover() || own.takeover && peer_takeover, "{agreed:?}");
    }
}

fn head(start: &str, values: &[&[u8]]) -> Vec<u8> {
    let mut head = start.as_bytes().to_vec();
    for value in values {
        head.extend_from_slice(&[b"Sec-WebSocket-Extensions:", *value, b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// What the client makes of an answer with these values.
fn taken(offer: &Offer, values: &[&[u8]]) -> Result<Option<Agreed>, AnswerError> {
    let accept = std::str::from_utf8(offer.accept()).expect("base64");
    let start =
        format!("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n");
    match client::parse(&head(&start, values), &mut Scanned::default(), &LIMITS, offer) {
        Answer::Accepted { response, .. } => Ok(response.deflate()),
        Answer::Invalid(error @ AnswerError::Extension(_)) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// The parameters, if each is known, there once, and has a value that it may have.
fn allowed(parameters: &[Parameter]) -> Option<Parameters> {
    let mut read = Parameters::new();
    for (name, value) in parameters {
        let window = || (8..=15).any(|bits: u8| value.as_deref() == Some(&*bits.to_string()));
        let fits = match name.as_str() {
            "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
            "server_max_window_bits" => window(),
            "client_max_window_bits" => value.is_none() || window(),
            _ => false,
        };
        if !fits || read.insert(name.clone(), value.clone()).is_some() {
            return None;
        }
    }
    Some(read)
}

fn bits(parameters: &Parameters, name: &str) -> Option<u8> {
    parameters.get(name)?.as_ref()?.parse().ok()
}

fn meant(answer: &Parameters) -> Agreed {
    let side = |role: &str| {
        let takeover = !answer.contains_key(&format!("{role}_no_context_takeover"));
        Side::new(bits(answer, &format!("{role}_max_window_bits")).unwrap_or(15), takeover)
    };
    Agreed { server: side("server"), client: side("client") }
}

/// The grammar of RFC 6455 §9.1, read from left to right.
struct Reader<'d>(&'d [u8]);

impl Reader<'_> {
    fn list(mut self) -> Option<Vec<(String, Vec<Parameter>)>> {
        let mut list = Vec::new();
        loop {
            let name = self.token()?;
            let mut parameters = Vec::new();
            while self.takes(b';') {
                let name = self.token()?;
                let value = if self.takes(b'=') { Some(self.value()?) } else { None };
                parameters.push((name, value));
            }
            list.push((name, parameters));
            if !self.takes(b',') {
                return self.0.is_empty().then_some(list);
            }
        }
    }

    fn space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// With the white space on both sides.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
            self.space();
        }
        is_next
    }

    fn token(&mut self) -> Option<String> {
        self.space();
        let length = self.0.iter().take_while(|&&byte| is_token(&[byte])).count();
        let (token, rest) = self.0.split_at(length);
        self.0 = rest;
        self.space();
        (length > 0).then(|| String::from_utf8_lossy(token).into_owned())
    }

    fn value(&mut self) -> Option<String> {
        let [b'"', rest @ ..] = self.0 else { return self.token() };
        self.0 = rest;
        let mut value = String::new();
        loop {
            let [first, rest @ ..] = self.0 else { return None };
            let (byte, rest) = match (first, rest) {
                (b'"', rest) => {
                    self.0 = rest;
                    self.space();
                    return Some(value).filter(|value| !value.is_empty());
                }
                (b'\\', [byte, rest @ ..]) => (*byte, rest),
                (byte, rest) => (*byte, rest),
            };
            if !is_token(&[byte]) {
                return None;
            }
            value.push(char::from(byte));
            self.0 = rest;
        }
    }
}
