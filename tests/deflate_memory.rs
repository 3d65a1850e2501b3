//! What idle connections give up goes back to the system, also where other things were allocated in between.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "common/cost.rs"]
mod cost;
#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;

use cost::resident;
use deflated::{Sender, agreed, end, json};
use std::mem::swap;
use wsrs::proto::connection::Role;
use wsrs::proto::deflate::Settings;
use wsrs::proto::message::Kind;
use wsrs::proto::shared::Shared;

/// An inflater has some 20 KB in memory after a short message, and the window that has to be kept less than 1 KB.
///
/// Checked by: without `map` as the allocator of zlib.rs this fails, as glibc keeps what lies between the windows.
#[test]
fn inflaters_go_back_to_the_system() {
    const ENDS: isize = 400;
    let message = Sender::new(Role::Client, agreed(15, true), Settings::default()).message(Kind::Text, &json(1_000));
    let mut shared = Shared::default();
    let mut ends: Vec<_> = (0..ENDS).map(|_| end(Role::Server, false, agreed(15, true))).collect();
    let before = resident();
    for end in &mut ends {
        swap(&mut shared, &mut end.shared);
        end.take(&message);
        swap(&mut shared, &mut end.shared);
    }
    let used = resident() - before;
    for end in &mut ends {
        end.connection.release_contexts(&mut shared.codecs);
    }
    let left = resident() - before;
    assert!(used > ENDS * 15_000, "{} bytes for each", used / ENDS);
    assert!(left < ENDS * 4_000, "{} bytes for each are left", left / ENDS);
}
