//! The door: the only way in from other threads. What comes through is queued and wakes the loop.
//!
//! Used by the C surface for calls off the loop's thread; emptied by `net::context` once a turn. `stop` alone takes
//! no lock, so that a signal handler may call it.

use super::error::Result;
use super::event::{ConnId, State};
use crate::proto::message::Kind;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Shared by the loop and every thread that knows the context.
pub struct Door {}

impl Door {
    /// `wake` is an eventfd, in the loop's poll set.
    pub fn new(wake: Arc<OwnedFd>) -> Arc<Door> {
        drop(wake);
        todo!()
    }

    /// Queues a message: `Closed`, `NotOpen`, `Utf8`, `TooLarge` or `Again` at once, as far as that can be known here.
    pub fn send(&self, _id: ConnId, _kind: Kind, _data: Vec<u8>) -> Result<()> {
        todo!()
    }

    /// Queues one fragment of a message.
    pub fn send_fragment(&self, _id: ConnId, _kind: Kind, _data: Vec<u8>, _last: bool) -> Result<()> {
        todo!()
    }

    /// Queues a ping.
    pub fn ping(&self, _id: ConnId, _data: &[u8]) -> Result<()> {
        todo!()
    }

    /// Queues a pong.
    pub fn pong(&self, _id: ConnId, _data: &[u8]) -> Result<()> {
        todo!()
    }

    /// Queues a close. `code` 0: none.
    pub fn close(&self, _id: ConnId, _code: u16, _reason: &[u8]) -> Result<()> {
        todo!()
    }

    /// Queues an abort.
    pub fn abort(&self, _id: ConnId) -> Result<()> {
        todo!()
    }

    /// Queues a pause (true) or a resume.
    pub fn pause(&self, _id: ConnId, _paused: bool) -> Result<()> {
        todo!()
    }

    /// Queues two words for `Event::Posted`; an error when the loop is gone.
    pub fn post(&self, _words: [usize; 2]) -> Result<()> {
        todo!()
    }

    /// What the loop last said of a connection; `Closed` for unknown ones.
    pub fn state(&self, _id: ConnId) -> State {
        todo!()
    }

    /// Asks the loop to stop, as `Context::stop`. Async-signal-safe.
    pub fn stop(&self) {
        todo!()
    }

    /// From now on everything is `Closed`: the context is being freed.
    pub fn shut(&self) {
        todo!()
    }
}
