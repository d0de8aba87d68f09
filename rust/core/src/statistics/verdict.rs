//! The verdict: what a combined p-value allows one to say.

use super::StatisticsError;
use super::exact::Evidence;
use super::ranks::Rank;

/// The power below which silence proves nothing; the customary floor (Cohen 1988).
const ENOUGH_POWER: f64 = 0.8;

/// The share of keys that a descendant is assumed to answer when power is computed.
pub(super) const ASSUMED_FSR: f64 = 0.5;

/// Where the search for the smallest number of queries ends.
const MOST_QUERIES: u64 = 1_000;

/// What is said of a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The suspect descends from the publisher's model.
    Match,
    /// No evidence of descent, and there would have been some.
    NoMatch,
    /// Neither.
    Inconclusive,
}

impl Verdict {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "no match",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// `match` when p ≤ α; `no match` when p > √α and power was enough; else `inconclusive`.
pub fn judge(log10_p: f64, alpha: f64, power: f64) -> Result<Verdict, StatisticsError> {
    check_level(alpha)?;
    Ok(if log10_p <= alpha.log10() {
        Verdict::Match
    } else if log10_p > alpha.log10() / 2.0 && power >= ENOUGH_POWER {
        Verdict::NoMatch
    } else {
        Verdict::Inconclusive
    })
}

/// The probability that n queries convict a suspect that answers half of its keys.
///
/// `best` holds the least p-values that one query can give, one for each factor: 1/N. Keys that
/// stay silent are counted at the worst rank, so the true power is higher.
pub fn power(n: u64, best: &[f64], alpha: f64) -> Result<f64, StatisticsError> {
    power_at(n, best, alpha, ASSUMED_FSR)
}

/// The probability that n queries convict a suspect that answers a share `fsr` of its keys.
pub fn power_at(n: u64, best: &[f64], alpha: f64, fsr: f64) -> Result<f64, StatisticsError> {
    check_level(alpha)?;
    check_rate(fsr)?;
    Ok(match Query::of(best)?.least_fired(n, alpha)? {
        Some(fired) => binomial_tail(n, fired, fsr),
        None => 0.0,
    })
}

/// The smallest number of queries whose power reaches `wanted`; `None` where 1,000 do not.
pub fn smallest_n(
    best: &[f64],
    alpha: f64,
    fsr: f64,
    wanted: f64,
) -> Result<Option<u64>, StatisticsError> {
    check_level(wanted)?;
    check_level(alpha)?;
    check_rate(fsr)?;
    let mut query = Query::of(best)?;
    // The most keys of n that can be counted on to fire. A silent key more is never evidence, so
    // the number has to grow before anything is gained.
    let mut fired = 0;
    for n in 1..=MOST_QUERIES {
        if binomial_tail(n, fired + 1, fsr) >= wanted {
            fired += 1;
            if query.convicts(fired, n, alpha)? {
                return Ok(Some(n));
            }
        }
    }
    Ok(None)
}

/// The factors of one query, and tables that are used again.
struct Query {
    sizes: Vec<usize>,
    evidence: Evidence,
}

impl Query {
    /// Of the least p-value that each factor can give.
    fn of(best: &[f64]) -> Result<Self, StatisticsError> {
        let size = |&p: &f64| {
            if p > 0.0 && p <= 1.0 {
                Ok(p.recip().round() as usize)
            } else {
                Err(StatisticsError::PValue(p))
            }
        };
        let sizes = best.iter().map(size).collect::<Result<_, _>>()?;
        Ok(Self { sizes, evidence: Evidence::default() })
    }

    /// Whether `fired` keys of n that rank first outweigh the others at the worst rank.
    fn convicts(&mut self, fired: u64, n: u64, alpha: f64) -> Result<bool, StatisticsError> {
        self.evidence.clear();
        for &candidates in &self.sizes {
            self.evidence.add(Rank { rank: 1, candidates }, fired)?;
            self.evidence.add(Rank { rank: candidates, candidates }, n - fired)?;
        }
        Ok(self.evidence.log10() <= alpha.log10())
    }

