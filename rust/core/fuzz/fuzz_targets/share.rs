//! Whatever a decrypted share holds, its reader answers without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    ifrs_core::keyring::read_share(json);
});
