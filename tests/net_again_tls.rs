//! Connections over TLS that are made again: what TLS refuses is not tried again, what broke is, with a session of its own;
//! redirects into TLS and not out of it.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "rustls")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use certificates::{client, server};
use loopback::{Loop, Seen};
use std::net::SocketAddr;
use std::time::Duration;
use wsrs::net::tls::Tls;
use wsrs::net::{ConnId, ConnectOptions, Context, Limits, ListenOptions, Reconnect, Stage};
use wsrs::proto::message::Kind;

fn listen(l: &mut Loop, tls: Option<Tls>) -> SocketAddr {
    l.listen(ListenOptions { tls, ask: true, ..ListenOptions::default() }).1
}

fn options() -> ConnectOptions {
    let ms = Duration::from_millis;
    let reconnect = Reconnect { min_delay: ms(20), max_delay: ms(50), jitter_percent: 0, ..Reconnect::default() };
    ConnectOptions { tls: client(), max_redirects: 2, reconnect: Some(reconnect), ..ConnectOptions::default() }
}

fn retries(l: &Loop) -> usize {
    l.count(|seen| matches!(seen, Seen::Retry(..)))
}

/// Answers requests on /moved with this Location.
fn redirecting(location: String) -> impl FnMut(&mut Context, &Seen) {
    move |context, seen| {
        if let Seen::Request(id) = seen
            && context.request(*id).unwrap().path() == "/moved"
        {
            context.respond(*id, 302, &[("Location", location.as_bytes())], b"").unwrap();
        }
    }
}

fn connect(l: &mut Loop, url: &str) -> ConnId {
    l.context.connect(url, options()).unwrap()
}

/// The newest connection that a server took.
fn served(l: &Loop, client: ConnId) -> ConnId {
    let open = |seen: &&Seen| matches!(seen, Seen::Open(id) if *id != client);
    let Some(Seen::Open(id)) = l.seen.iter().rfind(open) else { panic!("{:?}", l.seen) };
    *id
}

#[test]
fn a_lost_connection_has_a_new_session() {
    let mut l = Loop::new(Limits::default());
    let address = listen(&mut l, server("server"));
    let id = connect(&mut l, &format!("wss://{address}/"));
    for attempt in 1..=3 {
        l.until("both to be open", |l| l.count(|seen| matches!(seen, Seen::Open(_))) == 2 * attempt);
        let other = served(&l, id);
        l.context.send(id, Kind::Text, b"hello").unwrap();
        l.until("the message", |l| l.messages(other) == [b"hello"]);
        l.context.abort(other).unwrap();
        l.until("a retry", |l| retries(l) == attempt);
    }
    l.context.abort(id).unwrap();
    l.closed(id);
}

/// A certificate that does not fit will not fit in half a second.
#[test]
fn a_refused_certificate_is_the_end() {
    let mut l = Loop::new(Limits::default());
    for name in ["expired", "other", "wrong-name", "self-signed"] {
        l.seen.clear();
        let address = listen(&mut l, server(name));
        let id = connect(&mut l, &format!("wss://{address}/"));
        assert_eq!(l.failed(id).stage, Stage::Tls, "{name}");
        assert_eq!(retries(&l), 0, "{name}");
    }
}

#[test]
fn redirects_lead_into_tls() {
    let mut l = Loop::new(Limits::default());
    let (plain, secure) = (listen(&mut l, None), listen(&mut l, server("server")));
    let id = connect(&mut l, &format!("ws://{plain}/moved"));
    let open = |l: &mut Loop| l.seen.contains(&Seen::Open(id));
    l.until_with("open", &mut redirecting(format!("https://{secure}/")), &mut { open });
    assert_eq!(l.context.totals().redirects, 1);
    assert!(l.context.tls_info(id).is_ok());
}

#[test]
fn redirects_do_not_lead_out_of_tls() {
    for allowed in [false, true] {
        let mut l = Loop::new(Limits::default());
        let (plain, secure) = (listen(&mut l, None), listen(&mut l, server("server")));
        let url = format!("wss://{secure}/moved");
        let id = l.context.connect(&url, ConnectOptions { redirect_to_ws: allowed, ..options() }).unwrap();
        let ended = |l: &mut Loop| l.count(|seen| matches!(seen, Seen::Open(i) | Seen::Failed(i, _) if *i == id)) > 0;
        l.until_with("an end", &mut redirecting(format!("http://{plain}/")), &mut { ended });
        if allowed {
            assert!(l.context.tls_info(id).is_err());
        } else {
            let fault = l.failed(id);
            assert_eq!(
                fault.text,
                "the redirect of the server (302) is not followed: the redirect leaves TLS (wss to ws)"
            );
            assert_eq!((fault.status, retries(&l)), (302, 0));
        }
    }
}
