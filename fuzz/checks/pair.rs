//! Two ends and the bytes between them: what one sends is what the other gets, however it is cut on its way, and what
//! may be sent when is what a plain model says.

use super::drive::{End, Seen, assembled};
use super::input::Input;
use wsrs::proto::connection::{NotNow, Role};
use wsrs::proto::frame::{self, FIN, MAX_HEADER, opcode};
use wsrs::proto::message::Kind;

/// Characters of one to four bytes.
const TEXT: &str = "κόσμε 𝄞 ws ";
/// Enough for every kind of frame, and little enough to be fast.
const MOST_BYTES: usize = 300_000;
const MOST_ACTIONS: usize = 300;

struct Side {
    /// Receives, and its state machine sends.
    end: End,
    /// Written, and not received yet by the other.
    wire: Vec<u8>,
    /// What the other is to see.
    sent: Vec<Seen>,
    /// The fragmented message that is not finished.
    begun: Option<(Kind, Vec<u8>)>,
    closed: bool,
    /// Of `end.seen`: those answered.
    answered: usize,
    written: usize,
}

pub(super) fn talk(mut input: Input) {
    let mut sides = [Role::Client, Role::Server].map(|role| Side::new(role, &mut input));
    for _ in 0..MOST_ACTIONS {
        if input.is_over() {
            break;
        }
        let action = input.byte();
        let who = usize::from(action & 1);
        if action & 2 == 0 {
            let count = input.size();
            deliver(&mut sides, who, count.max(1));
        } else if sides[who].written < MOST_BYTES {
            sides[who].act(action >> 2, &mut input);
        }
    }
    // A Ping or Close is answered once, and an answer is not answered.
    for who in [0, 1, 0, 1] {
        deliver(&mut sides, who, usize::MAX);
    }
    let over = sides[0].closed;
    for who in [0, 1] {
        let seen = assembled(std::mem::take(&mut sides[who].end.seen));
        assert!(seen == sides[1 - who].sent, "{who} did not get what was sent");
        sides[who].check(over);
    }
}

/// Up to `count` bytes go from one side to the other, which answers what is to be answered.
fn deliver(sides: &mut [Side; 2], from: usize, count: usize) {
    let wire = &mut sides[from].wire;
    let bytes: Vec<u8> = wire.drain(..count.min(wire.len())).collect();
    let to = &mut sides[1 - from];
    to.end.take(&bytes);
    to.answer();
}

impl Side {
    fn new(role: Role, input: &mut Input) -> Side {
        let mut end = End::new(role, input.flag());
        (end.direct, end.fast) = (input.flag(), input.flag());
        Side { end, wire: vec![], sent: vec![], begun: None, closed: false, answered: 0, written: 0 }
    }

    fn act(&mut self, action: u8, input: &mut Input) {
        let kind = input.pick(&[Kind::Text, Kind::Binary]);
        match action % 8 {
            0..=2 => self.message(kind, input.size()),
            3 | 4 => self.fragment(kind, input.size(), false),
            5 => self.fragment(kind, input.size(), true),
            6 => self.control(input.pick(&[opcode::PING, opcode::PONG]), input.bytes(125).to_vec()),
            _ => self.close(input),
        }
    }

    fn message(&mut self, kind: Kind, size: usize) {
        let begun = self.end.connection.begin_message(kind);
        assert_eq!(begun.err(), self.refusal(self.begun.is_some()));
        let plain = self.end.connection.role() == Role::Server && begun.is_ok();
        assert_eq!(self.end.connection.sends_plain(), plain);
        if let Ok(first) = begun {
            let payload = payload(kind, 0, size, true);
            self.write(first, &payload);
            self.sent.push(Seen::Message(kind, payload, true, true));
        }
    }

    fn fragment(&mut self, kind: Kind, size: usize, last: bool) {
        let other = self.begun.as_ref().is_some_and(|(begun, _)| *begun != kind);
        let begun = self.end.connection.begin_fragment(kind, last);
        assert_eq!(begun.err(), self.refusal(other));
        let Ok(first) = begun else { return };
        let (_, mut data) = self.begun.take().unwrap_or((kind, Vec::new()));
        let payload = payload(kind, data.len(), size, last);
        data.extend_from_slice(&payload);
        self.write(first, &payload);
        match last {
            true => self.sent.push(Seen::Message(kind, data, true, true)),
            false => self.begun = Some((kind, data)),
        }
    }

    fn control(&mut self, code: u8, payload: Vec<u8>) {
        let begun = self.end.connection.begin_control(code);
        assert_eq!(begun, if self.closed { Err(NotNow::Closing) } else { Ok(FIN | code) });
        if let Ok(first) = begun {
            self.write(first, &payload);
            self.sent.push(if code == opcode::PING { Seen::Ping(payload) } else { Seen::Pong(payload) });
        }
    }

    fn close(&mut self, input: &mut Input) {
        match input.pick(&[0, 1000, 1001, 1003, 1011, 3000, 4999]) {
            0 => self.send_close(1005, String::new()),
            code => self.send_close(code, String::from_utf8_lossy(input.bytes(41)).into_owned()),
        }
    }

    fn send_close(&mut self, code: u16, reason: String) {
        let begun = self.end.connection.begin_close();
        assert_eq!(begun.err(), self.refusal(false));
        let Ok(first) = begun else { return };
        match code {
            1005 => self.write(first, &[]),
            code => self.write(first, &[&code.to_be_bytes(), reason.as_bytes()].concat()),
        }
        self.closed = true;
        self.sent.push(Seen::Close(code, reason));
    }

    fn refusal(&self, fragmented: bool) -> Option<NotNow> {
        if self.closed { Some(NotNow::Closing) } else { fragmented.then_some(NotNow::Fragmented) }
    }

    fn write(&mut self, first: u8, payload: &[u8]) {
        let fresh = (self.written as u32).wrapping_mul(0x9e37_79b9).to_le_bytes();
        let key = (self.end.connection.role() == Role::Client).then_some(fresh);
        let start = self.wire.len();
        let parts = payload.split_at(payload.len() / 3);
        frame::write_gathered(&mut self.wire, first, &[parts.0, parts.1], key);
        if key.is_none() {
            let mut room = vec![0; payload.len() + MAX_HEADER];
            let length = frame::write_plain(&mut room, first, payload);
            assert!(self.wire[start..] == room[..length], "two ways to write a frame");
        }
        self.written += self.wire.len() - start;
    }

    fn answer(&mut self) {
        while let Some(seen) = self.end.seen.get(self.answered).cloned() {
            self.answered += 1;
            match seen {
                Seen::Ping(data) if !self.closed => self.control(opcode::PONG, data),
                Seen::Close(code, _) if !self.closed => self.send_close(code, String::new()),
                _ => {}
            }
        }
    }

    /// Both agree on whether it is over.
    fn check(&self, over: bool) {
        assert!(self.wire.is_empty());
        let connection = &self.end.connection;
        assert_eq!((self.closed, connection.close_sent(), connection.close_received()), (over, over, over));
    }
}

/// `size` bytes of a message that go on where `from` bytes were before. A text ends with a whole character.
fn payload(kind: Kind, from: usize, mut size: usize, last: bool) -> Vec<u8> {
    if kind == Kind::Binary {
        return (from..from + size).map(|at| (at * 31 + at / 251) as u8).collect();
    }
    while last && !TEXT.is_char_boundary((from + size) % TEXT.len()) {
        size += 1;
    }
    TEXT.bytes().cycle().skip(from % TEXT.len()).take(size).collect()
}
