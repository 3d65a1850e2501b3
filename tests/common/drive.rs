//! Drives the state machine as the loop does: windows of bytes, or straight into a large message's place.
#![allow(dead_code)]

use wsrs::proto::buffer::Buffer;
use wsrs::proto::connection::{Connection, Place, Role, Step};
use wsrs::proto::error::ProtocolError;
use wsrs::proto::frame::MAX_HEADER;
use wsrs::proto::message::{Kind, MessageLimits};
use wsrs::proto::shared::Shared;

/// A step with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Message(Kind, Vec<u8>, /* first */ bool, /* last */ bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    Failed(ProtocolError),
}

pub fn text(data: &str) -> Seen {
    Seen::Message(Kind::Text, data.into(), true, true)
}

pub fn binary(data: &[u8]) -> Seen {
    Seen::Message(Kind::Binary, data.into(), true, true)
}

/// One end that bytes come to.
pub struct End {
    pub connection: Connection,
    pub limits: MessageLimits,
    /// Receive into the message's own place where the connection offers it.
    pub direct: bool,
    /// Try the short way for whole messages first.
    pub fast: bool,
    pub seen: Vec<Seen>,
    /// How many bytes were received directly.
    pub received_directly: usize,
    /// How many steps it took.
    pub steps: usize,
    pub shared: Shared,
    lent: Buffer,
}

impl End {
    pub fn new(role: Role, streaming: bool) -> End {
        End {
            connection: Connection::new(role, streaming),
            limits: MessageLimits {
                max_message: 1 << 30,
                max_frame: 1 << 30,
                max_fragments: 1 << 20,
                max_ratio: u64::MAX,
            },
            direct: false,
            fast: false,
            seen: Vec::new(),
            received_directly: 0,
            steps: 0,
            shared: Shared::default(),
            lent: Buffer::default(),
        }
    }

    /// Takes what one read of a socket would give. Nothing after a Close or a failure.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_over() {
            if self.direct
                && let Some(room) = self.connection.room()
            {
                assert!(!room.is_empty());
                let count = room.len().min(bytes.len());
                room[..count].copy_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                self.received_directly += count;
                let mut window = [0; MAX_HEADER];
                self.steps += 1;
                let (beyond, step) =
                    self.connection.received(count, &mut window, &self.limits, &mut self.shared, &mut self.lent);
                self.note(step, &window);
                self.window(&window[..beyond]);
            } else {
                self.window(bytes);
                return;
            }
        }
    }

    fn window(&mut self, received: &[u8]) {
        let end = received.len();
        let mut window = received.to_vec();
        if self.fast {
            // Behind what was received lies what others have left: here, what would complete a cut header.
            let stale = if self.connection.role() == Role::Server { 0x80 } else { 0 };
            window.extend_from_slice(&[stale; MAX_HEADER]);
        }
        let mut at = 0;
        while at < end && !self.is_over() {
            self.steps += 1;
            if self.fast
                && let Some((kind, place)) = self.connection.whole_message(&mut window, at, end, &self.limits)
            {
                assert!(place.end > at && place.end <= end, "{place:?} in {at}..{end}");
                at = place.end;
                self.seen.push(Seen::Message(kind, window[place].to_vec(), true, true));
                continue;
            }
            let rest = &mut window[at..end];
            let (used, step) = self.connection.receive(rest, &self.limits, &mut self.shared, &mut self.lent);
            assert!(used > 0, "no progress at {at} of {}", rest.len());
            self.note(step, &window[at..end]);
            at += used;
        }
        assert!(at <= end);
    }

    fn is_over(&self) -> bool {
        matches!(self.seen.last(), Some(Seen::Close(..) | Seen::Failed(_)))
    }

    fn note(&mut self, step: Step, window: &[u8]) {
        let mut bytes = |place: Place| match place {
            Place::Window(range) => window[range].to_vec(),
            Place::Lent => {
                let buffer = std::mem::take(&mut self.lent);
                let bytes = buffer.filled().to_vec();
                self.shared.pool.give(buffer);
                bytes
            }
        };
        let seen = match step {
            Step::More => return,
            Step::Message { kind, place, first, last } => Seen::Message(kind, bytes(place), first, last),
            Step::Ping(place) => Seen::Ping(bytes(place)),
            Step::Pong(place) => Seen::Pong(bytes(place)),
            Step::Close { code, reason } => Seen::Close(code, reason),
            Step::Failed(error) => Seen::Failed(error),
        };
        self.seen.push(seen);
    }
}

/// What `pieces` lead to, one read after the other.
pub fn drive<'b>(
    role: Role,
    streaming: bool,
    direct: bool,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> (Vec<Seen>, usize) {
    let mut end = End::new(role, streaming);
    end.direct = direct;
    pieces.into_iter().for_each(|piece| end.take(piece));
    (end.seen, end.received_directly)
}

/// Pieces of one message that came one after the other as one piece: how a stream is cut by reads means nothing.
pub fn joined(seen: Vec<Seen>) -> Vec<Seen> {
    let mut all: Vec<Seen> = Vec::new();
    for each in seen {
        match (all.last_mut(), each) {
            (Some(Seen::Message(kind, data, _, last @ false)), Seen::Message(more, piece, false, ends)) => {
                assert_eq!(*kind, more);
                data.extend_from_slice(&piece);
                *last = ends;
            }
            (_, each) => all.push(each),
        }
    }
    all
}

/// Pieces put together to whole messages, in the place of the last.
pub fn assembled(streamed: Vec<Seen>) -> Vec<Seen> {
    let (mut seen, mut before, mut begun) = (Vec::new(), Vec::new(), false);
    for each in streamed {
        match each {
            Seen::Message(kind, data, first, last) => {
                assert_eq!(first, !begun, "a message begins inside another, or without its beginning");
                begun = !last;
                before.extend_from_slice(&data);
                if last {
                    seen.push(Seen::Message(kind, std::mem::take(&mut before), true, true));
                }
            }
            other => seen.push(other),
        }
    }
    seen
}
