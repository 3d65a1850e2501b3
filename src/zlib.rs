//! Inflating raw DEFLATE data (RFC 1951) with zlib-rs, through its C interface: the safe one can neither hand out its
//! window nor go on after a final block, and permessage-deflate needs both (RFC 7692 §7.2.2, §7.2.3.4).
//!
//! Used by `proto::deflate`. Beside `boundary`, `names` and `simd` the only unsafe code below the C surfaces. Invariant:
//! the stream is initialised from `new` to `drop`, and keeps no pointer into input or output that it follows later.

use libz_rs_sys::{
    Z_BUF_ERROR, Z_OK, Z_STREAM_END, Z_SYNC_FLUSH, inflate, inflateEnd, inflateGetDictionary, inflateInit2_,
    inflateReset, inflateResetKeep, inflateSetDictionary, inflateSyncPoint, z_stream, zlibVersion,
};
use std::ffi::{c_int, c_uint, c_void};
use std::fmt;

/// The largest window (RFC 1951 §2).
pub const WINDOW: usize = 32 << 10;

/// An inflater for any window: some 48 KiB.
pub struct Inflater {
    stream: Box<z_stream>,
}

/// The data is not DEFLATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that were used up. All of it, unless the output is full or a final block ended.
    pub consumed: usize,
    /// Bytes of the output that were written.
    pub produced: usize,
    /// A final block ended: see [`Inflater::go_on`].
    pub ended: bool,
}

impl Inflater {
    /// Without any window.
    pub fn new() -> Inflater {
        let mut stream = Box::new(z_stream { zalloc: Some(map), zfree: Some(unmap), ..z_stream::default() });
        let size = size_of::<z_stream>() as c_int;
        // SAFETY: a stream with an allocator, and the version of the same library. 15 bits, negative for raw data, are a
        // window for every sender.
        let result = unsafe { inflateInit2_(&raw mut *stream, -15, zlibVersion(), size) };
        // The parameters are right: it is the memory that is wanting, for which Rust's own containers end the process.
        assert_eq!(result, Z_OK, "inflateInit2");
        Inflater { stream }
    }

    /// Forgets everything: the next data begins anew.
    pub fn reset(&mut self) {
        // SAFETY: initialised in `new`.
        unsafe { inflateReset(&raw mut *self.stream) };
    }

    /// Begins anew after a final block, with the window as it is.
    pub fn go_on(&mut self) {
        // SAFETY: initialised in `new`.
        unsafe { inflateResetKeep(&raw mut *self.stream) };
    }

    /// Inflates as much as both have room for.
    pub fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Broken> {
        let stream = &mut *self.stream;
        let (offered, room) = (clamp(input.len()), clamp(output.len()));
        stream.next_in = input.as_ptr();
        stream.avail_in = offered;
        stream.next_out = output.as_mut_ptr();
        stream.avail_out = room;
        // SAFETY: initialised in `new`; input and output are readable and writable for the lengths given, which are not
        // above theirs, and do not overlap, as one is borrowed exclusively.
        let result = unsafe { inflate(stream, Z_SYNC_FLUSH) };
        let progress = Progress {
            consumed: (offered - stream.avail_in) as usize,
            produced: (room - stream.avail_out) as usize,
            ended: result == Z_STREAM_END,
        };
        match result {
            // Z_BUF_ERROR: there was nothing to do.
            Z_OK | Z_STREAM_END | Z_BUF_ERROR => Ok(progress),
            _ => Err(Broken),
        }
    }

    /// What came last is the header of a stored block, all of it and nothing more: where a message ends (RFC 7692
    /// §7.2.1).
    pub fn is_at_stored_block(&mut self) -> bool {
        // SAFETY: initialised in `new`.
        unsafe { inflateSyncPoint(&raw mut *self.stream) == 1 }
    }

    /// What the sender may refer to: the last bytes that it compressed.
    pub fn window(&self) -> Vec<u8> {
        let mut window = vec![0; WINDOW];
        let mut length: c_uint = 0;
        // SAFETY: initialised in `new`; "32768 bytes is always enough".
        unsafe { inflateGetDictionary(&raw const *self.stream, window.as_mut_ptr(), &raw mut length) };
        window.truncate(length as usize);
        window
    }

