//! What is handed over in structs: pieces of memory and headers in both directions; messages, requests and ends to C.

use super::result::{WSRS_ERR_HEADER, wsrs_result};
use super::state::Fault;
use crate::boundary::pointer;
use std::ffi::{c_char, c_void};

/// A piece of memory.
///
/// Functions: wsrs_conn_send_gathered.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_slice {
    /// May be NULL when len is 0.
    pub data: *const c_void,
    /// In bytes.
    pub len: usize,
}

/// A header line of HTTP.
///
/// From the program, a length may be WSRS_NUL_TERMINATED; values are bytes without CR, LF and NUL. From the library,
/// texts are not NUL-terminated.
///
/// Functions: wsrs_conn_header_at, wsrs_conn_accept, wsrs_conn_respond, wsrs_context_connect (in its options).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_header {
    /// Upper and lower case are the same.
    pub name: *const c_char,
    /// In bytes.
    pub name_len: usize,
    /// Without white space around it.
    pub value: *const c_char,
    /// In bytes.
    pub value_len: usize,
}

/// A message, or in streaming mode a piece of one. Borrowed during the callback.
///
/// Given to: on_message.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_message {
    /// Of this struct. A newer library may append members; look at them only when they lie within.
    pub size: usize,
    /// WSRS_TEXT or WSRS_BINARY.
    pub r#type: i32,
    /// 1: begins a message.
    pub first: i32,
    /// 1: ends a message. Both are always 1 without streaming.
    pub last: i32,
    /// The bytes; not NUL-terminated; never NULL. A piece of a text may end inside a character.
    pub data: *const u8,
    /// In bytes.
    pub len: usize,
}

/// A client's request. Borrowed during the callback.
///
/// Given to: on_request. Functions: wsrs_conn_header and wsrs_conn_header_at for its headers; wsrs_conn_accept,
/// wsrs_conn_respond, wsrs_conn_defer to answer.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_request {
    /// Of this struct. A newer library may append members; look at them only when they lie within.
    pub size: usize,
    /// 1: asks for an upgrade to WebSocket; 0: anything else, which can only be answered by wsrs_conn_respond.
    pub upgrade: i32,
    /// Like "GET".
    pub method: *const c_char,
    /// In bytes.
    pub method_len: usize,
    /// The path of the target, as it was sent: percent-encoded; begins with a slash.
    pub path: *const c_char,
    /// In bytes.
    pub path_len: usize,
    /// The target after the first question mark, as it was sent; NULL without one.
    pub query: *const c_char,
    /// In bytes.
    pub query_len: usize,
    /// How many headers the request has.
    pub header_count: usize,
    /// The subprotocols offered, preferred first, as "chat, superchat"; NUL-terminated, empty when none is.
    pub subprotocols: *const c_char,
    /// In bytes, without the NUL.
    pub subprotocols_len: usize,
    /// The client's address, as wsrs_conn_peer_address gives it; NUL-terminated.
    pub peer: *const c_char,
    /// In bytes, without the NUL.
    pub peer_len: usize,
}

/// Why a connection never opened. Borrowed during the callback.
///
/// Given to: on_error; on_retry in wsrs_retry, on_close in wsrs_close.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_error {
    /// Of this struct. A newer library may append members; look at them only when they lie within.
    pub size: usize,
    /// WSRS_ERR_RESOLVE, _REFUSED, _UNREACHABLE, _TIMEOUT, _RESET, _HANDSHAKE, _REJECTED (see status), _TLS,
    /// _CERTIFICATE, _PROXY (see status), _CLOSED (this program closed it, stopped or freed the context), or another one
    /// of the system.
    pub result: wsrs_result,
    /// How far it came: a WSRS_STAGE_* constant.
    pub stage: i32,
    /// The errno of the system; 0 when it was not the system.
    pub system_errno: i32,
    /// The HTTP status that the server answered with, or the proxy at WSRS_STAGE_PROXY; below 100 the reply code of a
    /// SOCKS proxy. 0 without an answer.
    pub status: i32,
    /// One sentence with the address and the cause; NUL-terminated.
    pub text: *const c_char,
    /// In bytes, without the NUL.
    pub text_len: usize,
    /// The headers of that answer; NULL without one.
    pub headers: *const wsrs_header,
    /// How many.
    pub header_count: usize,
    /// Its body, as far as max_body allows; may be NULL.
    pub body: *const u8,
    /// In bytes.
    pub body_len: usize,
    /// The TLS alert (RFC 8446, section 6) that was received or sent; 0: none.
    pub tls_alert: i32,
}

