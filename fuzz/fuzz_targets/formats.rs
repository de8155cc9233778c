//! See `fuzz::parsers::formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::formats(bytes));
