//! wsrs_listener_*.

use super::result::*;
use super::state::thread::{Visit, visit};
use super::state::{Fault, export};
use super::types::wsrs_listener;
use crate::boundary::guard::Here;
use crate::boundary::handle::{self, Kind as Of};
use crate::boundary::pointer::{Out, optional_out, out, write_text};
use crate::net::ListenerId;
use crate::net::event::SocketName;
use std::ffi::c_char;

/// A buffer of this size is large enough for every address, with its NUL.
pub const WSRS_ADDRESS_MAX: usize = 128;

/// Takes no more connections; those it took stay.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED when it is closed; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD;
/// WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_listener_close(listener: wsrs_listener) -> wsrs_result {
    export("wsrs_listener_close", listener.id, |here| {
        let (ctx, id) = of(here, listener)?;
        Ok(ctx.net.borrow_mut().close_listener(id)?)
    })
}

/// Where it listens, as text: "127.0.0.1:40123", "unix:/run/x.sock". Written to buffer with a NUL; len, if not NULL,
/// gets the length without it.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also when capacity is too small (WSRS_ADDRESS_MAX never is);
/// WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - buffer is writable for capacity bytes.
/// - len is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_listener_address(
    listener: wsrs_listener,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> wsrs_result {
    export("wsrs_listener_address", listener.id, |here| {
        let place = optional_out(len)?;
        let (ctx, id) = of(here, listener)?;
        let name = ctx.net.borrow().listener_address(id)?;
        // SAFETY: promised by the caller.
        unsafe { write_address(&name, buffer, capacity, place) }
    })
}

/// The port it listens on, which the system chose when the address said 0.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_NOT_FOUND for a Unix socket; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to a uint16_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_listener_port(listener: wsrs_listener, out: *mut u16) -> wsrs_result {
    export("wsrs_listener_port", listener.id, |here| {
        let place = self::out(out)?;
        let (ctx, id) = of(here, listener)?;
        let SocketName::Tcp(address) = ctx.net.borrow().listener_address(id)? else {
            return Err(Fault::Call(WSRS_ERR_NOT_FOUND, "a Unix socket has no port"));
        };
        // SAFETY: promised by the caller.
        unsafe { place.write(address.port()) };
        Ok(())
    })
}

/// Writes an address as text.
///
/// # Safety
/// `buffer` is NULL or writable for `capacity` bytes, the place of `len` is NULL or writable.
pub(super) unsafe fn write_address(
    name: &SocketName,
    buffer: *mut c_char,
    capacity: usize,
    len: Out<usize>,
) -> Result<(), Fault> {
    let text = name.to_string();
    // SAFETY: promised by the caller.
    unsafe {
        write_text(buffer, capacity, &text)?;
        len.write(text.len());
    }
    Ok(())
}

fn of(here: &Here, listener: wsrs_listener) -> Result<(Visit, ListenerId), Fault> {
    let id = ListenerId { slot: handle::object(listener.id), generation: handle::generation(listener.id) };
    Ok((visit(here, Of::Listener, listener.id)?, id))
}
