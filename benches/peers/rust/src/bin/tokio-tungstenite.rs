//! Echo on tokio-tungstenite.

use futures_util::{SinkExt, StreamExt};
use wsrs_bench_peers::{Echo, Stream};

fn main() {
    wsrs_bench_peers::serve::<Peer>();
}

struct Peer;

impl Echo for Peer {
    async fn echo<S: Stream>(stream: S) {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    }
}
