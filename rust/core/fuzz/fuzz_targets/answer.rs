//! Whatever a server answers, what it says is read without a panic, and is never too long.
#![no_main]

use ifrs_core::attest::{Protocol, answer_of, transcript::MAX_ANSWER};

libfuzzer_sys::fuzz_target!(|raw: &str| {
    for protocol in [Protocol::Local, Protocol::Completions, Protocol::Chat] {
        if let Ok(answer) = answer_of(raw, protocol) {
            assert!(answer.chars().count() <= MAX_ANSWER);
        }
    }
});
