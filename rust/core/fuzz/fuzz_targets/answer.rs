//! Whatever a server answers, what it says is read without a panic, and is never too long.
#![no_main]

use ifrs_core::attest::{Protocol, answer_of, read_answer, shown::shown, transcript::MAX_ANSWER};

libfuzzer_sys::fuzz_target!(|raw: &str| {
    let served = [Protocol::Completions, Protocol::Chat, Protocol::Transcriptions];
    for protocol in [Protocol::Local].into_iter().chain(served) {
        if let Ok(answer) = answer_of(raw, protocol) {
            assert!(answer.chars().count() <= MAX_ANSWER);
        }
        if let Ok(said) = read_answer(raw, protocol) {
            assert!(said.text.chars().count() <= MAX_ANSWER);
        }
        if let Ok(tokens) = shown(raw, protocol) {
            assert!(!tokens.is_empty() && tokens.iter().all(|(_, score)| score.is_finite()));
        }
    }
});
