//! What is read of the counters: plain numbers of one moment, for the C surface.

/// The counters of a connection, at one moment. Bytes are those of messages, without frame headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages delivered, in streaming mode those whose last piece was.
    pub messages_received: u64,
    /// Messages taken to be sent.
    pub messages_sent: u64,
    /// Of these messages.
    pub bytes_received: u64,
    /// Of these messages.
    pub bytes_sent: u64,
    /// Pings that came.
    pub pings_received: u64,
    /// Pings of the program and of the library.
    pub pings_sent: u64,
    /// Pongs that came, asked for or not.
    pub pongs_received: u64,
    /// Sends refused since the queue was full.
    pub sends_refused: u64,
    /// Bytes that wait to be sent.
    pub queued: u64,
    /// Microseconds between the last answered ping and its pong; 0: none was answered.
    pub rtt: u64,
    /// The shortest of these times.
    pub rtt_least: u64,
    /// Their smoothed mean: each new one counts for an eighth.
    pub rtt_mean: u64,
    /// Connects begun: the first, retries, redirects followed.
    pub attempts: u64,
    /// Of these, those after a loss or a failure.
    pub retries: u64,
    /// Bytes of compressed messages received, as they came.
    pub inflated_from: u64,
    /// The same as they were delivered.
    pub inflated_to: u64,
    /// Bytes of messages that were sent compressed, as they were given.
    pub deflated_from: u64,
    /// The same as they were sent.
    pub deflated_to: u64,
}

/// The counters of a context, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sums over all connections that there were; `queued` over those that are.
    pub all: Stats,
    /// Handshakes done, in both roles.
    pub opened: u64,
    /// Of these connections, those that ended.
    pub closed: u64,
    /// Clients whose request was refused by the library, or never came to its end.
    pub handshakes_failed: u64,
    /// Requests that the program answered with a status.
    pub handshakes_rejected: u64,
    /// Connects that failed, each attempt of them.
    pub connects_failed: u64,
    /// Connections failed for a peer that broke the protocol.
    pub protocol_errors: u64,
    /// For text that was not UTF-8.
    pub text_errors: u64,
    /// For a limit of messages.
    pub limit_errors: u64,
    /// Open connections that a deadline ended.
    pub timeouts: u64,
    /// Open connections that ended without a Close.
    pub losses: u64,
    /// Connects begun: the first of each connection, retries, redirects followed.
    pub attempts: u64,
    /// Of these, those after a loss or a failure.
    pub retries: u64,
    /// Of these, those that followed a redirect.
    pub redirects: u64,
}
