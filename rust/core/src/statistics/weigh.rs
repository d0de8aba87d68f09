//! What revealed ranks prove, whatever was left out and whenever one stopped.

use serde::{Deserialize, Serialize};

use super::StatisticsError;
use super::combine::{bonferroni_log10, fisher_log10, shared_log10_e};
use super::exact::exact_log10;
use super::ranks::Rank;
use super::sequential::e_process_log10;

/// How the keys of a report were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// All of them, whatever came back: the exact tail holds.
    Exact,
    /// The same as bundles had it at first, with Fisher's combination.
    Fixed,
    /// One after another, until the evidence sufficed: the e-process holds.
    Sequential,
}

/// The weight of some of a claim's keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// log10 of the p-value: [`Self::log10_fixed`] of a fixed test of which all keys count, else
    /// [`Self::log10_anytime`].
    pub log10_p: f64,
    /// Whether it is the former.
    pub fixed: bool,
    /// log10 of the combination over all keys of the claim: the exact tail, or Fisher's.
    pub log10_fixed: f64,
    /// log10 of 1 / the highest value that the e-process reached: valid whenever one stopped.
    pub log10_anytime: f64,
    /// log10 of the e-process after each key.
    pub log10_e: Vec<f64>,
}

impl Weighed {
    /// The same, where the keys were looked at so many times and the best look counts: every p-value
    /// times their number, every e-value divided by it.
    pub fn at_looks(self, looks: usize) -> Result<Self, StatisticsError> {
        let corrected = |log10_p: f64| bonferroni_log10(&[log10_p], looks);
        Ok(Self {
            log10_p: corrected(self.log10_p)?,
            fixed: self.fixed,
            log10_fixed: corrected(self.log10_fixed)?,
            log10_anytime: corrected(self.log10_anytime)?,
            log10_e: shared_log10_e(self.log10_e, looks),
        })
    }
}

/// Weighs the keys from the first up to the last that is revealed.
///
/// `groups` holds the ranks of each; `None` is a key that is not shown and counts as silent: its
/// ranks are the worst, and its bets pay least. `candidates` are those of one key, `n` is the
/// number of keys that the claim holds.
pub fn weigh(
    groups: &[Option<Vec<Rank>>],
    candidates: &[usize],
    n: usize,
    test: Test,
) -> Result<Weighed, StatisticsError> {
    let silent: Vec<Rank> =
        candidates.iter().map(|&candidates| Rank { rank: candidates, candidates }).collect();
    let groups: Vec<Vec<Rank>> =
        groups.iter().map(|group| group.as_ref().unwrap_or(&silent).clone()).collect();
    let log10_e = e_process_log10(&groups)?;
    let all: Vec<Rank> = groups
        .iter()
        .chain(std::iter::repeat_n(&silent, n.saturating_sub(groups.len())))
        .flatten()
        .copied()
        .collect();
    let log10_fixed = match test {
        Test::Fixed => fisher_log10(&all.iter().map(|rank| rank.p_value()).collect::<Vec<_>>())?,
        Test::Exact | Test::Sequential => exact_log10(&all)?,
    };
    let log10_anytime = -log10_e.iter().copied().fold(0.0, f64::max);
    let fixed = test != Test::Sequential && groups.len() >= n;
    let log10_p = if fixed { log10_fixed } else { log10_anytime };
    Ok(Weighed { log10_p, fixed, log10_fixed, log10_anytime, log10_e })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [usize; 2] = [2048, 2047];

    fn hit() -> Option<Vec<Rank>> {
        Some(WORDS.map(|candidates| Rank { rank: 1, candidates }).to_vec())
    }

    #[test]
    fn all_keys_are_a_fixed_test_and_some_are_anytime_valid() {
        let all = weigh(&vec![hit(); 10], &WORDS, 10, Test::Exact).unwrap();
        assert!((all.log10_p + 10.0 * (2048_f64 * 2047.0).log10()).abs() < 1e-9, "{all:?}");
        assert_eq!(all.log10_p, all.log10_fixed);
        let sequential = weigh(&vec![hit(); 10], &WORDS, 10, Test::Sequential).unwrap();
        assert_eq!(sequential.log10_p, all.log10_anytime);
        let some = weigh(&vec![hit(); 2], &WORDS, 10, Test::Exact).unwrap();
        assert_eq!(some.log10_p, -some.log10_e[1]);
        assert!(some.log10_p < -12.0 && some.log10_fixed > some.log10_p);
        let earlier = weigh(&vec![hit(); 10], &WORDS, 10, Test::Fixed).unwrap();
        assert!((-41.8..-41.7).contains(&earlier.log10_p), "{earlier:?}");
    }

    #[test]
    fn whoever_may_look_three_times_has_three_chances() {
        for (keys, fixed) in [(10, true), (2, false)] {
            let one = weigh(&vec![hit(); keys], &WORDS, 10, Test::Exact).unwrap();
            let three = one.clone().at_looks(3).unwrap();
            assert_eq!((three.fixed, one.clone().at_looks(1).unwrap()), (fixed, one.clone()));
            for (once, thrice) in [
                (one.log10_p, three.log10_p),
                (one.log10_fixed, three.log10_fixed),
                (one.log10_anytime, three.log10_anytime),
                (-one.log10_e[1], -three.log10_e[1]),
            ] {
                assert!((thrice - once - 3_f64.log10()).abs() < 1e-12, "{once} {thrice}");
            }
        }
        let none = weigh(&[None, None], &WORDS, 2, Test::Exact).unwrap().at_looks(3).unwrap();
        assert_eq!((none.log10_p, none.log10_anytime), (0.0, 0.0));
    }

    #[test]
    fn a_key_that_is_not_shown_is_silent() {
        for test in [Test::Exact, Test::Fixed] {
            let shown = weigh(&[hit(), hit()], &WORDS, 10, test).unwrap();
            let hidden = weigh(&[None, hit()], &WORDS, 10, test).unwrap();
            assert!(hidden.log10_p > shown.log10_p + 6.0);
            let none = weigh(&[None, None], &WORDS, 2, test).unwrap();
            assert_eq!((none.log10_p, none.log10_anytime), (0.0, 0.0));
            // Responses that prove nothing have no factor at all.
            assert_eq!(weigh(&[Some(vec![])], &[], 10, test).unwrap().log10_p, 0.0);
        }
        assert_eq!(weigh(&[], &WORDS, 10, Test::Exact).unwrap().log10_p, 0.0);
    }
}
