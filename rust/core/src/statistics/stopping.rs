//! What a verification that stops by itself can be expected to find.

use super::StatisticsError;
use super::ranks::Rank;
use super::sequential::e_value;
use super::verdict::{ASSUMED_FSR, check_level};

/// Probabilities that are too small to change the sum of 10¹⁰ of them.
const UNSEEN: f64 = 1e-27;

/// The probability that asking up to n keys, one after the other, convicts a suspect that answers
/// half of them.
///
/// A query has one rank among each number of `candidates`. A key that fires ranks first in all of
/// them; one that stays silent is counted as last, so the true power is higher. The suspect is
/// convicted as soon as the e-process reaches 1/α, which depends on how many keys fired and not on
/// their order: the number that fired is a Markov chain, absorbed where the threshold is passed.
pub fn sequential_power(
    n: usize,
    candidates: &[usize],
    alpha: f64,
) -> Result<f64, StatisticsError> {
    check_level(alpha)?;
    if candidates.is_empty() {
        return Ok(0.0); // a shared response carries no evidence
    }
    let fires = log10_of_query(candidates, |_| 1)?;
    let silent = log10_of_query(candidates, |of| of)?;
    let threshold = -alpha.log10();
    // waiting[k]: the probability that `least + k` keys have fired and the threshold was never
    // reached.
    let (mut least, mut waiting) = (0, vec![1.0]);
    let mut convicted = 0.0;
    for asked in 1..=n {
        let mut next = vec![0.0; waiting.len() + 1];
        for (place, probability) in waiting.iter().enumerate() {
            next[place + 1] += probability * ASSUMED_FSR;
            next[place] += probability * (1.0 - ASSUMED_FSR);
        }
        for (place, probability) in next.iter_mut().enumerate() {
            let fired = least + place;
            let gathered = fired as f64 * fires + (asked - fired) as f64 * silent;
            if gathered >= threshold {
                convicted += *probability;
                *probability = 0.0;
            }
        }
        // A set may have 100,000 keys: what can no more be seen in the sum is not carried along.
        let seen = |probability: &f64| *probability > UNSEEN;
        let Some(first) = next.iter().position(seen) else { break };
        next.truncate(next.iter().rposition(seen).map_or(0, |last| last + 1));
        waiting = next.split_off(first);
        least += first;
    }
    Ok(f64::min(convicted, 1.0))
}

/// What one query adds to the e-process when its rank among `of` is `rank(of)`.
fn log10_of_query(
    candidates: &[usize],
    rank: impl Fn(usize) -> usize,
) -> Result<f64, StatisticsError> {
    let mut sum = 0.0;
    for &of in candidates {
        sum += e_value(Rank { rank: rank(of), candidates: of })?.log10();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sequence of keys that fire or stay silent, walked one by one.
    fn enumerated(n: usize, candidates: &[usize], alpha: f64) -> f64 {
        let fires = log10_of_query(candidates, |_| 1).unwrap();
        let silent = log10_of_query(candidates, |of| of).unwrap();
        let convicts = |sequence: u32| {
            let mut log10 = 0.0;
            (0..n).any(|place| {
                log10 += if sequence >> place & 1 == 1 { fires } else { silent };
                log10 >= -alpha.log10()
            })
        };
        let all = 1_u32 << n;
        f64::from((0..all).filter(|&sequence| convicts(sequence)).count() as u32) / f64::from(all)
    }

    #[test]
    fn agrees_with_enumeration() {
        for n in [1, 2, 5, 10, 13] {
            for candidates in [&[4096][..], &[100], &[2048, 2047]] {
                for alpha in [1e-2, 1e-6, 1e-9] {
                    let ours = sequential_power(n, candidates, alpha).unwrap();
                    let walked = enumerated(n, candidates, alpha);
                    assert!((ours - walked).abs() < 1e-12, "{n} {candidates:?} {alpha}");
                }
            }
        }
    }

    #[test]
    fn ten_keys_are_enough_at_the_usual_level() {
        assert!(sequential_power(10, &[4096], 1e-6).unwrap() > 0.8);
        assert!(sequential_power(1, &[4096], 1e-6).unwrap() < 1e-12);
        assert!(sequential_power(200, &[4096], 1e-9).unwrap() > 0.999);
    }

    #[test]
    fn the_largest_sets_take_no_time() {
        assert!(sequential_power(100_000, &[4096], 1e-6).unwrap() > 1.0 - 1e-12);
        assert!(sequential_power(100_000, &[2048, 2047], 1e-300).unwrap() > 1.0 - 1e-12);
        // Two candidates: who answers half of the keys is never convicted.
        assert!(sequential_power(100_000, &[2], 1e-6).unwrap() < 1e-3);
    }

    #[test]
    fn responses_that_prove_nothing_have_no_power() {
        assert_eq!(sequential_power(10, &[], 1e-6).unwrap(), 0.0);
        assert_eq!(sequential_power(10, &[1], 1e-6).unwrap(), 0.0);
        assert!(sequential_power(10, &[0], 1e-6).is_err());
        assert!(sequential_power(10, &[10], 1.0).is_err());
    }
}
