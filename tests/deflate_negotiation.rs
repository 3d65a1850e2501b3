//! The negotiation of permessage-deflate (RFC 7692 §5, §7.1) by whole heads, both roles: exact answers, what was agreed on,
//! what is declined and what fails.
#![allow(clippy::unwrap_used)]

#[path = "common/cost.rs"]
mod cost;
#[path = "deflate/odd.rs"]
mod odd;

use odd::{MALFORMED, ODD};
use wsrs::proto::deflate::negotiation::{self, Fault};
use wsrs::proto::deflate::{Agreed, Settings, Side};
use wsrs::proto::handshake::client::{self, Answer, AnswerError, Offer};
use wsrs::proto::handshake::server::{self, Incoming, Request};
use wsrs::proto::http1::{HeadLimits, Scanned};
use wsrs::proto::url::WsUrl;

/// Heads of a megabyte, too.
const LIMITS: HeadLimits = HeadLimits { max_bytes: 2 << 20, max_headers: 256, max_target: 8_192 };

/// Own window and takeover, the peer's window and takeover.
fn settings(window_bits: u8, takeover: bool, peer_window_bits: u8, peer_takeover: bool) -> Settings {
    Settings { window_bits, takeover, peer_window_bits, peer_takeover, ..Settings::default() }
}

/// All of them, with these windows.
fn all_settings(windows: &[u8]) -> Vec<Settings> {
    let mut all = Vec::new();
    for &own in windows {
        for &peer in windows {
            for flags in 0..4 {
                all.push(settings(own, flags & 1 == 0, peer, flags & 2 == 0));
            }
        }
    }
    all
}

fn agreed(server: (u8, bool), client: (u8, bool)) -> Agreed {
    Agreed { server: Side::new(server.0, server.1), client: Side::new(client.0, client.1) }
}

/// A request with these headers; the status, if it is refused.
fn request(values: &[&str]) -> Result<Request, u16> {
    let mut head = String::from(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    );
    for value in values {
        head.push_str(&format!("Sec-WebSocket-Extensions: {value}\r\n"));
    }
    head.push_str("\r\n");
    match server::parse(head.as_bytes(), &mut Scanned::default(), &LIMITS) {
        Incoming::Request { request, .. } => Ok(request),
        Incoming::Refused(refusal) => Err(refusal.status),
        Incoming::Partial => panic!("{values:?}"),
    }
}

/// What a server makes of offers.
fn answered(settings: &Settings, values: &[&str]) -> Option<(Agreed, String)> {
    negotiation::accept(settings, request(values).unwrap().extensions())
}

fn text(settings: &Settings, values: &[&str]) -> Option<String> {
    answered(settings, values).map(|(_, text)| text)
}

fn offer(settings: Option<&Settings>) -> (String, Offer) {
    let url = WsUrl::parse("ws://server.example.com/chat").unwrap();
    let mut head = Vec::new();
    let offer = client::write_request(&mut head, &url, *b"the sample nonce", &[], settings, &[]).unwrap();
    (String::from_utf8(head).unwrap(), offer)
}

