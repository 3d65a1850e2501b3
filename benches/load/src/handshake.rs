//! The mode `handshake`: connect, upgrade, Close frames, end; then the next one. As many at a time as connections.

use std::time::{Duration, Instant};

use crate::Result;
use crate::connection::Received;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::report::Report;
use crate::server::Server;
use crate::tls::Session;

/// Of the connections that have a ticket. A server may turn a ticket down when its key has changed.
const LEAST_RESUMED: f64 = 0.9;

/// What a time of it came to.
struct Done {
    ended: u64,
    /// TLS handshakes that used a ticket.
    resumed: u64,
}

pub fn measure(options: &Options) -> Result<Report> {
    let mut fleet = Fleet::new(options)?;
    fleet.open_all()?;
    fleet.connections.iter_mut().try_for_each(|connection| connection.close())?;
    run_for(&mut fleet, options.warm_up)?;
    let mut server = options.pid.map(Server::new);
    let before = server.as_mut().map(Server::usage).transpose()?;
    let begin = Instant::now();
    let Done { ended: count, resumed } = run_for(&mut fleet, options.seconds)?;
    let wall_ns = begin.elapsed().as_nanos() as u64;
    if options.resume && (resumed as f64) < count as f64 * LEAST_RESUMED {
        return Err(format!("the server resumed {resumed} of {count} sessions"));
    }
    let after = server.as_mut().map(Server::usage).transpose()?;
    let mut report = Report::default();
    report.text("mode", "handshake");
    report.count("connections", options.connections as u64);
    report.count("count", count);
    report.count("resumed", resumed);
    report.number("per_s", count as f64 * 1e9 / wall_ns as f64, 0);
    if let (Some(before), Some(after)) = (before, after) {
        after.report(&before, count, wall_ns, &mut report);
    }
    Ok(report)
}

/// Goes on until a connection has ended: a busy machine may let nobody run for a while.
fn run_for(fleet: &mut Fleet, duration: Duration) -> Result<Done> {
    let begin = Instant::now();
    let mut done = Done { ended: 0, resumed: 0 };
    while begin.elapsed() < duration || done.ended == 0 {
        for at in 0..fleet.wait(None)? {
            match fleet.next(at)? {
                (index, Received::Opened) => fleet.connections[index].close()?,
                (index, Received::Ended) => {
                    done.ended += 1;
                    let session = fleet.connections[index].transport.session();
                    done.resumed += u64::from(session.is_some_and(Session::is_resumed));
                    fleet.replace(index)?;
                }
                _ => {}
            }
        }
    }
    Ok(done)
}
