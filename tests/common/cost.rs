//! What work costs: memory held, memory resident, processor time. With the counting allocator, so for tests of their own.
#![allow(dead_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

/// Counts what each thread holds, and the most it held.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(by: isize) {
    let held = HELD.get() + by;
    HELD.set(held);
    MOST.set(MOST.get().max(held));
}

// SAFETY: the system's allocator does the work; the counters neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread holds.
pub fn held() -> isize {
    HELD.get()
}

/// The most that `work` held beyond what was held before.
pub fn most(work: impl FnOnce()) -> isize {
    let before = held();
    MOST.set(before);
    work();
    MOST.get() - before
}

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
