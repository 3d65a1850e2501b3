//! The mode `idle`: memory of the server before there are connections, with them, after each had a message, and when that
//! is a while ago.

use std::time::{Duration, Instant};

use crate::Result;
use crate::connection::Received;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::report::Report;
use crate::server::{Memory, Server};

const QUIET: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages under way at a time.
const AT_ONCE: usize = 64;

pub fn measure(options: &Options) -> Result<Report> {
    let pid = options.pid.ok_or("idle needs the server's pid")?;
    let server = Server::new(pid);
    let mut fleet = Fleet::new(options)?;
    let empty = quiet_memory(&server)?;
    fleet.open_all()?;
    let idle = quiet_memory(&server)?;
    one_message_each(&mut fleet)?;
    let used = quiet_memory(&server)?;
    let settled = options.settle.map(|settle| settle_down(&mut fleet, &server, settle)).transpose()?;

    let per_connection = |now: u64, then: u64| (now as f64 - then as f64) / options.connections as f64;
    let mut report = Report::default();
    report.text("mode", "idle");
    report.count("connections", options.connections as u64);
    report.count("empty_resident", empty.resident);
    report.count("empty_anonymous", empty.anonymous);
    report.number("idle_resident", per_connection(idle.resident, empty.resident), 1);
    report.number("idle_anonymous", per_connection(idle.anonymous, empty.anonymous), 1);
    report.number("used_resident", per_connection(used.resident, empty.resident), 1);
    report.number("used_anonymous", per_connection(used.anonymous, empty.anonymous), 1);
    if let Some(settled) = settled {
        report.number("settled_resident", per_connection(settled.resident, empty.resident), 1);
        report.number("settled_anonymous", per_connection(settled.anonymous, empty.anonymous), 1);
    }
    Ok(report)
}

/// The memory after `settle` without a message. Each connection then has one more, which shows that it is open still.
fn settle_down(fleet: &mut Fleet, server: &Server, settle: Duration) -> Result<Memory> {
    std::thread::sleep(settle);
    let memory = quiet_memory(server)?;
    one_message_each(fleet)?;
    Ok(memory)
}

fn one_message_each(fleet: &mut Fleet) -> Result<()> {
    for first in (0..fleet.connections.len()).step_by(AT_ONCE) {
        let mut missing = 0;
        for index in first..fleet.connections.len().min(first + AT_ONCE) {
            fleet.send(index, 1, 0)?;
            missing += 1;
        }
        while missing > 0 {
            for at in 0..fleet.wait(Some(Duration::from_millis(100)))? {
                if let (_, Received::Replies(count)) = fleet.next(at)? {
                    missing -= count;
                }
            }
        }
    }
    Ok(())
}

/// The memory once the server does nothing any more, or does not stop to.
fn quiet_memory(server: &Server) -> Result<Memory> {
    let begin = Instant::now();
    let mut seen = server.cpu_ns()?;
    while begin.elapsed() < PATIENCE {
        std::thread::sleep(QUIET);
        let now = server.cpu_ns()?;
        if now == seen {
            break;
        }
        seen = now;
    }
    server.memory()
}
