//! What a peer sends once a connection is open.

use super::drive::{End, Seen, assembled, joined};
pub(super) use super::wire::{KEY, frame};
use super::{Cuts, model};
use wsrs::proto::connection::Role;
use wsrs::proto::message::MessageLimits;

const LARGE: MessageLimits =
    MessageLimits { max_message: 1 << 20, max_frame: 1 << 20, max_fragments: 1024, max_ratio: u64::MAX };
const SMALL: MessageLimits = MessageLimits { max_message: 300, max_frame: 200, max_fragments: 3, max_ratio: u64::MAX };

/// A stream of frames means what the model says, in both roles, whole and streamed, however it is cut and whichever
/// way its bytes take: through the window, straight into a message's place, by the short way for whole messages.
///
/// The first byte says which role and limits, and whether the rest are the bytes themselves or say which frames.
pub fn frames(data: &[u8]) {
    let Some((&mode, rest)) = data.split_first() else { return };
    let role = if mode & 1 == 0 { Role::Server } else { Role::Client };
    let limits = if mode & 2 == 0 { LARGE } else { SMALL };
    let stream = if mode & 4 == 0 { rest.to_vec() } else { build(rest, role) };

    let mut cuts = Cuts::of(data);
    let mut ways = vec![vec![&stream[..]]];
    if stream.len() < 8192 {
        ways.push(stream.chunks(1).collect());
        ways.push(cuts.pieces(&stream, 20));
    }
    ways.push(cuts.pieces(&stream, 6_000));
    ways.push(cuts.pieces(&stream, 60_000));

    let expected = model::read(&stream, role, &limits);
    let way = |streaming, direct, fast| Way { role, limits, streaming, direct, fast };
    let streamed = way(true, false, false).take(&ways[0]);
    for pieces in &ways {
        for (direct, fast) in [(false, false), (true, false), (false, true), (true, true)] {
            let name = format!("{} pieces, direct {direct}, fast {fast}", pieces.len());
            let seen = way(false, direct, fast).take(pieces);
            assert!(expected.allows(&seen), "{name}: {seen:?} instead of {expected:?}");
            if direct == fast {
                assert_eq!(way(true, direct, fast).take(pieces), streamed, "streaming, {name}");
            }
        }
    }
    assert!(expected.allows(&assembled(streamed)), "streaming: {expected:?}");
}

/// How bytes are taken.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) role: Role,
    pub(super) limits: MessageLimits,
    pub(super) streaming: bool,
    pub(super) direct: bool,
    pub(super) fast: bool,
}

impl Way {
    pub(super) fn end(self) -> End {
        let mut end = End::new(self.role, self.streaming);
        (end.limits, end.direct, end.fast) = (self.limits, self.direct, self.fast);
        end
    }

    pub(super) fn take(self, pieces: &[&[u8]]) -> Vec<Seen> {
        let mut end = self.end();
        pieces.iter().for_each(|piece| end.take(piece));
        let mut seen = if self.streaming { joined(end.seen) } else { end.seen };
        // How much of a piece that breaks the rules was handed out before is a matter of the cuts.
        if let [.., Seen::Message(.., false), Seen::Failed(_)] = &seen[..] {
            seen.remove(seen.len() - 2);
        }
        seen
    }
}

/// Frames with right headers, three bytes for each: what it is, how long, what is in it.
pub(super) fn build(plan: &[u8], role: Role) -> Vec<u8> {
    const FIRST: [u8; 10] = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88, 0x00];
    let mut stream = Vec::new();
    for (frame, _) in plan.chunks_exact(3).zip(0..40) {
        let &[what, size, style] = frame else { continue };
        let first = FIRST.get(usize::from(what)).copied().unwrap_or(what);
        let length = match usize::from(size) {
            size if first & 0x08 != 0 => size.min(126),
            size @ ..192 => size,
            size @ ..240 => (size - 191) * 150 + usize::from(style),
            size => (size - 239) * 4400 + usize::from(style),
        };
        let mut payload: Vec<u8> = match style % 4 {
            0 => (0..length).map(|i| b' ' + (i % 90) as u8).collect(),
            1 => (0..length).map(|i| (i * 31 + i / 251) as u8).collect(),
            2 => "κόσμε 𝄞 ".bytes().cycle().skip(usize::from(style / 4)).take(length).collect(),
            _ => vec![b'x'; length],
        };
        if let (3, Some(byte)) = (style % 4, payload.get_mut(length * usize::from(style) / 256)) {
            *byte = style;
        }
        if first == 0x88 && length >= 2 {
            payload[..2].copy_from_slice(&(999 + u16::from(style)).to_be_bytes());
        }
        let mask = if role == Role::Server { 0x80 } else { 0 };
        match length {
            ..126 => stream.extend_from_slice(&[first, mask | length as u8]),
            126..0x10000 => stream.extend_from_slice(&[first, mask | 126, (length >> 8) as u8, length as u8]),
            _ => {
                stream.extend_from_slice(&[first, mask | 127]);
                stream.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        if role == Role::Server {
            let key = [style, size, what, 0x55];
            stream.extend_from_slice(&key);
            payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        stream.extend_from_slice(&payload);
        if stream.len() > 150_000 {
            break;
        }
    }
    // A stream may end anywhere.
    let cut = plan.chunks_exact(3).remainder().first().map_or(0, |&cut| usize::from(cut));
    stream.truncate(stream.len().saturating_sub(cut));
    stream
}
