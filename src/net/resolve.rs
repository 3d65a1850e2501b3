//! Name lookups, one for each family, each on a thread of its own: the system's resolver may take seconds and knows no
//! other way.
//!
//! Used by `dial`. The answer comes through the door. Invariants: no more than [`THREADS`] lookups of a context run at a
//! time; the others wait their turn, each under the deadline of its connection, and are dropped when it ends. Nobody
//! ever waits for one that runs: its thread ends when the resolver gives up, and its answer then finds nobody.

use super::core::Core;
use super::event::{ConnId, Level};
use crate::names::{self, Family};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Lookups at a time. A resolver that hangs holds a thread each until it gives up.
const THREADS: usize = 32;

/// Lookups that run, and those that wait.
#[derive(Default)]
pub(super) struct Lookups {
    running: usize,
    waiting: VecDeque<Lookup>,
    /// Given to the last dial.
    serial: u32,
}

/// Who wants to know what.
#[derive(Debug)]
struct Lookup {
    asker: Asker,
    family: Family,
    name: Arc<str>,
    port: u16,
}

/// A connection, and which of its dials: an answer may come when it is already looking for another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) id: ConnId,
    pub(super) serial: u32,
}

/// The answer to one lookup.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) asker: Asker,
    pub(super) family: Family,
    pub(super) addresses: io::Result<Vec<SocketAddr>>,
}

impl Core {
    /// A dial of this connection, different from all others.
    pub(super) fn asker(&mut self, id: ConnId) -> Asker {
        self.lookups.serial = self.lookups.serial.wrapping_add(1);
        Asker { id, serial: self.lookups.serial }
    }

    /// Looks a name up, now or later.
    pub(super) fn look_up(&mut self, asker: Asker, families: &[Family], name: &str, port: u16) {
        let name: Arc<str> = name.into();
        for &family in families {
            self.lookups.waiting.push_back(Lookup { asker, family, name: name.clone(), port });
        }
        self.start_lookups();
    }

    /// A lookup has ended.
    pub(super) fn looked_up(&mut self) {
        self.lookups.running = self.lookups.running.saturating_sub(1);
        self.start_lookups();
    }

    /// Lookups that have not begun are not needed any more.
    pub(super) fn forget_lookups(&mut self, asker: Asker) {
        self.lookups.waiting.retain(|lookup| lookup.asker != asker);
    }

    fn start_lookups(&mut self) {
        while self.lookups.running < THREADS
            && let Some(Lookup { asker, family, name, port }) = self.lookups.waiting.pop_front()
        {
            let door = Arc::clone(&self.door);
            let lookup = move || door.resolved(Found { asker, family, addresses: names::look_up(&name, port, family) });
            self.lookups.running += 1;
            if let Err(error) = std::thread::Builder::new().name("wsrs-resolver".into()).spawn(lookup) {
                self.log(Level::Error, || format!("no thread for a name lookup: {error}"));
                self.door.resolved(Found { asker, family, addresses: Err(error) });
            }
        }
    }
}
