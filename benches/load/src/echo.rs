//! The mode `echo`: a reply is answered by the next message at once, or messages go out at a fixed rate.

use std::time::{Duration, Instant};

use crate::Result;
use crate::connection::Received;
use crate::fleet::Fleet;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Report;
use crate::ring::TEXT;
use crate::server::Server;

struct Echo<'a> {
    options: &'a Options,
    fleet: Fleet,
    latencies: Histogram,
    replies: u64,
    /// TLS records that the warm-up took, and bytes of its replies.
    records: u64,
    wire: u64,
    /// With a rate: when the next message is due, and on which connection.
    due: u64,
    turn: usize,
}

pub fn measure(options: &Options) -> Result<Report> {
    let mut echo = Echo {
        options,
        fleet: Fleet::new(options)?,
        latencies: Histogram::new(),
        replies: 0,
        records: 0,
        wire: 0,
        due: 0,
        turn: 0,
    };
    echo.fleet.open_all()?;
    echo.begin()?;
    echo.run_for(options.warm_up)?;
    echo.forget();
    let mut server = options.pid.map(Server::new);
    let before = server.as_mut().map(Server::usage).transpose()?;
    let (begin, own_before) = (Instant::now(), own_cpu_ns());
    echo.run_for(options.seconds)?;
    let wall_ns = begin.elapsed().as_nanos() as u64;
    let own = own_cpu_ns() - own_before;
    let after = server.as_mut().map(Server::usage).transpose()?;
    let mut report = echo.report(wall_ns, own);
    if let (Some(before), Some(after)) = (before, after) {
        after.report(&before, echo.replies, wall_ns, &mut report);
    }
    Ok(report)
}

impl Echo<'_> {
    fn begin(&mut self) -> Result<()> {
        self.due = self.fleet.now();
        if self.options.rate.is_none() {
            for index in 0..self.options.connections {
                self.fleet.send(index, self.options.in_flight, self.fleet.now())?;
            }
        }
        Ok(())
    }

    /// Goes on until there is a reply to measure: a busy machine may let nobody run for a while.
    fn run_for(&mut self, duration: Duration) -> Result<()> {
        let end = self.fleet.now() + duration.as_nanos() as u64;
        while self.fleet.now() < end || self.replies == 0 {
            if let Some(rate) = self.options.rate {
                self.send_due((1e9 / rate) as u64)?;
            }
            for at in 0..self.fleet.wait(None)? {
                let (index, Received::Replies(count)) = self.fleet.next(at)? else { continue };
                self.answer(index, count)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, index: usize, count: usize) -> Result<()> {
        let now = self.fleet.now();
        self.replies += count as u64;
        for sent in self.fleet.connections[index].sent_at.drain(..count) {
            self.latencies.record(now - sent);
        }
        if self.options.rate.is_none() {
            self.fleet.send(index, count, now)?;
        }
        Ok(())
    }

    /// Latency counts from when a message was due, so that a stall counts for each message that it delays.
    fn send_due(&mut self, interval: u64) -> Result<()> {
        while self.due <= self.fleet.now() {
            self.fleet.send(self.turn, 1, self.due)?;
            self.turn = (self.turn + 1) % self.options.connections;
            self.due += interval;
        }
        Ok(())
    }

    /// What the warm-up counted.
    fn forget(&mut self) {
        self.latencies = Histogram::new();
        self.replies = 0;
        self.records = self.fleet.records();
        self.wire = self.fleet.wire();
        self.fleet.connections.iter_mut().for_each(|connection| connection.replied = 0);
    }

    fn report(&self, wall_ns: u64, own_cpu_ns: u64) -> Report {
        let mut report = Report::default();
        report.text("mode", "echo");
        report.count("size", self.options.size as u64);
        report.count("connections", self.options.connections as u64);
        report.count("in_flight", self.options.in_flight as u64);
        report.text("kind", if self.fleet.ring.opcode == TEXT { "text" } else { "binary" });
        report.count("count", self.replies);
        report.number("per_s", self.replies as f64 * 1e9 / wall_ns as f64, 0);
        report.number("p50_us", self.latencies.percentile(50.0), 1);
        report.number("p99_us", self.latencies.percentile(99.0), 1);
        report.count("silent_connections", self.fleet.silent() as u64);
        if self.options.ca.is_some() {
            report.number("records", (self.fleet.records() - self.records) as f64 / self.replies as f64, 2);
        }
        if self.options.deflate.is_some() {
            let wire = (self.fleet.wire() - self.wire) as f64 / self.replies as f64;
            report.text("agreed", &self.fleet.connections[0].agreed);
            report.number("wire", wire, 1);
            report.number("smaller", self.options.size as f64 / wire, 3);
        }
        report.number("load_cpu_ns", own_cpu_ns as f64 / self.replies as f64, 1);
        report
    }
}

/// CPU time of this process. It has one thread, and polls: this is what the run took when nobody else had the CPU.
fn own_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
}
