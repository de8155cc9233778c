//! See `fuzz::parsers::cloudevents`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::cloudevents(bytes));
