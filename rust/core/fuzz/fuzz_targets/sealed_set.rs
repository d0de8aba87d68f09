//! Whatever a sealed set's payload holds, it is read without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ifrs_core::keyring::read_sealed_set(data);
});
