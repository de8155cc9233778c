//! See `fuzz::parsers::times`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::times(bytes));
