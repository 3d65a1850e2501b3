//! Handles and calls from several threads under loom: each model runs in every order that its threads can take. The
//! contexts are real, and made anew for each order.
//!
//! That each model can fail was checked by breaking what it is about; its comment says how.

use super::{Ctx, registry, stop};
use crate::boundary::handle::{self, Kind};
use crate::capi::callbacks::wsrs_callbacks;
use crate::capi::conn::{wsrs_conn_abort, wsrs_conn_state};
use crate::capi::context::*;
use crate::capi::result::*;
use crate::capi::timer::wsrs_context_timer;
use crate::capi::types::{WSRS_STATE_CLOSED, wsrs_conn, wsrs_context, wsrs_timer};
use crate::net::{Door, Limits};
use loom::thread::{Builder, JoinHandle};
use rustix::event::{EventfdFlags, eventfd};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// In words.
const STACK: usize = 1 << 17;

fn context() -> wsrs_context {
    let id = registry::create(Limits::default(), |slot, generation, net, window, shared| {
        Ctx::new((slot, generation), (net, window), (wsrs_callbacks::NONE, 0), shared)
    });
    wsrs_context { id: id.unwrap_or_else(|fault| panic!("{fault}")) }
}

fn door() -> Arc<Door> {
    Door::new(Arc::new(eventfd(0, EventfdFlags::NONBLOCK).expect("a descriptor")))
}

fn of_slot_0(generation: u32) -> u64 {
    handle::pack(handle::prefix(Kind::Context, 0), 0, generation)
}

/// A thread of a model. Calls need more room than loom's threads have.
fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().stack_size(STACK).spawn(work).expect("a thread")
}

fn model(work: impl Fn() + Sync + Send + Clone + 'static) {
    loom::model(move || spawn(work.clone()).join().expect("no panic"));
}

/// Notes which context calls it.
unsafe extern "C" fn note(context: wsrs_context, place: *mut c_void) {
    // SAFETY: `post` gives the place, which lives as long as the program.
    let before = unsafe { &*place.cast::<AtomicU64>() }.swap(context.id, Relaxed);
    assert_eq!(before, 0, "called twice");
}

fn place() -> &'static AtomicU64 {
    Box::leak(Box::new(AtomicU64::new(0)))
}

fn post(context: wsrs_context, place: &'static AtomicU64) -> wsrs_result {
    // SAFETY: made for each other.
    unsafe { wsrs_context_post(context, Some(note), std::ptr::from_ref(place).cast_mut().cast()) }
}

/// Fails without either of the two fences, or when `close` does not wait.
#[test]
fn a_stop_beside_a_free_does_not_touch_the_door_after() {
    model(|| {
        let mut door = door();
        stop::open(0, 1, &door);
        let stopper = spawn(|| stop::stop(of_slot_0(1)));
        stop::close(0);
        Arc::get_mut(&mut door).expect("the only owner").end();
        let result = stopper.join().expect("no panic");
        assert!(matches!(result, Ok(()) | Err(WSRS_ERR_CLOSED)));
    });
}

/// Fails when `stop` does not compare generations, or compares before it counts itself in.
#[test]
fn a_late_stop_does_not_reach_the_next_context() {
    model(|| {
        let (mut first, second) = (door(), door());
        stop::open(0, 1, &first);
        let stopper = spawn(|| stop::stop(of_slot_0(1)));
        stop::close(0);
        Arc::get_mut(&mut first).expect("the only owner").end();
        stop::open(0, 2, &second);
        stopper.join().expect("no panic").ok();
        assert!(!second.was_stopped());
        assert_eq!(stop::stop(of_slot_0(2)), Ok(()));
        assert!(second.was_stopped());
    });
}

/// Fails when `free` shuts the door after its last events, or `shut` drops what was posted.
#[test]
fn a_post_beside_a_free_is_called_or_refused() {
    model(|| {
        let (context, place) = (context(), place());
        let poster = spawn(move || post(context, place));
        assert_eq!(wsrs_context_free(context), WSRS_OK);
        let result = poster.join().expect("no panic");
        assert!([WSRS_OK, WSRS_ERR_CLOSED].contains(&result), "{result}");
        assert_eq!(place.load(Relaxed), if result == WSRS_OK { context.id } else { 0 });
    });
}

