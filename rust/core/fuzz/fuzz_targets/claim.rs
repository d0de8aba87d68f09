//! Whatever a claim's file holds, its reader answers without a panic, and what it takes it writes
//! the same again.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if ifrs_core::attest::Claim::parse(file).is_ok() {
        assert!(ifrs_core::attest::claim::reads_back(file));
    }
});
