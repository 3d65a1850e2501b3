//! Stopping a context from a signal handler: no lock, no allocation, no thread-local.
//!
//! One cell of atomics per context slot. A handler may run at any time on any thread, also while another thread frees
//! the context, so the door it uses must not go away under it: the handler counts itself in as a reader before it
//! looks, and who closes a cell waits until no reader is left before the door may be dropped.
//!
//! Why that is sound: a reader counts itself in, then reads the generation; a closer writes generation 0, then reads the
//! count. Both have a SeqCst fence between the two, and of two such fences one comes first. If it is the reader's, the
//! closer sees the count and waits. If it is the closer's, the reader sees generation 0 and leaves the door alone. Why it
//! ends: a reader between its two counts only loads and writes one eventfd that never blocks; a handler that interrupts
//! the closer itself runs to its end before the closer continues; and `wsrs_context_free` is not for signal handlers, so
//! a closer never stands on top of a reader of its own thread.

use super::registry;
use crate::boundary::handle;
use crate::capi::result::*;
use crate::net::Door;
use crate::sync::atomic::{AtomicPtr, AtomicU32, Ordering, fence};
use crate::sync::yield_now;
use Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::Arc;

struct Cell {
    generation: AtomicU32,
    epoch: AtomicU32,
    readers: AtomicU32,
    door: AtomicPtr<Door>,
}

macro_rules! closed {
    () => {
        Cell {
            generation: AtomicU32::new(0),
            epoch: AtomicU32::new(0),
            readers: AtomicU32::new(0),
            door: AtomicPtr::new(std::ptr::null_mut()),
        }
    };
}

#[cfg(not(all(test, loom)))]
static CELLS: [Cell; handle::CONTEXTS] = [const { closed!() }; handle::CONTEXTS];
#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref CELLS: [Cell; 2] = [closed!(), closed!()];
}

fn of(slot: u32) -> &'static Cell {
    // Models have fewer cells than there are slots.
    &CELLS[slot as usize % CELLS.len()]
}

/// The context of this slot can be stopped from now on. The registry keeps `door` alive until after [`close`].
pub(super) fn open(slot: u32, generation: u32, door: &Arc<Door>) {
    let cell = of(slot);
    cell.door.store(Arc::as_ptr(door).cast_mut(), Relaxed);
    cell.epoch.store(registry::epoch(), Relaxed);
    cell.generation.store(generation, Release);
}

/// It can't be stopped any more; after this no reader uses the door.
pub(super) fn close(slot: u32) {
    let cell = of(slot);
    cell.generation.store(0, Relaxed);
    fence(SeqCst);
    while cell.readers.load(Acquire) != 0 {
        yield_now();
    }
}

/// In the child of a fork: readers of other threads did not come along, and nobody would count them out.
pub(super) fn forget_after_fork() {
    for cell in CELLS.iter().filter(|cell| cell.readers.load(Relaxed) != 0) {
        cell.readers.store(0, Relaxed);
    }
}

/// Asks a context to stop. Async-signal-safe.
pub(in crate::capi) fn stop(id: u64) -> Result<(), wsrs_result> {
    if !handle::is(handle::Kind::Context, id) {
        return Err(WSRS_ERR_ARGUMENT);
    }
    let cell = of(handle::context(id));
    cell.readers.fetch_add(1, Relaxed);
    fence(SeqCst);
    let outcome = if handle::generation(id) == 0 || cell.generation.load(Acquire) != handle::generation(id) {
        Err(WSRS_ERR_CLOSED)
    } else if cell.epoch.load(Relaxed) != registry::epoch() {
        Err(WSRS_ERR_FORKED)
    } else {
        // SAFETY: the cell is open and this call is counted in, so the door is kept until the count goes down.
        unsafe { &*cell.door.load(Relaxed) }.stop();
        Ok(())
    };
    cell.readers.fetch_sub(1, Release);
    outcome
}
