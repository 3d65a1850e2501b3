//! wsrs_conn_accept, _respond, _defer: answering a client's request.

use super::message::{self, wsrs_header};
use super::result::*;
use super::state::thread::visit_conn;
use super::state::{Fault, export};
use super::types::wsrs_conn;
use crate::boundary::pointer::bytes;
use std::ffi::{c_char, c_void};

/// Accepts a request; on_open follows. subprotocol must be one that the client offers; NULL lets the listener's options
/// choose. headers are added to the answer. All is copied.
///
/// Loop thread, in on_request or after wsrs_conn_defer. Returns WSRS_OK; WSRS_ERR_STATE when it was answered already or
/// asks for no upgrade; WSRS_ERR_HEADER, also for a subprotocol that was not offered; WSRS_ERR_ARGUMENT;
/// WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - subprotocol is NULL or NUL-terminated.
/// - headers points to count headers with valid texts, or is NULL with count 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_accept(
    conn: wsrs_conn,
    subprotocol: *const c_char,
    headers: *const wsrs_header,
    count: usize,
) -> wsrs_result {
    export("wsrs_conn_accept", conn.id, |here| {
        // SAFETY: promised by the caller.
        let headers = unsafe { message::headers(headers, count) }?;
        let subprotocol = match subprotocol.is_null() {
            true => None,
            // SAFETY: promised by the caller.
            false => Some(unsafe { message::utf8(subprotocol, WSRS_ERR_HEADER) }?),
        };
        let (ctx, id) = visit_conn(here, conn)?;
        Ok(ctx.net.borrow_mut().accept(id, subprotocol, &headers)?)
    })
}

/// Answers a request with an HTTP status from 200 to 599 instead of an upgrade; the connection ends after it: on_close with
/// code 0, no on_open. The library adds Content-Length and "Connection: close", and leaves the body out for HEAD; with 204
/// and 304 there can't be one (WSRS_ERR_ARGUMENT). All is copied.
///
/// Loop thread, in on_request or after wsrs_conn_defer. Returns WSRS_OK; WSRS_ERR_STATE when it was answered already;
/// WSRS_ERR_HEADER; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - headers points to count headers with valid texts, or is NULL with count 0.
/// - body is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_respond(
    conn: wsrs_conn,
    status: i32,
    headers: *const wsrs_header,
    count: usize,
    body: *const c_void,
    len: usize,
) -> wsrs_result {
    export("wsrs_conn_respond", conn.id, |here| {
        let status = u16::try_from(status).map_err(|_| Fault::argument("no HTTP status"))?;
        // SAFETY: promised by the caller.
        let (headers, body) = unsafe { (message::headers(headers, count)?, bytes(body.cast(), len)?) };
        let (ctx, id) = visit_conn(here, conn)?;
        Ok(ctx.net.borrow_mut().respond(id, status, &headers, body)?)
    })
}

/// Leaves a request undecided when on_request returns; wsrs_conn_accept or wsrs_conn_respond must follow before the
/// handshake's deadline (handshake_timeout_ms). The request's headers stay until on_open has returned.
///
/// When the client goes away first, on_error follows, and answering gives WSRS_ERR_CLOSED.
///
/// Loop thread, in on_request. Returns WSRS_OK; WSRS_ERR_STATE when it was answered already; WSRS_ERR_ARGUMENT;
/// WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_defer(conn: wsrs_conn) -> wsrs_result {
    export("wsrs_conn_defer", conn.id, |here| {
        let (ctx, id) = visit_conn(here, conn)?;
        Ok(ctx.net.borrow_mut().defer(id)?)
    })
}
