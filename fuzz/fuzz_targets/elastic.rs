//! See `fuzz::parsers::elastic`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::elastic(bytes));