/// Fails when `live` does not compare generations.
#[test]
fn an_old_handle_does_not_reach_the_next_context_in_its_slot() {
    model(|| {
        let (old, place) = (context(), self::place());
        let late = spawn(move || post(old, place));
        assert_eq!(wsrs_context_free(old), WSRS_OK);
        let new = context();
        assert_eq!(handle::context(new.id), handle::context(old.id));
        assert_ne!(new.id, old.id);
        let result = late.join().expect("no panic");
        assert_eq!(wsrs_context_free(new), WSRS_OK);
        assert_eq!(place.load(Relaxed), if result == WSRS_OK { old.id } else { 0 });
    });
}

/// Fails when `release` does not go on behind the generations of the last context.
#[test]
fn an_old_connection_is_closed_while_its_slot_is_used_again() {
    model(|| {
        let old = context();
        let mut conn = wsrs_conn { id: 0 };
        // SAFETY: valid arguments.
        let made = unsafe { wsrs_context_connect(old, c"ws://127.0.0.1:9/".as_ptr(), std::ptr::null(), &mut conn) };
        assert_eq!(made, WSRS_OK);
        let late = spawn(move || (wsrs_conn_abort(conn), wsrs_conn_state(conn)));
        assert_eq!(wsrs_context_free(old), WSRS_OK);
        let new = context();
        let mut next = wsrs_conn { id: 0 };
        // SAFETY: valid arguments.
        let made = unsafe { wsrs_context_connect(new, c"ws://127.0.0.1:9/".as_ptr(), std::ptr::null(), &mut next) };
        assert_eq!(made, WSRS_OK);
        assert_eq!(handle::object(next.id), handle::object(conn.id));
        assert_ne!(next.id, conn.id);
        late.join().expect("no panic");
        assert_eq!((wsrs_conn_abort(conn), wsrs_conn_state(conn)), (WSRS_ERR_CLOSED, WSRS_STATE_CLOSED));
        assert_ne!(wsrs_conn_state(next), WSRS_STATE_CLOSED);
        assert_eq!(wsrs_context_free(new), WSRS_OK);
    });
}

/// Fails when a call that borrowed the context object does not give it back.
#[test]
fn of_two_calls_for_the_loop_each_is_done_or_refused() {
    model(|| {
        let context = context();
        let ask = move || {
            let mut descriptor = -7;
            // SAFETY: a valid place.
            let result = unsafe { wsrs_context_fd(context, &mut descriptor) };
            assert_eq!(result == WSRS_OK, descriptor >= 0);
            result
        };
        let other = spawn(ask);
        let results = [ask(), other.join().expect("no panic")];
        assert!(results.iter().all(|result| [WSRS_OK, WSRS_ERR_THREAD].contains(result)), "{results:?}");
        assert!(results.contains(&WSRS_OK));
        assert_eq!(wsrs_context_free(context), WSRS_OK);
        assert_eq!(ask(), WSRS_ERR_CLOSED);
    });
}

unsafe extern "C" fn lost(_: wsrs_timer, _: *mut c_void) {
    panic!("the stop is lost");
}

/// A stop from another thread beside a poll, which takes it then or later. Fails when the wish is taken and not
/// obeyed.
#[test]
fn a_stop_beside_a_poll_stops_the_context() {
    model(|| {
        let context = context();
        let stopper = spawn(move || wsrs_context_stop(context));
        assert_eq!(wsrs_context_poll(context, 0), WSRS_OK);
        assert_eq!(stopper.join().expect("no panic"), WSRS_OK);
        // SAFETY: a function that is made for it.
        let timer = unsafe { wsrs_context_timer(context, 1000, 0, Some(lost), null_mut(), null_mut()) };
        assert_eq!(timer, WSRS_OK);
        // Returns at once, since nothing is open.
        assert_eq!(wsrs_context_run(context), WSRS_OK);
        assert_eq!(wsrs_context_free(context), WSRS_OK);
    });
}
