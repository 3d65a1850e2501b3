//! Out of descriptors (H23): accepting pauses without spinning, who is connected is served, and accepting goes on as
//! soon as a descriptor is free. Alone in its binary: the limit holds for the whole process.
#![allow(clippy::unwrap_used)]

#[path = "common/frames.rs"]
mod frames;
#[path = "common/loopback.rs"]
mod loopback;

use frames::{TEXT, masked};
use loopback::{Loop, REQUEST, Raw, Seen, sent};
use std::fs::File;
use std::time::{Duration, Instant};
use wsrs::net::event::Level;
use wsrs::net::{ConnectOptions, Limits, ListenOptions, Stage};
use wsrs::proto::message::Kind;

/// Takes every descriptor that the process may have.
fn take_all() -> Vec<File> {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
        assert!(files.len() < 2_000, "the limit does not hold");
    }
    files
}

fn set_limit(soft: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both get a pointer to a whole rlimit that lives long enough.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = soft;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
}

/// H23: the module's comment says what.
///
/// Checked by: with accept_later = 0 (it spins) or none (it never goes on) after an error in accept_from() of
/// net/listener.rs this fails.
#[test]
fn h23_accepting_pauses_and_goes_on_when_descriptors_run_out() {
    set_limit(200);
    let mut l = Loop::new(Limits::default());
    l.context.set_log_level(Some(Level::Error));
    let (_, address) = l.listen(ListenOptions::default());
    let (mut served, id) = l.accept_raw(address);
    let mut waiting: Vec<Raw> = (0..3).map(|_| Raw::connect(address)).collect();
    waiting.iter_mut().for_each(|raw| raw.write(REQUEST));
    let mut files = take_all();

    let begin = Instant::now();
    let turns = l.turns;
    l.during(Duration::from_millis(450));
    let (turns, logs) = (l.turns - turns, l.count(|seen| matches!(seen, Seen::Log(_))));
    assert!(turns <= 15, "{turns} turns in {:?}: it spins", begin.elapsed());
    assert!((1..=6).contains(&logs), "{logs} lines");
    assert!(l.seen.iter().any(|seen| matches!(seen, Seen::Log(text) if text.starts_with("accepting pauses: "))));

    served.write(&masked(TEXT, b"still there?"));
    l.until_seen(&Seen::Message(id, Kind::Text, b"still there?".into()));
    l.context.send(id, Kind::Text, b"yes").unwrap();
    assert_eq!(served.until_frames(&mut l, 1), [sent(TEXT, b"yes")]);

    // Connecting fails with the system's words.
    let client = l.context.connect(&format!("ws://{address}/"), ConnectOptions::default()).unwrap();
    let fault = l.failed(client);
    assert_eq!(fault.stage, Stage::Connect);
    assert!(fault.text.contains("Too many open files"), "{}", fault.text);

    // One descriptor of somebody else is free: noticed within the pause.
    let opened = |l: &Loop| l.count(|seen| matches!(seen, Seen::Open(_)));
    files.pop();
    let begin = Instant::now();
    l.until("the next", |l| opened(l) == 2);
    assert!(begin.elapsed() < Duration::from_millis(400), "{:?}", begin.elapsed());

    // One of ours is free: taken at once.
    l.context.abort(id).unwrap();
    let begin = Instant::now();
    l.until("the next but one", |l| opened(l) == 3);
    assert!(begin.elapsed() < Duration::from_millis(90), "{:?}", begin.elapsed());

    drop(files);
    l.until("all", |l| opened(l) == 4);
    for raw in &mut waiting {
        raw.until(&mut l, "the 101", |raw| raw.head().is_some());
    }
}
