//! wsrs_timer_*: functions called later.

use super::dispatch;
use super::limits::LONGEST_MS;
use super::result::*;
use super::state::thread::visit;
use super::state::{Fault, export};
use super::types::{wsrs_context, wsrs_timer};
use crate::boundary::handle::{self, Kind as Of};
use crate::boundary::pointer::optional_out;
use crate::net::TimerId;
use std::ffi::c_void;
use std::time::Duration;

/// Calls a function on the loop's thread after delay_ms milliseconds, then every interval_ms; 0: once. Timers are coarse:
/// a few milliseconds late is normal. out may be NULL. argument stays the program's: when the context is freed, its timers
/// end without a call.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also for times above 2^40 ms; WSRS_ERR_LIMIT; WSRS_ERR_CLOSED;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - function may be called with argument until the timer is gone.
/// - out is NULL or points to a wsrs_timer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_timer(
    context: wsrs_context,
    delay_ms: u64,
    interval_ms: u64,
    function: Option<unsafe extern "C" fn(timer: wsrs_timer, argument: *mut c_void)>,
    argument: *mut c_void,
    out: *mut wsrs_timer,
) -> wsrs_result {
    export("wsrs_context_timer", context.id, |here| {
        let place = optional_out(out)?;
        let function = function.ok_or(Fault::argument("NULL instead of a function"))?;
        if delay_ms.max(interval_ms) > LONGEST_MS {
            return Err(Fault::argument("a time of more than 2^40 ms"));
        }
        let interval = (interval_ms != 0).then_some(Duration::from_millis(interval_ms));
        let words = dispatch::timer_words(function, argument);
        let ctx = visit(here, Of::Context, context.id)?;
        let id = ctx.net.borrow_mut().add_timer(Duration::from_millis(delay_ms), interval, words)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_timer { id: ctx.timer(id) }) };
        Ok(())
    })
}

/// Cancels a timer; its function is not called any more. It may be called inside that function.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED when it is gone, as after its only call; WSRS_ERR_ARGUMENT;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_timer_cancel(timer: wsrs_timer) -> wsrs_result {
    export("wsrs_timer_cancel", timer.id, |here| {
        let id = TimerId { slot: handle::object(timer.id), generation: handle::generation(timer.id) };
        Ok(visit(here, Of::Timer, timer.id)?.net.borrow_mut().cancel_timer(id)?)
    })
}
