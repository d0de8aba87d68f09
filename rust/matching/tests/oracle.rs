//! The public scoring functions against plain dynamic programmes.

#![allow(clippy::unwrap_used)]

use ifrs_matching::{Method, score, score_one, score_pairs};
use proptest::prelude::*;

/// Sellers' dynamic programme for a substring, cell by cell.
fn partial(text: &str, pattern: &str) -> f32 {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let m = pattern.len();
    let mut rows: Vec<usize> = (0..=m).collect();
    let mut least = m;
    for t in text {
        let mut next = vec![0];
        for i in 1..=m {
            next.push(
                (rows[i - 1] + usize::from(pattern[i - 1] != t))
                    .min(rows[i] + 1)
                    .min(next[i - 1] + 1),
            );
        }
        least = least.min(next[m]);
        rows = next;
    }
    ((m - least) as f64 / m as f64) as f32
}

/// One minus the normalised indel distance, cell by cell.
fn ratio(text: &str, pattern: &str) -> f32 {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let total = text.len() + pattern.len();
    let mut rows: Vec<usize> = (0..=pattern.len()).collect();
    for (j, t) in text.into_iter().enumerate() {
        let mut next = vec![j + 1];
        for i in 1..=pattern.len() {
            next.push(if pattern[i - 1] == t { rows[i - 1] } else { 1 + rows[i].min(next[i - 1]) });
        }
        rows = next;
    }
    ((total - rows[pattern.len()]) as f64 / total as f64) as f32
}

fn expected(text: &str, pattern: &str, method: Method) -> f32 {
    match method {
        Method::Exact => f32::from(u8::from(text.contains(pattern))),
        Method::Partial => partial(text, pattern),
        Method::Ratio => ratio(text, pattern),
    }
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let text =
        prop_oneof!["[ab ]{0,140}", "[a-e漢字🚀\u{301}é]{0,140}", "[漢字]{0,80}", any::<String>(),];
    prop::collection::vec(text, 0..6)
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern = prop_oneof![
        "[ab ]{1,4}",
        "[ab ]{60,68}",
        "[a-e漢字🚀\u{301}é]{1,140}",
        "[漢字]{124,132}",
        any::<String>().prop_filter("patterns are not empty", |p| !p.is_empty()),
    ];
    prop::collection::vec(pattern, 0..6)
}

const METHODS: [Method; 3] = [Method::Exact, Method::Partial, Method::Ratio];

proptest! {
    #[test]
    fn scoring_agrees_with_the_definitions(
        texts in texts(),
        patterns in patterns(),
        cutoff in prop_oneof![Just(0.0_f32), 0.0..=1.0_f32],
    ) {
        for method in METHODS {
            let scores = score(&texts, &patterns, method, cutoff, 1).unwrap();
            prop_assert_eq!(scores.len(), texts.len() * patterns.len());
            let mut scores = scores.into_iter();
            for text in &texts {
                for pattern in &patterns {
                    let whole = expected(text, pattern, method);
                    let kept = if whole < cutoff { 0.0 } else { whole };
                    prop_assert_eq!(scores.next(), Some(kept));
                    prop_assert_eq!(score_one(text, pattern, method).unwrap(), whole);
                }
            }
        }
    }

    #[test]
    fn scoring_keeps_a_score_equal_to_the_cutoff(
        text in "[abc漢]{0,140}",
        pattern in "[abc漢]{1,140}",
    ) {
        for method in METHODS {
            let whole = score_one(&text, &pattern, method).unwrap();
            prop_assert!((0.0..=1.0).contains(&whole));
            let at = score(&[&text], &[&pattern], method, whole, 1).unwrap();
            prop_assert_eq!(at, [whole]);
            if whole < 1.0 {
                let above = score(&[&text], &[&pattern], method, whole.next_up(), 1).unwrap();
                prop_assert_eq!(above, [0.0]);
            }
        }
    }

    #[test]
    fn scoring_pairs_is_the_diagonal(
        pairs in prop::collection::vec(("[ab漢]{0,70}", "[ab漢]{1,70}"), 0..8),
        cutoff in 0.0..=1.0_f32,
        workers in 0..3_usize,
    ) {
        let (texts, patterns): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
        for method in METHODS {
            let all = score(&texts, &patterns, method, cutoff, workers).unwrap();
            let diagonal: Vec<f32> = all.into_iter().step_by(texts.len() + 1).collect();
            let paired = score_pairs(&texts, &patterns, method, cutoff, workers).unwrap();
            prop_assert_eq!(paired, diagonal);
        }
    }
}

#[test]
fn scoring_known_values() {
    for (text, pattern, exact, partial, ratio) in [
        ("the answer is 42", "answer", 1.0, 1.0, 12.0 / 22.0),
        ("this is a test", "this is a test!", 0.0, 14.0 / 15.0, 28.0 / 29.0),
        ("kitten", "sitting", 0.0, 4.0 / 7.0, 8.0 / 13.0),
        ("", "x", 0.0, 0.0, 0.0),
        ("x", "x", 1.0, 1.0, 1.0),
        ("xyz", "abc", 0.0, 0.0, 0.0),
        // Four characters and not twelve bytes.
        ("漢字かな", "漢字カナ", 0.0, 0.5, 0.5),
        ("🚀", "🚀🦀", 0.0, 0.5, 2.0 / 3.0),
        // A base letter and a combining mark are two characters.
        ("e\u{301}", "\u{e9}", 0.0, 0.0, 0.0),
        ("e", "e\u{301}", 0.0, 0.5, 2.0 / 3.0),
    ] {
        assert_eq!(score_one(text, pattern, Method::Exact).unwrap(), exact);
        assert_eq!(score_one(text, pattern, Method::Partial).unwrap(), partial);
        assert_eq!(score_one(text, pattern, Method::Ratio).unwrap(), ratio);
    }
}
