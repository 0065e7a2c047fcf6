//! `cargo fuzz run repeats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    gw_h1_fuzz::repeats(input);
});
