//! Instructions of another process, counted by the kernel (`perf_event_open(2)`).
//!
//! A counter for each thread and each side, user and kernel. Threads that are started later are counted with the
//! thread that starts them.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::Result;

/// The first version of the kernel's `perf_event_attr`; newer kernels take it as it is.
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    bp_address: u64,
}

const PERF_TYPE_HARDWARE: u32 = 0;
const PERF_COUNT_HW_INSTRUCTIONS: u64 = 1;
const TOTAL_TIME_ENABLED_AND_RUNNING: u64 = 3;
const INHERIT: u64 = 1 << 1;
const EXCLUDE_USER: u64 = 1 << 4;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;

/// Counters of all threads of one process. A user without rights may count their own programs, but not the kernel.
pub struct Counters {
    user: Vec<File>,
    kernel: Result<Vec<File>>,
}

/// What was counted up to now.
#[derive(Clone)]
pub struct Instructions {
    pub user: u64,
    pub kernel: Result<u64>,
}

impl Counters {
    pub fn new(pid: u32) -> Result<Self> {
        let threads = crate::server::threads(pid)?;
        let open_all = |excluded| threads.iter().map(|&thread| open(thread, excluded)).collect();
        Ok(Counters { user: open_all(EXCLUDE_KERNEL)?, kernel: open_all(EXCLUDE_USER) })
    }

    pub fn read(&mut self) -> Result<Instructions> {
        let kernel = match &mut self.kernel {
            Ok(counters) => sum(counters),
            Err(reason) => Err(reason.clone()),
        };
        Ok(Instructions { user: sum(&mut self.user)?, kernel })
    }
}

fn open(thread: u32, excluded: u64) -> Result<File> {
    let attributes = Attributes {
        kind: PERF_TYPE_HARDWARE,
        size: size_of::<Attributes>() as u32,
        config: PERF_COUNT_HW_INSTRUCTIONS,
        sample_period: 0,
        sample_type: 0,
        read_format: TOTAL_TIME_ENABLED_AND_RUNNING,
        flags: INHERIT | EXCLUDE_HYPERVISOR | excluded,
        wakeup_events: 0,
        bp_type: 0,
        bp_address: 0,
    };
    let attributes = &raw const attributes;
    let (any_cpu, no_group): (libc::c_int, libc::c_int) = (-1, -1);
    // SAFETY: the kernel reads `attributes`, whose size it is told, and nothing else.
    let fd = unsafe {
        libc::syscall(libc::SYS_perf_event_open, attributes, thread, any_cpu, no_group, PERF_FLAG_FD_CLOEXEC)
    };
    if fd < 0 {
        return Err(format!("perf_event_open: {}", std::io::Error::last_os_error()));
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
}

fn sum(counters: &mut [File]) -> Result<u64> {
    let mut sum = 0;
    for counter in counters {
        let mut bytes = [0; 24];
        counter.read_exact(&mut bytes).map_err(|error| format!("reading a counter: {error}"))?;
        let [value, enabled, running] =
            std::array::from_fn(|index| u64::from_ne_bytes(std::array::from_fn(|byte| bytes[index * 8 + byte])));
        if running < enabled - enabled / 100 {
            return Err("others use the counters of this CPU".into());
        }
        sum += value;
    }
    Ok(sum)
}
