//! H21: a panic in any layer comes back as a result, the context refuses everything but free, and the process lives.
//!
//! Nothing in the library panics on purpose, so each test breaks what its layer relies on: a cell that is borrowed twice, a
//! deadline that can't be added, a count of bytes that were not received.
//!
//! Checked by: without catch_unwind in boundary/guard.rs the first of these ends the process; without the store to
//! `poisoned` in report.rs, or without check_alive() at the end of a turn, they fail.

use super::ctx::Ctx;
use super::report::{export, export_any};
use super::thread;
use crate::boundary::handle::{self, Kind};
use crate::capi::callbacks::wsrs_callbacks;
use crate::capi::context::*;
use crate::capi::log::{WSRS_LOG_ERROR, wsrs_context_set_log};
use crate::capi::message::wsrs_error;
use crate::capi::result::*;
use crate::capi::types::{WSRS_STATE_CLOSED, wsrs_conn, wsrs_context, wsrs_timer};
use crate::capi::{conn, timer, types};
use crate::net::event::SocketName;
use crate::net::{Limits, ListenOptions};
use crate::proto::buffer::Buffer;
use crate::proto::connection::{Connection, Role};
use crate::proto::message::MessageLimits;
use crate::proto::shared::Shared;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};
use std::rc::Rc;
use std::time::Duration;

unsafe extern "C" fn note(_level: i32, text: *const c_char, lines: *mut c_void) {
    // SAFETY: a NUL-terminated line, and the lines of the test that set this function.
    unsafe { (*lines.cast::<Vec<String>>()).push(CStr::from_ptr(text).to_string_lossy().into_owned()) };
}

unsafe extern "C" fn on_error(_conn: wsrs_conn, _error: *const wsrs_error, _user_data: *mut c_void) {}

fn context(lines: &mut Vec<String>) -> wsrs_context {
    let mut made = wsrs_context { id: 0 };
    let callbacks = wsrs_callbacks { on_error: Some(on_error), ..wsrs_callbacks::NONE };
    // SAFETY: valid arguments; the lines outlive the context.
    unsafe {
        assert_eq!(wsrs_context_new(null(), &callbacks, null_mut(), &mut made), WSRS_OK);
        let lines = std::ptr::from_mut(lines).cast();
        assert_eq!(wsrs_context_set_log(made, WSRS_LOG_ERROR, Some(note), lines), WSRS_OK);
    }
    made
}

fn connect(context: wsrs_context) -> wsrs_conn {
    let mut made = wsrs_conn { id: 0 };
    // SAFETY: valid arguments.
    let result = unsafe { wsrs_context_connect(context, c"ws://127.0.0.1:9/".as_ptr(), null(), &mut made) };
    assert_eq!(result, WSRS_OK);
    made
}

fn send(conn: wsrs_conn) -> wsrs_result {
    // SAFETY: valid arguments.
    unsafe { conn::wsrs_conn_send(conn, types::WSRS_BINARY, b"x".as_ptr().cast(), 1) }
}

/// The context of a handle, which this thread has polled.
fn ctx(context: wsrs_context) -> Rc<Ctx> {
    assert_eq!(wsrs_context_poll(context, 0), WSRS_OK);
    thread::bound(context.id).expect("polled here")
}

/// It is of no use any more, can be freed, and then is gone.
fn is_poisoned(context: wsrs_context, conn: wsrs_conn) {
    assert_eq!((wsrs_context_poll(context, 0), wsrs_context_run(context)), (WSRS_ERR_PANIC, WSRS_ERR_PANIC));
    assert_eq!((send(conn), conn::wsrs_conn_abort(conn)), (WSRS_ERR_PANIC, WSRS_ERR_PANIC));
    assert_eq!(conn::wsrs_conn_state(conn), WSRS_STATE_CLOSED);
    assert_eq!(wsrs_context_free(context), WSRS_OK);
    assert_eq!((wsrs_context_poll(context, 0), send(conn)), (WSRS_ERR_CLOSED, WSRS_ERR_CLOSED));
}

/// One line, about a panic at this place.
fn tells(lines: &[String], place: &str) {
    assert!(lines.len() == 1 && lines[0].contains("internal error") && lines[0].contains(place), "{lines:?}");
}

#[test]
fn h21_in_the_c_surface() {
    let (mut lines, mut others) = (Vec::new(), Vec::new());
    let (context, other) = (context(&mut lines), context(&mut others));
    let conn = connect(context);
    assert_eq!(wsrs_context_poll(other, 0), WSRS_OK);
    let ctx = ctx(context);
    let held = ctx.net.borrow_mut();
    assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_PANIC);
    drop(held);
    assert!(!ctx.polling.get());
    drop(ctx);
    tells(&lines, "src/capi/state/turn.rs");
    is_poisoned(context, conn);
    assert_eq!(wsrs_context_poll(other, 0), WSRS_OK, "the others go on");
    assert_eq!((wsrs_context_free(other), others.len()), (WSRS_OK, 0));
}

