//! The short way for whole messages looks at a header's length of bytes whatever was received: what lies behind the
//! received bytes is left over from others and must not count.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{BINARY, KEY, TEXT, frame, masked, pattern};
use loopback::{Loop, Seen};
use wsrs::net::{Limits, ListenOptions};
use wsrs::proto::connection::{Connection, Role};
use wsrs::proto::frame::MAX_HEADER;
use wsrs::proto::message::{Kind, MessageLimits};

/// A frame cut anywhere is not taken, even where the bytes behind the cut would complete it.
#[test]
fn the_short_way_takes_no_message_whose_header_is_cut() {
    let limits = MessageLimits::default();
    for (role, key) in [(Role::Server, Some(KEY)), (Role::Client, None)] {
        for first in [TEXT, BINARY] {
            for length in [0, 1, 125, 126, 65535, 65536] {
                let whole = frame(first, &vec![b'x'; length], key);
                let mut window = [&[0; 100], &whole[..], &[0; MAX_HEADER]].concat();
                for cut in (0..MAX_HEADER.min(whole.len())).chain([whole.len() - 1]) {
                    let found = Connection::new(role, false).whole_message(&mut window, 100, 100 + cut, &limits);
                    assert_eq!(found, None, "{role:?}, {length} bytes, cut after {cut}");
                }
                let found = Connection::new(role, false).whole_message(&mut window, 100, 100 + whole.len(), &limits);
                assert_eq!(found.unwrap().1.len(), length);
            }
        }
    }
}

/// Empty messages, each cut at every place, after others have left their bytes in the window.
#[test]
fn empty_messages_that_arrive_in_two_reads() {
    let mut l = Loop::new(Limits::default());
    let (_, address) = l.listen(ListenOptions::default());
    let (mut raw, id) = l.accept_raw(address);
    let (mut other, other_id) = l.accept_raw(address);
    let empty = masked(BINARY, b"");
    let count = |l: &Loop| l.count(|seen| matches!(seen, Seen::Message(i, _, data) if *i == id && data.is_empty()));
    for (done, cut) in (1..empty.len()).enumerate() {
        // Leaves empty frames all over the window's beginning, at the same places.
        other.write(&empty.repeat(10));
        l.until("the other's messages", |l| {
            l.count(|seen| matches!(seen, Seen::Message(i, ..) if *i == other_id)) == 10 * (done + 1)
        });
        raw.write(&empty[..cut]);
        l.during(std::time::Duration::from_millis(5));
        assert_eq!(count(&l), done, "cut after {cut}");
        raw.write(&empty[cut..]);
        l.until("the message", |l| count(l) == done + 1);
    }
    raw.write(&masked(BINARY, &pattern(1000)));
    l.until_seen(&Seen::Message(id, Kind::Binary, pattern(1000)));
}
