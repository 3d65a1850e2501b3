//! Results: 0 is fine, errors are negative, grouped by hundreds.

use super::state::last_error;
use std::ffi::c_char;

/// What a function returns: WSRS_OK, or one of the WSRS_ERR_* constants, all negative.
///
/// The hundreds are groups: -1xx the call was wrong, -2xx not now or not here, -3xx the system or the network, -4xx
/// TLS, -5xx the peer. A newer library may return values that this header does not list; treat them by their group.
///
/// Functions: wsrs_strerror, wsrs_last_error.
pub type wsrs_result = i32;

/// All went well.
pub const WSRS_OK: i32 = 0;
/// NULL where it is not allowed, an unknown value of an enumeration, a handle of the wrong kind, a number out of range.
pub const WSRS_ERR_ARGUMENT: i32 = -100;
/// The URL can't be understood.
pub const WSRS_ERR_URL: i32 = -101;
/// The address to listen on, or to connect from, can't be understood, or this machine does not have it.
pub const WSRS_ERR_ADDRESS: i32 = -102;
/// Text that is not UTF-8.
pub const WSRS_ERR_UTF8: i32 = -103;
/// A header or subprotocol that may not be sent.
pub const WSRS_ERR_HEADER: i32 = -104;
/// More than the protocol allows: a ping above 125 bytes, a reason above 123.
pub const WSRS_ERR_TOO_LARGE: i32 = -105;
/// A close code that may not be sent.
pub const WSRS_ERR_CLOSE_CODE: i32 = -106;
/// What the handle named is gone, or closing. In on_error: this program ended the attempt.
pub const WSRS_ERR_CLOSED: i32 = -200;
/// The handshake is not finished.
pub const WSRS_ERR_NOT_OPEN: i32 = -201;
/// Not possible in this state: a whole message inside a fragmented one, the answer to a request that was answered, a
/// connect while the context stops.
pub const WSRS_ERR_STATE: i32 = -202;
/// The send queue is full. Nothing was queued; on_drain follows when there is room.
pub const WSRS_ERR_AGAIN: i32 = -203;
/// Not on this thread: another one runs the context.
pub const WSRS_ERR_THREAD: i32 = -204;
/// A poll or run inside a callback of the same context.
pub const WSRS_ERR_REENTRY: i32 = -205;
/// The context was made before this process was forked.
pub const WSRS_ERR_FORKED: i32 = -206;
/// A limit of this program was reached.
pub const WSRS_ERR_LIMIT: i32 = -207;
/// No such header, nothing kept, or nothing negotiated.
pub const WSRS_ERR_NOT_FOUND: i32 = -208;
/// This build of the library can't do it: it was made without TLS.
pub const WSRS_ERR_UNSUPPORTED: i32 = -209;
/// An error of the operating system without a code of its own here.
pub const WSRS_ERR_SYSTEM: i32 = -300;
/// The address is in use.
pub const WSRS_ERR_IN_USE: i32 = -301;
/// The system does not permit it.
pub const WSRS_ERR_PERMISSION: i32 = -302;
/// Out of memory.
pub const WSRS_ERR_MEMORY: i32 = -303;
/// The host name has no address.
pub const WSRS_ERR_RESOLVE: i32 = -304;
/// Nobody listens there.
pub const WSRS_ERR_REFUSED: i32 = -305;
/// A deadline passed.
pub const WSRS_ERR_TIMEOUT: i32 = -306;
/// The connection was lost.
pub const WSRS_ERR_RESET: i32 = -307;
/// No way to that host or network.
pub const WSRS_ERR_UNREACHABLE: i32 = -308;
/// The process or the system has no more file descriptors.
pub const WSRS_ERR_DESCRIPTORS: i32 = -309;
/// The TLS handshake failed, or TLS was broken later.
pub const WSRS_ERR_TLS: i32 = -400;
/// The peer's certificate was refused.
pub const WSRS_ERR_CERTIFICATE: i32 = -401;
/// A certificate, key or CA of this program can't be read or used.
pub const WSRS_ERR_PEM: i32 = -402;
/// The peer's answer is no valid WebSocket upgrade.
pub const WSRS_ERR_HANDSHAKE: i32 = -500;
/// The server answered with another HTTP status.
pub const WSRS_ERR_REJECTED: i32 = -501;
/// The proxy refused, or does not speak the protocol of its address.
pub const WSRS_ERR_PROXY: i32 = -502;
/// A defect of the library was caught. The context can only be freed.
pub const WSRS_ERR_PANIC: i32 = -900;

