//! wsrs_conn_timings: how long each part of making a connection took.

use super::result::*;
use super::state::export;
use super::state::thread::visit_conn;
use super::types::wsrs_conn;
use crate::boundary::pointer::{Sized0, sized_out};
use crate::net::Timings;
use std::time::Duration;

/// How long each part of making a client connection took, in microseconds. 0 for what it did not need, or did not come
/// to; the part in which it failed counts up to there.
///
/// Functions: wsrs_conn_timings.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_timings {
    /// sizeof(wsrs_timings); WSRS_TIMINGS_INIT sets it.
    pub size: usize,
    /// Looking up the name, until the first address was tried.
    pub resolve: u64,
    /// From then until TCP was connected, whichever address that was.
    pub connect: u64,
    /// Asking the proxy.
    pub proxy: u64,
    /// The TLS handshake.
    pub tls: u64,
    /// The HTTP upgrade.
    pub upgrade: u64,
    /// All of it, until the connection was open or failed.
    pub total: u64,
}

// SAFETY: repr(C), begins with its size, integers only.
unsafe impl Sized0 for wsrs_timings {
    const FIRST: usize = size_of::<[u64; 7]>();
}

/// Clients: how long each part of making the connection took. Works from on_open on, and in on_error. out is initialised
/// by WSRS_TIMINGS_INIT; members that this library does not know become 0.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a server's connection; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to a wsrs_timings whose first member is its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_timings(conn: wsrs_conn, out: *mut wsrs_timings) -> wsrs_result {
    export("wsrs_conn_timings", conn.id, |here| {
        // SAFETY: promised by the caller.
        let place = unsafe { sized_out(out) }?;
        let (ctx, id) = visit_conn(here, conn)?;
        let Timings { resolve, connect, proxy, tls, upgrade, total } = ctx.net.borrow().timings(id)?;
        let micros = |time: Duration| time.as_micros() as u64;
        // SAFETY: promised by the caller.
        unsafe {
            place.write(wsrs_timings {
                size: 0,
                resolve: micros(resolve),
                connect: micros(connect),
                proxy: micros(proxy),
                tls: micros(tls),
                upgrade: micros(upgrade),
                total: micros(total),
            })
        };
        Ok(())
    })
}
