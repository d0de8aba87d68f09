//! The verdict: what a combined p-value allows one to say.

use super::EvidenceError;
use super::combine::fisher_log10;

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
pub fn judge(log10_p: f64, alpha: f64, power: f64) -> Result<Verdict, EvidenceError> {
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
/// `best` holds the least p-values that one query can give, one for each factor. Keys that stay
/// silent are counted as p = 1, so the true power is higher.
pub fn power(n: u64, best: &[f64], alpha: f64) -> Result<f64, EvidenceError> {
    power_at(n, best, alpha, ASSUMED_FSR)
}

/// The probability that n queries convict a suspect that answers a share `fsr` of its keys.
pub fn power_at(n: u64, best: &[f64], alpha: f64, fsr: f64) -> Result<f64, EvidenceError> {
    check_level(alpha)?;
    if !(fsr > 0.0 && fsr <= 1.0) {
        return Err(EvidenceError::Rate(fsr));
    }
    match least_fired(n, best, alpha)? {
        Some(fired) if fsr < 1.0 => Ok(binomial_tail(n, fired, fsr)),
        Some(_) => Ok(1.0),
        None => Ok(0.0),
    }
}

/// The fewest keys of n that have to fire for Fisher's combination to reach `alpha`.
fn least_fired(n: u64, best: &[f64], alpha: f64) -> Result<Option<u64>, EvidenceError> {
    let convicts = |fired: u64| {
        let mut p_values = best.repeat(fired as usize);
        p_values.resize(best.len() * n as usize, 1.0);
        fisher_log10(&p_values).map(|log10_p| log10_p <= alpha.log10())
    };
    if best.is_empty() || !convicts(n)? {
        return Ok(None);
    }
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = u64::midpoint(low, high);
        if convicts(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(low))
}

/// The smallest number of queries whose power reaches `wanted`; `None` where 1,000 do not.
///
/// A suspect that answers less than about an eighth of its keys is never convicted this way: the
/// silent ones, counted as p = 1, outweigh it.
pub fn smallest_n(
    best: &[f64],
    alpha: f64,
    fsr: f64,
    wanted: f64,
) -> Result<Option<u64>, EvidenceError> {
    check_level(wanted)?;
    check_level(alpha)?;
    if best.iter().all(|&p| p >= 1.0) {
        return Ok(None);
    }
    for n in 1..=MOST_QUERIES {
        if power_at(n, best, alpha, fsr)? >= wanted {
            return Ok(Some(n));
        }
    }
    Ok(None)
}

/// P(X ≥ k) for X binomial.
fn binomial_tail(n: u64, k: u64, rate: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    statrs::function::beta::beta_reg(k as f64, (n - k + 1) as f64, rate)
}

pub(super) fn check_level(alpha: f64) -> Result<(), EvidenceError> {
    if alpha > 0.0 && alpha < 1.0 { Ok(()) } else { Err(EvidenceError::Level(alpha)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [f64; 2] = [1.0 / 2048.0, 1.0 / 2047.0];

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
        assert_eq!(powers[0], 0.0, "one key cannot convict at this level");
        assert!(powers.windows(2).all(|pair| pair[0] <= pair[1]), "{powers:?}");
        assert!(powers[5] > 0.999);
        assert!((0.8..1.0).contains(&power(10, &WORDS, 1e-6).unwrap()));
    }

    #[test]
    fn the_smallest_n_is_the_first_with_enough_power() {
        for (fsr, wanted) in [(1.0, 0.8), (0.5, 0.8), (0.3, 0.95)] {
            let n = smallest_n(&WORDS, 1e-6, fsr, wanted).unwrap().unwrap();
            assert!(power_at(n, &WORDS, 1e-6, fsr).unwrap() >= wanted);
            assert!(power_at(n - 1, &WORDS, 1e-6, fsr).unwrap() < wanted);
        }
        assert_eq!(smallest_n(&WORDS, 1e-6, 1.0, 0.8).unwrap(), Some(2));
        assert_eq!(smallest_n(&[1.0], 1e-6, 1.0, 0.8).unwrap(), None);
        assert!(smallest_n(&WORDS, 1e-6, 0.0, 0.8).is_err());
        assert!(smallest_n(&WORDS, 1e-6, 1.0, 1.0).is_err());
    }

    #[test]
    fn responses_that_prove_nothing_have_no_power() {
        assert_eq!(power(10, &[1.0], 1e-6).unwrap(), 0.0);
    }

    #[test]
    fn binomial() {
        assert!((binomial_tail(10, 4, 0.5) - 0.828_125).abs() < 1e-12);
        assert!((binomial_tail(3, 3, 0.5) - 0.125).abs() < 1e-12);
    }
}
