//! Load generator for WebSocket echo servers: `scripts/bench.sh` runs it, `benches/measure.py` reads what it prints.
//!
//! One thread, one epoll set, sockets, plain or with TLS. Frames are masked once at the start, and compressed before if they are
//! to be, and sent from memory; every byte that comes back is compared with what has to come back, of compressed replies
//! those of a sample of the connections. It polls without sleeping, unless told: to wake a sleeping
//! peer costs the server more than a small message does, and would be counted as the server's.
//!
//! What it prints on success is one line of JSON. Exit status: 0 measured, 1 the server failed, 2 wrong arguments.

mod connection;
mod counters;
mod deflate;
mod echo;
mod fleet;
mod handshake;
mod histogram;
mod idle;
mod json;
mod options;
mod replies;
mod report;
mod ring;
mod server;
mod tls;
mod transport;

use options::{Mode, Options};

/// What went wrong, as the text to print.
type Result<T> = std::result::Result<T, String>;

fn main() {
    let options = Options::parse(std::env::args().skip(1)).unwrap_or_else(|message| quit(2, &message));
    let measured = match options.mode {
        Mode::Echo => echo::measure(&options),
        Mode::Handshake => handshake::measure(&options),
        Mode::Idle => idle::measure(&options),
    };
    match measured {
        Ok(report) => println!("{}", report.json()),
        Err(message) => quit(1, &message),
    }
}

fn quit(status: i32, message: &str) -> ! {
    eprintln!("wsrs-load: {message}");
    std::process::exit(status)
}
