//! The limits as C sees them: one sized struct of numbers.

use super::state::Fault;
use crate::boundary::pointer::{Sized0, read_sized};
use crate::net::Limits;
use crate::proto::http1::MAX_HEADERS;
use std::time::Duration;

/// In a member of wsrs_limits: no limit, or no deadline.
pub const WSRS_OFF: u64 = u64::MAX;

/// All limits, of a context or of one listener or connection. Start from WSRS_LIMITS_INIT; members that are 0 have
/// their default, also in limits of a listener or connect; WSRS_OFF switches a limit off (not max_head, max_headers and
/// max_target). Times are in milliseconds, at most 2^40.
///
/// Used in: wsrs_context_options, wsrs_listen_options, wsrs_connect_options.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_limits {
    /// sizeof(wsrs_limits), as WSRS_LIMITS_INIT sets it.
    pub size: usize,
    /// Bytes of a whole incoming message, inflated. Default 1 MiB. Beyond it the connection is closed with 1009.
    pub max_message: u64,
    /// Bytes of one incoming frame, as it came. Default 1 MiB, or max_message where that is set. Beyond it: 1009.
    pub max_frame: u64,
    /// Frames of one incoming message. Default 1,024. Beyond it the connection is closed with 1008.
    pub max_fragments: u64,
    /// Bytes of the head of a request or answer. Default 16 KiB, at most 1 MiB.
    pub max_head: u64,
    /// Headers in it. Default 100, at most 256.
    pub max_headers: u64,
    /// Bytes of the request target. Default 8 KiB, at most 1 MiB.
    pub max_target: u64,
    /// Bytes kept of the body of an answer that refuses an upgrade. Default 64 KiB.
    pub max_body: u64,
    /// Connections of the context in all, of both roles. Default 65,536. Only in the context's limits.
    pub max_connections: u64,
    /// Connections from one client address. Default 256.
    pub max_connections_per_address: u64,
    /// Connections from clients whose handshake is not finished. Default 1,024. Only in the context's limits.
    pub max_pending_handshakes: u64,
    /// Queued bytes of a connection from which sending returns WSRS_ERR_AGAIN. Default 1 MiB.
    pub high_water: u64,
    /// For connecting, over all addresses of the host. Default 10 s.
    pub connect_timeout_ms: u64,
    /// For the whole handshake, once TCP is connected. Default 10 s.
    pub handshake_timeout_ms: u64,
    /// From our Close frame, once the peer has taken what was queued before it, to the end of the connection. Default 5 s.
    pub close_timeout_ms: u64,
    /// Silence after which a ping is sent, up to half as much again. Default 20 s.
    pub ping_interval_ms: u64,
    /// Silence after that ping after which the peer is taken for dead. Default 20 s.
    pub pong_timeout_ms: u64,
    /// Time without a message in either direction after which the connection is closed. Default WSRS_OFF.
    pub idle_timeout_ms: u64,
    /// From wsrs_context_stop to the end of connections that do not answer. Default 5 s. Only in the context's limits.
    pub stop_grace_ms: u64,
    /// How many times larger than what came a compressed message may become, looked at beyond 64 KiB. Default: no limit,
    /// as pictures of one colour and the like come near what can be at most, 1,032. Beyond it: 1009.
    pub max_ratio: u64,
    /// Compressors that connections have for themselves, some 300 KiB each. Default 1,024. Beyond it messages are compressed
    /// without referring to earlier ones. Only in the context's limits.
    pub max_compressors: u64,
}

// SAFETY: repr(C), begins with its size, integers only.
unsafe impl Sized0 for wsrs_limits {
    const FIRST: usize = size_of::<[u64; 19]>();
}

/// The limits that C gives; None for NULL.
///
/// # Safety
/// `limits` is NULL or points to a struct readable for the size in its first member.
pub(super) unsafe fn read(limits: *const wsrs_limits) -> Result<Option<Limits>, Fault> {
    // SAFETY: the caller's promise.
    match unsafe { read_sized(limits) }? {
        Some(limits) => Ok(Some(convert(&limits)?)),
        None => Ok(None),
    }
}

