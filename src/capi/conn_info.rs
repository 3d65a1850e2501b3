//! wsrs_conn_*: what is known of a connection: its user data, addresses, request or answer.
//!
//! What these functions point C to lies in the loop, in heads that are stored apart and never moved or changed. The
//! loop frees them only when it is asked for its next event, or when the connection ends in a later turn, so a pointer
//! read during a callback stays valid during it.

use super::deflate::wsrs_deflate_info;
use super::listener::write_address;
use super::message::wsrs_header;
use super::result::*;
use super::state::thread::visit_conn;
use super::state::{Ctx, Fault, export};
use super::types::{wsrs_conn, wsrs_context};
use crate::boundary::pointer::{Out, c_str, optional_out, out, sized_out};
use crate::net::event::SocketName;
use crate::net::{self, ConnId, Error};
use crate::proto::http1::Head;
use std::ffi::{c_char, c_void};

/// Sets the user data that the connection's callbacks get from now on. The library never reads what it points to.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_set_user_data(conn: wsrs_conn, user_data: *mut c_void) -> wsrs_result {
    export("wsrs_conn_set_user_data", conn.id, |here| {
        let (ctx, id) = visit_conn(here, conn)?;
        Ok(ctx.net.borrow_mut().set_user_data(id, user_data as usize)?)
    })
}

/// The connection's user data.
///
/// Loop thread. Returns as wsrs_conn_set_user_data.
///
/// # Safety
/// - out points to a void *.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_user_data(conn: wsrs_conn, out: *mut *mut c_void) -> wsrs_result {
    export("wsrs_conn_user_data", conn.id, |here| {
        let place = self::out(out)?;
        let (ctx, id) = visit_conn(here, conn)?;
        let word = ctx.net.borrow().user_data(id)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(word as *mut c_void) };
        Ok(())
    })
}

/// How messages are compressed, by what was agreed on.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a connection without compression; WSRS_ERR_NOT_OPEN before on_open;
/// WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - info points to a wsrs_deflate_info that WSRS_DEFLATE_INFO_INIT initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_deflate(conn: wsrs_conn, info: *mut wsrs_deflate_info) -> wsrs_result {
    export("wsrs_conn_deflate", conn.id, |here| {
        // SAFETY: promised by the caller.
        let place = unsafe { sized_out(info) }?;
        let (ctx, id) = visit_conn(here, conn)?;
        let agreed = ctx.net.borrow().deflate(id)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(agreed.into()) };
        Ok(())
    })
}

/// The context of a connection.
///
/// Loop thread. Returns as wsrs_conn_set_user_data.
///
/// # Safety
/// - out points to a wsrs_context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_context(conn: wsrs_conn, out: *mut wsrs_context) -> wsrs_result {
    export("wsrs_conn_context", conn.id, |here| {
        let place = self::out(out)?;
        let (ctx, id) = visit_conn(here, conn)?;
        // A context that came later may have the place of this connection's.
        ctx.net.borrow().user_data(id)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(ctx.handle()) };
        Ok(())
    })
}

/// This end's address as text, like wsrs_listener_address.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also when capacity is too small (WSRS_ADDRESS_MAX never is);
/// WSRS_ERR_NOT_OPEN before TCP is connected; WSRS_ERR_CLOSED, also in on_close and on_error, or when the peer is gone;
/// WSRS_ERR_SYSTEM; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - buffer is writable for capacity bytes.
/// - len is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_local_address(
    conn: wsrs_conn,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe { address("wsrs_conn_local_address", conn, (buffer, capacity, len), net::Context::local_address) }
}

/// The peer's address as text, like wsrs_listener_address.
///
/// Loop thread. Returns as wsrs_conn_local_address.
///
/// # Safety
/// - buffer is writable for capacity bytes.
/// - len is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_peer_address(
    conn: wsrs_conn,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe { address("wsrs_conn_peer_address", conn, (buffer, capacity, len), net::Context::peer_address) }
}

/// # Safety
/// The buffer is writable for the capacity beside it, the place of the length is NULL or writable.
unsafe fn address(
    function: &'static str,
    conn: wsrs_conn,
    (buffer, capacity, len): (*mut c_char, usize, *mut usize),
    which: fn(&net::Context, ConnId) -> net::Result<SocketName>,
) -> wsrs_result {
    export(function, conn.id, |here| {
        let place = optional_out(len)?;
        let (ctx, id) = visit_conn(here, conn)?;
        let name = which(&ctx.net.borrow(), id)?;
        // SAFETY: promised by the caller.
        unsafe { write_address(&name, buffer, capacity, place) }
    })
}

