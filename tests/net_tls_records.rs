//! Records that a TLS peer may send beside its data: handshake messages that come in pieces.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "rustls")]

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{TEXT, frame, masked};
use loopback::{Loop, REQUEST, Seen, end};
#[cfg(feature = "tls")]
use rustls::crypto::aws_lc_rs::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider};
use rustls::crypto::cipher::{MessageEncrypter, OutboundPlainMessage};
#[cfg(not(feature = "tls"))]
use rustls::crypto::ring::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, ProtocolVersion, RootCertStore,
    SupportedCipherSuite,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use wsrs::net::{By, ConnId, Limits, ListenOptions};
use wsrs::proto::message::Kind;

/// What is around content that is protected (RFC 8446 §5.2): header, type, tag.
const AROUND: usize = 5 + 1 + 16;
/// A KeyUpdate (§4.6.3) that wants one in return.
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 1];

/// A client by rustls' own hand, of TLS 1.3 with one cipher suite.
struct Peer {
    tcp: TcpStream,
    tls: ClientConnection,
    got: Vec<u8>,
}

fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::CryptoProvider { cipher_suites: vec![TLS13_AES_128_GCM_SHA256], ..default_provider() }
}

impl Peer {
    fn connect(address: SocketAddr) -> Peer {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&certificates::pem("ca.pem")).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_secret_extraction = true;
        let tls = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_nonblocking(true).unwrap();
        Peer { tcp, tls, got: Vec::new() }
    }

    fn open(l: &mut Loop) -> (Peer, ConnId) {
        let options = ListenOptions { tls: certificates::server("server"), ..ListenOptions::default() };
        let mut peer = Peer::connect(l.listen(options).1);
        peer.write(REQUEST);
        let done = |got: &[u8]| got.ends_with(b"\r\n\r\n");
        l.until("the 101", |_| done(peer.pump()));
        peer.got.clear();
        (peer, l.opened(0))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.tls.writer().write_all(bytes).unwrap();
        self.pump();
    }

    /// Sends and receives what can be; all that came.
    fn pump(&mut self) -> &[u8] {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp).unwrap();
        }
        match self.tls.read_tls(&mut self.tcp) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            Ok(_) => drop(self.tls.process_new_packets().unwrap()),
        }
        match self.tls.reader().read_to_end(&mut self.got) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            Ok(_) => panic!("the end"),
        }
        &self.got
    }
}

/// A server may have something to say while a handshake message of its client has come in part only.
#[test]
fn data_is_sent_while_a_handshake_message_is_not_whole() {
    let mut l = Loop::new(Limits::default());
    let (Peer { tcp, tls, .. }, id) = Peer::open(&mut l);
    let mut records = Records::after(tls);
    let data = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    let part = records.next(ContentType::Handshake, &KEY_UPDATE[..1]);
    (&tcp).write_all(&[data, part].concat()).unwrap();
    l.until("the message", |l| l.messages(id) == [b"?"]);
    l.context.send(id, Kind::Text, b"!").unwrap();
    let sealed = frame(TEXT, b"!", None).len() + AROUND;
    expect(&mut l, &tcp, sealed);
    (&tcp).write_all(&records.next(ContentType::Handshake, &KEY_UPDATE[1..])).unwrap();
    l.turn(loopback::PATIENCE);
    l.context.send(id, Kind::Text, b"!").unwrap();
    expect(&mut l, &tcp, KEY_UPDATE.len() + AROUND + sealed);
    assert_eq!(l.count(|seen| matches!(seen, Seen::Closed(..))), 0);
}

#[test]
fn a_connection_ends_while_a_handshake_message_is_not_whole() {
    let mut l = Loop::new(Limits::default());
    let (Peer { tcp, tls, .. }, id) = Peer::open(&mut l);
    let mut records = Records::after(tls);
    let data = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    (&tcp).write_all(&[data, records.next(ContentType::Handshake, &KEY_UPDATE[..4])].concat()).unwrap();
    l.until("the message", |l| l.messages(id) == [b"?"]);
    l.context.abort(id).unwrap();
    const CLOSE_NOTIFY: [u8; 2] = [1, 0];
    expect(&mut l, &tcp, CLOSE_NOTIFY.len() + AROUND);
    assert_eq!((&tcp).read(&mut [0]).unwrap(), 0);
}

/// RFC 8446 §5.1: "if a handshake message is split over two or more records, there MUST NOT be any other records between
/// them". An answer to what came before was on its way.
#[test]
fn a_handshake_message_that_is_cut_by_data_ends_the_connection() {
    let mut l = Loop::new(Limits::default());
    let (Peer { tcp, tls, .. }, id) = Peer::open(&mut l);
    let mut records = Records::after(tls);
    let data = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    let part = records.next(ContentType::Handshake, &KEY_UPDATE[..1]);
    let more = records.next(ContentType::ApplicationData, &masked(TEXT, b"?"));
    (&tcp).write_all(&[data, part, more].concat()).unwrap();
    l.until_with(
        "an answer",
        &mut |context, seen| {
            if let Seen::Message(..) = seen {
                context.send(id, Kind::Text, b"!").unwrap();
            }
        },
        &mut |l| l.messages(id) == [b"?"],
    );
    drop(tcp);
    assert_eq!(l.closed(id), end(1006, "", false, By::Network));
}

/// So many bytes come, and no more.
fn expect(l: &mut Loop, mut tcp: &TcpStream, count: usize) {
    let (mut got, mut filled) = (vec![0; count + 1], 0);
    l.until("what was sent", |_| {
        filled += tcp.read(&mut got[filled..]).unwrap_or(0);
        filled >= count
    });
    assert_eq!(filled, count);
}

/// Records made by hand, with the keys of a client.
struct Records {
    encrypter: Box<dyn MessageEncrypter>,
    number: u64,
}

impl Records {
    fn after(tls: ClientConnection) -> Records {
        let (number, secrets) = tls.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else { panic!("another cipher suite") };
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { panic!("another version") };
        let mut records = Records { encrypter: suite.aead_alg.encrypter(key, iv), number: 0 };
        // aws-lc wants to see the numbers from the first on.
        (0..number).for_each(|_| drop(records.next(ContentType::ApplicationData, b"")));
        records
    }

    fn next(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let plain = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload: payload.into() };
        self.number += 1;
        self.encrypter.encrypt(plain, self.number - 1).unwrap().encode()
    }
}
