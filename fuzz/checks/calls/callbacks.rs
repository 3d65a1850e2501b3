//! The program's callbacks: each checks that it may come now, looks at all that it is given, and goes on with the script.

use super::act::act;
use super::objects;
use super::world::{Life, world};
use std::ffi::{CStr, c_char, c_void};
use std::slice::from_raw_parts;
use wsrs::boundary::handle::{self, Kind};
use wsrs::capi::callbacks::wsrs_callbacks;
use wsrs::capi::message::{wsrs_close, wsrs_error, wsrs_message, wsrs_request, wsrs_retry};
use wsrs::capi::types::{wsrs_conn, wsrs_context, wsrs_timer};

pub(super) const EMPTY: wsrs_callbacks = wsrs_callbacks {
    size: size_of::<wsrs_callbacks>(),
    on_request: None,
    on_open: None,
    on_message: None,
    on_close: None,
    on_error: None,
    on_drain: None,
    on_ping: None,
    on_pong: None,
    on_object: None,
    on_retry: None,
};
pub(super) const SILENT: wsrs_callbacks = wsrs_callbacks {
    on_open: Some(on_open),
    on_message: Some(on_message),
    on_close: Some(on_close),
    on_error: Some(on_error),
    on_drain: Some(on_drain),
    on_ping: Some(on_ping),
    on_pong: Some(on_pong),
    on_object: Some(on_object),
    on_retry: Some(on_retry),
    ..EMPTY
};
pub(super) const ASKING: wsrs_callbacks = wsrs_callbacks { on_request: Some(on_request), ..SILENT };

/// How deep callbacks go on with the script.
const DEPTH: usize = 4;

/// A callback of a connection: it comes from a turn of its context, after what `may` says, with the right user data.
fn note(name: &str, conn: wsrs_conn, user_data: *mut c_void, may: impl FnOnce(&mut Life) -> bool) {
    let mut world = world();
    let running = *world.running.last().expect("a callback outside of all turns");
    assert_eq!(handle::context(conn.id), handle::context(running), "{name} from a turn of another context");
    world.know(Kind::Conn, conn.id, running);
    let life = world.lives.entry(conn.id).or_default();
    assert!(!life.ended, "{name} after the end");
    assert!(may(life), "{name} does not come now");
    life.watched = true;
    let expected = *life.user_data.get_or_insert(user_data as usize);
    assert_eq!(user_data as usize, expected, "{name}: user data");
}

/// Some callbacks go on with the script.
fn go_on() {
    let mut here = world();
    let goes = here.goes_on() && here.running.len() <= DEPTH && here.read(|input| input.byte()).is_multiple_of(3);
    drop(here);
    if goes {
        act();
        if world().goes_on() {
            act();
        }
    }
}

/// Looks at every byte.
fn look(data: *const u8, len: usize) {
    assert!(len == 0 || !data.is_null());
    if len > 0 {
        // SAFETY: the library says so, and that is what is to be found out.
        std::hint::black_box(
            unsafe { from_raw_parts(data, len) }.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)),
        );
    }
}

fn look_text(text: *const c_char, len: usize) {
    look(text.cast(), len);
    // SAFETY: as above; the header says that it ends with a NUL.
    assert_eq!(unsafe { CStr::from_ptr(text) }.count_bytes(), len);
}

unsafe extern "C" fn on_request(conn: wsrs_conn, request: *const wsrs_request, user_data: *mut c_void) {
    note("on_request", conn, user_data, |life| !life.attempted && !life.requested && !life.opened);
    world().lives.entry(conn.id).or_default().requested = true;
    // SAFETY: as in `look`.
    let request = unsafe { *request };
    go_on();
    look(request.method.cast(), request.method_len);
    look(request.path.cast(), request.path_len);
    look(request.query.cast(), request.query_len);
    look_text(request.subprotocols, request.subprotocols_len);
    look_text(request.peer, request.peer_len);
}

unsafe extern "C" fn on_open(conn: wsrs_conn, user_data: *mut c_void) {
    note("on_open", conn, user_data, |life| {
        let again = std::mem::take(&mut life.waiting);
        !std::mem::replace(&mut life.opened, true) || again
    });
    go_on();
}

unsafe extern "C" fn on_message(conn: wsrs_conn, message: *const wsrs_message, user_data: *mut c_void) {
    note("on_message", conn, user_data, Life::is_open);
    // SAFETY: as in `look`.
    let message = unsafe { *message };
    assert!(!message.data.is_null());
    go_on();
    look(message.data, message.len);
}

