//! Name lookups, each on a thread of its own: the system's resolver may take seconds and knows no other way.
//!
//! Used by `dial`. The answer comes through the door. Invariant: no more than [`THREADS`] lookups of a context run at a
//! time; the others wait their turn, each under the deadline of its connection.

use super::core::Core;
use super::event::ConnId;
use std::collections::VecDeque;
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;

/// Lookups at a time. A resolver that hangs holds a thread each until it gives up.
const THREADS: usize = 16;

/// Lookups that run, and those that wait.
#[derive(Default)]
pub(super) struct Lookups {
    running: usize,
    waiting: VecDeque<Lookup>,
}

struct Lookup {
    id: ConnId,
    name: String,
    port: u16,
}

impl Core {
    /// Looks a name up, now or later.
    pub(super) fn look_up(&mut self, id: ConnId, name: String, port: u16) -> io::Result<()> {
        self.lookups.waiting.push_back(Lookup { id, name, port });
        self.start_lookups()
    }

    /// A lookup has ended.
    pub(super) fn looked_up(&mut self) {
        self.lookups.running = self.lookups.running.saturating_sub(1);
        if let Err(error) = self.start_lookups() {
            self.log(super::event::Level::Error, || format!("no thread for a name lookup: {error}"));
        }
    }

    fn start_lookups(&mut self) -> io::Result<()> {
        while self.lookups.running < THREADS
            && let Some(Lookup { id, name, port }) = self.lookups.waiting.pop_front()
        {
            let door = Arc::clone(&self.door);
            let lookup = move || door.resolved(id, (name.as_str(), port).to_socket_addrs().map(Iterator::collect));
            std::thread::Builder::new().name("wsrs-resolver".into()).spawn(lookup)?;
            self.lookups.running += 1;
        }
        Ok(())
    }
}
