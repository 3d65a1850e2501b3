//! Peers that speak anything: plain Unix sockets, both as clients and as a server.

use super::world::world;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use wsrs::proto::handshake::server::{self, Incoming};
use wsrs::proto::http1::{HeadLimits, Scanned};

const REQUEST: &[u8] = b"GET /raw?q HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, other\r\n\r\n";

#[derive(Default)]
pub(super) struct Raw {
    listener: Option<UnixListener>,
    streams: Vec<UnixStream>,
}

/// Where the raw server listens, as the last of the addresses.
pub(super) const SOCKET: &str = "raw";

/// Does one of the things that a peer can do. Errors are the other side's answer.
pub(super) fn act() {
    let mut world = world();
    let (action, which, bytes) = world.read(|input| (input.byte(), input.byte(), input.bytes(80).to_vec()));
    match action % 6 {
        0 if world.raw.listener.is_none() => {
            let listener = UnixListener::bind(world.folder.join(SOCKET)).expect("a socket of its own");
            listener.set_nonblocking(true).expect("a flag");
            world.raw.listener = Some(listener);
        }
        0 | 1 if world.raw.streams.len() < 4 => {
            let listening = world.raw.listener.as_ref().and_then(|listener| listener.accept().ok());
            let path = world.folder.join(which.to_string().get(..1).unwrap_or("0"));
            let stream = match action % 2 {
                0 => listening.map(|(stream, _)| stream),
                _ => UnixStream::connect(path).ok(),
            };
            world.raw.streams.extend(stream.filter(|stream| stream.set_nonblocking(true).is_ok()));
        }
        2 => {
            let half = if which & 1 == 0 { REQUEST.len() } else { REQUEST.len() / 2 };
            write(&mut world.raw.streams, which, &REQUEST[..half]);
        }
        3 => write(&mut world.raw.streams, which, &bytes),
        4 => answer(&mut world.raw.streams, which),
        _ if !world.raw.streams.is_empty() => {
            let index = usize::from(which) % world.raw.streams.len();
            world.raw.streams.swap_remove(index);
        }
        _ => {}
    }
}

fn write(streams: &mut [UnixStream], which: u8, bytes: &[u8]) {
    let count = streams.len().max(1);
    if let Some(stream) = streams.get_mut(usize::from(which) % count) {
        let _ = stream.write(bytes);
    }
}

/// Reads what came, and if that is a request lets it in.
fn answer(streams: &mut [UnixStream], which: u8) {
    let mut bytes = [0; 4096];
    let count = streams.len().max(1);
    let Some(stream) = streams.get_mut(usize::from(which) % count) else { return };
    let Ok(count) = stream.read(&mut bytes) else { return };
    let parsed = server::parse(&bytes[..count], &mut Scanned::default(), &HeadLimits::default());
    if let Incoming::Request { request, .. } = parsed {
        let mut answer = Vec::new();
        if server::write_accept(&mut answer, &request, None, None, &[("x-raw", b"1")]).is_ok() {
            let _ = stream.write(&answer);
        }
    }
}
