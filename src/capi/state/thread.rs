//! How a call finds its context: first among those that this thread runs, without a lock, then in the registry.
//!
//! A context belongs to the thread that first polls or runs it; when that thread ends, it goes back to the registry.
//! Before and after, calls for the loop's thread take it from there for their own duration.
//!
//! Invariant of the fast path: what [`Here`] remembers is a context in this thread's list that is neither freed, nor of
//! another process, nor poisoned by this thread. Whoever changes one of these makes it forget first. (A panic in another
//! thread's call poisons it too; this thread learns of that at the end of its turn.)

use super::ctx::{Ctx, FORKED, Shared};
use super::fault::Fault;
use super::registry;
use crate::boundary::guard::{Here, with_here};
use crate::boundary::handle::{self, Kind, PREFIX_SHIFT};
use crate::capi::result::*;
use crate::capi::types::{wsrs_conn, wsrs_context};
use crate::net::ConnId;
use crate::sync::thread_local;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    static BOUND: Bound = const { Bound(RefCell::new(Vec::new())) };
}

/// The contexts that this thread runs.
struct Bound(RefCell<Vec<Rc<Ctx>>>);

impl Drop for Bound {
    fn drop(&mut self) {
        let left = self.0.take();
        if !left.is_empty() {
            with_here(Here::forget);
        }
        for ctx in left {
            // With a turn still on the stack (exit() in a callback) it stays where it is, out of reach.
            if let Some(ctx) = Rc::into_inner(ctx) {
                registry::put_back(Box::new(ctx));
            }
        }
    }
}

/// Runs a call on a connection: `near` on the loop's thread, `far` elsewhere.
#[inline(always)]
pub(in crate::capi) fn on_conn<T>(
    here: &Here,
    conn: wsrs_conn,
    near: impl FnOnce(&Ctx, ConnId) -> Result<T, Fault>,
    far: impl FnOnce(&Shared, ConnId) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let id = conn_id(conn);
    match recall(here, conn.id) {
        Some(ctx) => near(ctx, id),
        None => match find(here, Kind::Conn, conn.id)? {
            Place::Near(ctx) => near(&ctx, id),
            Place::Far(shared) => far(&shared, id),
        },
    }
}

/// Asks a context: `near` on the loop's thread, `far` elsewhere.
pub(in crate::capi) fn on_context<T>(
    here: &Here,
    context: wsrs_context,
    near: impl FnOnce(&Ctx) -> Result<T, Fault>,
    far: impl FnOnce(&Shared) -> Result<T, Fault>,
) -> Result<T, Fault> {
    match find(here, Kind::Context, context.id)? {
        Place::Near(ctx) => near(&ctx),
        Place::Far(shared) => far(&shared),
    }
}

/// The loop's name of a connection.
#[inline(always)]
pub(in crate::capi) fn conn_id(conn: wsrs_conn) -> ConnId {
    ConnId { slot: handle::object(conn.id), generation: handle::generation(conn.id) }
}

/// The context that this thread remembers, if the handle is of one of its connections.
#[inline(always)]
pub(in crate::capi) fn recall(here: &Here, id: u64) -> Option<&Ctx> {
    let ctx = here.recall(id >> PREFIX_SHIFT)?;
    // SAFETY: `here` remembers only contexts of this thread's list, which it forgets before they
    // leave it. Nothing leaves the list during the borrow: only free does that, which needs C code to run, and C code
    // runs only in turns, which hold their context by an Rc of their own.
    Some(unsafe { &*ctx.cast::<Ctx>() })
}

/// The next call about a connection of this context finds it at once. It must be of this thread and healthy.
pub(super) fn remember(here: &Here, ctx: &Ctx) {
    here.remember(ctx.conn_prefix, std::ptr::from_ref(ctx).cast());
}

/// Where a context is, seen from this thread.
pub(super) enum Place {
    /// This thread runs it.
    Near(Rc<Ctx>),
    /// Another thread runs it, or none.
    Far(Arc<Shared>),
}

/// What every thread may use of the context of a handle.
pub(in crate::capi) fn shared(here: &Here, kind: Kind, id: u64) -> Result<Arc<Shared>, Fault> {
    Ok(match find(here, kind, id)? {
        Place::Near(ctx) => ctx.shared.clone(),
        Place::Far(shared) => shared,
    })
}

