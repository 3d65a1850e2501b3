//! How long each part of making a client connection took.
//!
//! `dial` starts the watch; whoever finishes a part, or fails in it, tells it. Kept with what few connections need:
//! server connections have none.

use super::context::Context;
use super::error::{Error, Result};
use super::event::{ConnId, Stage};
use super::peer::Peer;
use std::time::{Duration, Instant};

/// The parts of making a connection; what it did not come to, or did not need, is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Until an address was known.
    pub resolve: Duration,
    /// From then until TCP was connected.
    pub connect: Duration,
    /// Asking the proxy.
    pub proxy: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// The HTTP upgrade.
    pub upgrade: Duration,
    /// All of it, until it was open or failed.
    pub total: Duration,
}

/// The watch.
#[derive(Debug)]
pub(super) struct Stopwatch {
    begin: Instant,
    /// The end of the last part.
    last: Instant,
    /// Microseconds by stage.
    parts: [u32; Stage::Handshake as usize + 1],
}

impl Peer {
    /// A connection is being made, from now on.
    pub(super) fn start_watch(&mut self) {
        let now = Instant::now();
        let watch = Stopwatch { begin: now, last: now, parts: Default::default() };
        self.rare().stopwatch = Some(Box::new(watch));
    }

    /// This part is done, or has failed.
    pub(super) fn lap(&mut self, stage: Stage) {
        if let Some(watch) = self.rare.as_mut().and_then(|rare| rare.stopwatch.as_mut()) {
            let now = Instant::now();
            let part = (now - watch.last).as_micros() as u32;
            watch.parts[stage as usize] = watch.parts[stage as usize].saturating_add(part);
            watch.last = now;
        }
    }
}

impl Context {
    /// What making a client connection took so far; `NotFound` for a server connection.
    pub fn timings(&self, id: ConnId) -> Result<Timings> {
        let rare = self.peer(id)?.rare.as_ref();
        let watch = rare.and_then(|rare| rare.stopwatch.as_ref()).ok_or(Error::NotFound)?;
        let part = |stage: Stage| Duration::from_micros(watch.parts[stage as usize].into());
        Ok(Timings {
            resolve: part(Stage::Resolve),
            connect: part(Stage::Connect),
            proxy: part(Stage::Proxy),
            tls: part(Stage::Tls),
            upgrade: part(Stage::Handshake),
            total: watch.last - watch.begin,
        })
    }
}
