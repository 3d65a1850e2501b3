//! The frame of every export: the guard, and what becomes of a failure: a result for the program, a line for its log.
//!
//! Lines go to the log callback at once where the call had to come from the thread that may use the loop, otherwise to
//! the next turn. A function of any thread never takes a context from the registry, not even for a line: the thread that
//! sets it up would find it gone.

use super::ctx::Ctx;
use super::fault::Fault;
use super::{registry, thread};
use crate::boundary::guard::{Here, guard, with_here};
use crate::capi::log::{WSRS_LOG_DEBUG, WSRS_LOG_ERROR, WSRS_LOG_WARNING};
use crate::capi::result::*;
use std::sync::atomic::Ordering::Relaxed;

/// Who may call a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::capi) enum Caller {
    /// The loop's thread, or while there is none any, one at a time.
    LoopThread,
    /// Any thread, at any time.
    AnyThread,
}

/// Runs an export for the loop's thread about the handle `id`.
#[inline(always)]
pub(in crate::capi) fn export(
    function: &'static str,
    id: u64,
    body: impl FnOnce(&Here) -> Result<(), Fault>,
) -> wsrs_result {
    finish(function, id, Caller::LoopThread, guard(body))
}

/// Runs an export for any thread about the handle `id`.
#[inline(always)]
pub(in crate::capi) fn export_any(
    function: &'static str,
    id: u64,
    body: impl FnOnce(&Here) -> Result<(), Fault>,
) -> wsrs_result {
    finish(function, id, Caller::AnyThread, guard(body))
}

#[inline(always)]
fn finish(function: &'static str, id: u64, caller: Caller, outcome: Result<Result<(), Fault>, String>) -> wsrs_result {
    match outcome {
        Ok(Ok(())) => WSRS_OK,
        Ok(Err(fault)) => refuse(function, id, caller, fault),
        Err(panic) => poison(function, id, caller, &panic),
    }
}

#[cold]
#[inline(never)]
fn refuse(function: &'static str, id: u64, caller: Caller, fault: Fault) -> wsrs_result {
    let code = fault.code();
    let level = match code {
        WSRS_ERR_ARGUMENT | WSRS_ERR_THREAD | WSRS_ERR_REENTRY | WSRS_ERR_STATE | WSRS_ERR_PANIC => WSRS_LOG_WARNING,
        _ if code <= WSRS_ERR_SYSTEM => WSRS_LOG_WARNING,
        _ => WSRS_LOG_DEBUG,
    };
    // A second guard: to write the line is work that could fail, and it must not change the result.
    let _ = guard(|here| line(here, id, caller, level, || format!("{function}: {fault}")));
    code
}

/// A panic inside: the context's state can't be trusted any more.
#[cold]
#[inline(never)]
pub(in crate::capi) fn poison(function: &'static str, id: u64, caller: Caller, panic: &str) -> wsrs_result {
    with_here(Here::forget);
    let _ = guard(|here| {
        if let Ok(shared) = registry::shared(id) {
            shared.poisoned.store(true, Relaxed);
        }
        line(here, id, caller, WSRS_LOG_ERROR, || format!("{function}: internal error, please report it: {panic}"));
    });
    WSRS_ERR_PANIC
}

/// One line about the context of `id`, if it exists and wants it.
fn line(here: &Here, id: u64, caller: Caller, level: i32, text: impl FnOnce() -> String) {
    let Ok(shared) = registry::shared(id) else { return };
    if shared.log_level.load(Relaxed) < level {
        return;
    }
    if let Some(ctx) = thread::bound(id) {
        return ctx.log_line(here, level, text());
    }
    let lent = if caller == Caller::LoopThread { registry::take(id).ok() } else { None };
    match lent {
        Some(ctx) => {
            ctx.log_line(here, level, text());
            registry::put_back(ctx);
        }
        None => shared.log_later(level, text()),
    }
}

impl Ctx {
    /// Gives one line to the program, unless its log function is what caused the line.
    pub(in crate::capi) fn log_line(&self, here: &Here, level: i32, text: String) {
        let log = self.log.get();
        if log.level < level || self.logging.replace(true) {
            return;
        }
        log.write(here, level, text);
        self.logging.set(false);
    }

