//! Messages that become large when they are inflated share the loop with others: what they become counts.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "common/deflated.rs"]
mod deflated;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use deflated::zeros;
use frames::masked;
use loopback::{Loop, REQUEST, Raw, Seen};
use std::time::Duration;
use wsrs::net::{Limits, ListenOptions};
use wsrs::proto::deflate::Settings;

/// A turn's share is 1 MiB: forty messages of 500,000 bytes, which come at once in some 20 KB, are taken three at a time.
///
/// Checked by: without `count_inflated` in `interpret` of net/reading.rs all come in one turn; without `read_again` where
/// the share is used up the others never come.
#[test]
fn a_window_of_compressed_messages_takes_many_turns() {
    const MESSAGES: usize = 40;
    let message = masked(0xc2, &zeros(500_000));
    let offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    for streaming in [false, true] {
        let mut l = Loop::new(Limits::default());
        let deflate = Some(Settings { peer_takeover: false, ..Settings::default() });
        let (_, address) = l.listen(ListenOptions { deflate, streaming, ..ListenOptions::default() });
        let mut raw = Raw::connect(address);
        raw.write(&[&REQUEST[..REQUEST.len() - 2], offer].concat());
        raw.until(&mut l, "the answer", |raw| raw.head().is_some());
        raw.write(&message.repeat(MESSAGES));
        let (mut all, mut most) = (0, 0);
        while all < MESSAGES * 500_000 {
            let mut bytes = 0;
            let mut count = |_: &mut _, seen: &Seen| match seen {
                Seen::Message(_, _, data) => bytes += data.len(),
                Seen::Piece(_, _, data, ..) => bytes += data.len(),
                _ => {}
            };
            l.turn_with(Duration::from_secs(5), &mut count);
            assert!(bytes > 0, "{all} bytes, and no more");
            (all, most) = (all + bytes, most.max(bytes));
        }
        assert!((1 << 20..=1_500_000).contains(&most), "{most}");
    }
}
