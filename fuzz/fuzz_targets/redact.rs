//! See `fuzz::parsers::redact`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::redact(bytes));
