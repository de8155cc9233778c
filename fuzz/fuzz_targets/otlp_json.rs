//! See `fuzz::parsers::otlp_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::otlp_json(bytes));