/// Finds the context of a handle that must be of this kind.
#[cold]
#[inline(never)]
pub(super) fn find(here: &Here, kind: Kind, id: u64) -> Result<Place, Fault> {
    if !handle::is(kind, id) {
        return Err(Fault::argument("not a handle of this kind"));
    }
    let Some(ctx) = bound(id) else {
        let shared = registry::shared(id)?;
        shared.check()?;
        return Ok(Place::Far(shared));
    };
    ctx.check()?;
    remember(here, &ctx);
    Ok(Place::Near(ctx))
}

/// The context of a handle, if this thread runs it, in whatever state.
pub(super) fn bound(id: u64) -> Option<Rc<Ctx>> {
    let of_slot = |list: &Bound| list.0.borrow().iter().find(|ctx| ctx.slot == handle::context(id)).cloned();
    let ctx = BOUND.try_with(of_slot).ok().flatten()?;
    (!handle::is(Kind::Context, id) || ctx.generation == handle::generation(id)).then_some(ctx)
}

/// A context for the duration of one call: bound to this thread, or lent by the registry.
pub(in crate::capi) enum Visit {
    /// This thread runs it.
    Bound(Rc<Ctx>),
    /// No thread does.
    Lent(Option<Box<Ctx>>),
}

/// The context of a handle for a call that only the loop's thread may do.
pub(in crate::capi) fn visit(here: &Here, kind: Kind, id: u64) -> Result<Visit, Fault> {
    match find(here, kind, id)? {
        Place::Near(ctx) => Ok(Visit::Bound(ctx)),
        Place::Far(_) => Ok(Visit::Lent(Some(registry::take(id)?))),
    }
}

/// The context and the loop's name of a connection, for a call that only the loop's thread may do.
pub(in crate::capi) fn visit_conn(here: &Here, conn: wsrs_conn) -> Result<(Visit, ConnId), Fault> {
    Ok((visit(here, Kind::Conn, conn.id)?, conn_id(conn)))
}

impl Deref for Visit {
    type Target = Ctx;

    fn deref(&self) -> &Ctx {
        match self {
            Visit::Bound(ctx) => ctx,
            Visit::Lent(Some(ctx)) => ctx,
            Visit::Lent(None) => unreachable!("taken only by drop"),
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Visit::Lent(ctx) = self {
            ctx.take().into_iter().for_each(registry::put_back);
        }
    }
}

/// Makes this thread the one that runs a context, in whatever state it is.
pub(super) fn bind(id: u64) -> Result<Rc<Ctx>, Fault> {
    if !handle::is(Kind::Context, id) {
        return Err(Fault::argument("not the handle of a context"));
    }
    if let Some(ctx) = bound(id) {
        return if ctx.forked() { Err(FORKED) } else { Ok(ctx) };
    }
    let ctx: Rc<Ctx> = Rc::from(registry::take(id)?);
    match BOUND.try_with(|list| list.0.borrow_mut().push(ctx.clone())) {
        Ok(()) => Ok(ctx),
        Err(_) => {
            Rc::into_inner(ctx).into_iter().for_each(|ctx| registry::put_back(Box::new(ctx)));
            Err(Fault::Call(WSRS_ERR_THREAD, "the thread is ending"))
        }
    }
}

/// As [`bind`] for a call after which the context is gone; works in a thread whose list is gone already, as in exit
/// handlers.
pub(super) fn bind_to_free(id: u64) -> Result<Rc<Ctx>, Fault> {
    match bind(id) {
        Err(Fault::Call(WSRS_ERR_THREAD, _)) if BOUND.try_with(|_| ()).is_err() => Ok(Rc::from(registry::take(id)?)),
        other => other,
    }
}

/// The context leaves this thread for good; its last owner drops it.
pub(super) fn unbind(here: &Here, ctx: &Ctx) {
    here.forget();
    let removed = BOUND.try_with(|list| {
        let mut list = list.0.borrow_mut();
        let index = list.iter().position(|known| known.slot == ctx.slot);
        index.map(|index| list.swap_remove(index))
    });
    drop(removed);
}

/// In the child of a fork nothing may be found without asking the registry.
pub(super) fn forget_after_fork() {
    with_here(Here::forget);
}