/// How a connection ended that was open, or whose request was answered with a status. Borrowed during the callback.
///
/// Given to: on_close; on_retry in wsrs_retry.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_close {
    /// Of this struct. A newer library may append members; look at them only when they lie within.
    pub size: usize,
    /// From the peer's Close frame, or ours where it never sent one; 1005: a Close without code, 1006: no Close at all;
    /// 0: it never opened, since its request was answered with a status.
    pub code: i32,
    /// 1: both Close frames were exchanged.
    pub clean: i32,
    /// Who ended it: a WSRS_BY_* constant.
    pub by: i32,
    /// The words that came with the code: valid UTF-8, not NUL-terminated.
    pub reason: *const c_char,
    /// In bytes.
    pub reason_len: usize,
    /// 1: TCP ended without the end of TLS (close_notify) and before the peer's Close came: somebody on the way may have cut
    /// off what was still to come.
    pub truncated: i32,
    /// Why the last attempt failed, of a connection with reconnect that was open before and could not be made again; else
    /// NULL. code is 1006 then.
    pub error: *const wsrs_error,
}

/// A connection with reconnect was lost or could not be made, and another attempt follows. Borrowed during the callback.
///
/// Given to: on_retry. Functions: wsrs_conn_close, wsrs_conn_abort and wsrs_conn_retarget there.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_retry {
    /// Of this struct. A newer library may append members; look at them only when they lie within.
    pub size: usize,
    /// The number of the attempt that follows, in a row: from 1; it begins anew after stable_ms open.
    pub number: u32,
    /// Milliseconds until it begins, from when the callback returns.
    pub delay_ms: u32,
    /// How the connection ended that was open; NULL where the attempt failed.
    pub close: *const wsrs_close,
    /// Why the attempt failed; NULL where the connection was open. The status and headers of a refusal are in it.
    pub error: *const wsrs_error,
}

/// Instead of a length in a wsrs_header: the text ends at its first NUL. The header has it by hand, as `(size_t)-1`.
///
/// cbindgen:ignore
pub const WSRS_NUL_TERMINATED: usize = usize::MAX;

impl wsrs_header {
    /// A header in the library's memory.
    pub(super) fn new(name: &str, value: &[u8]) -> wsrs_header {
        wsrs_header {
            name: name.as_ptr().cast(),
            name_len: name.len(),
            value: value.as_ptr().cast(),
            value_len: value.len(),
        }
    }
}

/// The headers that C gives.
///
/// # Safety
/// `headers` is NULL or points to `count` headers whose texts are readable for their lengths, during `'a`.
pub(super) unsafe fn headers<'a>(headers: *const wsrs_header, count: usize) -> Result<Vec<(&'a str, &'a [u8])>, Fault> {
    // SAFETY: the caller's promise.
    let headers = unsafe { pointer::items(headers, count) }?;
    let pair = |header: &wsrs_header| {
        // SAFETY: the caller's promise, for both texts.
        let name = unsafe { text(header.name, header.name_len) }?;
        // SAFETY: as above.
        let value = unsafe { text(header.value, header.value_len) }?;
        let name = std::str::from_utf8(name).map_err(|_| Fault::Call(WSRS_ERR_HEADER, "a header name is not ASCII"))?;
        Ok((name, value))
    };
    headers.iter().map(pair).collect()
}

/// The library's own copy of them.
pub(super) fn owned(headers: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.to_vec())).collect()
}

/// # Safety
/// `data` is NULL, readable for `len` bytes, or with `WSRS_NUL_TERMINATED` a NUL-terminated string, during `'a`.
unsafe fn text<'a>(data: *const c_char, len: usize) -> Result<&'a [u8], Fault> {
    // SAFETY: the caller's promise, for either form.
    let text =
        unsafe { if len == WSRS_NUL_TERMINATED { pointer::c_str(data) } else { pointer::bytes(data.cast(), len) } };
    Ok(text?)
}

/// A configuration literal that C gives; `code` if it is not UTF-8.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that does not change during `'a`.
pub(super) unsafe fn utf8<'a>(text: *const c_char, code: wsrs_result) -> Result<&'a str, Fault> {
    // SAFETY: the caller's promise.
    let text = unsafe { pointer::c_str(text) }?;
    std::str::from_utf8(text).map_err(|_| Fault::Call(code, "not UTF-8"))
}
