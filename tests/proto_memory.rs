//! Memory follows bytes received, never a length announced (H2), and floods of fragments end at their limits with
//! bounded memory (H3): a counting allocator watches.
#![allow(clippy::unwrap_used)]

#[path = "common/cost.rs"]
mod cost;
#[path = "common/drive.rs"]
mod drive;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/held.rs"]
mod held;

use cost::least_cpu;
use drive::{End, Seen};
use frames::{BINARY, KEY, TEXT, frame, header};
use held::{held, most};
use wsrs::proto::connection::Role;
use wsrs::proto::error::ProtocolError::{TooBig, TooManyFragments};
use wsrs::proto::message::MessageLimits;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn end(role: Role, streaming: bool, limits: MessageLimits) -> End {
    let mut end = End::new(role, streaming);
    end.limits = limits;
    end
}

fn unlimited() -> MessageLimits {
    MessageLimits { max_message: u64::MAX, max_frame: u64::MAX, max_fragments: u32::MAX, max_ratio: u64::MAX }
}

/// H2: the promise of a header costs nothing.
///
/// Checked by: when Pool::take of buffer.rs makes a buffer of the size that is expected, this fails.
#[test]
fn h02_a_header_alone_costs_the_same_whatever_it_promises() {
    for role in ROLES {
        let key = (role == Role::Server).then_some(KEY);
        for length in [126, 65_536, 1 << 20, 1 << 31, 1 << 32, (1 << 63) - 1] {
            for first in [TEXT, BINARY, 0x01] {
                let bytes = header(first, length, key);
                let mut end = end(role, false, unlimited());
                let held = most(|| end.take(&bytes));
                assert!(held < 512, "{held} bytes for a header that promises {length}");
            }
        }
    }
}

/// H2: a promise and a few bytes: the room to receive into is small until something has come.
///
/// Checked by: with room for 1 MiB at once in Buffer::room of buffer.rs this fails.
#[test]
fn h02_a_few_bytes_of_a_large_frame_cost_little() {
    for (arrived, most_held) in [(1, 5_000), (100, 9_000), (4_096, 75_000), (65_536, 210_000)] {
        let mut end = end(Role::Server, false, unlimited());
        end.direct = true;
        let payload = vec![1; arrived];
        let held = most(|| {
            end.take(&header(BINARY, 1 << 40, Some(KEY)));
            assert!(end.connection.room().is_some());
            end.take(&payload);
            assert!(end.connection.room().is_some());
        });
        assert!(held < most_held, "{held} bytes after {arrived} of 2^40");
    }
}

/// H2: received piece by piece, a message never holds more than four times what came.
///
/// Checked by: as the one before.
#[test]
fn h02_a_growing_message_costs_in_proportion_to_what_came() {
    let piece = vec![7; 8_192];
    let mut end = end(Role::Client, false, unlimited());
    end.direct = true;
    end.take(&header(BINARY, 1 << 40, None));
    let (before, mut arrived) = (held(), 0);
    while arrived < 4 << 20 {
        end.take(&piece);
        arrived += piece.len() as isize;
        let held = held() - before;
        assert!(held <= 4 * arrived + (64 << 10), "{held} held after {arrived}");
    }
    assert_eq!(end.seen, []);
}

/// Feeds a million fragments after a first one; how many were taken, and the most memory held.
fn flood(role: Role, streaming: bool, payload: &[u8], limits: MessageLimits) -> (usize, isize, Vec<Seen>) {
    let key = (role == Role::Server).then_some(KEY);
    let fragment = frame(0x00, payload, key);
    let window: Vec<u8> = fragment.iter().copied().cycle().take(fragment.len() * 1000).collect();
    let mut end = end(role, streaming, limits);
    let mut taken = 0;
    let held = most(|| {
        end.take(&frame(0x02, payload, key));
        for _ in 0..1000 {
            // What was handed out is the program's.
            end.seen.retain(|seen| matches!(seen, Seen::Failed(_)));
            if !end.seen.is_empty() {
                break;
            }
            end.take(&window);
            taken += 1000;
        }
    });
    end.seen.retain(|seen| matches!(seen, Seen::Failed(_)));
    (taken, held, end.seen)
}