    /// Gives the lines that other threads left to the program.
    pub(super) fn log_late_lines(&self, here: &Here) {
        for (level, text) in self.shared.take_late() {
            self.log_line(here, level, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::handle::{self, Kind};
    use crate::capi::callbacks::wsrs_callbacks;
    use crate::capi::context::*;
    use crate::capi::log::wsrs_context_set_log;
    use crate::capi::types::{WSRS_STATE_CLOSED, wsrs_conn, wsrs_context};
    use crate::capi::{conn, types};
    use std::ffi::{CStr, c_char, c_void};
    use std::ptr::{null, null_mut};

    unsafe extern "C" fn note(_level: i32, text: *const c_char, lines: *mut c_void) {
        // SAFETY: a NUL-terminated line, and the lines of the test that set this function.
        unsafe { (*lines.cast::<Vec<String>>()).push(CStr::from_ptr(text).to_string_lossy().into_owned()) };
    }

    fn context(lines: &mut Vec<String>) -> wsrs_context {
        let mut made = wsrs_context { id: 0 };
        let callbacks = wsrs_callbacks::NONE;
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

    /// H21: whatever panics, the call returns, the context refuses everything but free, and others go on.
    #[test]
    fn h21_a_panic_poisons_its_context_and_nothing_else() {
        let (mut lines, mut others) = (Vec::new(), Vec::new());
        let (context, other) = (context(&mut lines), self::context(&mut others));
        let conn = connect(context);
        assert_eq!(wsrs_context_poll(other, 0), WSRS_OK);
        assert_eq!(wsrs_context_poll(context, 0), WSRS_OK);
        // The loop can't be borrowed twice: a panic in the middle of a poll.
        let ctx = thread::bound(context.id).expect("polled here");
        let held = ctx.net.borrow_mut();
        assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_PANIC);
        drop(held);
        assert!(!ctx.polling.get());
        drop(ctx);
        assert!(lines.len() == 1 && lines[0].contains("wsrs_context_poll: internal error"), "{lines:?}");
        assert_eq!((wsrs_context_poll(context, 0), wsrs_context_run(context)), (WSRS_ERR_PANIC, WSRS_ERR_PANIC));
        assert_eq!((send(conn), conn::wsrs_conn_abort(conn)), (WSRS_ERR_PANIC, WSRS_ERR_PANIC));
        assert_eq!(conn::wsrs_conn_state(conn), WSRS_STATE_CLOSED);
        assert_eq!(wsrs_context_free(context), WSRS_OK);
        assert_eq!((wsrs_context_poll(context, 0), send(conn)), (WSRS_ERR_CLOSED, WSRS_ERR_CLOSED));
        assert_eq!(wsrs_context_poll(other, 0), WSRS_OK);
        assert_eq!((wsrs_context_free(other), others.len()), (WSRS_OK, 0));
    }

    #[test]
    fn h21_a_panic_in_another_thread_poisons_the_context_of_the_handle() {
        let mut lines = Vec::new();
        let context = context(&mut lines);
        let conn = connect(context);
        assert_eq!(wsrs_context_poll(context, 0), WSRS_OK);
        let far = std::thread::spawn(move || export_any("a_call", conn.id, |_| panic!("in a thread")));
        assert_eq!(far.join().expect("the panic stays inside"), WSRS_ERR_PANIC);
        assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_PANIC);
        assert_eq!(wsrs_context_free(context), WSRS_OK);
        assert!(lines.len() == 1 && lines[0].contains("in a thread"), "{lines:?}");
        assert_eq!(wsrs_context_poll(context, 0), WSRS_ERR_CLOSED);
    }

    #[test]
    fn h21_a_panic_without_a_context_is_a_result() {
        assert_eq!(export("a_call", 0, |_| panic!("nowhere")), WSRS_ERR_PANIC);
        let stranger = handle::pack(handle::prefix(Kind::Timer, 1000), 1, 1);
        assert_eq!(export("a_call", stranger, |_| panic!("nowhere")), WSRS_ERR_PANIC);
    }
}
