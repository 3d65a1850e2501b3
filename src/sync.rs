//! The mutexes, atomics and thread-locals of everything that threads share: those of std.
//!
//! Used by `net::wake`, `boundary::guard` and `capi::state`. In tests under `--cfg loom` they are those of loom, which
//! runs the models beside the code that they are about in every order that its threads can take (`scripts/steps.sh`).

#[cfg(not(all(test, loom)))]
mod chosen {
    pub(crate) use std::sync::atomic;
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread::yield_now;
    pub(crate) use std::thread_local;
}

#[cfg(all(test, loom))]
mod chosen {
    pub(crate) use loom::sync::atomic;
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use loom::thread::yield_now;

    /// As `thread_local` of std; loom's does not know `const`.
    macro_rules! of_thread {
        ($(static $name:ident: $type:ty = const $init:block;)+) => {
            loom::thread_local! { $(static $name: $type = $init;)+ }
        };
    }
    pub(crate) use of_thread as thread_local;
}

pub(crate) use chosen::*;
