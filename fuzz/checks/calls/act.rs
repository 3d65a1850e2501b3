//! One step of the script: which call.

use super::world::world;
use super::{conns, contexts, deflating, later, objects, raw};

pub(super) const NEW_CONTEXT: u8 = 0;
const THREADS: usize = 0;

/// Makes the next call of the script, or a few.
pub(super) fn act() {
    let mut here = world();
    here.spend_call();
    let action = here.read(|input| input.byte());
    drop(here);
    match action % 55 {
        NEW_CONTEXT => contexts::new(),
        1 => contexts::free_any(),
        2..=11 => contexts::poll(),
        12 => contexts::stop(),
        13 | 14 => contexts::listen(),
        15..=18 => contexts::connect(),
        19 => later::post(),
        20 => later::timer(),
        21 => later::cancel_timer(),
        22 => contexts::next_conn(),
        23 => contexts::send_many(),
        24 => contexts::ask(),
        25 => contexts::set_log(),
        26 => contexts::ask_listener(),
        27 => contexts::close_listener(),
        28 => contexts::run(),
        29 => elsewhere(),
        30..=33 => raw::act(),
        34..=37 => conns::send(),
        38 => conns::control(),
        39 => conns::close(),
        40 => conns::end_or_flow(),
        41 => conns::ask_numbers(),
        42 => conns::user_data(),
        43 => conns::addresses(),
        44 => conns::texts(),
        45 => conns::accept(),
        46 => conns::respond(),
        47 => conns::defer(),
        48 => conns::stats(),
        49 => contexts::totals(),
        50 => objects::set(),
        51 => conns::retarget(),
        52 => deflating::ask(),
        _ => deflating::prepared(),
    }
}

/// A few calls on another thread, which ends: what it ran goes back.
fn elsewhere() {
    if !world().afford(THREADS, 4) {
        return;
    }
    world().elsewhere += 1;
    let thread = std::thread::spawn(|| {
        let count = world().read(|input| input.byte() % 6);
        for _ in 0..count {
            if world().goes_on() {
                act();
            }
        }
    });
    // Waits for its thread-locals too.
    thread.join().expect("no panic");
    world().elsewhere -= 1;
}
