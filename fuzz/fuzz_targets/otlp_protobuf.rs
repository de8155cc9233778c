//! See `fuzz::parsers::otlp_protobuf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::parsers::otlp_protobuf(bytes));