/// Additions are checked in debug builds only.
#[cfg(debug_assertions)]
#[test]
fn h21_in_the_loop() {
    let mut lines = Vec::new();
    let context = context(&mut lines);
    let conn = connect(context);
    let never = Limits { handshake_timeout: Duration::from_millis(u64::MAX), ..Limits::default() };
    let ctx = ctx(context);
    let mut net = ctx.net.borrow_mut();
    let id =
        net.listen("127.0.0.1:0", ListenOptions { limits: Some(never), ..ListenOptions::default() }).expect("listens");
    let Ok(SocketName::Tcp(address)) = net.listener_address(id) else { panic!("no address") };
    drop(net);
    drop(ctx);
    let _client = std::net::TcpStream::connect(address).expect("connects");
    // The clock of the loop begins at 0.
    std::thread::sleep(Duration::from_millis(2));
    let results: Vec<_> =
        (0..100).map(|_| wsrs_context_poll(context, 10)).take_while(|result| *result == WSRS_OK).collect();
    assert!(results.len() < 100, "no panic came");
    tells(&lines, "src/net/core.rs");
    is_poisoned(context, conn);
}

/// A frame of 70,000 bytes, of which more are said to have come than there was room for.
fn broken_protocol() {
    let (mut end, mut lent) = (Connection::new(Role::Client, false), Buffer::default());
    let mut header = [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70];
    let (limits, mut shared) = (MessageLimits::default(), Shared::default());
    let _ = end.receive(&mut header, &limits, &mut shared, &mut lent);
    assert!(end.room().is_some());
    let _ = end.received(usize::MAX, &mut [], &limits, &mut shared, &mut lent);
}

#[test]
fn h21_in_the_protocol() {
    let mut lines = Vec::new();
    let context = context(&mut lines);
    let conn = connect(context);
    drop(ctx(context));
    let broken = export("a_call", context.id, |_| {
        broken_protocol();
        Ok(())
    });
    assert_eq!(broken, WSRS_ERR_PANIC);
    tells(&lines, "src/proto/");
    is_poisoned(context, conn);
}

unsafe extern "C" fn nothing(_timer: wsrs_timer, _argument: *mut c_void) {}

/// A call inside a callback panics: the callback sees it, and the poll around it says so too.
unsafe extern "C" fn call_that_panics(context: wsrs_context, result: *mut c_void) {
    let ctx = thread::bound(context.id).expect("called by its turn");
    let held = ctx.net.borrow_mut();
    // SAFETY: valid arguments; the result is the test's.
    unsafe {
        *result.cast() = timer::wsrs_context_timer(context, 1, 0, Some(nothing), null_mut(), null_mut());
    }
    drop(held);
}

#[test]
fn h21_in_a_call_inside_a_callback() {
    let mut lines = Vec::new();
    let context = context(&mut lines);
    let conn = connect(context);
    drop(ctx(context));
    let mut inside: wsrs_result = 0;
    // SAFETY: valid arguments; `inside` outlives the poll.
    let posted = unsafe { wsrs_context_post(context, Some(call_that_panics), std::ptr::from_mut(&mut inside).cast()) };
    assert_eq!((posted, wsrs_context_poll(context, 100)), (WSRS_OK, WSRS_ERR_PANIC));
    assert_eq!(inside, WSRS_ERR_PANIC);
    tells(&lines, "src/capi/timer.rs");
    is_poisoned(context, conn);
}

/// On the way to a callback, in a poll and in the free that tells of the end.
#[test]
fn h21_on_the_way_to_a_callback() {
    for in_free in [false, true] {
        let mut lines = Vec::new();
        let context = context(&mut lines);
        let ctx = ctx(context);
        let conn = connect(context);
        let held = ctx.sets.borrow_mut();
        if in_free {
            assert_eq!(wsrs_context_free(context), WSRS_ERR_PANIC);
        } else {
            assert_eq!(conn::wsrs_conn_abort(conn), WSRS_OK);
            assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_PANIC);
        }
        drop(held);
        drop(ctx);
        tells(&lines, "src/capi/dispatch.rs");
        is_poisoned(context, conn);
    }
}

#[test]
fn h21_in_another_thread() {
    let mut lines = Vec::new();
    let context = context(&mut lines);
    let conn = connect(context);
    assert_eq!(wsrs_context_poll(context, 0), WSRS_OK);
    let far = std::thread::spawn(move || export_any("a_call", conn.id, |_| panic!("in a thread")));
    assert_eq!(far.join().expect("the panic stays inside"), WSRS_ERR_PANIC);
    assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_PANIC);
    assert_eq!(wsrs_context_free(context), WSRS_OK);
    tells(&lines, "in a thread");
    assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_CLOSED);
}

#[test]
fn h21_without_a_context() {
    assert_eq!(export("a_call", 0, |_| panic!("nowhere")), WSRS_ERR_PANIC);
    let stranger = handle::pack(handle::prefix(Kind::Timer, 1000), 1, 1);
    assert_eq!(export("a_call", stranger, |_| panic!("nowhere")), WSRS_ERR_PANIC);
}
