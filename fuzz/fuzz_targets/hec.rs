//! See `fuzz::parsers::hec`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::hec(bytes));
