//! The length of the longest common subsequence of a pattern and a text.
//!
//! Hyyrö, "Bit-parallel LCS-length computation revisited" (2004). A column of
//! the dynamic programme is kept as one bit for each pattern position, clear
//! where the cell exceeds the one above, so the number of clear bits is the
//! bottom cell. The bits above the last pattern position never match, and what
//! does not match is kept set, so they need no masking.

use super::alphabet::{Masks, Symbol};

/// The length of the longest common subsequence.
///
/// `column` is working memory; its contents do not matter.
pub(super) fn length<S: Symbol>(masks: &Masks, text: &[S], column: &mut Vec<u64>) -> usize {
    if masks.words() == 1 { one_word(masks, text) } else { many_words(masks, text, column) }
}

/// For a pattern of at most 64 characters.
fn one_word<S: Symbol>(masks: &Masks, text: &[S]) -> usize {
    let mut column = !0_u64;
    for &symbol in text {
        let matched = column & masks.word(symbol);
        column = column.wrapping_add(matched) | (column & !matched);
    }
    column.count_zeros() as usize
}

/// For a pattern of any length: one long addition, word by word.
fn many_words<S: Symbol>(masks: &Masks, text: &[S], column: &mut Vec<u64>) -> usize {
    column.clear();
    column.resize(masks.words(), !0);
    for &symbol in text {
        let mut carry = false;
        for (word, &mask) in column.iter_mut().zip(masks.mask(symbol)) {
            let matched = *word & mask;
            let (sum, over) = word.overflowing_add(matched);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            carry = over | over_again;
            *word = sum | (*word & !matched);
        }
    }
    column.iter().map(|word| word.count_zeros() as usize).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::oracle;
    use super::*;

    fn lcs(text: &str, pattern: &str) -> usize {
        let text: Vec<char> = text.chars().collect();
        length(&Masks::new(pattern), &text, &mut Vec::new())
    }

    #[test]
    fn known_lengths() {
        for (text, pattern, expected) in [
            ("", "abc", 0),
            ("abc", "abc", 3),
            ("abc", "acb", 2),
            ("xyz", "abc", 0),
            ("XMJYAUZ", "MZJAWXU", 4),
            ("AGCAT", "GAC", 2),
            ("漢字かな", "かな漢字", 2),
            ("e\u{301}🚀", "🚀e", 1),
        ] {
            assert_eq!(lcs(text, pattern), expected, "{pattern:?} and {text:?}");
        }
    }

    #[test]
    fn carries_cross_words() {
        for m in [63, 64, 65, 127, 128, 129, 1000] {
            let pattern = "a".repeat(m);
            assert_eq!(lcs(&"a".repeat(m - 1), &pattern), m - 1);
            assert_eq!(lcs(&"a".repeat(2 * m), &pattern), m);
            assert_eq!(lcs(&format!("{}b", "a".repeat(m - 1)), &pattern), m - 1);
        }
    }

    #[test]
    fn a_carry_crosses_a_word_without_matches() {
        // The match of `a` supersedes that of `z`, two words further on.
        for gap in [62, 63, 64, 126, 127, 128, 200] {
            let pattern = format!("a{}z", "-".repeat(gap));
            assert_eq!(lcs("za", &pattern), 1, "gap = {gap}");
            assert_eq!(lcs("az", &pattern), 2, "gap = {gap}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_oracle((text, pattern) in oracle::text_and_pattern()) {
            prop_assert_eq!(lcs(&text, &pattern), oracle::lcs(&text, &pattern));
        }

        #[test]
        fn one_and_many_words_agree((text, pattern) in oracle::text_and_pattern()) {
            let pattern: String = pattern.chars().take(64).collect();
            let text: Vec<char> = text.chars().collect();
            let masks = Masks::new(&pattern);
            prop_assert_eq!(
                one_word(&masks, &text),
                many_words(&masks, &text, &mut Vec::new())
            );
        }

        #[test]
        fn bytes_and_chars_agree(text in "[abc]{0,200}", pattern in "[abcé]{1,140}") {
            let masks = Masks::new(&pattern);
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(
                length(&masks, text.as_bytes(), &mut Vec::new()),
                length(&masks, &chars, &mut Vec::new())
            );
        }
    }
}
