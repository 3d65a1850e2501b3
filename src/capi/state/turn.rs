//! One turn of a context: wait, pull the events, call the program back; and its end.
//!
//! Called by `wsrs_context_poll`, `_run` and `_free`. While a callback runs, no borrow of the loop is alive: what
//! borrows is the event, and only from the window, which lies beside the loop.

use super::ctx::Ctx;
use super::fault::Fault;
use super::{registry, stop, thread};
use crate::boundary::guard::Here;
use crate::capi::result::*;
use crate::net::event::Timeout;
use std::rc::Rc;

/// One wait, and all events of that turn.
pub(in crate::capi) fn poll(here: &Here, id: u64, timeout: Timeout) -> Result<(), Fault> {
    let ctx = thread::bind(id)?;
    let outcome = ctx.enter()?.turn(here, timeout);
    if finish_if_freed(here, &ctx) && outcome.is_ok() {
        return Err(Fault::Call(WSRS_ERR_CLOSED, "a callback freed the context"));
    }
    outcome
}

/// Turns until the context is stopped, or freed by a callback.
pub(in crate::capi) fn run(here: &Here, id: u64) -> Result<(), Fault> {
    let ctx = thread::bind(id)?;
    let polling = ctx.enter()?;
    let outcome = loop {
        if let Err(fault) = polling.turn(here, None) {
            break Err(fault);
        }
        if ctx.freed.get() || ctx.net.borrow_mut().take_stopped() {
            break Ok(());
        }
    };
    drop(polling);
    finish_if_freed(here, &ctx);
    outcome
}

/// Ends a context: at once, or at the end of the turn that runs.
pub(in crate::capi) fn free(here: &Here, id: u64) -> Result<(), Fault> {
    let ctx = match thread::bind_to_free(id) {
        Err(Fault::Call(WSRS_ERR_CLOSED, _)) => return Ok(()),
        other => other?,
    };
    here.forget();
    ctx.shared.door.shut();
    stop::close(ctx.slot);
    ctx.freed.set(true);
    if ctx.polling.get() {
        return Ok(());
    }
    Polling::begin(&ctx).pull(here);
    finish_if_freed(here, &ctx);
    Ok(())
}

/// Whether that was the end. After free the context is gone for every thread; the caller's Rc is the last and drops the
/// loop.
fn finish_if_freed(here: &Here, ctx: &Rc<Ctx>) -> bool {
    let over = ctx.freed.get() && !ctx.forked();
    if over {
        registry::release(ctx);
        thread::unbind(here, ctx);
    }
    over
}

impl Ctx {
    fn enter(&self) -> Result<Polling<'_>, Fault> {
        // Asked first: a nested poll after free is still a nested poll.
        if self.polling.get() {
            return Err(Fault::Call(WSRS_ERR_REENTRY, "called by a callback of the same context"));
        }
        self.check()?;
        Ok(Polling::begin(self))
    }
}

/// A turn is running until this is dropped.
struct Polling<'c>(&'c Ctx);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.polling.set(false);
    }
}

impl<'c> Polling<'c> {
    fn begin(ctx: &'c Ctx) -> Polling<'c> {
        ctx.polling.set(true);
        Polling(ctx)
    }

    fn turn(&self, here: &Here, timeout: Timeout) -> Result<(), Fault> {
        self.0.check()?;
        self.0.net.borrow_mut().wait(timeout)?;
        // Callbacks mostly call about the context that called them: their first call finds it at once.
        thread::remember(here, self.0);
        self.pull(here);
        self.0.check_alive()
    }

    /// Whether there is anything to pull: a callback may have forked or run into a panic, and then nothing here is to be
    /// touched again. Begins the end of a context that was freed.
    #[cold]
    fn goes_on(&self, here: &Here, ended: &mut bool) -> bool {
        let ctx = self.0;
        if ctx.check_alive().is_err() {
            return false;
        }
        if !ctx.freed.get() {
            thread::remember(here, ctx);
        } else if !std::mem::replace(ended, true) {
            ctx.net.borrow_mut().end();
        }
        true
    }

    /// All events of a turn. When the context is freed before or meanwhile: all until its end.
    fn pull(&self, here: &Here) {
        let ctx = self.0;
        let mut window = ctx.window.borrow_mut();
        let mut ended = false;
        ctx.log_late_lines(here);
        // As long as this thread remembers the context, it is alive and not freed.
        while here.recall(ctx.conn_prefix).is_some() || self.goes_on(here, &mut ended) {
            let whole = ctx.net.borrow_mut().next_whole(&mut window);
            if let Some(whole) = whole {
                ctx.whole_message(here, &whole, window.of(&whole));
                continue;
            }
            let event = ctx.net.borrow_mut().next_event(&mut window);
            match event {
                Some(event) => ctx.dispatch(here, event),
                None => return,
            }
        }
    }
}
