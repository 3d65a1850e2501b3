//! A whole connection, in the way the input chooses: settings, and where its bytes are cut.

use super::drive::{Seen, assembled};
use super::frames::{Way, build};
use super::held::held;
use super::input::Input;
use super::{model, pair};
use wsrs::proto::connection::Role;
use wsrs::proto::message::MessageLimits;

/// Either two ends talk to each other, or one gets a stream that nobody may ever send.
pub fn connection(data: &[u8]) {
    let mut input = Input::new(data);
    if input.flag() { pair::talk(input) } else { stream(input) }
}

fn way(input: &mut Input) -> Way {
    const SIZES: [u64; 8] = [1 << 20, 0, 1, 125, 300, 4096, 66_000, u64::MAX];
    Way {
        role: input.pick(&[Role::Server, Role::Client]),
        streaming: input.flag(),
        direct: input.flag(),
        fast: input.flag(),
        limits: MessageLimits {
            max_message: input.pick(&SIZES),
            max_frame: input.pick(&SIZES),
            max_fragments: input.pick(&[1024, 1, 2, 3, u32::MAX]),
            max_ratio: u64::MAX,
        },
    }
}

/// The cuts change nothing, what comes out is what the model says, and memory follows the bytes received (H2). That
/// every step uses up a byte at least is looked after by `drive` (H13).
fn stream(mut input: Input) {
    let way = way(&mut input);
    let mut cuts: Vec<usize> = (0..input.pick(&[1, 2, 3, 5, 8])).map(|_| input.size().max(1)).collect();
    let stream = match input.flag() {
        true => build(input.rest(), way.role),
        false => input.rest().to_vec(),
    };
    if stream.len() > 8192 {
        cuts.iter_mut().for_each(|cut| *cut = (*cut).max(97));
    }
    let mut pieces: Vec<&[u8]> = Vec::new();
    let mut left = &stream[..];
    for cut in cuts.iter().cycle() {
        if left.is_empty() {
            break;
        }
        let (piece, rest) = left.split_at((*cut).min(left.len()));
        pieces.push(piece);
        left = rest;
    }

    let cut = way.take(&pieces);
    assert_eq!(cut, Way { direct: false, fast: false, ..way }.take(&[&stream]), "as a whole");
    let expected = model::read(&stream, way.role, &way.limits);
    assert!(expected.allows(&assembled(cut)), "{expected:?}");
    follows_what_came(&pieces, way);
}

fn follows_what_came(pieces: &[&[u8]], way: Way) {
    let before = held();
    let mut end = way.end();
    let mut received = 0;
    for piece in pieces {
        end.take(piece);
        received += piece.len() as isize;
        let held = held() - before - of(&end.seen);
        // A buffer begins with 4 KiB and has 64 KiB as soon as 2 KiB came; half a KiB is the machine itself.
        assert!(held <= 4608 + 32 * received, "{held} bytes are held for {received}");
    }
}

/// What the notes hold.
fn of(seen: &Vec<Seen>) -> isize {
    let texts = seen.iter().map(|seen| match seen {
        Seen::Message(_, data, ..) | Seen::Ping(data) | Seen::Pong(data) => data.capacity(),
        Seen::Close(_, reason) => reason.capacity(),
        Seen::Failed(_) => 0,
    });
    (seen.capacity() * size_of::<Seen>() + texts.sum::<usize>()) as isize
}