fn convert(from: &wsrs_limits) -> Result<Limits, Fault> {
    let mut to = Limits::default();
    let message = &mut to.message;
    set(&mut message.max_message, from.max_message);
    set(&mut message.max_frame, if from.max_frame == 0 { from.max_message } else { from.max_frame });
    if from.max_fragments != 0 {
        message.max_fragments = u32::try_from(from.max_fragments).unwrap_or(u32::MAX);
    }
    set(&mut message.max_ratio, from.max_ratio);
    count(&mut to.max_compressors, from.max_compressors);
    bounded(&mut to.head.max_bytes, from.max_head, 1 << 20)?;
    bounded(&mut to.head.max_headers, from.max_headers, MAX_HEADERS as u64)?;
    bounded(&mut to.head.max_target, from.max_target, 1 << 20)?;
    count(&mut to.max_body, from.max_body);
    count(&mut to.max_connections, from.max_connections);
    count(&mut to.max_connections_per_address, from.max_connections_per_address);
    count(&mut to.max_pending_handshakes, from.max_pending_handshakes);
    count(&mut to.high_water, from.high_water);
    time(&mut to.connect_timeout, from.connect_timeout_ms)?;
    time(&mut to.handshake_timeout, from.handshake_timeout_ms)?;
    time(&mut to.close_timeout, from.close_timeout_ms)?;
    time(&mut to.ping_interval, from.ping_interval_ms)?;
    time(&mut to.pong_timeout, from.pong_timeout_ms)?;
    time(&mut to.idle_timeout, from.idle_timeout_ms)?;
    time(&mut to.stop_grace, from.stop_grace_ms)?;
    Ok(to)
}

fn set(to: &mut u64, from: u64) {
    if from != 0 {
        *to = from;
    }
}

fn count(to: &mut usize, from: u64) {
    if from != 0 {
        *to = usize::try_from(from).unwrap_or(usize::MAX);
    }
}

fn bounded(to: &mut usize, from: u64, most: u64) -> Result<(), Fault> {
    if from > most {
        return Err(Fault::argument("a limit of the head above its maximum"));
    }
    count(to, from);
    Ok(())
}

/// Longer than any program runs, short enough to be added to any clock.
pub(super) const LONGEST_MS: u64 = 1 << 40;

fn time(to: &mut Duration, from: u64) -> Result<(), Fault> {
    match from {
        0 => {}
        WSRS_OFF => *to = Duration::ZERO,
        from if from > LONGEST_MS => return Err(Fault::argument("a time of more than 2^40 ms")),
        from => *to = Duration::from_millis(from),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(words: &[(usize, u64)]) -> Result<Limits, Fault> {
        let mut all = [0; 21];
        all[0] = size_of::<wsrs_limits>() as u64;
        words.iter().for_each(|&(index, word)| all[index] = word);
        // SAFETY: as many words as the struct has members, the first its size.
        unsafe { read(all.as_ptr().cast()) }.map(|limits| limits.expect("not NULL"))
    }

    #[test]
    fn zero_is_the_default() {
        let limits = limits(&[]).expect("accepted");
        assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()));
    }

    #[test]
    fn a_larger_message_may_come_in_one_frame() {
        let limits = limits(&[(1, 5 << 20)]).expect("accepted");
        assert_eq!(limits.message.max_frame, 5 << 20);
    }

    #[test]
    fn a_program_from_before_there_was_a_ratio() {
        let mut all = [0; 19];
        (all[0], all[18]) = (size_of_val(&all) as u64, 7);
        // SAFETY: as many words as the first says.
        let limits = unsafe { read(all.as_ptr().cast()) }.map(|limits| limits.expect("not NULL")).expect("accepted");
        assert_eq!((limits.message.max_ratio, limits.stop_grace), (u64::MAX, Duration::from_millis(7)));
        assert_eq!(self::limits(&[(19, 100)]).expect("accepted").message.max_ratio, 100);
    }

    #[test]
    fn off_and_out_of_range() {
        let off = limits(&[(15, WSRS_OFF), (11, WSRS_OFF), (3, WSRS_OFF)]).expect("accepted");
        assert_eq!(off.ping_interval, Duration::ZERO);
        assert_eq!(off.high_water, usize::MAX);
        assert_eq!(off.message.max_fragments, u32::MAX);
        assert!(limits(&[(5, WSRS_OFF)]).is_err());
        assert!(limits(&[(12, WSRS_OFF - 1)]).is_err());
    }
}
