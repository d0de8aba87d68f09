//! Whatever a bundle and a claim hold, the check answers without a panic. A zero byte parts them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let place = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (bundle, claim) = data.split_at(place);
    ifrs_core::attest::check::survives(bundle, claim.get(1..).unwrap_or_default());
});