/// H3: without a byte, with one byte each, by the number of fragments and by their sum.
///
/// Checked by: without either limit in message.rs this fails.
#[test]
fn h03_a_million_tiny_fragments_end_at_the_limits_with_bounded_memory() {
    for streaming in [false, true] {
        for payload in [&b""[..], b"x"] {
            let (taken, held, seen) = flood(Role::Server, streaming, payload, MessageLimits::default());
            assert_eq!((taken, seen), (2000, vec![Seen::Failed(TooManyFragments)]), "streaming {streaming}");
            assert!(held < 200_000, "{held}");
        }
        let sized = MessageLimits { max_message: 500_000, ..unlimited() };
        let (taken, held, seen) = flood(Role::Client, streaming, b"x", sized);
        assert_eq!((taken, seen), (500_000, vec![Seen::Failed(TooBig)]), "streaming {streaming}");
        assert!(held < 2_000_000, "{held}");
    }
    for (role, payload, most_held) in [(Role::Server, &b""[..], 200_000), (Role::Client, b"x", 4_500_000)] {
        let (taken, held, seen) = flood(role, false, payload, unlimited());
        assert_eq!((taken, seen), (1_000_000, vec![]), "without limits");
        assert!(held < most_held, "{held}");
    }
}

/// A message in four times as many fragments takes four times as long, where no limit ends it.
///
/// Checked by: with work at each fragment that grows with their number (a check of as many bytes in Incoming::begin of
/// message.rs) this fails.
#[test]
fn h03_floods_of_fragments_cost_linear_time() {
    for streaming in [false, true] {
        for payload in [&b""[..], b"x"] {
            let time = |count: usize| {
                let window = frame(0x00, payload, None).repeat(1000);
                least_cpu(|| {
                    let mut end = end(Role::Client, streaming, unlimited());
                    end.take(&frame(0x02, payload, None));
                    for _ in 0..count / 1000 {
                        end.take(&window);
                        end.seen.clear();
                    }
                    assert_eq!(end.seen, []);
                })
            };
            let (small, large) = (time(20_000), time(80_000));
            // Linear is 4, quadratic 16.
            assert!(large < small * 9, "{small:?} became {large:?}, streaming {streaming}");
        }
    }
}

/// H3: the limit of fragments, to the frame.
///
/// Checked by: without max_fragments in message.rs this fails.
#[test]
fn h03_the_limit_of_fragments_is_exact() {
    for streaming in [false, true] {
        for (count, fits) in [(1, true), (9, true), (10, true), (11, false)] {
            let mut end = end(Role::Client, streaming, MessageLimits { max_fragments: 10, ..unlimited() });
            for number in 1..=count {
                let first = if number == 1 { 0x02 } else { 0x00 };
                end.take(&frame(first | if number == count { 0x80 } else { 0 }, b"x", None));
            }
            assert_eq!(end.seen.contains(&Seen::Failed(TooManyFragments)), !fits, "{count}, streaming {streaming}");
        }
    }
}

/// An idle connection owns nothing, whatever it has received.
#[test]
fn a_connection_between_messages_owns_nothing() {
    for role in ROLES {
        let key = (role == Role::Server).then_some(KEY);
        let mut end = end(role, false, unlimited());
        let bytes: Vec<u8> = [(0x01, &b"ab"[..]), (0x89, b"ping"), (0x80, b"cd"), (BINARY, &[0; 300])]
            .iter()
            .flat_map(|(first, payload)| frame(*first, payload, key))
            .collect();
        end.seen.reserve(8);
        let before = held();
        bytes.chunks(5).for_each(|piece| end.take(piece));
        assert_eq!(end.seen.len(), 3);
        end.seen.clear();
        assert_eq!(held(), before);
    }
}