    /// Puts such a window into an inflater that has none.
    pub fn set_window(&mut self, window: &[u8]) {
        // SAFETY: initialised in `new`; the window is readable for its length.
        unsafe { inflateSetDictionary(&raw mut *self.stream, window.as_ptr(), clamp(window.len())) };
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and not used after.
        unsafe { inflateEnd(&raw mut *self.stream) };
    }
}

/// Before what [`map`] gives: the length of all.
const HEADER: usize = 64;

/// Memory of an inflater, straight from the system, so that it goes back there when a connection is idle: between smaller
/// things that live on, an allocator would keep it. Null when there is none.
unsafe extern "C" fn map(_: *mut c_void, items: c_uint, size: c_uint) -> *mut c_void {
    let length = HEADER + items as usize * size as usize;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever there is room.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return std::ptr::null_mut();
    }
    // SAFETY: a mapping is aligned to a page, and longer than its header.
    unsafe {
        start.cast::<usize>().write(length);
        start.byte_add(HEADER)
    }
}

/// # Safety
/// `memory` comes from [`map`].
unsafe extern "C" fn unmap(_: *mut c_void, memory: *mut c_void) {
    // SAFETY: `map` wrote the length there, and nobody has the mapping any more.
    unsafe {
        let start = memory.byte_sub(HEADER);
        libc::munmap(start, start.cast::<usize>().read());
    }
}

// SAFETY: everything that the stream points to is its own, but for input and output of the last call, which are not
// followed again.
unsafe impl Send for Inflater {}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inflater")
    }
}

fn clamp(length: usize) -> c_uint {
    c_uint::try_from(length).unwrap_or(c_uint::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7692 §7.2.3.2: "Hello", twice, the second time with a reference into the first.
    const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    const AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];
    const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

    fn all(inflater: &mut Inflater, input: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut output = [0; 64];
        let progress = inflater.inflate(input, &mut output)?;
        assert_eq!(progress.consumed, input.len());
        Ok(output[..progress.produced].to_vec())
    }

    #[test]
    fn the_window_outlives_a_message_and_its_inflater() {
        let mut inflater = Inflater::new();
        assert_eq!(all(&mut inflater, &HELLO).as_deref(), Ok(&b"Hello"[..]));
        assert!(inflater.is_at_stored_block());
        assert_eq!(all(&mut inflater, &TAIL).as_deref(), Ok(&b""[..]));
        assert!(!inflater.is_at_stored_block());
        let window = inflater.window();
        assert_eq!(window, b"Hello");
        let mut other = Inflater::new();
        other.set_window(&window);
        assert_eq!(all(&mut other, &AGAIN).as_deref(), Ok(&b"Hello"[..]));
        other.reset();
        assert_eq!(all(&mut other, &AGAIN), Err(Broken));
    }

    #[test]
    fn it_goes_on_after_a_final_block() {
        // RFC 7692 §7.2.3.4, and then a reference into it.
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let mut inflater = Inflater::new();
        let mut output = [0; 64];
        let progress = inflater.inflate(&last, &mut output);
        assert_eq!(progress, Ok(Progress { consumed: 7, produced: 5, ended: true }));
        inflater.go_on();
        assert_eq!(all(&mut inflater, &last[7..]).as_deref(), Ok(&b""[..]));
        assert!(inflater.is_at_stored_block());
        all(&mut inflater, &TAIL).expect("the tail");
        assert_eq!(all(&mut inflater, &AGAIN).as_deref(), Ok(&b"Hello"[..]));
    }

    #[test]
    fn it_stops_where_the_output_ends() {
        let mut inflater = Inflater::new();
        let mut output = [0; 3];
        let first = inflater.inflate(&HELLO, &mut output);
        assert_eq!((first.map(|progress| progress.produced), output), (Ok(3), *b"Hel"));
        let consumed = first.map_or(0, |progress| progress.consumed);
        let second = inflater.inflate(&HELLO[consumed..], &mut output).expect("valid");
        assert_eq!(&output[..second.produced], b"lo");
    }
}
