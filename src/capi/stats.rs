//! wsrs_conn_stats, wsrs_context_totals: what was counted, for any thread.

use super::result::*;
use super::state::export_any;
use super::state::thread::{on_conn, on_context};
use super::types::{wsrs_conn, wsrs_context};
use crate::boundary::pointer::{Sized0, sized_out};
use crate::net::counters::{Stats, Totals};

/// What a connection counted. Bytes are those of messages: without frame headers, pings and the handshake.
///
/// Functions: wsrs_conn_stats.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_stats {
    /// sizeof(wsrs_stats); WSRS_STATS_INIT sets it.
    pub size: usize,
    /// Messages that came whole; in streaming mode those whose last piece came.
    pub messages_received: u64,
    /// Messages that were sent or queued.
    pub messages_sent: u64,
    /// Bytes of messages that came.
    pub bytes_received: u64,
    /// Bytes of messages that were sent or queued.
    pub bytes_sent: u64,
    /// Pings that came.
    pub pings_received: u64,
    /// Pings that were sent, by wsrs_conn_ping and by the library (ping_interval_ms).
    pub pings_sent: u64,
    /// Pongs that came, asked for or not.
    pub pongs_received: u64,
    /// How often a send on the loop's thread gave WSRS_ERR_AGAIN; wsrs_totals counts other threads' too.
    pub sends_refused: u64,
    /// Bytes in the queue now, with frame headers, as wsrs_conn_buffered says. Other threads see what the system did not
    /// take, not what callbacks queue at that moment.
    pub queued: u64,
    /// Microseconds from the last ping that was answered to its pong, time in queues included; 0: none was answered. Pings
    /// that are under way together are told apart by their data: with equal data the times are too short.
    pub rtt_us: u64,
    /// The shortest of these times.
    pub rtt_least_us: u64,
    /// Their smoothed mean: a new time counts for an eighth.
    pub rtt_mean_us: u64,
    /// Connects begun: the first, those after a loss or a failure (reconnect), and redirects followed; 0 for a server's
    /// connection.
    pub attempts: u64,
    /// Of these, those after a loss or a failure.
    pub retries: u64,
    /// Bytes of compressed messages that came, as they came.
    pub inflated_from: u64,
    /// The same messages as they were delivered: inflated_to / inflated_from is the ratio.
    pub inflated_to: u64,
    /// Bytes of messages that were sent compressed, as the program gave them. Messages sent as they are don't count here.
    pub deflated_from: u64,
    /// The same messages as they were sent: deflated_from / deflated_to is the ratio.
    pub deflated_to: u64,
}

// SAFETY: repr(C), begins with its size, integers only.
unsafe impl Sized0 for wsrs_stats {
    const FIRST: usize = size_of::<[u64; 13]>();
}

/// What a context counted: sums over all connections that it had, and how they ended.
///
/// Functions: wsrs_context_totals.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_totals {
    /// sizeof(wsrs_totals); WSRS_TOTALS_INIT sets it.
    pub size: usize,
    /// Messages that came whole; in streaming mode those whose last piece came.
    pub messages_received: u64,
    /// Messages that were sent or queued.
    pub messages_sent: u64,
    /// Bytes of messages that came.
    pub bytes_received: u64,
    /// Bytes of messages that were sent or queued.
    pub bytes_sent: u64,
    /// Pings that came.
    pub pings_received: u64,
    /// Pings that were sent, by wsrs_conn_ping and by the library (ping_interval_ms).
    pub pings_sent: u64,
    /// Pongs that came, asked for or not.
    pub pongs_received: u64,
    /// How often a send gave WSRS_ERR_AGAIN, on any thread; a broadcast: one for each full queue.
    pub sends_refused: u64,
    /// Bytes in the queues of all connections now, with frame headers; see wsrs_stats for other threads.
    pub queued: u64,
    /// Connections whose handshake was done, of servers and clients. Minus closed: how many are open.
    pub opened: u64,
    /// Of these, those that ended.
    pub closed: u64,
    /// Clients whose handshake came to nothing: the library refused the request, the program gave it up
    /// (wsrs_conn_abort), or the client went away or took too long. Not those above max_connections_per_address.
    pub handshakes_failed: u64,
    /// Requests that the program answered with a status (wsrs_conn_respond).
    pub handshakes_rejected: u64,
    /// Connects that failed; with reconnect each attempt.
    pub connects_failed: u64,
    /// Open connections that the library closed since the peer broke the protocol (code 1002), or sent compressed data that
    /// is none (code 1007).
    pub protocol_errors: u64,
    /// The same for text that was not UTF-8 (code 1007).
    pub text_errors: u64,
    /// The same for max_message, max_frame, max_fragments, max_ratio (codes 1008 and 1009).
    pub limit_errors: u64,
    /// Open connections that a deadline ended (WSRS_BY_TIMEOUT).
    pub timeouts: u64,
    /// Open connections that TCP ended, without a Close (WSRS_BY_NETWORK).
    pub losses: u64,
    /// Connects begun: the first of each connection, those after a loss or a failure (reconnect), and redirects followed.
    pub attempts: u64,
    /// Of these, those after a loss or a failure.
    pub retries: u64,
    /// Of these, those that followed a redirect.
    pub redirects: u64,
    /// Bytes of compressed messages that came, as they came.
    pub inflated_from: u64,
    /// The same messages as they were delivered: inflated_to / inflated_from is the ratio.
    pub inflated_to: u64,
    /// Bytes of messages that were sent compressed, as the program gave them. Messages sent as they are don't count here.
    pub deflated_from: u64,
    /// The same messages as they were sent: deflated_from / deflated_to is the ratio.
    pub deflated_to: u64,
}

