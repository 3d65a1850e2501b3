//! What the echo servers on Rust libraries share: one thread, one task per connection; PROGRAM [--tls CERT KEY] PORT.

pub mod floor;

use std::future::Future;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a library reads from and writes to: TCP, or TLS on it.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// One library's echo.
pub trait Echo {
    fn echo<S: Stream>(stream: S) -> impl Future<Output = ()> + Send + 'static;
}

/// The command line: where to listen, and with what certificate.
pub struct Arguments {
    pub port: u16,
    pub tls: Option<ServerConfig>,
}

impl Arguments {
    pub fn parse() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [port] => Arguments { port: port.parse().expect("a port"), tls: None },
            ["--tls", cert, key, port] => Arguments {
                port: port.parse().expect("a port"),
                tls: Some(tls(cert, key).expect("certificate and key")),
            },
            _ => panic!("usage: [--tls CERT KEY] PORT"),
        }
    }
}

/// rustls as it comes, and tickets that need no memory of the server's: by itself it gives none such.
fn tls(cert: &str, key: &str) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from_pem_file(cert)?], PrivateKeyDer::from_pem_file(key)?)?;
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// Listens on 127.0.0.1 for ever.
pub fn serve<E: Echo>() {
    let Arguments { port, tls } = Arguments::parse();
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
        while let Ok((stream, _)) = listener.accept().await {
            // A peer may be gone by now: its task finds out.
            let _ = stream.set_nodelay(true);
            let Some(acceptor) = acceptor.clone() else {
                tokio::spawn(E::echo(stream));
                continue;
            };
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    E::echo(stream).await;
                }
            });
        }
    });
}
