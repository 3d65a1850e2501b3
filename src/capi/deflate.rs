//! wsrs_deflate_options and wsrs_deflate_info: how a listener or a client is to compress (permessage-deflate, RFC 7692), and
//! what a connection agreed on.
//!
//! Called where options are read, and by wsrs_conn_deflate. All numbers are checked here: what `proto::deflate` gets is
//! possible.

use super::state::Fault;
use crate::boundary::pointer::{Sized0, read_sized};
use crate::proto::deflate::{Agreed, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Settings};
use std::ops::RangeInclusive;
use std::time::Duration;

/// In release_after_ms of wsrs_deflate_options: contexts are kept as long as the connection lives.
pub const WSRS_DEFLATE_KEEP: u32 = u32::MAX;

/// How messages are compressed (permessage-deflate, RFC 7692), and what is asked of the peer. Start from
/// WSRS_DEFLATE_OPTIONS_INIT; members that are 0 have their default.
///
/// A listener compresses for clients that offer it, a client where the server agrees; all others get messages as they
/// are. What was agreed on: wsrs_conn_deflate.
///
/// Used in: wsrs_listen_options, wsrs_connect_options.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_deflate_options {
    /// sizeof(wsrs_deflate_options), as WSRS_DEFLATE_OPTIONS_INIT sets it.
    pub size: usize,
    /// 1 (fast) to 9 (small). Default: 1, or 2 where our compressor begins each message anew.
    pub level: u32,
    /// Memory of a compressor: 1 (a few KiB) to 9 (256 KiB), beside its window. Default 8.
    pub memory_level: u32,
    /// The window of our compressor at most, as a power of two: 8 (256 bytes) to 15 (32 KiB). Default 15.
    pub window_bits: u32,
    /// Not 0: our compressor begins each message anew. Such connections share one compressor, and have none of their own.
    pub no_takeover: u32,
    /// The window of the peer's compressor at most: 8 to 15. Default 15. A client that does not say that it can be told has
    /// its own, up to 15.
    pub peer_window_bits: u32,
    /// Not 0: the peer's compressor has to begin each message anew. Such connections share what inflates.
    pub peer_no_takeover: u32,
    /// Messages of fewer bytes are sent as they are. Default 64; 1: every message is compressed.
    pub min_size: u32,
    /// Time in milliseconds without a message after which what a connection holds for compression is freed. Our compressor
    /// begins anew then; what the peer may refer to is kept. Default 30,000; WSRS_DEFLATE_KEEP: never.
    pub release_after_ms: u32,
}

/// What was agreed on for compressing messages, by the names of RFC 7692.
///
/// Functions: wsrs_conn_deflate.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_deflate_info {
    /// sizeof(wsrs_deflate_info); WSRS_DEFLATE_INFO_INIT sets it.
    pub size: usize,
    /// 1: the server compresses each message by itself.
    pub server_no_context_takeover: i32,
    /// 1: so does the client.
    pub client_no_context_takeover: i32,
    /// The window of the server's compressor, 8 to 15.
    pub server_max_window_bits: i32,
    /// That of the client's.
    pub client_max_window_bits: i32,
}

// SAFETY: repr(C), begins with its size, integers only.
unsafe impl Sized0 for wsrs_deflate_info {
    const FIRST: usize = size_of::<usize>() + size_of::<[i32; 4]>();
}
// SAFETY: as above.
unsafe impl Sized0 for wsrs_deflate_options {
    const FIRST: usize = size_of::<usize>() + size_of::<[u32; 8]>();
}

/// The settings that C gives; None for NULL.
///
/// # Safety
/// `options` is NULL or points to a struct readable for the size in its first member.
pub(super) unsafe fn read(options: *const wsrs_deflate_options) -> Result<Option<Settings>, Fault> {
    // SAFETY: the caller's promise.
    let Some(from) = (unsafe { read_sized(options) })? else { return Ok(None) };
    let default = Settings::default();
    let window = MIN_WINDOW_BITS..=MAX_WINDOW_BITS;
    Ok(Some(Settings {
        level: within(from.level, default.level, 1..=9, "level is not from 1 to 9")?,
        memory_level: within(from.memory_level, default.memory_level, 1..=9, "memory_level is not from 1 to 9")?,
        window_bits: within(from.window_bits, default.window_bits, window.clone(), "window_bits is not from 8 to 15")?,
        takeover: from.no_takeover == 0,
        peer_window_bits: within(
            from.peer_window_bits,
            default.peer_window_bits,
            window,
            "peer_window_bits is not from 8 to 15",
        )?,
        peer_takeover: from.peer_no_takeover == 0,
        min_size: if from.min_size == 0 { default.min_size } else { from.min_size as usize },
        release_after: match from.release_after_ms {
            0 => default.release_after,
            WSRS_DEFLATE_KEEP => Duration::ZERO,
            ms => Duration::from_millis(ms.into()),
        },
    }))
}

impl From<Agreed> for wsrs_deflate_info {
    fn from(agreed: Agreed) -> Self {
        wsrs_deflate_info {
            size: size_of::<wsrs_deflate_info>(),
            server_no_context_takeover: i32::from(!agreed.server.takeover()),
            client_no_context_takeover: i32::from(!agreed.client.takeover()),
            server_max_window_bits: agreed.server.window_bits().into(),
            client_max_window_bits: agreed.client.window_bits().into(),
        }
    }
}

fn within(from: u32, default: u8, range: RangeInclusive<u8>, otherwise: &'static str) -> Result<u8, Fault> {
    match u8::try_from(from) {
        Ok(0) => Ok(default),
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(Fault::argument(otherwise)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(numbers: [u32; 8]) -> Result<Settings, Fault> {
        let [level, memory_level, window_bits, no_takeover, peer_window_bits, peer_no_takeover, min_size, last] =
            numbers;
        let options = wsrs_deflate_options {
            size: size_of::<wsrs_deflate_options>(),
            level,
            memory_level,
            window_bits,
            no_takeover,
            peer_window_bits,
            peer_no_takeover,
            min_size,
            release_after_ms: last,
        };
        // SAFETY: a whole struct with its size.
        unsafe { read(&raw const options) }.map(|settings| settings.expect("not NULL"))
    }

    #[test]
    fn zero_is_the_default() {
        assert_eq!(settings([0; 8]).expect("accepted"), Settings::default());
        // SAFETY: NULL is allowed.
        assert!(unsafe { read(std::ptr::null()) }.expect("accepted").is_none());
    }

    #[test]
    fn every_member_has_its_place() {
        let expected = Settings {
            level: 1,
            memory_level: 2,
            window_bits: 8,
            takeover: false,
            peer_window_bits: 9,
            peer_takeover: true,
            min_size: 7,
            release_after: Duration::from_millis(5),
        };
        assert_eq!(settings([1, 2, 8, 1, 9, 0, 7, 5]).expect("accepted"), expected);
        let expected = Settings { takeover: true, peer_takeover: false, release_after: Duration::ZERO, ..expected };
        assert_eq!(settings([1, 2, 8, 0, 9, 9, 7, WSRS_DEFLATE_KEEP]).expect("accepted"), expected);
    }

    #[test]
    fn out_of_range() {
        for (index, beyond) in [(0, 10), (1, 10), (2, 7), (2, 16), (4, 7), (4, 16), (0, 256 + 6), (2, u32::MAX)] {
            let mut numbers = [0; 8];
            numbers[index] = beyond;
            assert!(settings(numbers).is_err(), "{beyond} as number {index}");
        }
    }
}
