//! Whatever a decrypted payload holds, its reader answers without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    ifrs_core::keyring::read_payload(json);
});
