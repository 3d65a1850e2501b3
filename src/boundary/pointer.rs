//! Checks of what C hands over: pointers with lengths, strings, sized structs, places for results.
//!
//! Called by the C surface for each pointer argument. What can be checked without reading is: NULL, and lengths that no
//! object has. That a pointer points to what the function's description asks for is the caller's promise.

use std::ffi::{CStr, c_char};
use std::mem::{MaybeUninit, size_of};

/// Why a pointer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(
    /// In words.
    pub &'static str,
);

/// A struct of the API that grows at its end and begins with its size as the program knows it.
///
/// # Safety
/// `repr(C)`, first member a `usize`, and valid when all bytes are zero.
pub unsafe trait Sized0: Copy {
    /// Size in the first version that had the struct: no program knows a shorter one.
    const FIRST: usize;
}

/// No struct of the API will be this long: a larger size is a struct that was not initialised.
const LONGEST: usize = 4096;

/// `len` bytes at `data`; `(NULL, 0)` is empty.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes, which do not change during `'a`.
#[inline(always)]
pub unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Refused> {
    // SAFETY: the caller's promise; bytes have no alignment.
    unsafe { items(data, len) }
}

/// `len` items at `data`; `(NULL, 0)` is none.
///
/// # Safety
/// As for [`bytes`], for `len` items of `T`.
#[inline(always)]
pub unsafe fn items<'a, T: Copy>(data: *const T, len: usize) -> Result<&'a [T], Refused> {
    if data.is_null() {
        return if len == 0 { Ok(&[]) } else { Err(Refused("NULL with a length")) };
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Refused("a length that no object has"));
    }
    if !data.is_aligned() {
        return Err(Refused("a misaligned pointer"));
    }
    // SAFETY: not NULL, aligned, of a possible size; readable by the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A NUL-terminated string without its NUL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that does not change during `'a`.
pub unsafe fn c_str<'a>(text: *const c_char) -> Result<&'a [u8], Refused> {
    if text.is_null() {
        return Err(Refused("NULL instead of a string"));
    }
    // SAFETY: not NULL; terminated by the caller's promise.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Where a result goes.
pub struct Out<T>(*mut T);

/// Checks a place for a result before anything is done.
pub fn out<T>(place: *mut T) -> Result<Out<T>, Refused> {
    if place.is_null() {
        return Err(Refused("NULL instead of a place for the result"));
    }
    optional_out(place)
}

/// As [`out`] where NULL means that the caller does not want the result.
pub fn optional_out<T>(place: *mut T) -> Result<Out<T>, Refused> {
    if place.is_aligned() { Ok(Out(place)) } else { Err(Refused("a misaligned place for the result")) }
}

impl<T> Out<T> {
    /// Writes the result; nothing where it was not wanted.
    ///
    /// # Safety
    /// The place is NULL or writable for a `T`.
    #[inline(always)]
    pub unsafe fn write(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, aligned (checked when made); writable by the caller's promise. Overwrites without drop.
            unsafe { self.0.write(value) }
        }
    }
}

/// Copies `text` and a NUL to `buffer`.
///
/// # Safety
/// `buffer` is NULL or writable for `capacity` bytes.
pub unsafe fn write_text(buffer: *mut c_char, capacity: usize, text: &str) -> Result<(), Refused> {
    if buffer.is_null() || capacity <= text.len() {
        return Err(Refused("no room for the text and its NUL"));
    }
    // SAFETY: `text.len() + 1` bytes fit; writable by the caller's promise, and Rust's string cannot overlap with it.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), text.len());
        buffer.add(text.len()).write(0);
    }
    Ok(())
}

/// Where a sized struct goes, as long as the program knows it.
pub struct SizedOut<T> {
    place: *mut T,
    size: usize,
}

/// Checks a place for a struct that begins with its size, which the program has set.
///
/// # Safety
/// `place` is NULL or points to a struct whose first member is its size in bytes.
pub unsafe fn sized_out<T: Sized0>(place: *mut T) -> Result<SizedOut<T>, Refused> {
    let Out(place) = out(place)?;
    // SAFETY: not NULL and aligned; readable for its first member by the caller's promise.
    let size = unsafe { place.cast::<usize>().read() };
    if size < T::FIRST || size > LONGEST {
        return Err(Refused("a struct whose first member is not its size: use its initialiser"));
    }
    Ok(SizedOut { place, size })
}

