//! Compressed messages: any bytes as payloads, against an inflater that is not the library's own; and whatever our
//! compressor makes of any messages, for the other end.

use super::deflated::{RSV1, Sender, agreed, end, key, squeezed};
use super::drive::{End, Seen, assembled};
use super::frames::frame;
use super::held::most;
use super::inflater;
use super::input::Input;
use wsrs::proto::connection::Role;
use wsrs::proto::deflate::codecs::Codecs;
use wsrs::proto::deflate::{Agreed, Settings};
use wsrs::proto::message::{Kind, MessageLimits};

/// Characters of one to four bytes, and what repeats.
const TEXT: &str = "{\"κόσμε\":\"𝄞 ws ws\",\"n\":1234567890,\"again\":1234567890},";
const ROLES: [Role; 2] = [Role::Server, Role::Client];
/// What a loop's own codecs and buffers take.
const LOOP: isize = 700_000;

/// Either what nobody may ever send, or what our own compressor does.
pub fn inflate(data: &[u8]) {
    let mut input = Input::new(data);
    if input.flag() { honest(input) } else { any(input) }
}

/// How the payloads are received.
struct Case {
    role: Role,
    agreed: Agreed,
    limits: MessageLimits,
    /// Kinds and payloads.
    messages: Vec<(Kind, Vec<u8>)>,
    /// Each message's frames.
    stream: Vec<u8>,
    read: usize,
}

/// Whole, cut, straight into place and streamed, the same messages come out, until the first that fails: those that the
/// other inflater has, no more than the limits allow, and memory is bounded by them.
fn any(mut input: Input) {
    let case = case(&mut input);
    let expected = case.expected();
    let whole = case.take(false, false, usize::MAX);
    for (direct, read) in [(false, 1), (false, case.read), (true, case.read), (true, usize::MAX)] {
        if read > 1 || case.stream.len() < 2_000 {
            assert!(case.take(false, direct, read) == whole, "reads of {read}, direct {direct}");
        }
    }
    assert!(whole == expected, "{} and {}", brief(&whole), brief(&expected));
    let smallest = if case.stream.len() < 2_000 { 1 } else { case.read };
    for read in [usize::MAX, case.read, smallest] {
        let streamed = case.take(true, false, read);
        // A ratio holds for each piece: it may end what is fine as a whole.
        match streamed.split_last() {
            Some((None, before)) if case.limits.max_ratio != u64::MAX => assert!(whole.starts_with(before)),
            _ => assert!(streamed == whole, "reads of {read}: {} and {}", brief(&streamed), brief(&whole)),
        }
    }
}

fn case(input: &mut Input) -> Case {
    let role = input.pick(&ROLES);
    let takeover = input.flag();
    let limits = MessageLimits {
        max_message: input.pick(&[1 << 20, 0, 1, 300, 66_000]),
        max_ratio: input.pick(&[u64::MAX, 1, 20]),
        ..MessageLimits::default()
    };
    let read = input.size();
    let (mut messages, mut stream) = (Vec::new(), Vec::new());
    while messages.is_empty() || !input.is_over() && messages.len() < 8 {
        let kind = input.pick(&[Kind::Binary, Kind::Text]);
        let payload = payload(input);
        let pieces = 1 + usize::from(input.byte() % 4);
        let size = payload.len().div_ceil(pieces).max(1);
        let mut left = &payload[..];
        for number in 0..pieces {
            let (piece, rest) = left.split_at(if number + 1 == pieces { left.len() } else { size.min(left.len()) });
            let first = if number == 0 { RSV1 | kind.opcode() } else { 0 };
            let fin = if number + 1 == pieces { 0x80 } else { 0 };
            stream.extend(frame(first | fin, piece, key(role)));
            left = rest;
        }
        messages.push((kind, payload));
    }
    let read = read.max(2).max(stream.len() / 500);
    Case { role, agreed: agreed(15, takeover), limits, messages, stream, read }
}

/// Any bytes; or what was compressed, with some of it changed.
fn payload(input: &mut Input) -> Vec<u8> {
    if input.flag() {
        return input.bytes(255).to_vec();
    }
    let size = input.size();
    let (mut payload, at) = (squeezed(&plain(input, size)), input.size());
    let changed = input.bytes(3);
    let end = payload.len();
    for (place, byte) in payload[at.min(end)..].iter_mut().zip(changed) {
        *place ^= byte;
    }
    payload.truncate(end - usize::from(input.byte() % 8 / 6).min(end));
    payload
}

