//! What makes calls from C safe, for every C surface of the crate: the guard that keeps panics in, the checks of
//! pointers that C hands over, the layout of handles.
//!
//! Invariants: no panic leaves [`guard::guard`]; a pointer is read only after it was checked for NULL and for a
//! possible length; `from_raw_parts`, `Box::from_raw` and `catch_unwind` occur nowhere else.

pub mod guard;
pub mod handle;
pub mod pointer;
