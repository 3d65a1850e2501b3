//! A TLS peer by rustls' own hand, of TLS 1.3 with one cipher suite, looked at while the loop is turned.
#![allow(dead_code)]

use crate::certificates::pem;
use crate::loopback::{Loop, REQUEST};
#[cfg(feature = "tls")]
use rustls::crypto::aws_lc_rs::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider};
#[cfg(not(feature = "tls"))]
use rustls::crypto::ring::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider};
use rustls::crypto::{CryptoProvider, cipher::MessageEncrypter};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    ClientConfig, ClientConnection, Connection, ConnectionTrafficSecrets, RootCertStore, ServerConfig,
    ServerConnection, SupportedCipherSuite, version::TLS13,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use wsrs::net::{ConnId, ListenOptions};

pub struct Peer {
    pub tcp: TcpStream,
    pub tls: Connection,
    /// Data that came.
    pub got: Vec<u8>,
    /// The end of it came.
    pub ended: bool,
    /// Bytes that each look sends at most.
    pub step: usize,
    /// Records that were not sent.
    pub unsent: Vec<u8>,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: vec![TLS13_AES_128_GCM_SHA256], ..default_provider() })
}

impl Peer {
    /// `record`: the size of its records, at most; None: the usual one.
    pub fn client(address: SocketAddr, record: Option<usize>) -> Peer {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem("ca.pem")).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.enable_secret_extraction = true;
        config.max_fragment_size = record;
        let tls = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        Peer::new(TcpStream::connect(address).unwrap(), tls.into())
    }

    pub fn server(tcp: TcpStream, record: Option<usize>) -> Peer {
        let chain = CertificateDer::pem_slice_iter(&pem("server.pem")).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(&pem("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.max_fragment_size = record;
        Peer::new(tcp, ServerConnection::new(Arc::new(config)).unwrap().into())
    }

    fn new(tcp: TcpStream, mut tls: Connection) -> Peer {
        tcp.set_nonblocking(true).unwrap();
        tls.set_buffer_limit(None);
        Peer { tcp, tls, got: Vec::new(), ended: false, step: usize::MAX, unsent: Vec::new() }
    }

    /// A client that is open, and its name in the loop.
    pub fn open(l: &mut Loop, options: ListenOptions) -> (Peer, ConnId) {
        let options = ListenOptions { tls: crate::certificates::server("server"), ..options };
        let mut peer = Peer::client(l.listen(options).1, None);
        peer.upgrade(l);
        (peer, l.opened(0))
    }

    pub fn upgrade(&mut self, l: &mut Loop) {
        self.write(REQUEST);
        l.until("the 101", |_| self.pump().ends_with(b"\r\n\r\n"));
        self.got.clear();
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.tls.writer().write_all(bytes).unwrap();
    }

    /// Sends what can be sent.
    pub fn send(&mut self) {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.unsent).unwrap();
        }
        let count = self.step.min(self.unsent.len());
        if count == 0 {
            return;
        }
        match self.tcp.write(&self.unsent[..count]) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }

    /// Sends and receives what can be; all that came.
    pub fn pump(&mut self) -> &[u8] {
        self.send();
        match self.tls.read_tls(&mut self.tcp) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            Ok(_) => drop(self.tls.process_new_packets().unwrap()),
        }
        match self.tls.reader().read_to_end(&mut self.got) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            Ok(_) => self.ended = true,
        }
        &self.got
    }

    /// Its TCP, and what protects what it sends from now on, with the number of the next record.
    pub fn into_parts(self) -> (TcpStream, Box<dyn MessageEncrypter>, u64) {
        let (number, secrets) = self.tls.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else { panic!("another cipher suite") };
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { panic!("another version") };
        (self.tcp, suite.aead_alg.encrypter(key, iv), number)
    }
}
