//! What the server's process has used: instructions, CPU time, memory; read from the kernel.

use std::fs;

use crate::Result;
use crate::counters::{Counters, Instructions};
use crate::report::Report;

/// The process to watch.
pub struct Server {
    pid: u32,
    counters: Result<Counters>,
}

/// Totals at one moment.
pub struct Usage {
    instructions: Result<Instructions>,
    cpu_ns: u64,
}

/// Bytes of a process that are resident.
#[derive(Clone, Copy)]
pub struct Memory {
    pub resident: u64,
    /// Those that belong to no file: heap, stacks, data that was written to.
    pub anonymous: u64,
}

impl Server {
    pub fn new(pid: u32) -> Self {
        Server { pid, counters: Counters::new(pid) }
    }

    pub fn usage(&mut self) -> Result<Usage> {
        let instructions = match &mut self.counters {
            Ok(counters) => counters.read(),
            Err(reason) => Err(reason.clone()),
        };
        Ok(Usage { instructions, cpu_ns: self.cpu_ns()? })
    }

    /// CPU time of all threads that live.
    pub fn cpu_ns(&self) -> Result<u64> {
        let mut sum = 0;
        for thread in threads(self.pid)? {
            let path = format!("/proc/{}/task/{thread}/schedstat", self.pid);
            // A thread may have ended meanwhile.
            let text = fs::read_to_string(path).unwrap_or_default();
            sum += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(sum)
    }

    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kilobytes.map(|kilobytes| kilobytes * 1024).ok_or(format!("{path} has no {name}"))
        };
        Ok(Memory { resident: field("Rss:")?, anonymous: field("Anonymous:")? })
    }
}

impl Usage {
    /// Adds what was used since, per unit of `count`.
    pub fn report(&self, since: &Usage, count: u64, wall_ns: u64, report: &mut Report) {
        let per_unit = |now: u64, then: u64| (now - then) as f64 / count as f64;
        match (&self.instructions, &since.instructions) {
            (Ok(now), Ok(then)) => {
                let user = per_unit(now.user, then.user);
                report.number("instructions_user", user, 1);
                match (&now.kernel, &then.kernel) {
                    (Ok(now), Ok(then)) => report.number("instructions", user + per_unit(*now, *then), 1),
                    (Err(reason), _) | (_, Err(reason)) => {
                        report.text("not_counted", &format!("no instructions in the kernel: {reason}"));
                    }
                }
            }
            (Err(reason), _) | (_, Err(reason)) => report.text("not_counted", &format!("no instructions: {reason}")),
        }
        report.number("cpu_ns", per_unit(self.cpu_ns, since.cpu_ns), 1);
        report.number("busy", (self.cpu_ns - since.cpu_ns) as f64 / wall_ns as f64, 3);
    }
}

/// The threads of a process.
pub fn threads(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task");
    let folder = fs::read_dir(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}
