//! Whatever a question and an answer say, they are read without a panic, and a sentence says what it
//! was made to say.
#![no_main]

use ifrs_core::fingerprint::choices::{Asked, LISTED, mentioned};

libfuzzer_sys::fuzz_target!(|pair: (&str, &str)| {
    let (question, answer) = pair;
    let Some(asked) = Asked::read(question) else { return };
    let found = mentioned(&asked, answer);
    assert!(found.len() <= LISTED && found.iter().all(|&place| place < LISTED));
    let place = answer.len() % LISTED;
    assert_eq!(mentioned(&asked, &asked.spell(place)), [place]);
});
