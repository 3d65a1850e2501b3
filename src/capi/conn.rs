//! wsrs_conn_*: sending, ending, and the flow of a connection. Most of it works from any thread: on the loop's thread
//! at once, elsewhere through the context's door.

use super::message::{self, utf8, wsrs_header, wsrs_slice};
use super::result::*;
use super::state::thread::{conn_id, on_conn, recall, visit_conn};
use super::state::{Caller, Fault, export, export_any, poison};
use super::types::{WSRS_BINARY, WSRS_STATE_CLOSED, kind, outgoing, state_number, wsrs_conn};
use crate::boundary::guard::guard;
use crate::boundary::pointer::{bytes, c_str, items, out};
use crate::proto::message::Kind;
use std::ffi::{c_char, c_void};

/// Sends a whole message. type is WSRS_TEXT, whose bytes must be UTF-8, or WSRS_BINARY; with WSRS_UNCOMPRESSED added it
/// is sent as it is. data is borrowed for the call: it is never modified and not needed after. On the loop's thread it
/// is written at once as far as the network takes it, or with what else this callback sends; from other threads it is
/// queued and the loop is woken.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_AGAIN when the queue is full (high_water): nothing was queued, on_drain follows;
/// WSRS_ERR_NOT_OPEN before on_open; WSRS_ERR_CLOSED; WSRS_ERR_UTF8; WSRS_ERR_STATE inside a fragmented message;
/// WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED. From other threads WSRS_OK means queued: it is dropped when the connection closes
/// meanwhile, or is inside a fragmented message then.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send(conn: wsrs_conn, r#type: i32, data: *const c_void, len: usize) -> wsrs_result {
    // SAFETY: promised by the caller, as for the other.
    match unsafe { send_plain(conn, r#type, data, len) } {
        Ok(true) => WSRS_OK,
        // SAFETY: as above.
        Ok(false) => unsafe { send_otherwise(conn, r#type, data, len) },
        Err(panic) => poison("wsrs_conn_send", conn.id, Caller::AnyThread, &panic),
    }
}

/// Sends bytes as a whole message, as wsrs_conn_send does with WSRS_BINARY.
///
/// Any thread. Returns as wsrs_conn_send.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send_binary(conn: wsrs_conn, data: *const c_void, len: usize) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe { wsrs_conn_send(conn, WSRS_BINARY, data, len) }
}

/// Every send that is not plain, apart so that the plain ones pay nothing for it.
///
/// # Safety
/// As wsrs_conn_send.
#[inline(never)]
unsafe fn send_otherwise(conn: wsrs_conn, r#type: i32, data: *const c_void, len: usize) -> wsrs_result {
    export_any("wsrs_conn_send", conn.id, |here| {
        // SAFETY: promised by the caller.
        let (how, data) = (outgoing(r#type)?, unsafe { bytes(data.cast(), len) }?);
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().send(id, how, data)?),
            |shared, id| Ok(shared.door.send(id, how, data.to_vec())?),
        )
    })
}

/// What nearly every send is, with nothing on the way but what it needs: right in every respect, and from a callback of
/// the connection's context. False has changed nothing; an error is a panic's text.
///
/// # Safety
/// As wsrs_conn_send.
#[inline(always)]
unsafe fn send_plain(conn: wsrs_conn, r#type: i32, data: *const c_void, len: usize) -> Result<bool, String> {
    guard(|here| {
        // SAFETY: promised by the caller.
        let (Ok(kind), Ok(data)) = (kind(r#type), unsafe { bytes(data.cast(), len) }) else { return false };
        let Some(ctx) = recall(here, conn.id) else { return false };
        ctx.net.try_borrow_mut().is_ok_and(|mut net| net.send_plain(conn_id(conn), kind, data))
    })
}

/// Sends a NUL-terminated text as a whole message, as wsrs_conn_send does. text is borrowed for the call.
///
/// Any thread. Returns as wsrs_conn_send.
///
/// # Safety
/// - text is NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send_text(conn: wsrs_conn, text: *const c_char) -> wsrs_result {
    export_any("wsrs_conn_send_text", conn.id, |here| {
        // SAFETY: promised by the caller.
        let text = unsafe { c_str(text) }?;
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().send(id, Kind::Text, text)?),
            |shared, id| Ok(shared.door.send(id, Kind::Text, text.to_vec())?),
        )
    })
}

