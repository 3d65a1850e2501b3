//! Functions that are called later: timers and posts.

use super::callbacks::{on_once, on_post, on_timer};
use super::contexts::{UNTOUCHED, pointer};
use super::world::{Timer, world};
use wsrs::boundary::handle::Kind;
use wsrs::capi::context::wsrs_context_post;
use wsrs::capi::result::*;
use wsrs::capi::timer::*;
use wsrs::capi::types::*;

pub(super) fn post() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let freed = here.is_freed(id);
    let index = here.posts.len();
    here.posts.push((id, false));
    drop(here);
    // SAFETY: a function that is made for it.
    let result = unsafe { wsrs_context_post(wsrs_context { id }, Some(on_post), pointer(index)) };
    let mut here = world();
    here.check("post", result, freed, &[]);
    if result != WSRS_OK {
        assert_eq!(here.posts[index], (id, false), "a refused post was called");
        here.posts[index].1 = true;
    }
}

pub(super) fn timer() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let (delay, interval) = here.read(|input| (input.pick(&[0, 1, 2, 1000, 1 << 41]), input.pick(&[0, 0, 1, 50])));
    let (freed, argument) = (here.is_freed(id), here.number());
    drop(here);
    let function = if interval == 0 { on_once } else { on_timer };
    let mut made = wsrs_timer { id: UNTOUCHED };
    // SAFETY: a function that is made for it.
    let result = unsafe {
        wsrs_context_timer(wsrs_context { id }, delay, interval, Some(function), pointer(argument), &mut made)
    };
    let mut here = world();
    here.check("timer", result, freed, &[WSRS_ERR_LIMIT]);
    assert_eq!(result == WSRS_OK, made.id != UNTOUCHED);
    if result == WSRS_OK {
        here.know(Kind::Timer, made.id, id);
        assert!(here.timers.insert(made.id, Timer { argument, context: id }).is_none(), "an id was used again");
    }
}

pub(super) fn cancel_timer() {
    let mut here = world();
    let id = here.handle(Kind::Timer);
    let freed = here.is_freed(id);
    drop(here);
    let result = wsrs_timer_cancel(wsrs_timer { id });
    let mut here = world();
    here.check("cancel", result, freed, &[]);
    if result == WSRS_OK {
        assert!(here.timers.remove(&id).is_some(), "a timer that is gone was cancelled");
    }
}