    /// The fewest keys of n that have to fire for the exact test to reach `alpha`.
    fn least_fired(&mut self, n: u64, alpha: f64) -> Result<Option<u64>, StatisticsError> {
        if !self.convicts(n, n, alpha)? {
            return Ok(None);
        }
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.convicts(middle, n, alpha)? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(Some(low))
    }
}

/// P(X ≥ k) for X binomial.
pub(super) fn binomial_tail(n: u64, k: u64, rate: f64) -> f64 {
    if k == 0 || (rate >= 1.0 && k <= n) {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    statrs::function::beta::beta_reg(k as f64, (n - k + 1) as f64, rate)
}

fn check_rate(fsr: f64) -> Result<(), StatisticsError> {
    if fsr > 0.0 && fsr <= 1.0 { Ok(()) } else { Err(StatisticsError::Rate(fsr)) }
}

pub(super) fn check_level(alpha: f64) -> Result<(), StatisticsError> {
    if alpha > 0.0 && alpha < 1.0 { Ok(()) } else { Err(StatisticsError::Level(alpha)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [f64; 2] = [1.0 / 2048.0, 1.0 / 2047.0];
    const TEXT: [f64; 1] = [1.0 / 4096.0];

    #[test]
    fn verdicts() {
        assert_eq!(judge(-42.0, 1e-6, 0.0).unwrap(), Verdict::Match);
        assert_eq!(judge(-6.0, 1e-6, 1.0).unwrap(), Verdict::Match);
        assert_eq!(judge(-4.0, 1e-6, 1.0).unwrap(), Verdict::Inconclusive);
        assert_eq!(judge(-0.2, 1e-6, 0.9).unwrap(), Verdict::NoMatch);
        assert_eq!(judge(-0.2, 1e-6, 0.1).unwrap(), Verdict::Inconclusive);
        assert!(judge(-1.0, 1.0, 0.9).is_err());
    }

    #[test]
    fn power_grows_with_queries() {
        let powers: Vec<f64> =
            [1, 2, 4, 8, 16, 64].iter().map(|&n| power(n, &WORDS, 1e-6).unwrap()).collect();
        assert!((powers[0] - 0.5).abs() < 1e-12, "one key that fires convicts at this level");
        assert!(powers[1..].windows(2).all(|pair| pair[0] <= pair[1]), "{powers:?}");
        assert!(powers[5] > 0.999);
        assert!(power(10, &WORDS, 1e-6).unwrap() > 0.9);
        assert_eq!(power(1, &TEXT, 1e-6).unwrap(), 0.0);
    }

    #[test]
    fn the_least_number_of_firing_keys_is_the_least() {
        for (best, alpha) in [(&WORDS[..], 1e-6), (&TEXT, 1e-9), (&[0.5], 1e-3)] {
            let mut query = Query::of(best).unwrap();
            for n in [1, 2, 7, 20] {
                let convicts: Vec<bool> =
                    (0..=n).map(|fired| query.convicts(fired, n, alpha).unwrap()).collect();
                let first = convicts.iter().position(|&convicts| convicts).map(|k| k as u64);
                assert_eq!(query.least_fired(n, alpha).unwrap(), first);
                assert!(convicts.windows(2).all(|pair| pair[0] <= pair[1]));
            }
        }
    }

    #[test]
    fn the_table_of_the_smallest_n() {
        let shares = [1.0, 0.9, 0.75, 0.5, 0.3];
        for (best, expected) in [(&WORDS[..], [1, 1, 3, 5, 9]), (&TEXT, [2, 2, 3, 5, 14])] {
            for (share, n) in shares.into_iter().zip(expected) {
                assert_eq!(smallest_n(best, 1e-6, share, 0.8).unwrap(), Some(n), "{share}");
            }
        }
    }

    #[test]
    fn the_smallest_n_is_the_first_with_enough_power() {
        for best in [&WORDS[..], &[0.1, 0.01], &[0.5; 3]] {
            for (fsr, wanted) in [(1.0, 0.8), (0.5, 0.8)] {
                let first = smallest_n(best, 1e-6, fsr, wanted).unwrap();
                let enough = |&n: &u64| power_at(n, best, 1e-6, fsr).unwrap() >= wanted;
                assert_eq!(first.filter(|&n| n <= 10), (1..=10).find(enough), "{best:?} {fsr}");
            }
        }
    }

    #[test]
    fn powers_that_cannot_be_are_refused() {
        assert_eq!(smallest_n(&[1.0], 1e-6, 1.0, 0.8).unwrap(), None);
        assert_eq!(smallest_n(&[], 1e-6, 1.0, 0.8).unwrap(), None);
        assert!(smallest_n(&WORDS, 1e-6, 0.0, 0.8).is_err());
        assert!(smallest_n(&WORDS, 1e-6, 1.0, 1.0).is_err());
        assert!(power(10, &[0.0], 1e-6).is_err());
        assert!(power(10, &[1.5], 1e-6).is_err());
        assert!(power_at(10, &WORDS, 1e-6, 1.1).is_err());
    }

    #[test]
    fn responses_that_prove_nothing_have_no_power() {
        assert_eq!(power(10, &[1.0], 1e-6).unwrap(), 0.0);
        assert_eq!(power(10, &[], 1e-6).unwrap(), 0.0);
        assert_eq!(power(0, &WORDS, 1e-6).unwrap(), 0.0);
    }

    #[test]
    fn binomial() {
        assert!((binomial_tail(10, 4, 0.5) - 0.828_125).abs() < 1e-12);
        assert!((binomial_tail(3, 3, 0.5) - 0.125).abs() < 1e-12);
        assert_eq!(binomial_tail(3, 3, 1.0), 1.0);
        assert_eq!(binomial_tail(3, 4, 1.0), 0.0);
    }
}