impl<T: Sized0> SizedOut<T> {
    /// Writes what the program knows of the struct, but for its size; members that this library doesn't know are zero.
    ///
    /// # Safety
    /// The place is writable for its size.
    pub unsafe fn write(self, value: T) {
        let (first, known) = (size_of::<usize>(), self.size.min(size_of::<T>()));
        let to = self.place.cast::<u8>();
        // SAFETY: `known` bytes fit both, and all of `size` is writable by the caller's promise; a `Sized0` begins with its
        // size and is valid whatever integers follow.
        unsafe {
            std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>().add(first), to.add(first), known - first);
            to.add(known).write_bytes(0, self.size - known);
        }
    }
}

/// Reads a sized struct: members that the program does not know are zero, members that this library does not know must
/// be. None for NULL.
///
/// # Safety
/// `place` is NULL or points to a struct whose first member is its size in bytes, readable for that size.
pub unsafe fn read_sized<T: Sized0>(place: *const T) -> Result<Option<T>, Refused> {
    if place.is_null() {
        return Ok(None);
    }
    if !place.is_aligned() {
        return Err(Refused("a misaligned struct"));
    }
    // SAFETY: readable and aligned for its first member, the size.
    let size = unsafe { place.cast::<usize>().read() };
    if size < T::FIRST || size > LONGEST {
        return Err(Refused("a struct whose first member is not its size: use its initialiser"));
    }
    // SAFETY: readable for `size` bytes, as the size says.
    let bytes = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), size) };
    let known = size.min(size_of::<T>());
    if bytes[known..].iter().any(|&byte| byte != 0) {
        return Err(Refused("a struct with members that this version does not know"));
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes fit both; zero bytes are valid for the rest (Sized0), and so is the program's copy.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.as_mut_ptr().cast::<u8>(), known);
        Ok(Some(value.assume_init()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Known {
        size: usize,
        a: u64,
        b: u64,
    }
    // SAFETY: repr(C), begins with its size, integers only.
    unsafe impl Sized0 for Known {
        const FIRST: usize = 16;
    }

    fn read(words: &[u64]) -> Result<Option<Known>, Refused> {
        // SAFETY: each caller gives as many words as the first says.
        unsafe { read_sized(words.as_ptr().cast::<Known>()) }
    }

    #[test]
    fn older_program() {
        let known = read(&[16, 5]).expect("accepted").expect("there");
        assert_eq!((known.size, known.a, known.b), (16, 5, 0));
    }

    #[test]
    fn newer_program() {
        assert!(read(&[32, 5, 6, 0]).is_ok());
        assert!(read(&[32, 5, 6, 1]).is_err());
    }

    #[test]
    fn sizes_that_cannot_be() {
        assert!(read(&[0, 5]).is_err());
        assert!(read(&[15, 5]).is_err());
        assert!(read(&[4097, 5]).is_err());
        assert!(read(&[u64::MAX, 5]).is_err());
        // SAFETY: NULL is allowed.
        assert!(unsafe { read_sized::<Known>(std::ptr::null()) }.is_ok_and(|value| value.is_none()));
    }

    #[test]
    fn written_as_long_as_the_program_knows_it() {
        let write = |words: &mut [u64]| -> Result<(), Refused> {
            // SAFETY: each caller gives as many words as the first says.
            let place = unsafe { sized_out(words.as_mut_ptr().cast::<Known>()) }?;
            // SAFETY: as above.
            unsafe { place.write(Known { size: 24, a: 7, b: 8 }) };
            Ok(())
        };
        let (mut older, mut newer) = ([16, 1, 2], [32, 1, 2, 3, 4]);
        assert_eq!((write(&mut older), older), (Ok(()), [16, 7, 2]));
        assert_eq!((write(&mut newer), newer), (Ok(()), [32, 7, 8, 0, 4]));
        assert!(write(&mut [0, 1, 2]).is_err() && write(&mut [u64::MAX, 1, 2]).is_err());
    }

    #[test]
    fn bytes_and_null() {
        // SAFETY: NULL, or shorter than the array; the impossible length is refused before anything is read.
        unsafe {
            assert_eq!(bytes(std::ptr::null(), 0), Ok(&[][..]));
            assert!(bytes(std::ptr::null(), 1).is_err());
            assert_eq!(bytes([1, 2].as_ptr(), 2), Ok(&[1, 2][..]));
            assert!(bytes([1, 2].as_ptr(), usize::MAX).is_err());
            assert!(c_str(std::ptr::null()).is_err());
        }
    }

    #[test]
    fn text_needs_room_for_its_nul() {
        let mut buffer = [1 as c_char; 4];
        // SAFETY: the buffer's own capacity, or less.
        unsafe {
            assert!(write_text(buffer.as_mut_ptr(), 3, "abc").is_err());
            assert_eq!(buffer[0], 1);
            assert!(write_text(buffer.as_mut_ptr(), 4, "abc").is_ok());
        }
        assert_eq!(buffer[3], 0);
    }
}
