//! RFC 6455 §5 as plainly as it can be written: frame by frame over bytes that are all there, without the library's
//! own code.

use super::drive::Seen;
use wsrs::proto::connection::Role;
use wsrs::proto::error::ProtocolError as E;
use wsrs::proto::message::{Kind, MessageLimits};

/// What a stream means.
#[derive(Debug)]
pub(super) struct Meaning {
    seen: Vec<Seen>,
    /// It ends inside a frame: what is there of that may already be wrong.
    cut: bool,
}

impl Meaning {
    pub(super) fn allows(&self, seen: &[Seen]) -> bool {
        match seen {
            [before @ .., Seen::Failed(_)] if self.cut => before == self.seen,
            _ => seen == self.seen,
        }
    }
}

struct Unfinished {
    kind: Kind,
    data: Vec<u8>,
    frames: u32,
}

pub(super) fn read(mut stream: &[u8], role: Role, limits: &MessageLimits) -> Meaning {
    let (mut seen, mut unfinished) = (Vec::new(), None);
    loop {
        match frame(&mut stream, role, limits, &mut unfinished) {
            Ok(None) => return Meaning { seen, cut: !stream.is_empty() },
            Ok(Some(step)) => seen.extend(step),
            Err(error) => seen.push(Seen::Failed(error)),
        }
        if matches!(seen.last(), Some(Seen::Close(..) | Seen::Failed(_))) {
            return Meaning { seen, cut: false };
        }
    }
}

/// The frame at the start of `stream`. `None`: it is not all there. `Some(None)`: it is not the last of its message.
fn frame(
    stream: &mut &[u8],
    role: Role,
    limits: &MessageLimits,
    unfinished: &mut Option<Unfinished>,
) -> Result<Option<Option<Seen>>, E> {
    let &[first, second, ref rest @ ..] = *stream else { return Ok(None) };
    let (fin, code, masked, short) = (first & 0x80 != 0, first & 0x0f, second & 0x80 != 0, second & 0x7f);
    let rules = [
        (first & 0x70 != 0, E::ReservedBits),
        (matches!(code, 3..=7 | 11..), E::Opcode),
        (code >= 8 && !fin, E::FragmentedControl),
        (!masked && role == Role::Server, E::Unmasked),
        (masked && role == Role::Client, E::Masked),
        (code >= 8 && short > 125, E::LongControl),
    ];
    if let Some((_, error)) = rules.into_iter().find(|(broken, _)| *broken) {
        return Err(error);
    }
    let extended = [0, 2, 8][usize::from(short.saturating_sub(125))];
    let Some((digits, rest)) = rest.split_at_checked(extended) else { return Ok(None) };
    let long = digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit));
    let length = if extended == 0 { u64::from(short) } else { long };
    if (extended == 2 && length < 126) || (extended == 8 && !(0x10000..1 << 63).contains(&length)) {
        return Err(E::Length);
    }
    let Some((key, rest)) = rest.split_at_checked(if masked { 4 } else { 0 }) else { return Ok(None) };
    if code < 8 {
        check_data(code, length, limits, unfinished)?;
    }
    let Some((payload, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) else {
        return Ok(None);
    };
    *stream = rest;
    let payload = payload.iter().enumerate().map(|(i, byte)| byte ^ key.get(i % 4).unwrap_or(&0)).collect();
    match code {
        8 => close(payload).map(|step| Some(Some(step))),
        9 => Ok(Some(Some(Seen::Ping(payload)))),
        10 => Ok(Some(Some(Seen::Pong(payload)))),
        _ => data(code, fin, payload, unfinished).map(Some),
    }
}

fn check_data(code: u8, length: u64, limits: &MessageLimits, unfinished: &Option<Unfinished>) -> Result<(), E> {
    match (code, unfinished) {
        (0, None) => return Err(E::StrayContinuation),
        (1 | 2, Some(_)) => return Err(E::Interleaved),
        _ => {}
    }
    let (before, frames) = unfinished.as_ref().map_or((0, 0), |message| (message.data.len() as u64, message.frames));
    if length > limits.max_frame || before + length > limits.max_message {
        return Err(E::TooBig);
    }
    if frames >= limits.max_fragments { Err(E::TooManyFragments) } else { Ok(()) }
}

fn data(code: u8, fin: bool, payload: Vec<u8>, unfinished: &mut Option<Unfinished>) -> Result<Option<Seen>, E> {
    let kind = if code == 1 { Kind::Text } else { Kind::Binary };
    let mut message = unfinished.take().unwrap_or(Unfinished { kind, data: Vec::new(), frames: 0 });
    message.data.extend_from_slice(&payload);
    message.frames += 1;
    if let (Kind::Text, Err(error)) = (message.kind, std::str::from_utf8(&message.data))
        && (fin || error.error_len().is_some())
    {
        return Err(E::Utf8);
    }
    if fin {
        return Ok(Some(Seen::Message(message.kind, message.data, true, true)));
    }
    *unfinished = Some(message);
    Ok(None)
}

fn close(body: Vec<u8>) -> Result<Seen, E> {
    match &body[..] {
        [] => Ok(Seen::Close(1005, String::new())),
        [_] => Err(E::CloseBody),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1011 | 3000..=4999) {
                return Err(E::CloseCode);
            }
            let reason = String::from_utf8(reason.to_vec()).map_err(|_| E::CloseReason)?;
            Ok(Seen::Close(code, reason))
        }
    }
}
