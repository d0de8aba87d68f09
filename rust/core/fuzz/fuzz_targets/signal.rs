//! Whatever texts say, they are cut and counted without a panic: the counts are those of a plain
//! loop, and what a vocabulary's token begins is painted as it is counted.
#![no_main]

use ifrs_matching::signal::{LANES, Painter, Vocabulary, pairs, tally};

libfuzzer_sys::fuzz_target!(|input: (Vec<String>, [u8; 16], u8)| {
    let (texts, key, lane) = input;
    let lane = usize::from(lane) % LANES;
    let found = pairs(texts.iter().map(String::as_str));
    let counts = tally(&[key], &found, &|| false).unwrap();
    let one_by_one: Vec<u16> = (0..LANES)
        .map(|lane| {
            found.iter().map(|pair| tally(&[key], &[*pair], &|| false).unwrap()[lane]).sum()
        })
        .collect();
    assert_eq!(counts, one_by_one);
    let vocabulary = Vocabulary::of(&texts);
    let mut out = vec![false; texts.len() * texts.len()];
    Painter::new(&key, lane).paint(&vocabulary, &texts, &mut out);
});
