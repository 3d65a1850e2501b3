//! Handles, and the values that arguments and members may have.

use super::state::Fault;
use crate::net::{Outgoing, State};
use crate::proto::message::Kind;

/// A context: one event loop with its listeners, connections and timers. id 0 is none.
///
/// Handles are values: copy, compare (by id) and keep them as you like. They are never dereferenced and never reused,
/// so one that outlives its object is harmless: calls with it return WSRS_ERR_CLOSED.
///
/// Functions: wsrs_context_new, wsrs_context_free, wsrs_context_run, wsrs_context_poll, wsrs_context_stop,
/// wsrs_context_fd, wsrs_context_timeout_ms, wsrs_context_listen, wsrs_context_connect, wsrs_context_post,
/// wsrs_context_timer, wsrs_context_set_log, wsrs_context_next_conn, wsrs_context_broadcast, wsrs_context_send_many,
/// wsrs_context_totals, wsrs_context_set_objects.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_context {
    /// 0: none.
    pub id: u64,
}

/// A listener: takes connections of clients. Made by wsrs_context_listen.
///
/// Functions: wsrs_listener_close, wsrs_listener_address, wsrs_listener_port.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_listener {
    /// 0: none.
    pub id: u64,
}

/// A connection, of a client (wsrs_context_connect) or to a client (on_request, on_open).
///
/// Sending: wsrs_conn_send, wsrs_conn_send_text, wsrs_conn_send_gathered, wsrs_conn_send_fragment,
/// wsrs_conn_send_binary, wsrs_conn_send_prepared, wsrs_conn_ping, wsrs_conn_pong. Ending: wsrs_conn_close,
/// wsrs_conn_abort. Flow: wsrs_conn_pause, wsrs_conn_resume, wsrs_conn_request_drain, wsrs_conn_buffered. About it:
/// wsrs_conn_state, wsrs_conn_context, wsrs_conn_user_data, wsrs_conn_set_user_data, wsrs_conn_local_address,
/// wsrs_conn_peer_address, wsrs_conn_path, wsrs_conn_query, wsrs_conn_subprotocol, wsrs_conn_header,
/// wsrs_conn_header_at, wsrs_conn_stats, wsrs_conn_timings, wsrs_conn_tls, wsrs_conn_deflate. Answering a request:
/// wsrs_conn_accept, wsrs_conn_respond, wsrs_conn_defer. Connecting again: wsrs_conn_retarget.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_conn {
    /// 0: none.
    pub id: u64,
}

/// A timer. Made by wsrs_context_timer.
///
/// Functions: wsrs_timer_cancel.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_timer {
    /// 0: none.
    pub id: u64,
}

/// What a TLS endpoint is and whom it trusts, for listeners and connections of any context in the process. Made by
/// wsrs_tls_new.
///
/// Functions: wsrs_tls_new, wsrs_tls_free, wsrs_tls_set_cert, wsrs_tls_set_cert_pem, wsrs_tls_remove_cert.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_tls {
    /// 0: none.
    pub id: u64,
}

/// A message that was made once, for any number of connections of any context in the process, to be sent by
/// wsrs_conn_send_prepared.
///
/// Functions: wsrs_prepared_new, wsrs_prepared_free.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_prepared {
    /// 0: none.
    pub id: u64,
}

/// Kind of a message: text, which is always valid UTF-8.
pub const WSRS_TEXT: i32 = 1;
/// Kind of a message: any bytes.
pub const WSRS_BINARY: i32 = 2;

/// Added to the type of a message that is sent, as in WSRS_TEXT | WSRS_UNCOMPRESSED: it is not compressed, whatever was
/// agreed on. For what is compressed already, or must not share a context with what others can choose.
pub const WSRS_UNCOMPRESSED: i32 = 0x100;

/// State of a connection: the handshake is not finished.
pub const WSRS_STATE_CONNECTING: i32 = 0;
/// State of a connection: messages can be sent and come in.
pub const WSRS_STATE_OPEN: i32 = 1;
/// State of a connection: a Close was sent or received.
pub const WSRS_STATE_CLOSING: i32 = 2;
/// State of a connection that is over, and of handles that never named one.
pub const WSRS_STATE_CLOSED: i32 = 3;

/// Who ended a connection: this program, or the library for it (the peer broke the protocol, a limit).
pub const WSRS_BY_LOCAL: i32 = 1;
/// Who ended a connection: the peer, by a Close frame.
pub const WSRS_BY_REMOTE: i32 = 2;
/// Who ended a connection: the network; TCP ended or failed without a Close frame.
pub const WSRS_BY_NETWORK: i32 = 3;
/// Who ended a connection: a deadline; no pong, no answer to our Close, or idle.
pub const WSRS_BY_TIMEOUT: i32 = 4;

/// How far a failed connection came: finding addresses of the host name.
pub const WSRS_STAGE_RESOLVE: i32 = 1;
/// How far a failed connection came: connecting to one of the addresses.
pub const WSRS_STAGE_CONNECT: i32 = 2;
/// How far a failed connection came: asking a proxy for the way.
pub const WSRS_STAGE_PROXY: i32 = 3;
/// How far a failed connection came: the TLS handshake.
pub const WSRS_STAGE_TLS: i32 = 4;
/// How far a failed connection came: the HTTP upgrade.
pub const WSRS_STAGE_HANDSHAKE: i32 = 5;

/// The kind of message that C names.
#[inline(always)]
pub(super) fn kind(value: i32) -> Result<Kind, Fault> {
    match value {
        WSRS_TEXT => Ok(Kind::Text),
        WSRS_BINARY => Ok(Kind::Binary),
        _ => Err(Fault::argument("the type is neither WSRS_TEXT nor WSRS_BINARY")),
    }
}

/// How a message is sent that has this type.
pub(super) fn outgoing(value: i32) -> Result<Outgoing, Fault> {
    Ok(Outgoing { kind: kind(value & !WSRS_UNCOMPRESSED)?, uncompressed: value & WSRS_UNCOMPRESSED != 0 })
}

/// The number of a state.
pub(super) fn state_number(state: State) -> i32 {
    match state {
        State::Connecting => WSRS_STATE_CONNECTING,
        State::Open => WSRS_STATE_OPEN,
        State::Closing => WSRS_STATE_CLOSING,
        State::Closed => WSRS_STATE_CLOSED,
    }
}
