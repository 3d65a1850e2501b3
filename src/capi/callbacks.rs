//! The set of callbacks of a context, a listener or a connection.

use super::message::{wsrs_close, wsrs_error, wsrs_message, wsrs_request, wsrs_retry};
use super::types::wsrs_conn;
use crate::boundary::pointer::Sized0;
use std::ffi::c_void;

/// The functions that the library calls. Start from WSRS_CALLBACKS_INIT and set those you want; the others stay NULL.
///
/// All are called on the loop's thread, inside wsrs_context_poll, wsrs_context_run or wsrs_context_free, one at a time.
/// Inside, every function of the library may be called about any handle, also wsrs_conn_close on this connection and
/// wsrs_context_free; only a poll or run of the same context is refused. They must neither throw nor longjmp nor end the
/// thread. user_data is the connection's, see wsrs_conn_set_user_data.
///
/// Used in: wsrs_context_new, wsrs_listen_options, wsrs_connect_options.
///
/// A connection's callbacks come in this order: on_request (servers that set it), then either on_open, everything else,
/// and at last on_close, or one on_error. A request that gets another answer than an upgrade ends with on_close. With
/// reconnect, on_retry comes instead of on_close or on_error while another attempt follows, and on_open after it comes
/// again; the end is on_close if there was an on_open at any time.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_callbacks {
    /// sizeof(wsrs_callbacks), as WSRS_CALLBACKS_INIT sets it.
    pub size: usize,
    /// Servers: a client asks. Answer by wsrs_conn_accept or wsrs_conn_respond, or later after wsrs_conn_defer. If it
    /// returns without any of them, an upgrade is accepted and anything else gets status 426. When not set, that
    /// is what happens to every request. Requests that are malformed, have a body, or a method other than GET and HEAD
    /// are refused by the library and don't come here.
    pub on_request: Option<unsafe extern "C" fn(conn: wsrs_conn, request: *const wsrs_request, user_data: *mut c_void)>,
    /// The handshake is done: messages may be sent. The request (servers) or the answer (clients) can be read by
    /// wsrs_conn_path, wsrs_conn_header and the like until it returns, longer by option.
    pub on_open: Option<unsafe extern "C" fn(conn: wsrs_conn, user_data: *mut c_void)>,
    /// A message came, or in streaming mode a piece of one.
    pub on_message: Option<unsafe extern "C" fn(conn: wsrs_conn, message: *const wsrs_message, user_data: *mut c_void)>,
    /// The connection is over: exactly once for each connection that had on_open, and its last callback; with code 0 also
    /// after a request that was answered with something else than an upgrade. The handle is gone already: nothing can be
    /// sent and its addresses are unknown, but user data, context and kept headers can be read once more. Free here what
    /// you keep for the connection.
    pub on_close: Option<unsafe extern "C" fn(conn: wsrs_conn, close: *const wsrs_close, user_data: *mut c_void)>,
    /// The connection did not open: exactly once instead of on_open and on_close. Servers: after on_request only, when
    /// the client went away or the answer came too late. The handle is gone already, as in on_close.
    pub on_error: Option<unsafe extern "C" fn(conn: wsrs_conn, error: *const wsrs_error, user_data: *mut c_void)>,
    /// At most half of high_water is queued: once after one or more WSRS_ERR_AGAIN, or as wsrs_conn_request_drain asked.
    pub on_drain: Option<unsafe extern "C" fn(conn: wsrs_conn, user_data: *mut c_void)>,
    /// A ping came; it is answered already. data is borrowed during the callback.
    pub on_ping: Option<unsafe extern "C" fn(conn: wsrs_conn, data: *const u8, len: usize, user_data: *mut c_void)>,
    /// A pong came. data is borrowed during the callback.
    pub on_pong: Option<unsafe extern "C" fn(conn: wsrs_conn, data: *const u8, len: usize, user_data: *mut c_void)>,
    /// For bindings of other languages, instead of on_message in a context that has wsrs_objects: a whole message came, as
    /// an object that the library made and releases when it returns. Only for connections whose user data is not NULL:
    /// that is the binding's object of the connection. Pieces of a message, and a message of which no object could be made,
    /// come to on_message: set both.
    pub on_object: Option<unsafe extern "C" fn(user_data: *mut c_void, object: *mut c_void)>,
    /// Connections with reconnect: the connection was lost, or an attempt to make it failed, and another one follows after
    /// the delay in retry. Nothing that was queued or sent and not received comes again. wsrs_conn_close or wsrs_conn_abort
    /// here, or until on_open comes again, ends it instead; wsrs_conn_retarget changes where it goes. on_open comes again
    /// when it is open; on_close or on_error comes once, when no other attempt follows.
    pub on_retry: Option<unsafe extern "C" fn(conn: wsrs_conn, retry: *const wsrs_retry, user_data: *mut c_void)>,
}

// SAFETY: repr(C), begins with its size; zero is None for each function.
unsafe impl Sized0 for wsrs_callbacks {
    const FIRST: usize = size_of::<[usize; 9]>();
}

/// The type of `on_message`, which is looked up for every message.
pub(super) type OnMessage = unsafe extern "C" fn(wsrs_conn, *const wsrs_message, *mut c_void);
/// The type of `on_object`, likewise.
pub(super) type OnObject = unsafe extern "C" fn(*mut c_void, *mut c_void);

impl wsrs_callbacks {
    /// No callback at all.
    pub(super) const NONE: wsrs_callbacks = wsrs_callbacks {
        size: size_of::<wsrs_callbacks>(),
        on_request: None,
        on_open: None,
        on_message: None,
        on_close: None,
        on_error: None,
        on_drain: None,
        on_ping: None,
        on_pong: None,
        on_object: None,
        on_retry: None,
    };

    /// Whether both name the same functions. Addresses may differ for one function, never agree for two that do
    /// different things, so a set is at worst kept twice.
    pub(super) fn same(&self, other: &wsrs_callbacks) -> bool {
        self.addresses() == other.addresses()
    }

    fn addresses(&self) -> [usize; 10] {
        [
            self.on_request.map_or(0, |f| f as usize),
            self.on_open.map_or(0, |f| f as usize),
            self.on_message.map_or(0, |f| f as usize),
            self.on_close.map_or(0, |f| f as usize),
            self.on_error.map_or(0, |f| f as usize),
            self.on_drain.map_or(0, |f| f as usize),
            self.on_ping.map_or(0, |f| f as usize),
            self.on_pong.map_or(0, |f| f as usize),
            self.on_object.map_or(0, |f| f as usize),
            self.on_retry.map_or(0, |f| f as usize),
        ]
    }
}
