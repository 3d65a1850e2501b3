//! What can be known of TLS before it is there, and of peers without a name; what a listener leaves that can't begin.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "rustls")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use certificates::{client, server};
use loopback::Loop;
use std::net::TcpListener;
use wsrs::net::tls::{Tls, TlsOptions};
use wsrs::net::{ConnectOptions, Error, Limits, ListenOptions};

fn wss(l: &mut Loop, address: &str) -> wsrs::net::ConnId {
    let options = ConnectOptions { tls: client(), ..ConnectOptions::default() };
    l.context.connect(&format!("wss://{address}/"), options).unwrap()
}

/// "Not found" would say that there will be no TLS.
#[test]
fn tls_is_not_open_before_it_begins() {
    let mut l = Loop::new(Limits::default());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = wss(&mut l, &silent.local_addr().unwrap().to_string());
    assert!(matches!(l.context.tls_info(id), Err(Error::NotOpen)));
    l.until("TCP", |l| l.context.peer_address(id).is_ok());
    assert!(matches!(l.context.tls_info(id), Err(Error::NotOpen)));
}

/// RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in \"HostName\"."
#[test]
fn no_name_is_asked_for_where_the_host_is_an_address() {
    for (host, asked) in [("127.0.0.1", None), ("localhost", Some("localhost"))] {
        let mut l = Loop::new(Limits::default());
        let (_, address) = l.listen(ListenOptions { tls: server("server"), ..ListenOptions::default() });
        let id = wss(&mut l, &format!("{host}:{}", address.port()));
        for both in 0..2 {
            l.opened(both);
        }
        let first = l.opened(0);
        let other = if first == id { l.opened(1) } else { first };
        for end in [id, other] {
            assert_eq!(l.context.tls_info(end).unwrap().server_name.as_deref(), asked, "{host}");
        }
    }
}

#[test]
fn a_listener_that_lacks_a_certificate_leaves_no_socket_file() {
    let mut l = Loop::new(Limits::default());
    let path = format!("{}/no-certificate.sock", env!("CARGO_TARGET_TMPDIR"));
    // What a run of before has left.
    let _ = std::fs::remove_file(&path);
    let options = ListenOptions { tls: Some(Tls::new(TlsOptions::default()).unwrap()), ..ListenOptions::default() };
    assert!(matches!(l.context.listen(&format!("unix:{path}"), options), Err(Error::Pem(_))));
    assert!(!std::path::Path::new(&path).exists());
}
