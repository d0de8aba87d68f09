//! The verdict: what a combined p-value allows one to say.

use super::EvidenceError;
use super::combine::fisher_log10;

/// The power below which silence proves nothing; the customary floor (Cohen 1988).
const ENOUGH_POWER: f64 = 0.8;

/// The share of keys that a descendant is assumed to answer when power is computed.
pub(super) const ASSUMED_FSR: f64 = 0.5;

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
    check_level(alpha)?;
    let mut p_values = vec![1.0; best.len() * n as usize];
    for fired in 0..=n {
        if fired > 0 {
            let start = (fired as usize - 1) * best.len();
            p_values[start..start + best.len()].copy_from_slice(best);
        }
        if fisher_log10(&p_values)? <= alpha.log10() {
            return Ok(binomial_tail(n, fired, ASSUMED_FSR));
        }
    }
    Ok(0.0)
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
    fn responses_that_prove_nothing_have_no_power() {
        assert_eq!(power(10, &[1.0], 1e-6).unwrap(), 0.0);
    }

    #[test]
    fn binomial() {
        assert!((binomial_tail(10, 4, 0.5) - 0.828_125).abs() < 1e-12);
        assert!((binomial_tail(3, 3, 0.5) - 0.125).abs() < 1e-12);
    }
}
