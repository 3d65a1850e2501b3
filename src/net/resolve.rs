//! Name lookups, one for each family, each on a thread of its own: the system's resolver may take seconds and knows no
//! other way.
//!
//! Used by `dial`. The answer comes through the door. Invariants: no more than [`THREADS`] lookups of a context run at a
//! time; the others wait their turn, each under the deadline of its connection, and are dropped when it ends. Nobody
//! ever waits for one that runs: its thread ends when the resolver gives up, and its answer then finds nobody.

use super::core::Core;
use super::event::{ConnId, Level};
use crate::names::{self, Family};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Lookups at a time. A resolver that hangs holds a thread each until it gives up.
const THREADS: usize = 32;

/// Lookups that run, and those that wait.
#[derive(Default)]
pub(super) struct Lookups {
    running: usize,
    /// In the order of their coming: who asks, for which family, for which name and port.
    waiting: BTreeMap<(Asker, Family), (Arc<str>, u16)>,
    /// Given to the last asker.
    serial: u64,
}

/// A connection, and which of its dials: an answer may come when it is already looking for another name. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asker {
    serial: u64,
    pub(super) id: ConnId,
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
        self.lookups.serial += 1;
        Asker { serial: self.lookups.serial, id }
    }

    /// Looks a name up, now or later.
    pub(super) fn look_up(&mut self, asker: Asker, families: &[Family], name: &str, port: u16) {
        let name: Arc<str> = name.into();
        for &family in families {
            self.lookups.waiting.insert((asker, family), (name.clone(), port));
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
        for family in [Family::V6, Family::V4] {
            self.lookups.waiting.remove(&(asker, family));
        }
    }

    fn start_lookups(&mut self) {
        while self.lookups.running < THREADS
            && let Some(((asker, family), (name, port))) = self.lookups.waiting.pop_first()
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

#[cfg(test)]
mod tests {
    use super::super::{ConnectOptions, Context, Door, Limits};
    use super::*;

    /// All threads are taken: what waits begins in its order, and not at all once nobody wants it.
    #[test]
    fn lookups_wait_their_turn_and_end_with_their_connection() {
        let wake = rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK).expect("eventfd");
        let (mut context, _window) = Context::new(Limits::default(), Door::new(Arc::new(wake)), 1).expect("context");
        context.core.lookups.running = THREADS;
        let mut connect = |name: &str| {
            let url = format!("ws://{name}.invalid/");
            context.connect(&url, ConnectOptions::default()).expect("begun")
        };
        let (_, second, _) = (connect("first"), connect("second"), connect("third"));
        let waiting = |context: &Context| -> Vec<_> {
            let waiting = context.core.lookups.waiting.iter();
            waiting.map(|((_, family), (name, port))| (*family, name.to_string(), *port)).collect()
        };
        let both = |name: &str| [Family::V6, Family::V4].map(|family| (family, format!("{name}.invalid"), 80));
        assert_eq!(waiting(&context), [both("first"), both("second"), both("third")].concat());
        context.abort(second).expect("aborted");
        assert_eq!(waiting(&context), [both("first"), both("third")].concat());
    }
}
