//! Whatever a journal holds, its reader answers without a panic, and what it takes has a chain.
#![no_main]

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    if let Some(entries) = ifrs_core::keyring::read_journal(json) {
        assert!(entries.windows(2).all(|pair| pair[1].previous == pair[0].hash));
    }
});
