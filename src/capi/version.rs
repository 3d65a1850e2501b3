//! The version of the library that runs.

use std::ffi::c_char;

/// The version of the library that runs, in the form of WSRS_VERSION, which is the version the program was compiled
/// with: major * 10000 + minor * 100 + patch. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_version() -> u32 {
    let part = |text: &str| text.bytes().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    part(env!("CARGO_PKG_VERSION_MAJOR")) * 10000
        + part(env!("CARGO_PKG_VERSION_MINOR")) * 100
        + part(env!("CARGO_PKG_VERSION_PATCH"))
}

/// The same as text, like "0.1.0": static, never NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_version_text() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