// SAFETY: repr(C), begins with its size, integers only.
unsafe impl Sized0 for wsrs_totals {
    const FIRST: usize = size_of::<[u64; 20]>();
}

/// What the connection counted so far. Start from  wsrs_stats stats = WSRS_STATS_INIT;  On the loop's thread the numbers
/// are exact, in on_close still, unless wsrs_context_free ends the connection. Other threads get those of a moment ago: each
/// is right, but not all are of the same moment.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to a wsrs_stats whose size is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_stats(conn: wsrs_conn, out: *mut wsrs_stats) -> wsrs_result {
    export_any("wsrs_conn_stats", conn.id, |here| {
        // SAFETY: promised by the caller.
        let place = unsafe { sized_out(out) }?;
        let stats = on_conn(
            here,
            conn,
            |ctx, id| Ok(ctx.net.borrow_mut().stats(id)?),
            |shared, id| Ok(shared.door.stats(id)?),
        )?;
        // SAFETY: promised by the caller.
        unsafe { place.write(stats.into()) };
        Ok(())
    })
}

/// What the context counted so far: ask before wsrs_context_free. Start from  wsrs_totals totals = WSRS_TOTALS_INIT;  On
/// the loop's thread the numbers are exact, elsewhere of a moment ago, as with wsrs_conn_stats.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_CLOSED; WSRS_ERR_ARGUMENT; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to a wsrs_totals whose size is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_totals(context: wsrs_context, out: *mut wsrs_totals) -> wsrs_result {
    export_any("wsrs_context_totals", context.id, |here| {
        // SAFETY: promised by the caller.
        let place = unsafe { sized_out(out) }?;
        let totals =
            on_context(here, context, |ctx| Ok(ctx.net.borrow_mut().totals()), |shared| Ok(shared.door.totals()?))?;
        // SAFETY: promised by the caller.
        unsafe { place.write(totals.into()) };
        Ok(())
    })
}

impl From<Stats> for wsrs_stats {
    fn from(stats: Stats) -> wsrs_stats {
        wsrs_stats {
            size: size_of::<wsrs_stats>(),
            messages_received: stats.messages_received,
            messages_sent: stats.messages_sent,
            bytes_received: stats.bytes_received,
            bytes_sent: stats.bytes_sent,
            pings_received: stats.pings_received,
            pings_sent: stats.pings_sent,
            pongs_received: stats.pongs_received,
            sends_refused: stats.sends_refused,
            queued: stats.queued,
            rtt_us: stats.rtt,
            rtt_least_us: stats.rtt_least,
            rtt_mean_us: stats.rtt_mean,
            attempts: stats.attempts,
            retries: stats.retries,
            inflated_from: stats.inflated_from,
            inflated_to: stats.inflated_to,
            deflated_from: stats.deflated_from,
            deflated_to: stats.deflated_to,
        }
    }
}

impl From<Totals> for wsrs_totals {
    fn from(totals: Totals) -> wsrs_totals {
        let all = totals.all;
        wsrs_totals {
            size: size_of::<wsrs_totals>(),
            messages_received: all.messages_received,
            messages_sent: all.messages_sent,
            bytes_received: all.bytes_received,
            bytes_sent: all.bytes_sent,
            pings_received: all.pings_received,
            pings_sent: all.pings_sent,
            pongs_received: all.pongs_received,
            sends_refused: all.sends_refused,
            queued: all.queued,
            opened: totals.opened,
            closed: totals.closed,
            handshakes_failed: totals.handshakes_failed,
            handshakes_rejected: totals.handshakes_rejected,
            connects_failed: totals.connects_failed,
            protocol_errors: totals.protocol_errors,
            text_errors: totals.text_errors,
            limit_errors: totals.limit_errors,
            timeouts: totals.timeouts,
            losses: totals.losses,
            attempts: totals.attempts,
            retries: totals.retries,
            redirects: totals.redirects,
            inflated_from: all.inflated_from,
            inflated_to: all.inflated_to,
            deflated_from: all.deflated_from,
            deflated_to: all.deflated_to,
        }
    }
}