/// What a client that offered this makes of an answer with these headers.
fn taken(settings: Option<&Settings>, values: &[&str]) -> Result<Option<Agreed>, AnswerError> {
    let (_, offer) = offer(settings);
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
        std::str::from_utf8(offer.accept()).unwrap()
    );
    for value in values {
        head.push_str(&format!("Sec-WebSocket-Extensions: {value}\r\n"));
    }
    head.push_str("\r\n");
    match client::parse(head.as_bytes(), &mut Scanned::default(), &LIMITS, &offer) {
        Answer::Accepted { response, .. } => Ok(response.deflate()),
        Answer::Invalid(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// Offers as they are written by browsers and others, with the answers of a server that wants nothing special.
#[test]
fn the_first_offer_that_can_be_is_taken_up() {
    let ours = Settings::default();
    let cases: &[(&[&str], &str, Agreed)] = &[
        (&["permessage-deflate"], "", agreed((15, true), (15, true))),
        (&["permessage-deflate; client_max_window_bits"], "", agreed((15, true), (15, true))),
        (
            &["permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate"],
            "; server_max_window_bits=10",
            agreed((10, true), (15, true)),
        ),
        (
            &["permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
            "; server_no_context_takeover; client_no_context_takeover",
            agreed((15, false), (15, false)),
        ),
        (
            &["permessage-deflate;client_max_window_bits=\"9\";server_max_window_bits = \"\\1\\0\""],
            "; server_max_window_bits=10; client_max_window_bits=9",
            agreed((10, true), (9, true)),
        ),
        (
            &[
                "x-webkit-deflate-frame, Permessage-Deflate, permessage-bzip2; x=1",
                "a;b",
                "permessage-deflate\t;\tclient_no_context_takeover , permessage-deflate; server_no_context_takeover",
            ],
            "; client_no_context_takeover",
            agreed((15, true), (15, false)),
        ),
        (&["permessage-deflate; client_max_window_bits=15"], "", agreed((15, true), (15, true))),
    ];
    for (values, parameters, expected) in cases {
        let answer = format!("permessage-deflate{parameters}");
        assert_eq!(answered(&ours, values), Some((*expected, answer)), "{values:?}");
    }
    for none in
        [&[][..], &["permessage-bzip2"], &["Permessage-Deflate"], &["permessage-deflate2, deflate; permessage-deflate"]]
    {
        assert_eq!(answered(&ours, none), None, "{none:?}");
    }
}

/// Each value of each parameter of an offer, in either order, with each kind of server: the exact answer.
#[test]
fn every_offer_has_its_answer() {
    let flag = |set: bool, name: &str| if set { format!("; {name}_no_context_takeover") } else { String::new() };
    let mut count = 0;
    for ours in all_settings(&[8, 11, 15]) {
        for case in 0..4 * 9 * 10 {
            let (server_flag, client_flag) = (case & 1 == 1, case & 2 == 2);
            // Below 8: the parameter is not there.
            let server_bits = Some(case / 4 % 9 + 7).filter(|&bits| bits > 7);
            // And 16: it is there without a value.
            let client_bits = Some(case / 36 + 7).filter(|&bits| bits > 7);
            let mut parts = vec![flag(server_flag, "server"), flag(client_flag, "client")];
            parts.push(server_bits.map_or(String::new(), |bits| format!("; server_max_window_bits={bits}")));
            parts.push(match client_bits {
                None => String::new(),
                Some(16) => "; client_max_window_bits".into(),
                Some(bits) => format!("; client_max_window_bits={bits}"),
            });
            if count % 2 == 1 {
                parts.reverse();
            }
            let offer = format!("permessage-deflate{}", parts.concat());

            let server = server_bits.unwrap_or(15).min(ours.window_bits.into());
            let client = client_bits.map_or(15, |bits| bits.min(ours.peer_window_bits.into()).min(15));
            let (server_flag, client_flag) = (server_flag || !ours.takeover, client_flag || !ours.peer_takeover);
            let mut answer =
                format!("permessage-deflate{}{}", flag(server_flag, "server"), flag(client_flag, "client"));
            if server_bits.is_some() || server < 15 {
                answer.push_str(&format!("; server_max_window_bits={server}"));
            }
            if client < 15 {
                answer.push_str(&format!("; client_max_window_bits={client}"));
            }
            let expected = agreed((server as u8, !server_flag), (client as u8, !client_flag));
            assert_eq!(answered(&ours, &[&offer]), Some((expected, answer)), "{offer} to {ours:?}");
            count += 1;
        }
    }
    assert_eq!(count, 36 * 360);
}

/// Each kind of client: the exact offer.
#[test]
fn every_client_has_its_offer() {
    for (ours, parameters) in [
        (settings(15, true, 15, true), "; client_max_window_bits"),
        (settings(9, true, 15, true), "; client_max_window_bits=9"),
        (settings(8, true, 8, true), "; server_max_window_bits=8; client_max_window_bits=8"),
        (settings(15, false, 15, true), "; client_no_context_takeover; client_max_window_bits"),
        (
            settings(15, true, 14, false),
            "; server_no_context_takeover; server_max_window_bits=14; client_max_window_bits",
        ),
        (
            settings(12, false, 10, false),
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
        ),
    ] {
        let (head, _) = offer(Some(&ours));
        let line = format!("\r\nSec-WebSocket-Extensions: permessage-deflate{parameters}\r\n");
        assert!(head.contains(&line), "{head}");
        assert_eq!(head.matches("Extensions").count(), 1, "{head}");
    }
    assert!(!offer(None).0.contains("Extensions"));
}

/// Each kind of client with each kind of server: both know the same, and nobody gets more than it allows.
#[test]
fn both_roles_agree_on_the_same() {
    let all = all_settings(&[8, 9, 12, 15]);
    for theirs in &all {
        let (head, _) = offer(Some(theirs));
        let value = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).unwrap();
        for ours in &all {
            let (agreed, answer) = answered(ours, &[value]).unwrap();
            assert_eq!(taken(Some(theirs), &[&answer]), Ok(Some(agreed)), "{answer} to {value}");
            let server =
                Side::new(ours.window_bits.min(theirs.peer_window_bits), ours.takeover && theirs.peer_takeover);
            let client =
                Side::new(theirs.window_bits.min(ours.peer_window_bits), theirs.takeover && ours.peer_takeover);
            assert_eq!(agreed, Agreed { server, client }, "{answer} to {value}");
        }
    }
}

/// What a client makes of answers, by what it offered.
#[test]
fn an_answer_keeps_to_the_offer() {
    let (plain, small) = (Settings::default(), settings(10, true, 11, true));
    let (own, peer) = (settings(15, false, 15, true), settings(15, true, 15, false));
    let ok = |server, client| Ok(Some(agreed(server, client)));
    for (settings, parameters, expected) in [
        (&plain, "", ok((15, true), (15, true))),
        (&plain, "; server_max_window_bits=8", ok((8, true), (15, true))),
        (&plain, "; server_max_window_bits=\"1\\5\"", ok((15, true), (15, true))),
        (&plain, "; client_max_window_bits=15", ok((15, true), (15, true))),
        (&plain, "; client_max_window_bits=8", ok((15, true), (8, true))),
        (&plain, "; client_no_context_takeover ;server_no_context_takeover", ok((15, false), (15, false))),
        (&plain, "; client_max_window_bits", Err(Fault::Value)),
        (&plain, "; client_max_window_bits; client_max_window_bits", Err(Fault::Repeated)),
        // What it offers of itself holds whether it is answered or not.
        (&own, "", ok((15, true), (15, false))),
        (&own, "; client_no_context_takeover", ok((15, true), (15, false))),
        (&small, "; server_max_window_bits=11", ok((11, true), (10, true))),
        (&small, "; server_max_window_bits=8; client_max_window_bits=9", ok((8, true), (9, true))),
        (&small, "; server_max_window_bits=11; client_max_window_bits=10", ok((11, true), (10, true))),
        (&small, "; server_max_window_bits=11; client_max_window_bits=11", Err(Fault::ClientWindow)),
        (&small, "; server_max_window_bits=12", Err(Fault::ServerWindow)),
        (&small, "", Err(Fault::ServerWindow)),
        (&peer, "; server_no_context_takeover", ok((15, false), (15, true))),
        (&peer, "; client_no_context_takeover", Err(Fault::ServerTakeover)),
    ] {
        let answer = format!("permessage-deflate{parameters}");
        assert_eq!(taken(Some(settings), &[&answer]), expected.map_err(AnswerError::Extension), "{answer}");
    }
}

/// One extension or none, and only one that was offered.
#[test]
fn an_answer_has_what_was_offered_and_nothing_else() {
    let plain = Settings::default();
    for (values, fault) in [
        (&["permessage-deflate, permessage-deflate"][..], Fault::Several),
        (&["permessage-deflate", "permessage-deflate"], Fault::Several),
        (&["permessage-deflate", ""], Fault::Several),
        (&["permessage-deflate, x"], Fault::Several),
        (&["x, permessage-deflate"], Fault::NotOffered),
        (&["x"], Fault::NotOffered),
        (&["Permessage-Deflate"], Fault::NotOffered),
    ] {
        assert_eq!(taken(Some(&plain), values), Err(AnswerError::Extension(fault)), "{values:?}");
        assert_eq!(taken(None, values), Err(AnswerError::Extension(Fault::NotOffered)), "{values:?}");
    }
    assert_eq!((taken(Some(&plain), &[]), taken(None, &[])), (Ok(None), Ok(None)));
    for malformed in MALFORMED {
        assert_eq!(taken(Some(&plain), &[malformed]), Err(AnswerError::Extension(Fault::Malformed)), "{malformed}");
        assert_eq!(taken(None, &[malformed]), Err(AnswerError::Extension(Fault::NotOffered)), "{malformed}");
    }
}

/// H5: 53 sets of parameters that are out of range, repeated, unknown or of another form: a server declines that offer and
/// takes the next, a client fails.
///
/// Checked by: each guard of Parameters::read() and window_bits() of negotiation.rs, taken out, makes this fail.
#[test]
fn h05_odd_parameters_are_declined_by_servers_and_fail_clients() {
    let ours = Settings::default();
    for &(parameters, fault) in ODD {
        let odd = format!("permessage-deflate; {parameters}");
        assert_eq!(text(&ours, &[&odd]), None, "{odd}");
        let next = format!("{odd}, permessage-deflate; server_max_window_bits=9");
        let expected = Some("permessage-deflate; server_max_window_bits=9".to_owned());
        assert_eq!(text(&ours, &[&next]), expected, "{next}");
        assert_eq!(text(&ours, &[&odd, "permessage-deflate; server_max_window_bits=9"]), expected, "{odd}");
        assert_eq!(text(&ours, &["permessage-deflate", &odd]), Some("permessage-deflate".to_owned()), "{odd}");
        assert_eq!(taken(Some(&ours), &[&odd]), Err(AnswerError::Extension(fault)), "{odd}");
    }
    // What is no list of extensions at all was refused before.
    for malformed in MALFORMED {
        assert_eq!(request(&[malformed]).err(), Some(400), "{malformed}");
        assert_eq!(request(&["permessage-deflate", malformed]).err(), Some(400), "{malformed}");
    }
}

/// H5: offers of several kilobytes, hundreds of them, in one header and in many: what can be taken up is found.
///
/// Checked by: when accept() of negotiation.rs looks at a hundred offers at most, this fails.
#[test]
fn h05_many_and_large_offers() {
    let ours = Settings::default();
    for large in odd::large() {
        assert!(large.len() > 3_000, "{}", large.len());
        assert_eq!(text(&ours, &[&large]), None);
        let last = format!("{large}, permessage-deflate; client_max_window_bits=8");
        assert_eq!(text(&ours, &[&last]).as_deref(), Some("permessage-deflate; client_max_window_bits=8"));
        let fault = taken(Some(&ours), &[&large]);
        assert!(matches!(fault, Err(AnswerError::Extension(_))), "{fault:?}");
    }
    let many = vec!["permessage-deflate; x=1"; 200];
    assert_eq!(text(&ours, &many), None);
    assert_eq!(text(&ours, &[&many[..], &["permessage-deflate"]].concat()).as_deref(), Some("permessage-deflate"));
}

/// H5: a longer list costs time in proportion to its length, whatever it is made of.
///
/// Checked by: when accept() of negotiation.rs counts for each offer those before it, this fails.
#[test]
fn h05_offers_cost_linear_time() {
    let ours = Settings::default();
    let kinds: [fn(usize) -> String; 4] = [
        |count| vec!["permessage-deflate; x"; count].join(", "),
        |count| format!("permessage-deflate; {}", vec!["client_max_window_bits=15"; count].join("; ")),
        |count| format!("permessage-deflate; server_max_window_bits=\"{}\"", "\\1".repeat(count * 8)),
        |count| format!("permessage-deflate;{}x", " ".repeat(count * 16)),
    ];
    for kind in kinds {
        let time = |count: usize| {
            let request = request(&[&kind(count)]).unwrap();
            cost::least_cpu(|| assert_eq!(negotiation::accept(&ours, request.extensions()), None))
        };
        let (small, large) = (time(4_000), time(32_000));
        // Eight times the bytes: linear is 8, quadratic 64. What takes no time at all needs no proportion.
        assert!(large < small * 24 + std::time::Duration::from_micros(500), "{small:?} became {large:?}");
    }
}
