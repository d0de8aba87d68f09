//! Whatever an accusation and a roll hold, the check answers without a panic, and a roll that is read
//! is written the same again. A zero byte parts them.
#![no_main]

use ifrs_core::attest::licences::{check, roll};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let place = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (accusation, signed) = data.split_at(place);
    let signed = signed.get(1..).unwrap_or_default();
    roll::roll_reads_back(signed);
    check::accusation_survives(accusation, signed);
});
