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
use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::c_char;
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
    note(code, || fault.to_string());
    // A second guard: to write the line is work that could fail, and it must not change the result.
    let _ = guard(|here| line(here, id, caller, level, || format!("{function}: {fault}")));
    code
}

/// Bytes of a text for `wsrs_last_error`, with its NUL.
const LONGEST: usize = 512;

thread_local! {
    /// Why the last call of this thread failed, NUL-terminated. Needs no destructor: that of a thread that is ending already
    /// would never run.
    static LAST: RefCell<[u8; LONGEST]> = const { RefCell::new([0; LONGEST]) };
}

/// For `wsrs_last_error`. A full queue is no failure that needs words, and may be met a million times a second.
fn note(code: wsrs_result, why: impl FnOnce() -> String) {
    let text = match code {
        WSRS_ERR_AGAIN => Cow::Borrowed("the send queue is full"),
        _ => Cow::Owned(why().replace('\0', "?")),
    };
    let length = (0..text.len().min(LONGEST - 1) + 1).rfind(|&end| text.is_char_boundary(end)).unwrap_or(0);
    LAST.with_borrow_mut(|last| {
        last[..length].copy_from_slice(&text.as_bytes()[..length]);
        last[length] = 0;
    });
}

/// What `wsrs_last_error` returns. It stays where it is.
pub(in crate::capi) fn last_error() -> *const c_char {
    LAST.with(|last| last.as_ptr().cast_const().cast())
}

/// A panic inside: the context's state can't be trusted any more.
#[cold]
#[inline(never)]
pub(in crate::capi) fn poison(function: &'static str, id: u64, caller: Caller, panic: &str) -> wsrs_result {
    with_here(Here::forget);
    note(WSRS_ERR_PANIC, || format!("internal error, please report it: {panic}"));
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