/// Servers: the request's path, as wsrs_request has it. Not NUL-terminated; owned by the context, until on_open has
/// returned or with keep_request until the connection is gone.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND when it is not kept, or for a client's connection; WSRS_ERR_CLOSED;
/// WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - data points to a const char *, len to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_path(conn: wsrs_conn, data: *mut *const c_char, len: *mut usize) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe { text("wsrs_conn_path", conn, (data, len), |net, id| Ok(net.request(id)?.path().as_bytes())) }
}

/// Servers: the request's query, what follows the first question mark. As wsrs_conn_path.
///
/// Loop thread. Returns as wsrs_conn_path; WSRS_ERR_NOT_FOUND also when the request has none.
///
/// # Safety
/// - data points to a const char *, len to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_query(conn: wsrs_conn, data: *mut *const c_char, len: *mut usize) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe {
        text("wsrs_conn_query", conn, (data, len), |net, id| {
            Ok(net.request(id)?.query().ok_or(Error::NotFound)?.as_bytes())
        })
    }
}

/// The subprotocol that was agreed on. Not NUL-terminated; owned by the context, until the connection is gone.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND when none was, or not yet; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - data points to a const char *, len to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_subprotocol(
    conn: wsrs_conn,
    data: *mut *const c_char,
    len: *mut usize,
) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe {
        text("wsrs_conn_subprotocol", conn, (data, len), |net, id| {
            Ok(net.subprotocol(id)?.ok_or(Error::NotFound)?.as_bytes())
        })
    }
}

/// The value of the first header with this name, in upper or lower case: of the request (servers) or of the answer
/// (clients). Not NUL-terminated; owned by the context, until on_open has returned or with keep_request or
/// keep_response until the connection is gone.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND when there is none, or nothing is kept; WSRS_ERR_CLOSED;
/// WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - name is NUL-terminated.
/// - value points to a const char *, len to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_header(
    conn: wsrs_conn,
    name: *const c_char,
    value: *mut *const c_char,
    len: *mut usize,
) -> wsrs_result {
    export("wsrs_conn_header", conn.id, |here| {
        let places = (out(value)?, out(len)?);
        // SAFETY: promised by the caller.
        let name = unsafe { c_str(name) }?;
        // A name that is not ASCII is no header's name.
        let name = std::str::from_utf8(name).map_err(|_| Error::NotFound)?;
        let (ctx, id) = visit_conn(here, conn)?;
        let net = ctx.net.borrow();
        let found = head(&net, id)?.header(name).ok_or(Error::NotFound)?;
        // SAFETY: promised by the caller.
        unsafe { write_bytes(found, places) };
        Ok(())
    })
}

/// The header at a place, counted from 0, in the order in which they came: as wsrs_conn_header. What the members of out
/// point to is owned by the context, as long as there.
///
/// Loop thread. Returns as wsrs_conn_header; WSRS_ERR_NOT_FOUND also past the last.
///
/// # Safety
/// - out points to a wsrs_header.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_header_at(conn: wsrs_conn, index: usize, out: *mut wsrs_header) -> wsrs_result {
    export("wsrs_conn_header_at", conn.id, |here| {
        let place = self::out(out)?;
        let (ctx, id) = visit_conn(here, conn)?;
        let net = ctx.net.borrow();
        let (name, value) = head(&net, id)?.header_at(index).ok_or(Error::NotFound)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_header::new(name, value)) };
        Ok(())
    })
}

/// The head of the request of a server connection, or of the answer to a client connection.
fn head(net: &net::Context, id: ConnId) -> net::Result<&Head> {
    match net.request(id) {
        Ok(request) => Ok(request.head()),
        Err(Error::NotFound) => Ok(net.response(id)?.head()),
        Err(error) => Err(error),
    }
}

/// # Safety
/// Both places are NULL or writable.
unsafe fn text(
    function: &'static str,
    conn: wsrs_conn,
    (data, len): (*mut *const c_char, *mut usize),
    which: for<'n> fn(&'n net::Context, ConnId) -> net::Result<&'n [u8]>,
) -> wsrs_result {
    export(function, conn.id, |here| {
        let places = (out(data)?, out(len)?);
        let (ctx, id): (_, ConnId) = visit_conn(here, conn)?;
        let ctx: &Ctx = &ctx;
        let net = ctx.net.borrow();
        // SAFETY: promised by the caller.
        unsafe { write_bytes(which(&net, id)?, places) };
        Ok::<(), Fault>(())
    })
}

/// # Safety
/// Both places are writable.
unsafe fn write_bytes(bytes: &[u8], (data, len): (Out<*const c_char>, Out<usize>)) {
    // SAFETY: promised by the caller.
    unsafe {
        data.write(bytes.as_ptr().cast());
        len.write(bytes.len());
    }
}