/// `size` bytes of one of several kinds.
fn plain(input: &mut Input, size: usize) -> Vec<u8> {
    match input.byte() % 4 {
        0 => TEXT.bytes().cycle().take(size).collect(),
        1 => vec![input.byte(); size],
        2 => (0..size as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect(),
        _ => {
            let pattern = input.bytes(255);
            if pattern.is_empty() { vec![0; size] } else { pattern.iter().copied().cycle().take(size).collect() }
        }
    }
}

impl Case {
    /// The messages; None for a failure.
    fn take(&self, streaming: bool, direct: bool, read: usize) -> Vec<Option<(Kind, Vec<u8>)>> {
        let mut end = end(self.role, streaming, self.agreed);
        (end.limits, end.direct) = (self.limits, direct);
        let mut noted = Vec::new();
        let held = most(|| {
            for piece in self.stream.chunks(read.min(self.stream.len().max(1))) {
                end.take(piece);
                noted.append(&mut end.seen);
                if noted.iter().any(|seen| matches!(seen, Seen::Failed(_))) {
                    break;
                }
            }
        });
        let longest = self.limits.max_message as isize * self.messages.len() as isize;
        assert!(held < LOOP + 8 * (self.stream.len() as isize) + 4 * longest, "{held} bytes held");
        let seen = assembled(noted);
        seen.into_iter()
            .map(|seen| if let Seen::Message(kind, data, ..) = seen { Some((kind, data)) } else { None })
            .collect()
    }

    /// The same by the other inflater.
    fn expected(&self) -> Vec<Option<(Kind, Vec<u8>)>> {
        let (mut history, mut expected) = (Vec::new(), Vec::new());
        for (kind, payload) in &self.messages {
            let message = self.message(*kind, payload, &history);
            expected.push(message.clone());
            let Some((_, data)) = message else { break };
            if self.agreed.server.takeover() {
                history.extend(data);
            }
        }
        expected
    }

    fn message(&self, kind: Kind, payload: &[u8], history: &[u8]) -> Option<(Kind, Vec<u8>)> {
        // RFC 7692 §7.2.3.6 has a byte there; without it nothing else can be meant.
        let data = if payload.is_empty() { vec![] } else { inflater::inflate(payload, history)?.0 };
        let by_ratio = (payload.len() as u64).saturating_mul(self.limits.max_ratio).max(64 << 10);
        let fits = data.len() as u64 <= self.limits.max_message.min(by_ratio);
        // What can't be compressed becomes longer, but not by that much.
        let possible = (payload.len() as u64) < self.limits.max_message + self.limits.max_message / 7 + 64;
        let is_text = kind == Kind::Binary || std::str::from_utf8(&data).is_ok();
        (fits && possible && is_text).then_some((kind, data))
    }
}

fn brief(seen: &[Option<(Kind, Vec<u8>)>]) -> String {
    format!("{:?}", seen.iter().map(|seen| seen.as_ref().map(|(_, data)| data.len())).collect::<Vec<_>>())
}

/// What goes in comes out, for any settings, sizes and fragments, whatever either end gives up in between.
fn honest(mut input: Input) {
    let mut pair = Pair::new(&mut input);
    let mut written = 0;
    while !input.is_over() && written < 100_000 {
        let (action, kind) = (input.byte(), input.pick(&[Kind::Binary, Kind::Text]));
        pair.act(action % 8, kind, &mut input);
        written += pair.wire.len();
        if action & 0x80 != 0 {
            pair.deliver();
        }
    }
    pair.deliver();
    let seen = assembled(pair.receiver.seen);
    assert!(seen == pair.expected, "{} of {} messages came", seen.len(), pair.expected.len());
}

struct Pair {
    sender: Sender,
    receiver: End,
    /// Bytes that are received at once.
    read: usize,
    wire: Vec<u8>,
    expected: Vec<Seen>,
    /// The fragmented message that is not finished.
    begun: Option<(Kind, Vec<u8>)>,
}

impl Pair {
    fn new(input: &mut Input) -> Pair {
        let role = input.pick(&ROLES);
        let agreed = agreed(8 + input.byte() % 8, input.flag());
        let settings = Settings {
            level: 1 + input.byte() % 9,
            memory_level: 1 + input.byte() % 9,
            min_size: input.pick(&[64, 0, 1]),
            ..Settings::default()
        };
        let mut sender = Sender::new(role, agreed, settings);
        let mut receiver = end(role.other(), input.flag(), agreed);
        let most_kept = input.pick(&[2048, 0, 1]);
        (sender.codecs, receiver.shared.codecs) = (Codecs::new(most_kept), Codecs::new(most_kept));
        receiver.direct = input.flag();
        Pair { sender, receiver, read: input.size().max(2), wire: vec![], expected: vec![], begun: None }
    }

    fn act(&mut self, action: u8, kind: Kind, input: &mut Input) {
        match action {
            0 => self.sender.connection.release_contexts(&mut self.sender.codecs),
            1 => {
                self.deliver();
                self.receiver.connection.release_contexts(&mut self.receiver.shared.codecs);
            }
            2..=5 if self.begun.is_none() => {
                let data = message(input, kind);
                let frame = match action {
                    2 => self.prepared(kind, &data),
                    3 => self.sender.frame(0x80 | kind.opcode(), &data),
                    _ => self.sender.message(kind, &data),
                };
                self.wire.extend(frame);
                self.expected.push(Seen::Message(kind, data, true, true));
            }
            _ => self.fragment(kind, input, action == 7),
        }
    }

    /// Compressed by itself, elsewhere.
    fn prepared(&mut self, kind: Kind, data: &[u8]) -> Vec<u8> {
        self.sender.connection.forget_sent();
        self.sender.frame(0x80 | RSV1 | kind.opcode(), &squeezed(data))
    }

    fn fragment(&mut self, kind: Kind, input: &mut Input, last: bool) {
        let (kind, mut whole) = self.begun.take().unwrap_or((kind, Vec::new()));
        let data = message(input, kind);
        self.wire.extend(self.sender.fragment(kind, &data, last));
        whole.extend(data);
        match last {
            true => self.expected.push(Seen::Message(kind, whole, true, true)),
            false => self.begun = Some((kind, whole)),
        }
    }

    fn deliver(&mut self) {
        for piece in self.wire.chunks(self.read.max(self.wire.len() / 500)) {
            self.receiver.take(piece);
        }
        self.wire.clear();
    }
}

/// One of any length, if it is text of whole characters.
fn message(input: &mut Input, kind: Kind) -> Vec<u8> {
    let size = input.size();
    let data = plain(input, size);
    if kind == Kind::Text { String::from_utf8_lossy(&data).into_owned().into_bytes() } else { data }
}
