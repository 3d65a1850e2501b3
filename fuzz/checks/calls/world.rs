//! What the program of a run knows: its script, its handles, and what it has seen of each.

use super::super::input::Input;
use super::raw::Raw;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wsrs::boundary::handle::{self, Kind};
use wsrs::capi::result::*;

static WORLD: Mutex<Option<World>> = Mutex::new(None);

#[derive(Default)]
pub(super) struct World {
    script: Vec<u8>,
    at: usize,
    calls_left: usize,
    pub(super) folder: PathBuf,
    /// By id.
    pub(super) contexts: HashMap<u64, Context>,
    /// All handles there ever were, by kind, with their contexts.
    handles: [Vec<(u64, u64)>; 4],
    /// By the id of the connection.
    pub(super) lives: HashMap<u64, Life>,
    /// By the id of the timer.
    pub(super) timers: HashMap<u64, Timer>,
    /// By argument: the context, and whether it was called.
    pub(super) posts: Vec<(u64, bool)>,
    /// Contexts whose turns are on the stack.
    pub(super) running: Vec<u64>,
    /// How deep in threads other than the first.
    pub(super) elsewhere: usize,
    /// Objects of messages that the library made and did not release yet.
    pub(super) objects: HashMap<usize, Vec<u8>>,
    /// Prepared messages that there were, and whether they are alive.
    pub(super) prepared: Vec<(u64, bool)>,
    pub(super) raw: Raw,
    /// What a run may have of things that cost time: threads, waits, sockets.
    pub(super) spent: [usize; 5],
    pub(super) numbers: usize,
}

pub(super) struct Context {
    /// Connections whose set has no say get this.
    pub(super) user_data: usize,
    /// All its deadlines are a few milliseconds.
    pub(super) hasty: bool,
    pub(super) freed: bool,
}

pub(super) struct Timer {
    pub(super) argument: usize,
    pub(super) context: u64,
}

/// What was seen of a connection.
#[derive(Default)]
pub(super) struct Life {
    pub(super) attempted: bool,
    pub(super) requested: bool,
    pub(super) opened: bool,
    /// For another attempt, since it was lost or failed.
    pub(super) waiting: bool,
    pub(super) ended: bool,
    /// Its set has callbacks, so an end must come.
    pub(super) watched: bool,
    pub(super) user_data: Option<usize>,
}

impl Life {
    pub(super) fn is_open(&mut self) -> bool {
        self.opened && !self.waiting
    }
}

pub(super) fn world() -> Here {
    Here(WORLD.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The world, for a moment: never while the library is called.
pub(super) struct Here(MutexGuard<'static, Option<World>>);

impl std::ops::Deref for Here {
    type Target = World;

    fn deref(&self) -> &World {
        self.0.as_ref().expect("a run")
    }
}

impl std::ops::DerefMut for Here {
    fn deref_mut(&mut self) -> &mut World {
        self.0.as_mut().expect("a run")
    }
}

pub(super) fn begin(data: &[u8], calls: usize) -> PathBuf {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let name = format!("wsrs-calls-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).expect("a folder of its own");
    let world = World { script: data.to_vec(), calls_left: calls, folder: folder.clone(), ..World::default() };
    *WORLD.lock().unwrap_or_else(PoisonError::into_inner) = Some(world);
    folder
}

/// Nothing is left: everything that was to end has.
pub(super) fn end() {
    let world = WORLD.lock().unwrap_or_else(PoisonError::into_inner).take().expect("a run");
    for (id, life) in &world.lives {
        let over = life.ended || !life.watched || !(life.attempted || life.requested || life.opened);
        assert!(over, "connection {id:x} never ended");
    }
    assert!(world.posts.iter().all(|(_, called)| *called), "a posted function was lost");
    assert!(world.objects.is_empty(), "an object was not released");
    assert!(world.running.is_empty() && world.elsewhere == 0);
}

impl World {
    pub(super) fn goes_on(&self) -> bool {
        self.at < self.script.len() && self.calls_left > 0
    }

    /// One call less.
    pub(super) fn spend_call(&mut self) {
        self.calls_left = self.calls_left.saturating_sub(1);
    }

    /// Whether `what` may be had once more.
    pub(super) fn afford(&mut self, what: usize, most: usize) -> bool {
        self.spent[what] += 1;
        self.spent[what] <= most
    }

    /// Reads choices from the script.
    pub(super) fn read<T>(&mut self, read: impl FnOnce(&mut Input<'_>) -> T) -> T {
        let mut input = Input::new(&self.script[self.at.min(self.script.len())..]);
        let value = read(&mut input);
        self.at = self.script.len() - input.rest().len();
        value
    }

    pub(super) fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn unfinished(&self) -> Option<u64> {
        self.contexts.iter().find(|(_, context)| !context.freed).map(|(id, _)| *id)
    }

    pub(super) fn know(&mut self, kind: Kind, id: u64, context: u64) {
        let known = &mut self.handles[kind as usize - 1];
        if !known.iter().any(|(other, _)| *other == id) {
            known.push((id, context));
        }
    }

    /// A handle for a call that wants one of this kind: mostly one, alive or not.
    pub(super) fn handle(&mut self, kind: Kind) -> u64 {
        const KINDS: [Kind; 4] = [Kind::Context, Kind::Conn, Kind::Listener, Kind::Timer];
        let how = self.read(|input| input.byte());
        let wrong = self.read_if(how % 32 == 1, |input| input.pick(&KINDS)).unwrap_or(kind);
        let known = &self.handles[wrong as usize - 1];
        // The newest are asked for most.
        let id = known.iter().rev().nth(usize::from(how / 32) % known.len().max(1)).map_or(0, |(id, _)| *id);
        match how % 32 {
            0 => 0,
            2 => id + 1,
            3 => id.wrapping_sub(1),
            4 => handle::pack(handle::prefix(kind, u32::from(how / 32)), 0, 1),
            5 => self.read(|input| (0..8).fold(0, |id, _| id << 8 | u64::from(input.byte()))),
            _ => id,
        }
    }

    fn read_if<T>(&mut self, condition: bool, read: impl FnOnce(&mut Input<'_>) -> T) -> Option<T> {
        condition.then(|| self.read(read))
    }

    /// Whether the handle is of a context that was freed.
    pub(super) fn is_freed(&self, id: u64) -> bool {
        let known = self.handles.iter().flatten().find(|(other, _)| *other == id);
        known.is_some_and(|(_, context)| self.contexts[context].freed)
    }

    /// The result is one of those that the function may have.
    pub(super) fn check(&self, function: &str, result: i32, freed: bool, more: &[i32]) {
        let common = [WSRS_OK, WSRS_ERR_ARGUMENT, WSRS_ERR_CLOSED];
        let thread = result == WSRS_ERR_THREAD && self.elsewhere > 0;
        assert!(common.contains(&result) || more.contains(&result) || thread, "{function}: {result}");
        assert!(!freed || result != WSRS_OK, "{function} works on a freed context");
    }
}
