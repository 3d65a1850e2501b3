//! wsrs_context_set_log: where the lines of a context go. Without it the library says nothing.

use super::result::*;
use super::state::thread::visit;
use super::state::{Fault, export};
use super::types::wsrs_context;
use crate::boundary::guard::Here;
use crate::boundary::handle::Kind as Of;
use crate::net::event::Level;
use std::ffi::{c_char, c_void};

/// Log level: something asked for could not be done.
pub const WSRS_LOG_ERROR: i32 = 1;
/// Log level: something is wrong and was dealt with; also calls of this program that were refused for misuse.
pub const WSRS_LOG_WARNING: i32 = 2;
/// Log level: connections that come and go.
pub const WSRS_LOG_INFO: i32 = 3;
/// Log level: what a developer of the library wants to know; also every other call that was refused, and why.
pub const WSRS_LOG_DEBUG: i32 = 4;

type LogFunction = unsafe extern "C" fn(level: i32, text: *const c_char, user_data: *mut c_void);

/// The program's log function.
#[derive(Clone, Copy, Default)]
pub(super) struct LogTo {
    /// 0 without a function.
    pub(super) level: i32,
    function: Option<LogFunction>,
    user_data: usize,
}

/// Gives the context's log lines up to a level, a WSRS_LOG_* constant, to a function; a NULL function or level 0: to none,
/// as at first. text is one line without newline, NUL-terminated, borrowed during the callback.
///
/// The function is called on the loop's thread: in polls, and at once for a call that is refused there. Lines about
/// calls from other threads come with the next poll, and so do those about functions for any thread while no thread runs
/// the context. It should not call functions of the library: their own lines are lost.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - function may be called with user_data until the context is freed or another function is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_set_log(
    context: wsrs_context,
    level: i32,
    function: Option<unsafe extern "C" fn(level: i32, text: *const c_char, user_data: *mut c_void)>,
    user_data: *mut c_void,
) -> wsrs_result {
    export("wsrs_context_set_log", context.id, |here| {
        if !(0..=WSRS_LOG_DEBUG).contains(&level) {
            return Err(Fault::argument("a level that is none of WSRS_LOG_*"));
        }
        let level = if function.is_some() { level } else { 0 };
        visit(here, Of::Context, context.id)?.set_log(LogTo { level, function, user_data: user_data as usize });
        Ok(())
    })
}

impl LogTo {
    /// The same level in the loop's words.
    pub(super) fn net_level(&self) -> Option<Level> {
        match self.level {
            WSRS_LOG_ERROR => Some(Level::Error),
            WSRS_LOG_WARNING => Some(Level::Warning),
            WSRS_LOG_INFO => Some(Level::Info),
            WSRS_LOG_DEBUG => Some(Level::Debug),
            _ => None,
        }
    }

    /// Calls the function.
    pub(super) fn write(&self, here: &Here, level: i32, mut text: String) {
        let Some(function) = self.function else { return };
        // What a peer sent may be part of the text: C would end it there, a terminal would obey it.
        text = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        text.push('\0');
        // SAFETY: promised by who set it; the text is NUL-terminated and lives until the call returns.
        here.outside(|| unsafe { function(level, text.as_ptr().cast(), self.user_data as *mut c_void) });
    }
}
