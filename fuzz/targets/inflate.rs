//! Feeds the check of the same name, which says what it proves.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsrs_fuzz::inflate(data));
