//! What the echo servers on Rust libraries share: one thread, one task per connection.

use std::future::Future;

use tokio::net::{TcpListener, TcpStream};

/// Listens on 127.0.0.1, on the port that the command line names, for ever.
pub fn serve<F: Future + Send + 'static>(echo: impl Fn(TcpStream) -> F)
where
    F::Output: Send,
{
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(9001);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
        while let Ok((stream, _)) = listener.accept().await {
            // A peer may be gone by now: its task finds out.
            let _ = stream.set_nodelay(true);
            tokio::spawn(echo(stream));
        }
    });
}
