//! `cargo fuzz run response`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    gw_h1_fuzz::response(input);
});