/// Sends a whole message that lies in several pieces, as wsrs_conn_send does. parts and what they point to are borrowed
/// for the call. At most 1,024 pieces.
///
/// Any thread. Returns as wsrs_conn_send.
///
/// # Safety
/// - parts points to count pieces, each readable for its length, or is NULL with count 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send_gathered(
    conn: wsrs_conn,
    r#type: i32,
    parts: *const wsrs_slice,
    count: usize,
) -> wsrs_result {
    export_any("wsrs_conn_send_gathered", conn.id, |here| {
        let how = outgoing(r#type)?;
        // SAFETY: promised by the caller.
        let parts = unsafe { items(parts, count) }?;
        if parts.len() > 1024 {
            return Err(Fault::argument("more than 1,024 pieces"));
        }
        // SAFETY: promised by the caller.
        let piece = |part: &wsrs_slice| unsafe { bytes(part.data.cast(), part.len) };
        let pieces: Vec<&[u8]> = parts.iter().map(piece).collect::<Result<_, _>>()?;
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().send_gathered(id, how, &pieces)?),
            |shared, id| Ok(shared.door.send(id, how, pieces.concat())?),
        )
    })
}

/// Sends one frame of a message; last is not 0 for the one that ends it. All frames of a message have the same type;
/// WSRS_UNCOMPRESSED counts in the first. A text may be cut inside a character; all frames together must be UTF-8.
/// Until the last, no other message can be sent, from whichever thread; pings and pongs can. data is borrowed for the
/// call.
///
/// Any thread, but one message from one thread. Returns as wsrs_conn_send; WSRS_ERR_STATE when the type differs from the
/// first frame's; WSRS_ERR_UTF8 when what was sent so far can't be UTF-8 any more: this frame was not sent then.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send_fragment(
    conn: wsrs_conn,
    r#type: i32,
    data: *const c_void,
    len: usize,
    last: i32,
) -> wsrs_result {
    export_any("wsrs_conn_send_fragment", conn.id, |here| {
        // SAFETY: promised by the caller.
        let (how, data) = (outgoing(r#type)?, unsafe { bytes(data.cast(), len) }?);
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().send_fragment(id, how, data, last != 0)?),
            |shared, id| Ok(shared.door.send_fragment(id, how, data.to_vec(), last != 0)?),
        )
    })
}

/// Sends a ping; on_pong tells of the answer. The library pings silent peers on its own (ping_interval_ms). data is
/// borrowed for the call.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_TOO_LARGE above 125 bytes; WSRS_ERR_AGAIN, WSRS_ERR_NOT_OPEN, WSRS_ERR_CLOSED,
/// WSRS_ERR_ARGUMENT and WSRS_ERR_FORKED as wsrs_conn_send.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_ping(conn: wsrs_conn, data: *const c_void, len: usize) -> wsrs_result {
    export_any("wsrs_conn_ping", conn.id, |here| {
        // SAFETY: promised by the caller.
        let data = unsafe { bytes(data.cast(), len) }?;
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().ping(id, data)?),
            |shared, id| Ok(shared.door.ping(id, data)?),
        )
    })
}

/// Sends a pong that nobody asked for. Pings are answered by the library. data is borrowed for the call.
///
/// Any thread. Returns as wsrs_conn_ping.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_pong(conn: wsrs_conn, data: *const c_void, len: usize) -> wsrs_result {
    export_any("wsrs_conn_pong", conn.id, |here| {
        // SAFETY: promised by the caller.
        let data = unsafe { bytes(data.cast(), len) }?;
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().pong(id, data)?),
            |shared, id| Ok(shared.door.pong(id, data)?),
        )
    })
}

/// Starts the closing handshake, after what is queued; on_close follows. Messages that come meanwhile are dropped: a program
/// that waits for answers closes when they are there. code is 1000 to 1003, 1007 to 1011 or 3000 to
/// 4999, or 0 for a Close without code and reason. reason is UTF-8 of at most 123 bytes, len of them, borrowed for the
/// call. Before on_open it ends the attempt instead, and on_error follows. A connection with reconnect is not made again
/// after it, also where the peer had begun to close; while it waits for an attempt it ends at once.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED when it is closing already; WSRS_ERR_CLOSE_CODE; WSRS_ERR_TOO_LARGE;
/// WSRS_ERR_UTF8; WSRS_ERR_ARGUMENT, also for a reason without a code; WSRS_ERR_FORKED.
///
/// # Safety
/// - reason is readable for len bytes, or NULL with len 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_close(conn: wsrs_conn, code: i32, reason: *const c_char, len: usize) -> wsrs_result {
    export_any("wsrs_conn_close", conn.id, |here| {
        // SAFETY: promised by the caller.
        let reason = unsafe { bytes(reason.cast(), len) }?;
        let code =
            u16::try_from(code).map_err(|_| Fault::Call(WSRS_ERR_CLOSE_CODE, "a close code beyond 0 to 65535"))?;
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().close(id, code, reason)?),
            |shared, id| Ok(shared.door.close(id, code, reason)?),
        )
    })
}

