//! The loop. SIGNATURES ONLY for now.

use super::event::{SocketName, Timeout};
use super::*;
use crate::proto::handshake::{client::Response, server::Request};
use crate::proto::message::Kind;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// The whole loop of one context. `Send`, so that it may move to the thread that runs it; never `Sync`.
pub struct Context {}

/// A message framed once, for many connections.
#[derive(Clone)]
pub struct Framed {}

#[allow(unused_variables, clippy::missing_errors_doc)]
impl Context {
    /// `first_generation` (at least 1): ids begin there, so that they don't repeat those of an earlier context.
    pub fn new(limits: Limits, door: Arc<Door>, first_generation: u32) -> Result<(Context, Window)> {
        todo!()
    }
    /// The highest generation given away so far.
    pub fn last_generation(&self) -> u32 {
        todo!()
    }
    /// Readable whenever `wait` would find something, timers included.
    pub fn descriptor(&self) -> RawFd {
        todo!()
    }
    /// How long a wait on `descriptor` may last; None: for ever.
    pub fn timeout(&self) -> Timeout {
        todo!()
    }
    /// Lines more talkative than this are not made. Default: none are.
    pub fn set_log_level(&mut self, level: Option<event::Level>) {
        todo!()
    }
    /// Waits for something to do: at most `timeout`, not at all while work remains. Interrupted by a signal: returns early.
    pub fn wait(&mut self, timeout: Timeout) -> Result<()> {
        todo!()
    }
    /// The next event of this turn. `None` ends the turn; what is left then (fairness) is done after the next wait.
    pub fn next_event<'w>(&mut self, window: &'w mut Window) -> Option<Event<'w>> {
        todo!()
    }

    /// "127.0.0.1:80", "[::1]:0", "*:80" (IPv6 and IPv4), "unix:/path".
    pub fn listen(&mut self, address: &str, options: ListenOptions) -> Result<ListenerId> {
        todo!()
    }
    /// Takes no more connections; those accepted stay.
    pub fn close_listener(&mut self, id: ListenerId) -> Result<()> {
        todo!()
    }
    /// Where it listens.
    pub fn listener_address(&self, id: ListenerId) -> Result<SocketName> {
        todo!()
    }
    /// Starts to connect; errors known before any I/O come back here, all others as `Failed`.
    pub fn connect(&mut self, url: &str, options: ConnectOptions) -> Result<ConnId> {
        todo!()
    }

    /// Queues or writes a whole message. Text must be UTF-8.
    pub fn send(&mut self, id: ConnId, kind: Kind, data: &[u8]) -> Result<()> {
        todo!()
    }
    /// The same from several pieces.
    pub fn send_gathered(&mut self, id: ConnId, kind: Kind, parts: &[&[u8]]) -> Result<()> {
        todo!()
    }
    /// One frame of a message; all have the same kind.
    pub fn send_fragment(&mut self, id: ConnId, kind: Kind, data: &[u8], last: bool) -> Result<()> {
        todo!()
    }
    /// Frames a message for many.
    pub fn frame(&mut self, kind: Kind, data: &[u8]) -> Result<Framed> {
        todo!()
    }
    /// Sends what `frame` made.
    pub fn send_framed(&mut self, id: ConnId, framed: &Framed) -> Result<()> {
        todo!()
    }
    /// At most 125 bytes.
    pub fn ping(&mut self, id: ConnId, data: &[u8]) -> Result<()> {
        todo!()
    }
    /// An unasked pong, at most 125 bytes.
    pub fn pong(&mut self, id: ConnId, data: &[u8]) -> Result<()> {
        todo!()
    }
    /// Starts the closing handshake; cancels a connect. `code` 0: a Close without body; reason at most 123 bytes.
    pub fn close(&mut self, id: ConnId, code: u16, reason: &[u8]) -> Result<()> {
        todo!()
    }
    /// Drops the connection without Close.
    pub fn abort(&mut self, id: ConnId) -> Result<()> {
        todo!()
    }
    /// Stops (true) or continues to receive.
    pub fn pause(&mut self, id: ConnId, paused: bool) -> Result<()> {
        todo!()
    }
    /// One `Drain` as soon as the queue is low.
    pub fn request_drain(&mut self, id: ConnId) -> Result<()> {
        todo!()
    }
    /// Bytes queued and not yet taken by the system.
    pub fn buffered(&self, id: ConnId) -> Result<usize> {
        todo!()
    }
    /// `Closed` for what is gone.
    pub fn state(&self, id: ConnId) -> State {
        todo!()
    }
    /// The connection's word.
    pub fn user_data(&self, id: ConnId) -> Result<usize> {
        todo!()
    }
    /// Sets it.
    pub fn set_user_data(&mut self, id: ConnId, word: usize) -> Result<()> {
        todo!()
    }
    /// Our end.
    pub fn local_address(&self, id: ConnId) -> Result<SocketName> {
        todo!()
    }
    /// The peer's end.
    pub fn peer_address(&self, id: ConnId) -> Result<SocketName> {
        todo!()
    }
    /// The request of a server connection, while kept (until `Open` is handled, or for life with `keep_request`).
    /// For a client connection: `NotFound`.
    pub fn request(&self, id: ConnId) -> Result<&Request> {
        todo!()
    }
    /// The answer to a client connection, while kept; also when `Failed` with a status.
    pub fn response(&self, id: ConnId) -> Result<&Response> {
        todo!()
    }
    /// The negotiated subprotocol, None without one.
    pub fn subprotocol(&self, id: ConnId) -> Result<Option<&str>> {
        todo!()
    }

    /// Accepts a request. `subprotocol` None: the listener's choice.
    pub fn accept(&mut self, id: ConnId, subprotocol: Option<&str>, headers: &[(&str, &[u8])]) -> Result<()> {
        todo!()
    }
    /// Answers it with another status; the connection closes after.
    pub fn respond(&mut self, id: ConnId, status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Result<()> {
        todo!()
    }
    /// Decides later.
    pub fn defer(&mut self, id: ConnId) -> Result<()> {
        todo!()
    }

    /// Announced or connecting connections in the order of their slots; `None` starts.
    pub fn next_conn(&self, previous: Option<ConnId>) -> Option<ConnId> {
        todo!()
    }
    /// `interval` None: once.
    pub fn add_timer(&mut self, delay: Duration, interval: Option<Duration>, words: [usize; 2]) -> Result<TimerId> {
        todo!()
    }
    /// `Closed` when it is gone.
    pub fn cancel_timer(&mut self, id: TimerId) -> Result<()> {
        todo!()
    }

    /// Closes listeners, and every connection with 1001; after the grace time what is left is dropped.
    pub fn stop(&mut self) {
        todo!()
    }
    /// Stopped, and nothing is open any more. `run` ends here and forgets the stop, so that it may be called again.
    pub fn take_stopped(&mut self) -> bool {
        todo!()
    }
    /// Ends everything now (1001 is sent where the socket takes it); `next_event` then gives the last events.
    pub fn end(&mut self) {
        todo!()
    }
}
