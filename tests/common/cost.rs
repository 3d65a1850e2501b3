//! What work costs beside memory held (`held.rs`): memory resident, processor time.
#![allow(dead_code)]

use std::time::Duration;

/// What of the process lies in memory, on machines with pages of 4 KiB.
pub fn resident() -> isize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("proc");
    let pages: isize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}

/// The processor time of this thread so far: unlike the clock, it does not count what others do.
pub fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The processor time of `work`, the least of three runs.
pub fn least_cpu(mut work: impl FnMut()) -> Duration {
    let mut run = || {
        let begin = cpu();
        work();
        cpu() - begin
    };
    (0..3).map(|_| run()).min().expect("three")
}