/// Drops the connection at once: no Close frame, queued messages are lost. on_close or on_error follows.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_abort(conn: wsrs_conn) -> wsrs_result {
    export_any("wsrs_conn_abort", conn.id, |here| {
        on_conn(here, conn, |ctx, id| Ok(ctx.net.borrow_mut().abort(id)?), |shared, id| Ok(shared.door.abort(id)?))
    })
}

/// Changes where a connection with reconnect goes, from the attempt that follows on: only in its on_retry. url is as
/// wsrs_context_connect takes it; NULL: as before. headers take the place of all headers given before; NULL: as before.
/// Redirects don't change where the next attempt begins. Both are copied.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_STATE elsewhere; WSRS_ERR_URL; WSRS_ERR_HEADER; WSRS_ERR_SYSTEM without random
/// numbers; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - url is NULL or NUL-terminated.
/// - headers points to count headers, or is NULL with count 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_retarget(
    conn: wsrs_conn,
    url: *const c_char,
    headers: *const wsrs_header,
    count: usize,
) -> wsrs_result {
    export("wsrs_conn_retarget", conn.id, |here| {
        // SAFETY: promised by the caller.
        let url = unsafe { (!url.is_null()).then(|| utf8(url, WSRS_ERR_URL)).transpose()? };
        // SAFETY: as above.
        let given = unsafe { message::headers(headers, count) }?;
        let headers = (!headers.is_null()).then(|| message::owned(&given));
        let (ctx, id) = visit_conn(here, conn)?;
        Ok(ctx.net.borrow_mut().retarget(id, url, headers)?)
    })
}

/// Stops to receive, so that the peer is slowed down by TCP. A message that was received already may still come when
/// another thread calls this. Deadlines that need to hear from the peer rest meanwhile.
///
/// Any thread. Returns as wsrs_conn_abort.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_pause(conn: wsrs_conn) -> wsrs_result {
    pause("wsrs_conn_pause", conn, true)
}

/// Receives again.
///
/// Any thread. Returns as wsrs_conn_abort.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_resume(conn: wsrs_conn) -> wsrs_result {
    pause("wsrs_conn_resume", conn, false)
}

fn pause(function: &'static str, conn: wsrs_conn, paused: bool) -> wsrs_result {
    export_any(function, conn.id, |here| {
        on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().pause(id, paused)?),
            |shared, id| Ok(shared.door.pause(id, paused)?),
        )
    })
}

/// Asks for one on_drain as soon as the queue is low, at half of high_water, in the next poll if it is: for sending piece
/// by piece.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_NOT_OPEN; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD;
/// WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_request_drain(conn: wsrs_conn) -> wsrs_result {
    export("wsrs_conn_request_drain", conn.id, |here| {
        let (ctx, id) = visit_conn(here, conn)?;
        Ok(ctx.net.borrow_mut().request_drain(id)?)
    })
}

/// How many bytes are queued that the system did not take yet.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_buffered(conn: wsrs_conn, out: *mut usize) -> wsrs_result {
    export("wsrs_conn_buffered", conn.id, |here| {
        let place = self::out(out)?;
        let (ctx, id) = visit_conn(here, conn)?;
        let buffered = ctx.net.borrow().buffered(id)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(buffered) };
        Ok(())
    })
}

/// What the connection can do now: a WSRS_STATE_* constant. Never fails: what is gone or never was is
/// WSRS_STATE_CLOSED.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_conn_state(conn: wsrs_conn) -> i32 {
    let state = guard(|here| {
        on_conn(here, conn, |ctx, id| Ok(ctx.net.borrow().state(id)), |shared, id| Ok(shared.door.state(id)))
    });
    match state {
        Ok(Ok(state)) => state_number(state),
        Ok(Err(_)) | Err(_) => WSRS_STATE_CLOSED,
    }
}
