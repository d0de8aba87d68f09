//! Textbook dynamic programmes to check the kernels against, and the strings
//! to check them on.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Sellers' dynamic programme, cell by cell.
pub(super) fn least_distance(text: &str, pattern: &str) -> usize {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut column: Vec<usize> = (0..=pattern.len()).collect();
    let mut least = pattern.len();
    for t in text.chars() {
        let mut diagonal = 0;
        for (i, &p) in pattern.iter().enumerate() {
            let left = column[i + 1];
            column[i + 1] = (diagonal + usize::from(p != t)).min(left + 1).min(column[i] + 1);
            diagonal = left;
        }
        least = least.min(column[pattern.len()]);
    }
    least
}

/// The longest common subsequence, cell by cell.
pub(super) fn lcs(text: &str, pattern: &str) -> usize {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut column = vec![0; pattern.len() + 1];
    for t in text.chars() {
        let mut diagonal = 0;
        for (i, &p) in pattern.iter().enumerate() {
            let left = column[i + 1];
            column[i + 1] = if p == t { diagonal + 1 } else { left.max(column[i]) };
            diagonal = left;
        }
    }
    column[pattern.len()]
}

/// Small alphabets, so that strings have much in common by chance.
const ALPHABETS: [&str; 7] = [
    "ab",
    "abcdefgh",
    " \0\u{7f}~",
    "漢字かな",
    "🚀🦀👩🏽\u{200d}",
    "e\u{301}\u{308}\u{e9}ë",
    "ab\u{80}é漢🚀\u{301}\u{10FFFF}",
];

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => select(vec![0_usize, 1, 2, 63, 64, 65, 127, 128, 129]),
        1 => 0..200_usize,
    ]
}

/// A string of a given alphabet, with lengths about the words' edges.
fn string(alphabet: &'static str) -> impl Strategy<Value = String> {
    let letters: Vec<char> = alphabet.chars().collect();
    length().prop_flat_map(move |n| {
        vec(select(letters.clone()), n).prop_map(|chars| chars.into_iter().collect())
    })
}

/// A text and a pattern: unrelated, or the pattern with a few edits somewhere
/// in the text.
pub(super) fn text_and_pattern() -> impl Strategy<Value = (String, String)> {
    select(&ALPHABETS[..]).prop_flat_map(|alphabet| {
        let letter = select(alphabet.chars().collect::<Vec<_>>());
        let edits = vec((any::<prop::sample::Index>(), 0..3_u8, letter.clone()), 0..8);
        (string(alphabet), string(alphabet), edits, any::<bool>(), letter).prop_map(
            |(mut text, mut pattern, edits, related, letter)| {
                if pattern.is_empty() {
                    pattern.push(letter);
                }
                if related {
                    let mut copy: Vec<char> = pattern.chars().collect();
                    for (at, edit, letter) in edits {
                        let at = at.index(copy.len() + 1);
                        match edit {
                            0 => copy.insert(at, letter),
                            1 if at < copy.len() => copy[at] = letter,
                            _ if at < copy.len() => drop(copy.remove(at)),
                            _ => {}
                        }
                    }
                    let middle = text.chars().count() / 2;
                    let before: String = text.chars().take(middle).collect();
                    let after: String = text.chars().skip(middle).collect();
                    text = before;
                    text.extend(copy);
                    text.push_str(&after);
                }
                (text, pattern)
            },
        )
    })
}
