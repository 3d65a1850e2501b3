//! New traffic keys in the midst of a connection (RFC 8446 §4.6.3), asked for by a peer that is rustls' own blocking
//! stream: what was sent before, between and after them arrives, in both roles.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "rustls")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use certificates::pem;
use loopback::{Loop, REQUEST, Seen, answer_to};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use wsrs::net::{ConnectOptions, Limits, ListenOptions};
use wsrs::proto::message::Kind;

const ROUNDS: u8 = 5;
const SIZES: [usize; 3] = [0, 300, 20_000];

fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&pem(name)).map(Result::unwrap).collect()
}

fn until_head_ends(stream: &mut impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    head
}

/// Patience of the peer, so that a test that fails ends.
fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Checked by: without the second try in `seal` (records.rs) both fail, as there is no room for the answer to the key update
/// before a short record.
#[test]
fn a_client_changes_its_keys() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions { tls: certificates::server("server"), ..ListenOptions::default() });
    let client = std::thread::spawn(move || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(chain("ca.pem"));
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(session, patient(TcpStream::connect(address).unwrap()));
        stream.write_all(REQUEST).unwrap();
        assert!(until_head_ends(&mut stream).starts_with(b"HTTP/1.1 101 "));
        for round in 0..ROUNDS {
            for size in SIZES {
                stream.write_all(&frames::masked(0x82, &vec![round; size])).unwrap();
                stream.conn.refresh_traffic_keys().unwrap();
                let expected = frames::plain(0x82, &vec![round; size]);
                let mut echo = vec![0; expected.len()];
                stream.read_exact(&mut echo).unwrap();
                assert!(echo == expected, "round {round}, {size} bytes");
            }
        }
    });
    let mut echoed = 0;
    l.until_with(
        "every echo",
        &mut |context, seen| {
            if let Seen::Message(id, _, data, ..) = seen {
                context.send(*id, Kind::Binary, data).unwrap();
                echoed += 1;
            }
        },
        &mut |_| client.is_finished(),
    );
    client.join().unwrap();
    assert_eq!(echoed, SIZES.len() * usize::from(ROUNDS));
}

#[test]
fn a_server_changes_its_keys() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let key = PrivateKeyDer::from_pem_slice(&pem("server.key")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain("server.pem"), key).unwrap();
        let session = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(session, patient(listener.accept().unwrap().0));
        let request = until_head_ends(&mut stream);
        stream.write_all(answer_to(&request).as_bytes()).unwrap();
        for round in 0..ROUNDS {
            for size in SIZES {
                stream.write_all(&frames::plain(0x82, &vec![round; size])).unwrap();
                stream.conn.refresh_traffic_keys().unwrap();
                let mut echo = vec![0; frames::masked(0x82, &vec![0; size]).len()];
                stream.read_exact(&mut echo).unwrap();
            }
        }
    });
    let mut l = Loop::new(Limits::default());
    l.context.connect(&url, ConnectOptions { tls: certificates::client(), ..ConnectOptions::default() }).unwrap();
    let mut sizes = Vec::new();
    l.until_with(
        "every echo",
        &mut |context, seen| {
            if let Seen::Message(id, _, data, ..) = seen {
                context.send(*id, Kind::Binary, data).unwrap();
                sizes.push(data.len());
            }
        },
        &mut |_| server.is_finished(),
    );
    server.join().unwrap();
    assert_eq!(sizes, SIZES.repeat(usize::from(ROUNDS)));
}
