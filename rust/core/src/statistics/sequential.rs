//! Evidence that may be looked at after every query: an anytime-valid e-process.
//!
//! Each rank is a bet at fair odds against H0. Under H0 a rank is uniform over 1..=N, or larger
//! where ties count against the truth, and independent of what came before, so a payoff that
//! never grows with the rank and has mean 1 over uniform ranks makes the product of payoffs a
//! supermartingale. It reaches 1/α with probability α at most, whenever one stops (Ville 1939;
//! Ramdas, Grünwald, Vovk and Shafer, *Statistical Science* 38(4), 2023).

use std::collections::HashMap;

use super::StatisticsError;
use super::ranks::Rank;

/// Kept back from every bet, so that a silent key costs a factor of ten and never everything.
const KEPT: f64 = 0.1;

/// Laid on the first rank, where a descendant's response stands.
const ON_THE_FIRST: f64 = 0.6;

/// Spread over all ranks as 1/r, for fingerprints that faded but can still be told.
const SPREAD: f64 = 0.3;

/// Euler's constant.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// Numbers of candidates from which H_N is computed by its asymptotic series.
const MANY: usize = 1 << 20;

/// The bet on a rank among N candidates: `0.1 + 0.6·N·[r = 1] + 0.3·N / (r·H_N)`, with H_N the
/// harmonic number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bet {
    candidates: usize,
    harmonic: f64,
}

impl Bet {
    /// The bet on a rank among so many candidates.
    pub(super) fn among(candidates: usize) -> Self {
        Self { candidates, harmonic: harmonic(candidates) }
    }

    /// What it pays when the truth has this rank.
    pub(super) fn pays(self, rank: usize) -> f64 {
        let n = self.candidates as f64;
        let first = if rank == 1 { ON_THE_FIRST * n } else { 0.0 };
        KEPT + first + SPREAD * n / (rank as f64 * self.harmonic)
    }
}

/// What a rank pays: see [`Bet`].
pub fn e_value(rank: Rank) -> Result<f64, StatisticsError> {
    check_rank(rank)?;
    Ok(Bet::among(rank.candidates).pays(rank.rank))
}

/// Refuses ranks that no ranking can give.
pub(super) fn check_rank(Rank { rank, candidates }: Rank) -> Result<(), StatisticsError> {
    if candidates == 0 {
        return Err(StatisticsError::NoCandidates);
    }
    if !(1..=candidates).contains(&rank) {
        return Err(StatisticsError::Rank { rank, candidates });
    }
    Ok(())
}

/// Base-10 logarithm of the e-process after each query; a query's ranks are bets of their own.
pub fn e_process_log10(groups: &[Vec<Rank>]) -> Result<Vec<f64>, StatisticsError> {
    let mut so_far = 0.0;
    let mut logarithms = Vec::with_capacity(groups.len());
    let mut bets = HashMap::new();
    for group in groups {
        for &rank in group {
            check_rank(rank)?;
            let bet = bets.entry(rank.candidates).or_insert_with(|| Bet::among(rank.candidates));
            so_far += bet.pays(rank.rank).log10();
        }
        logarithms.push(so_far);
    }
    Ok(logarithms)
}

/// H_n; the series is exact to the last digits from a few dozen on (Euler 1740).
fn harmonic(n: usize) -> f64 {
    if n < MANY {
        return (1..=n).map(|k| 1.0 / k as f64).sum();
    }
    let n = n as f64;
    n.ln() + EULER_GAMMA + 0.5 / n - 1.0 / (12.0 * n * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bets_are_fair_and_never_reward_a_worse_rank() {
        for candidates in [1, 2, 3, 100, 2047, 4096] {
            let payoffs: Vec<f64> =
                (1..=candidates).map(|rank| e_value(Rank { rank, candidates }).unwrap()).collect();
            let mean = payoffs.iter().sum::<f64>() / candidates as f64;
            assert!((mean - 1.0).abs() < 1e-9, "{candidates}: {mean}");
            assert!(payoffs.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn two_hits_among_thousands_pass_a_millionfold() {
        let hit = vec![Rank { rank: 1, candidates: 4096 }];
        let process = e_process_log10(&[hit.clone(), hit]).unwrap();
        assert!(process[0] < 6.0 && process[1] > 6.0, "{process:?}");
    }

    #[test]
    fn a_silent_key_costs_a_factor_of_ten_at_most() {
        let silent = vec![Rank { rank: 4096, candidates: 4096 }];
        let process = e_process_log10(&[silent]).unwrap();
        assert!((-1.0..-0.8).contains(&process[0]), "{process:?}");
    }

    #[test]
    fn harmonic_numbers_of_any_size() {
        let summed: f64 = (1..=MANY).rev().map(|k| 1.0 / k as f64).sum();
        assert!((harmonic(MANY) - summed).abs() < 1e-12, "{} {summed}", harmonic(MANY));
        assert!(harmonic(MANY - 1) < harmonic(MANY));
        let payoff = e_value(Rank { rank: 1, candidates: usize::MAX }).unwrap();
        assert!(payoff > 0.6 * usize::MAX as f64);
    }

    #[test]
    fn nonsense_is_refused() {
        let rank = |rank, candidates| e_value(Rank { rank, candidates });
        assert_eq!(rank(0, 5), Err(StatisticsError::Rank { rank: 0, candidates: 5 }));
        assert_eq!(rank(6, 5), Err(StatisticsError::Rank { rank: 6, candidates: 5 }));
        assert_eq!(rank(1, 0), Err(StatisticsError::NoCandidates));
        assert!(e_process_log10(&[vec![Rank { rank: 0, candidates: 5 }]]).is_err());
    }
}
