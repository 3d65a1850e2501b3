//! Records that a TLS peer may send and hardly one does: a message that is not whole yet, and one that is broken.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "rustls")]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use loopback::{Loop, PATIENCE, Raw};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, Error, ServerConfig, ServerConnection};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wsrs::net::tls::{Tls, TlsOptions, Trust};
use wsrs::net::{ConnId, ConnectOptions, Limits, Stage};

fn folder() -> &'static Path {
    static FOLDER: OnceLock<std::path::PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("records-tls");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/certificates.sh");
        assert!(Command::new("sh").arg(script).arg(&folder).status().unwrap().success());
        folder
    })
}

/// A client of this library, and a server that is not, whose records are sent by hand.
struct Met {
    l: Loop,
    id: ConnId,
    raw: Raw,
    server: ServerConnection,
}

impl Met {
    /// Connected; no byte has been answered. `fragment`: the largest record of the server.
    fn new(fragment: usize) -> Met {
        let mut l = Loop::new(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let trust = Trust { ca: Some(std::fs::read(folder().join("ca.pem")).unwrap()), ..Trust::default() };
        let tls = Some(Tls::new(TlsOptions { trust, ..TlsOptions::default() }).unwrap());
        let url = format!("wss://{}/", listener.local_addr().unwrap());
        let id = l.context.connect(&url, ConnectOptions { tls, ..ConnectOptions::default() }).unwrap();
        let chain = CertificateDer::from_pem_file(folder().join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder().join("server.key")).unwrap();
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
        config.max_fragment_size = Some(fragment);
        let server = ServerConnection::new(Arc::new(config)).unwrap();
        Met { l, id, raw: Raw::new(listener.accept().unwrap().0), server }
    }

    /// What the server wants to send.
    fn records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut records).unwrap();
        }
        records
    }

    /// Gives the server what came.
    fn hear(&mut self) -> Result<(), Error> {
        self.raw.read();
        let came = std::mem::take(&mut self.raw.bytes);
        let mut rest = &came[..];
        while !rest.is_empty() {
            self.server.read_tls(&mut rest).unwrap();
            self.server.process_new_packets()?;
        }
        Ok(())
    }

    /// The handshake is done, and the server has sent nothing since.
    fn shake_hands(&mut self) {
        while self.server.is_handshaking() {
            self.l.turn(Duration::from_millis(1));
            self.hear().unwrap();
            if self.server.is_handshaking() {
                let records = self.records();
                self.raw.write(&records);
            }
        }
    }

    /// Until the server has heard what makes it fail.
    fn until_error(&mut self) -> Error {
        let mut error = None;
        while error.is_none() {
            self.l.turn(Duration::from_millis(1));
            error = self.hear().err();
        }
        error.unwrap()
    }
}

/// RFC 8446 §5.1: messages may be fragmented over several records. In between the client has something to say.
#[test]
fn a_ticket_of_which_only_a_part_came() {
    let mut met = Met::new(64);
    met.shake_hands();
    let ticket = met.records();
    let first = 5 + usize::from(u16::from_be_bytes([ticket[3], ticket[4]]));
    assert!(first < ticket.len(), "more than one record");
    met.l.turn(Duration::ZERO);
    met.raw.write(&ticket[..first]);
    // Comes back when it came, and has read it then.
    met.l.turn(PATIENCE);
    met.l.context.abort(met.id).unwrap();
    assert_eq!(met.l.failed(met.id).stage, Stage::Handshake);
    met.raw.until_end(&mut met.l);
    met.hear().unwrap();
    assert!(met.server.process_new_packets().unwrap().peer_has_closed(), "a close_notify");
}

/// RFC 8446 §6.2: the other side is told why, once.
#[test]
fn a_broken_record_is_answered_with_one_alert() {
    let mut met = Met::new(4096);
    met.shake_hands();
    met.raw.write(&[23, 3, 3, 0xff, 0xff]);
    assert_eq!(met.until_error(), Error::AlertReceived(AlertDescription::DecodeError));
    let fault = met.l.failed(met.id);
    assert_eq!((fault.stage, fault.text.as_str()), (Stage::Tls, "the server does not speak TLS there"));
    met.raw.until_end(&mut met.l);
    assert_eq!(met.raw.bytes, b"", "behind the alert");
}
