//! The counts against a plain loop, and the painter against the counts.

use super::words::{begins_apart, is_open, words};
use super::*;
use aes::cipher::BlockEncrypt;
use proptest::prelude::*;

fn on() -> bool {
    false
}

/// Counts green pairs one by one.
fn slowly(key: &Key, pairs: &[Pair]) -> Vec<u16> {
    let lane = |lane: usize| {
        let green = |pair: &&Pair| {
            let mut block = (**pair).into();
            cipher(key).encrypt_block(&mut block);
            let bit = |from: usize| block[from + lane / 8] >> (lane % 8) & 1;
            bit(0) == 0 && bit(8) == 0
        };
        pairs.iter().filter(green).count() as u16
    };
    (0..LANES).map(lane).collect()
}

#[test]
fn the_cipher_is_aes_as_published() {
    // FIPS 197, appendix C.1.
    let key: Key = std::array::from_fn(|i| i as u8);
    let text: Pair = std::array::from_fn(|i| (i as u8) << 4 | i as u8);
    let mut block = text.into();
    cipher(&key).encrypt_block(&mut block);
    let wanted = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128.to_be_bytes();
    assert_eq!(<[u8; 16]>::from(block), wanted);
    assert_eq!(tally(&[key], &[text], &on).unwrap(), slowly(&key, &[text]));
}

#[test]
fn a_quarter_is_green_and_no_colouring_follows_another() {
    let pairs: Vec<Pair> = (0..4_000_u128).map(u128::to_le_bytes).collect();
    let counts = tally(&[[7; 16], [8; 16]], &pairs, &on).unwrap();
    // Of 4,000 pairs 1,000, with a standard deviation of 27; the variance of 128 such counts is
    // known to a tenth.
    assert!(counts.iter().all(|count| (860..1_140).contains(count)), "{counts:?}");
    let apart = counts.iter().map(|&count| (f64::from(count) - 1_000.0).powi(2));
    let variance = apart.sum::<f64>() / 128.0;
    assert!((450.0..1_100.0).contains(&variance), "variance {variance}");
}

#[test]
fn words_are_cut_as_readers_do() {
    let cut = |text: &str| words(&crate::plain(text)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cut("The **Cat's** caf\u{e9}!"), ["the", "cat", "s", "cafe"]);
    assert_eq!(cut("I live in 東京 now"), ["i", "live", "in", "東", "京", "now"]);
    assert!(cut(" ... ").is_empty());
    let same = |one: &str, other: &str| pairs([one]) == pairs([other]);
    assert!(same("the cat sat", "THE, cat: sat"));
    assert!(same("a river", "a rivulet"), "three letters of the second word count");
    assert!(!same("river a", "rivulet a"), "of the first all do");
    assert!(!same("a b", "b a"));
}

#[test]
fn a_pair_counts_once() {
    assert_eq!(pairs(["a b a b a b"]).len(), 3);
    assert_eq!(pairs(["a b", "a b"]).len(), 2);
    assert_eq!(pairs(["a b", "b"]).len(), 3, "each text begins anew");
    assert_eq!(pairs(["", " "]).len(), 0);
    let text: String = (0..70_000).map(|i| format!("{i} ")).collect();
    assert_eq!(pairs([&*text]).len(), MAX_PAIRS);
}

#[test]
fn a_token_goes_on_with_a_word_or_begins_one() {
    for open in ["a", "a b", "caf\u{e9}", "a\u{200b}"] {
        assert!(is_open(open), "{open:?}");
    }
    for closed in ["", "a ", "a.", "東", "a\n"] {
        assert!(!is_open(closed), "{closed:?}");
    }
    for apart in [" a", "\u{200b} a", ".a", "東京", "'s"] {
        assert!(begins_apart(apart), "{apart:?}");
    }
    for joined in ["a", "\u{301}a", "ing ", ""] {
        assert!(!begins_apart(joined), "{joined:?}");
    }
}

#[test]
fn counting_can_be_stopped() {
    assert_eq!(tally(&[[1; 16]], &[[0; 16]], &|| true), None);
}

proptest! {
    #[test]
    fn counts_are_those_of_a_plain_loop(
        keys in prop::collection::vec(any::<Key>(), 0..3),
        pairs in prop::collection::vec(any::<Pair>(), 0..300),
    ) {
        let wanted: Vec<u16> = keys.iter().flat_map(|key| slowly(key, &pairs)).collect();
        prop_assert_eq!(tally(&keys, &pairs, &on).unwrap(), wanted);
    }

    // Of words that are one token each the painter says what the counts will say.
    #[test]
    fn the_painter_paints_what_is_counted(
        key: Key,
        lane in 0..LANES,
        said in prop::collection::vec("[a-zé東京]{1,6}", 1..20),
    ) {
        let tokens: Vec<String> = said.iter().map(|word| format!(" {word}")).collect();
        let vocabulary = Vocabulary::of(&tokens);
        let painter = Painter::new(&key, lane);
        let (mut text, mut green) = (String::new(), Vec::new());
        for (place, token) in tokens.iter().enumerate() {
            let mut row = vec![false; tokens.len()];
            painter.paint(&vocabulary, &[&text], &mut row);
            let before = pairs([&*text]);
            text.push_str(token);
            // A sign that stands alone ends a word: only the first pair of a token is painted.
            if let Some(first) = pairs([&*text]).get(before.len()) {
                let counted = tally(&[key], &[*first], &on).unwrap()[lane] == 1;
                green.push((row[place], counted, said[place].clone()));
            }
        }
        for (painted, counted, word) in green {
            let alone = word.chars().any(super::words::stands_alone);
            prop_assert!(painted == counted || alone, "{word}");
        }
    }
}
