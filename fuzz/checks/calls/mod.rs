//! Sequences of calls of the C API, as a program might make them that has lost count of its handles.
//!
//! The input says which calls, with which arguments, from which thread, and what callbacks do, which may do everything.
//! Sockets are Unix sockets in a folder of the run's own; raw ones stand for peers that speak anything.
//!
//! What holds: no call says WSRS_ERR_PANIC, or anything else than its description says; a result is written only with
//! WSRS_OK; a callback comes from a turn of its own context, in the order that the header promises, with the user data
//! that was set; each attempt and each connection ends exactly once; each posted function is called exactly once and
//! in order, no timer after it was cancelled; each object of a message is released once; a handle of a freed context is refused; at the end all descriptors are
//! back.

mod act;
mod callbacks;
mod conns;
mod contexts;
mod deflating;
mod later;
mod limits;
mod objects;
mod raw;
mod world;

use std::path::Path;
use std::sync::Once;
use world::world;

/// Calls that one input makes at most.
const MOST_CALLS: usize = 300;

/// See above.
pub fn calls(data: &[u8]) {
    let _alone = super::alone();
    static WARM: Once = Once::new();
    WARM.call_once(|| run(&[act::NEW_CONTEXT; 30]));
    let before = descriptors();
    run(data);
    assert_eq!(descriptors(), before, "descriptors");
}

fn run(data: &[u8]) {
    let folder = world::begin(data, MOST_CALLS);
    while world().goes_on() {
        act::act();
    }
    // The lock on the world must be over before a call.
    let next = || world().unfinished();
    while let Some(context) = next() {
        contexts::free(context);
    }
    deflating::free_all();
    world::end();
    std::fs::remove_dir_all(&folder).expect("a folder of its own");
}

/// Sockets, event and timer descriptors: each by its kind and number.
fn descriptors() -> Vec<String> {
    let all = std::fs::read_dir(Path::new("/proc/self/fd")).expect("Linux");
    let link = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_link(entry.ok()?.path()).ok();
    let names = all.filter_map(link).map(|path| path.to_string_lossy().into_owned());
    let mut kept: Vec<_> =
        names.filter(|name| name.starts_with("socket:") || name.starts_with("anon_inode:")).collect();
    kept.sort();
    kept
}
