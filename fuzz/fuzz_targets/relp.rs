//! See `fuzz::parsers::relp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::relp(bytes));
