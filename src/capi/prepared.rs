//! wsrs_prepared_* and wsrs_conn_send_prepared: messages that are made once for many connections.
//!
//! A prepared message belongs to no context: the registry holds it, as it holds TLS endpoints.

use super::result::*;
use super::state::thread::on_conn;
use super::state::{export_any, registry};
use super::types::{outgoing, wsrs_conn, wsrs_prepared};
use crate::boundary::pointer::{bytes, out};
use crate::net::Prepared;
use std::ffi::c_void;

/// Prepares a message for any number of connections of any context: it is framed once, and compressed once for each
/// combination of level, memory level and window that they have, when first sent so. type and data are as for
/// wsrs_conn_send. data is copied.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_UTF8; WSRS_ERR_ARGUMENT; WSRS_ERR_LIMIT.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
/// - prepared points to a wsrs_prepared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_prepared_new(
    r#type: i32,
    data: *const c_void,
    len: usize,
    prepared: *mut wsrs_prepared,
) -> wsrs_result {
    export_any("wsrs_prepared_new", 0, |_| {
        let place = out(prepared)?;
        // SAFETY: promised by the caller.
        let (how, data) = (outgoing(r#type)?, unsafe { bytes(data.cast(), len) }?);
        let id = registry::add(Prepared::new(how, data)?)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_prepared { id }) };
        Ok(())
    })
}

/// Frees a prepared message. What was sent of it is still sent.
///
/// Any thread. Returns WSRS_OK, also when it is gone already; WSRS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_prepared_free(prepared: wsrs_prepared) -> wsrs_result {
    export_any("wsrs_prepared_free", 0, |_| registry::remove::<Prepared>(prepared.id))
}

/// Sends a prepared message, as wsrs_conn_send does: nothing of it is copied on a server's connection, while a client masks
/// every frame. Where it goes compressed, our compressor begins anew after it; where it would become no smaller, it goes as
/// it is.
///
/// Any thread. Returns as wsrs_conn_send; WSRS_ERR_CLOSED also for a message that was freed.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_send_prepared(conn: wsrs_conn, prepared: wsrs_prepared) -> wsrs_result {
    export_any("wsrs_conn_send_prepared", conn.id, |here| {
        let prepared = registry::get::<Prepared>(prepared.id)?;
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().send_prepared(id, &prepared)?),
            |shared, id| Ok(shared.door.send_prepared(id, prepared.clone())?),
        )
    })
}