/// What a result means, in a few words of English: static, never NULL, also for unknown values. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_strerror(result: wsrs_result) -> *const c_char {
    text(result).as_ptr()
}

/// Why the last call of this thread that failed did: one sentence of at most 511 bytes, for people. Never NULL, empty before
/// the first failure;
/// valid until the next call that fails on this thread. Calls that succeed leave it as it is.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_last_error() -> *const c_char {
    last_error()
}

fn text(result: wsrs_result) -> &'static std::ffi::CStr {
    match result {
        WSRS_OK => c"ok",
        WSRS_ERR_ARGUMENT => c"invalid argument",
        WSRS_ERR_URL => c"invalid URL",
        WSRS_ERR_ADDRESS => c"invalid address",
        WSRS_ERR_UTF8 => c"text is not UTF-8",
        WSRS_ERR_HEADER => c"header or subprotocol not allowed",
        WSRS_ERR_TOO_LARGE => c"too large",
        WSRS_ERR_CLOSE_CODE => c"close code may not be sent",
        WSRS_ERR_CLOSED => c"closed",
        WSRS_ERR_NOT_OPEN => c"not open yet",
        WSRS_ERR_STATE => c"not possible in this state",
        WSRS_ERR_AGAIN => c"send queue full, try again after on_drain",
        WSRS_ERR_THREAD => c"wrong thread",
        WSRS_ERR_REENTRY => c"poll or run inside a callback",
        WSRS_ERR_FORKED => c"context made before fork",
        WSRS_ERR_LIMIT => c"limit reached",
        WSRS_ERR_NOT_FOUND => c"not found",
        WSRS_ERR_UNSUPPORTED => c"not in this build",
        WSRS_ERR_SYSTEM => c"system error",
        WSRS_ERR_IN_USE => c"address in use",
        WSRS_ERR_PERMISSION => c"permission denied",
        WSRS_ERR_MEMORY => c"out of memory",
        WSRS_ERR_RESOLVE => c"host name has no address",
        WSRS_ERR_REFUSED => c"connection refused",
        WSRS_ERR_TIMEOUT => c"timed out",
        WSRS_ERR_RESET => c"connection lost",
        WSRS_ERR_UNREACHABLE => c"host or network unreachable",
        WSRS_ERR_DESCRIPTORS => c"no more file descriptors",
        WSRS_ERR_TLS => c"TLS failed",
        WSRS_ERR_CERTIFICATE => c"the peer's certificate was refused",
        WSRS_ERR_PEM => c"certificate, key or CA can't be used",
        WSRS_ERR_HANDSHAKE => c"not a valid WebSocket upgrade",
        WSRS_ERR_REJECTED => c"upgrade refused by the server",
        WSRS_ERR_PROXY => c"the proxy refused",
        WSRS_ERR_PANIC => c"internal error",
        _ => c"unknown result",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_has_a_text_of_its_own() {
        let source = include_str!("result.rs");
        let values = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once("= "));
        let values = values.filter_map(|(_, value)| value.trim_end_matches(';').parse::<i32>().ok());
        let texts: Vec<_> = values.map(text).collect();
        assert_eq!(texts.len(), 35);
        let distinct: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!(distinct.len(), texts.len());
        assert!(!distinct.contains(&c"unknown result"));
        assert_eq!(text(-12345), c"unknown result");
    }
}
