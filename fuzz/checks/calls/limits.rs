//! Limits as an input wants them: the defaults, all deadlines short, or one number of any size.

use super::world::World;
use wsrs::capi::limits::{WSRS_OFF, wsrs_limits};

pub(super) fn limits(here: &mut World) -> wsrs_limits {
    const NUMBERS: usize = size_of::<wsrs_limits>() / 8;
    let (all, which, value) = here.read(|input| {
        (input.pick(&[0, 0, 1, 2]), usize::from(input.byte()), input.pick(&[0, 1, 2, 100, 5000, WSRS_OFF, 1 << 41]))
    });
    let time = if all == 1 { 1 } else { 0 };
    let mut numbers = [0; NUMBERS];
    numbers[0] = size_of::<wsrs_limits>() as u64;
    if all == 2 {
        numbers[1 + which % (NUMBERS - 1)] = value;
    }
    wsrs_limits {
        size: size_of::<wsrs_limits>(),
        max_message: numbers[1],
        max_frame: numbers[2],
        max_fragments: numbers[3],
        max_head: numbers[4],
        max_headers: numbers[5],
        max_target: numbers[6],
        max_body: numbers[7],
        max_connections: numbers[8],
        max_connections_per_address: numbers[9],
        max_pending_handshakes: numbers[10],
        high_water: numbers[11],
        connect_timeout_ms: numbers[12].max(time),
        handshake_timeout_ms: numbers[13].max(time * 4),
        close_timeout_ms: numbers[14].max(time),
        ping_interval_ms: numbers[15].max(time),
        pong_timeout_ms: numbers[16].max(time),
        idle_timeout_ms: numbers[17].max(time * 5),
        stop_grace_ms: numbers[18].max(time),
        max_ratio: numbers[19],
        max_compressors: numbers[20],
    }
}