unsafe extern "C" fn on_close(conn: wsrs_conn, close: *const wsrs_close, user_data: *mut c_void) {
    // SAFETY: as in `look`.
    let close = unsafe { *close };
    note("on_close", conn, user_data, |life| {
        (life.opened && close.code != 0) || (life.requested && !life.opened && close.code == 0)
    });
    world().lives.entry(conn.id).or_default().ended = true;
    if !close.error.is_null() {
        return look_error(close.error);
    }
    go_on();
    look(close.reason.cast(), close.reason_len);
}

unsafe extern "C" fn on_error(conn: wsrs_conn, error: *const wsrs_error, user_data: *mut c_void) {
    note("on_error", conn, user_data, |life| !life.opened && (life.attempted || life.requested));
    world().lives.entry(conn.id).or_default().ended = true;
    look_error(error);
}

unsafe extern "C" fn on_retry(conn: wsrs_conn, retry: *const wsrs_retry, user_data: *mut c_void) {
    note("on_retry", conn, user_data, |life| life.attempted);
    world().lives.entry(conn.id).or_default().waiting = true;
    // SAFETY: as in `look`.
    let retry = unsafe { *retry };
    assert!(retry.number > 0 && retry.close.is_null() != retry.error.is_null());
    if retry.close.is_null() {
        return look_error(retry.error);
    }
    // SAFETY: as in `look`.
    let close = unsafe { *retry.close };
    assert!(close.code != 0 && close.error.is_null());
    go_on();
    look(close.reason.cast(), close.reason_len);
}

/// Goes on with the script while it is lent.
fn look_error(error: *const wsrs_error) {
    // SAFETY: as in `look`.
    let error = unsafe { *error };
    assert!(error.result < 0);
    go_on();
    look_text(error.text, error.text_len);
    look(error.body, error.body_len);
    for index in 0..error.header_count {
        // SAFETY: as in `look`.
        let header = unsafe { *error.headers.add(index) };
        look(header.name.cast(), header.name_len);
        look(header.value.cast(), header.value_len);
    }
}

unsafe extern "C" fn on_drain(conn: wsrs_conn, user_data: *mut c_void) {
    note("on_drain", conn, user_data, Life::is_open);
    go_on();
}

unsafe extern "C" fn on_ping(conn: wsrs_conn, data: *const u8, len: usize, user_data: *mut c_void) {
    note("on_ping", conn, user_data, Life::is_open);
    go_on();
    look(data, len);
}

unsafe extern "C" fn on_pong(conn: wsrs_conn, data: *const u8, len: usize, user_data: *mut c_void) {
    note("on_pong", conn, user_data, Life::is_open);
    go_on();
    look(data, len);
}

unsafe extern "C" fn on_object(user_data: *mut c_void, object: *mut c_void) {
    assert!(!user_data.is_null());
    assert!(world().running.last().is_some(), "an object outside of all turns");
    objects::look(object);
    go_on();
    objects::look(object);
}

pub(super) unsafe extern "C" fn on_timer(timer: wsrs_timer, argument: *mut c_void) {
    let here = world();
    let running = *here.running.last().expect("a timer outside of all turns");
    let known = here.timers.get(&timer.id).map(|timer| (timer.argument, timer.context));
    assert_eq!(known, Some((argument as usize, running)), "a timer that is gone");
    drop(here);
    go_on();
}

pub(super) unsafe extern "C" fn on_once(timer: wsrs_timer, argument: *mut c_void) {
    // SAFETY: a timer's function, called as one.
    unsafe { on_timer(timer, argument) };
    world().timers.remove(&timer.id);
}

pub(super) unsafe extern "C" fn on_post(context: wsrs_context, argument: *mut c_void) {
    let mut here = world();
    assert_eq!(here.running.last(), Some(&context.id), "a posted function outside of its context's turns");
    let index = argument as usize;
    let earlier = here.posts[..index].iter().all(|(of, called)| *of != context.id || *called);
    assert!(earlier, "a posted function before an earlier one");
    let post = &mut here.posts[index];
    assert_eq!(*post, (context.id, false), "a posted function twice, or for another context");
    post.1 = true;
    drop(here);
    go_on();
}

pub(super) unsafe extern "C" fn on_log(level: i32, text: *const c_char, _: *mut c_void) {
    assert!((1..=4).contains(&level));
    // SAFETY: as in `look`.
    let text = unsafe { CStr::from_ptr(text) };
    assert!(!text.to_bytes().contains(&b'\n'));
}
