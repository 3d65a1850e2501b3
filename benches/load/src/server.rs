//! What the server's process has used: instructions, CPU time, memory; read from the kernel.

use std::collections::BTreeMap;
use std::fs;

use crate::Result;
use crate::counters::{Counters, Instructions};
use crate::report::Report;

/// The process to watch.
pub struct Server {
    pid: u32,
    counters: Result<Counters>,
}

/// CPU time of each thread that lives, in nanoseconds.
type ThreadTimes = BTreeMap<u32, u64>;

/// Totals at one moment.
pub struct Usage {
    instructions: Result<Instructions>,
    cpu_ns: ThreadTimes,
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
        Ok(Usage { instructions, cpu_ns: self.thread_times()? })
    }

    /// CPU time of all threads that live.
    pub fn cpu_ns(&self) -> Result<u64> {
        Ok(self.thread_times()?.values().sum())
    }

    fn thread_times(&self) -> Result<ThreadTimes> {
        let mut times = ThreadTimes::new();
        for thread in threads(self.pid)? {
            let path = format!("/proc/{}/task/{thread}/schedstat", self.pid);
            // A thread may have ended meanwhile.
            let text = fs::read_to_string(path).unwrap_or_default();
            if let Some(time) = text.split(' ').next().and_then(|first| first.parse().ok()) {
                times.insert(thread, time);
            }
        }
        Ok(times)
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
        let (cpu_ns, least) = sum_and_least(&self.cpu_ns, &since.cpu_ns);
        report.number("cpu_ns", cpu_ns as f64 / count as f64, 1);
        report.number("busy", cpu_ns as f64 / wall_ns as f64, 3);
        report.count("threads", self.cpu_ns.len() as u64);
        report.number("least_share", least as f64 / cpu_ns.max(1) as f64, 3);
    }
}

/// CPU time since `then`: of all threads, and of that which had least.
fn sum_and_least(now: &ThreadTimes, then: &ThreadTimes) -> (u64, u64) {
    let used = now.iter().map(|(thread, time)| time - then.get(thread).unwrap_or(&0));
    (used.clone().sum(), used.min().unwrap_or(0))
}

/// The threads of a process.
pub fn threads(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task");
    let folder = fs::read_dir(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_that_had_least_since() {
        let then = ThreadTimes::from([(1, 1000), (2, 10), (3, 5)]);
        // Thread 3 ended, and 4 is new.
        let now = ThreadTimes::from([(1, 1100), (2, 310), (4, 200)]);
        assert_eq!(sum_and_least(&now, &then), (600, 100));
        assert_eq!(sum_and_least(&now, &now), (0, 0));
    }
}
