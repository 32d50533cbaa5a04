#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::native_stream(input));
