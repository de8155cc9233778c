//! See `fuzz::parsers::mapping`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::mapping(bytes));
