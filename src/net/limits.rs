//! Every limit of a connection and of a context, with its default and the reason for it (DESIGN.md §5).
//!
//! Set by the C surface from its sized struct; read by everything in `net` and, for heads and messages, by `proto`.

use crate::proto::deflate::codecs::MOST_OWN;
use crate::proto::http1::HeadLimits;
use crate::proto::message::MessageLimits;
use std::time::Duration;

/// All limits. Durations of zero switch the deadline off.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Size of messages and frames, number of fragments.
    pub message: MessageLimits,
    /// Size of the head of a request or answer.
    pub head: HeadLimits,
    /// Bytes kept of the body of an answer that refuses an upgrade. 64 KiB: an error page.
    pub max_body: usize,
    /// Connections of a context, both roles. 65,536: above what a default descriptor limit allows.
    pub max_connections: usize,
    /// Compressors that connections have for themselves. 1,024: some 300 MiB.
    pub max_compressors: usize,
    /// Server connections from one address. 256: a NAT full of browsers, not a flood.
    pub max_connections_per_address: usize,
    /// Server connections whose handshake is not finished. 1,024: four addresses at their limit, little memory.
    pub max_pending_handshakes: usize,
    /// Queued bytes from which a send is refused with "again". 1 MiB: one large message, little memory.
    pub high_water: usize,
    /// From the first address tried to the TCP connection, over all addresses. 10 s.
    pub connect_timeout: Duration,
    /// From the TCP connection to the 101, whole and not per read. 10 s: slow links, no slow-loris.
    pub handshake_timeout: Duration,
    /// From our Close frame, once the peer has taken what was queued before it, to the end of TCP. 5 s.
    pub close_timeout: Duration,
    /// Silence after which a ping is sent. 20 s: below the idle limits of common proxies (30 to 60 s).
    pub ping_interval: Duration,
    /// Silence after that ping after which the peer is taken for dead. 20 s.
    pub pong_timeout: Duration,
    /// Time without a message in either direction after which the connection is closed (1001). Off.
    pub idle_timeout: Duration,
    /// From stop to the end of the connections that do not answer. 5 s.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Limits {
            message: MessageLimits::default(),
            head: HeadLimits::default(),
            max_body: 64 << 10,
            max_connections: 65_536,
            max_compressors: MOST_OWN,
            max_connections_per_address: 256,
            max_pending_handshakes: 1024,
            high_water: 1 << 20,
            connect_timeout: seconds(10),
            handshake_timeout: seconds(10),
            close_timeout: seconds(5),
            ping_interval: seconds(20),
            pong_timeout: seconds(20),
            idle_timeout: Duration::ZERO,
            stop_grace: seconds(5),
        }
    }
}
