//! wsrs: a WebSocket library (RFC 6455) for C programs.
//!
//! The crate is built as `libwsrs.so` and `libwsrs.a`; `include/wsrs.h` is generated from `capi`.
//! Layers, and who may import whom (`tests/layers.rs` enforces it):
//!
//! ```text
//! proto     the protocol without I/O: bytes in, steps out; no sockets, no clock, no randomness
//! net       the mio event loop: sockets, deadlines, queues; pulled, knows nothing of C
//! boundary  what makes calls from C safe: guard, pointers, sized structs, handles
//! names     addresses of a name, used by net
//! simd      vector code picked at run time, used by proto
//! zlib      inflating, used by proto
//! sync      mutexes and atomics of what threads share, used by net, boundary and capi
//! capi      the wsrs_* functions; the only place that calls back into C
//!
//! proto <- net <- capi        (boundary serves capi)
//! ```
//!
//! A received byte: `net::context` (poll) -> `net::reading` -> `net::transport` -> `proto::connection` -> event ->
//! `capi::dispatch` -> the program.
//!
//! A sent message: the program -> `capi::conn` -> `net::commands` -> `net::send` -> `proto::frame` -> `net::outbox` ->
//! `net::transport`. From another thread it comes through `net::wake` and `net::delivery`.

pub mod boundary;
pub mod capi;
mod names;
pub mod net;
pub mod proto;
mod simd;
mod sync;
mod zlib;
