//! Echo on tokio-websockets.

use futures_util::{SinkExt, StreamExt};
use tokio_websockets::ServerBuilder;
use wsrs_bench_peers::{Echo, Stream};

fn main() {
    wsrs_bench_peers::serve::<Peer>();
}

struct Peer;

impl Echo for Peer {
    async fn echo<S: Stream>(stream: S) {
        let Ok((_, mut socket)) = ServerBuilder::new().accept(stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    }
}
