//! The guard around every export: a panic stays inside and becomes a value, and nothing is printed.
//!
//! Called by each function of the C surface. What a thread must know on the hot path stands in one thread-local
//! struct, [`Here`], without destructor and without lazy initialisation: finding it is one access, shared by the
//! guard and by the lookup of handles.

use crate::sync::thread_local;
use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What this thread knows. The owner pointer means nothing here; the C surface that sets it gives it its type.
pub struct Here {
    depth: Cell<u32>,
    prefix: Cell<u64>,
    owner: Cell<*const ()>,
}

/// No handle has this prefix: it has more bits than a kind and a context slot.
const NO_PREFIX: u64 = u64::MAX;

thread_local! {
    static HERE: Here = const { Here { depth: Cell::new(0), prefix: Cell::new(NO_PREFIX), owner: Cell::new(std::ptr::null()) } };
    static LAST_PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

impl Here {
    /// What the last [`Here::remember`] gave, if it was for this prefix.
    #[inline(always)]
    pub fn recall(&self, prefix: u64) -> Option<*const ()> {
        if self.prefix.get() == prefix { Some(self.owner.get()) } else { None }
    }

    /// The next [`Here::recall`] of this prefix gives `owner`.
    pub fn remember(&self, prefix: u64, owner: *const ()) {
        self.prefix.set(prefix);
        self.owner.set(owner);
    }

    /// Nothing is recalled until the next [`Here::remember`].
    pub fn forget(&self) {
        self.remember(NO_PREFIX, std::ptr::null());
    }

    /// Runs code of the program, that is outside of the guard: its panics, if it is Rust, are its own.
    #[inline(always)]
    pub fn outside<T>(&self, body: impl FnOnce() -> T) -> T {
        let depth = self.depth.replace(0);
        let value = body();
        self.depth.set(depth);
        value
    }
}

/// What this thread knows, for code that does not run inside a guard.
pub fn with_here<T>(body: impl FnOnce(&Here) -> T) -> T {
    HERE.with(body)
}

/// Runs `body`; a panic comes back as its message.
#[inline(always)]
pub fn guard<T>(body: impl FnOnce(&Here) -> T) -> Result<T, String> {
    HERE.with(|here| {
        let depth = here.depth.get();
        here.depth.set(depth + 1);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| body(here)));
        here.depth.set(depth);
        outcome.map_err(message)
    })
}

/// As [`guard`] for code that runs in signal handlers: touches no thread-local, which may be allocated when first used.
#[inline(always)]
pub fn guard_in_signal<T>(body: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(body)).ok()
}

/// From now on panics inside a guard print nothing; all others go to the hook that was there before.
pub fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if HERE.with(|here| here.depth.get()) == 0 {
                previous(info);
            } else {
                let text = info.to_string();
                // A thread that ends has no place left for the text; the message alone comes back then.
                let _ = LAST_PANIC.try_with(|last| last.set(Some(text)));
            }
        }));
    });
}

#[cold]
fn message(payload: Box<dyn Any + Send>) -> String {
    let noted = LAST_PANIC.try_with(Cell::take).ok().flatten();
    let text = noted.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    // A payload whose destructor panics would unwind into C.
    if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    text.unwrap_or_else(|| "panic".to_string()).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h21_a_panic_becomes_a_message_with_its_place() {
        silence_panics();
        let text = guard(|_| -> u32 { panic!("on {}", "purpose") }).expect_err("must panic");
        assert!(text.contains("on purpose"), "{text}");
        assert!(text.contains("guard.rs"), "{text}");
        assert!(!text.contains('\n'));
    }

    #[test]
    fn depth_is_restored_after_a_panic() {
        silence_panics();
        assert!(guard(|_| panic!("one")).is_err());
        assert_eq!(with_here(|here| here.depth.get()), 0);
        let inner = guard(|here| here.outside(|| with_here(|here| here.depth.get())));
        assert_eq!(inner, Ok(0));
    }

    #[test]
    fn h21_a_payload_that_panics_when_dropped_stays_inside() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("second");
            }
        }
        silence_panics();
        assert!(guard(|_| panic::panic_any(Bomb)).is_err());
    }

    #[test]
    fn recall_knows_only_the_last() {
        with_here(|here| {
            here.remember(7, std::ptr::dangling());
            assert!(here.recall(7).is_some());
            assert!(here.recall(8).is_none());
            here.forget();
            assert!(here.recall(7).is_none());
        });
    }
}
