//! What stands behind the handles: the context object, where it is, and how a call finds it.
//!
//! A context object is at any time in one place: in the [`registry`] while no thread runs it, in the list of its
//! thread ([`thread`]) from the first poll on, or lent to one call. [`find`](thread::find) says where. [`turn`] runs
//! it and calls the program back; [`report`] turns what went wrong into a result and a log line.

pub(super) mod ctx;
pub(super) mod fault;
#[cfg(all(test, loom))]
mod models;
#[cfg(test)]
mod panics;
mod places;
pub(super) mod registry;
pub(super) mod report;
pub(super) mod stop;
pub(super) mod thread;
pub(super) mod turn;

pub(super) use ctx::Ctx;
pub(super) use fault::Fault;
pub(super) use report::{Caller, export, export_any, last_error, poison};
