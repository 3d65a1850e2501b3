//! The wsrs_* functions: the C API, and the only place that calls back into C.
//!
//! One file per C noun, in the order in which `include/wsrs.h` lists them; that header is generated from the comments
//! here (`tests/header.rs`), so they speak to C programmers. `state` is what stands behind the handles.
//!
//! Every export is one [`state::export`]: guard, find the context, call the loop. What the program gave is checked
//! before the context is looked up; results are written only when all went well.

#![allow(non_camel_case_types)]

pub mod callbacks;
pub mod conn;
pub mod conn_info;
pub mod context;
pub mod deflate;
pub mod limits;
pub mod listener;
pub mod log;
pub mod message;
pub mod objects;
pub mod options;
pub mod prepared;
pub mod request;
pub mod result;
pub mod stats;
pub mod timer;
pub mod timings;
pub mod tls;
pub mod types;
pub mod version;

mod dispatch;
mod state;
