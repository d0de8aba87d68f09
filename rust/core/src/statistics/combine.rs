//! Combinations of p-values, in logarithms, so that nothing underflows.
//!
//! Bonferroni's, of several looks, and Fisher's, of independent ones: reports and bundles had it
//! before [`super::exact`]; it stays to check them.

use super::StatisticsError;
use super::verdict::{ASSUMED_FSR, binomial_tail, check_level};

/// Base-10 logarithm of the p-value of whoever looks so many times, and takes the least p-value.
///
/// It holds however the looks hang together (Bonferroni 1936), and counts looks that were not
/// taken.
pub fn bonferroni_log10(log10_p: &[f64], looks: usize) -> Result<f64, StatisticsError> {
    let mut least = 0.0_f64;
    for &p in log10_p {
        if p.is_nan() || p > 0.0 {
            return Err(StatisticsError::PValue(10_f64.powf(p)));
        }
        least = least.min(p);
    }
    Ok((least + (looks.max(log10_p.len()).max(1) as f64).log10()).min(0.0))
}

/// Base-10 logarithms of what an e-process is worth where it is one of so many looks, of which the
/// best counts: the mean of all their e-values is an e-value, and is no less than this share of it.
pub fn shared_log10_e(log10_e: Vec<f64>, looks: usize) -> Vec<f64> {
    let share = (looks.max(1) as f64).log10();
    log10_e.into_iter().map(|one| one - share).collect()
}

/// Base-10 logarithm of Fisher's combined p-value; 0 for no p-values.
///
/// The statistic −2 Σ ln pᵢ is χ² with 2k degrees of freedom when the pᵢ are uniform, and
/// stochastically smaller when they are discrete: the result is conservative (Fisher 1932;
/// Kincaid 1962).
pub fn fisher_log10(p_values: &[f64]) -> Result<f64, StatisticsError> {
    let mut half_statistic = 0.0;
    for &p in p_values {
        if !(p > 0.0 && p <= 1.0) {
            return Err(StatisticsError::PValue(p));
        }
        half_statistic -= p.ln();
    }
    Ok(chi_squared_tail_ln(half_statistic, p_values.len()) / std::f64::consts::LN_10)
}

/// The probability that n queries convict a suspect that answers half of its keys, for Fisher's
/// combination.
///
/// `best` holds the least p-values that one query can give, one for each factor; silent keys count
/// as p = 1.
pub(crate) fn fisher_power(n: u64, best: &[f64], alpha: f64) -> Result<f64, StatisticsError> {
    check_level(alpha)?;
    let convicts = |fired: u64| {
        let mut p_values = best.repeat(fired as usize);
        p_values.resize(best.len() * n as usize, 1.0);
        fisher_log10(&p_values).map(|log10_p| log10_p <= alpha.log10())
    };
    if best.is_empty() || !convicts(n)? {
        return Ok(0.0);
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
    Ok(binomial_tail(n, low, ASSUMED_FSR))
}

/// ln P(χ²₂ₖ ≥ 2x) = −x + ln Σ_{j<k} xʲ/j!, exact for an even number of degrees of freedom.
fn chi_squared_tail_ln(x: f64, k: usize) -> f64 {
    if k == 0 || x <= 0.0 {
        return 0.0;
    }
    let (mut term, mut terms) = (0.0, Vec::with_capacity(k));
    for j in 0..k {
        if j > 0 {
            term += x.ln() - (j as f64).ln();
        }
        terms.push(term);
    }
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
    (largest + sum.ln() - x).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn known_values() {
        assert_eq!(fisher_log10(&[]).unwrap(), 0.0);
        assert!(close(fisher_log10(&[0.03]).unwrap(), 0.03_f64.log10()));
        // Two p-values: P = x(1 − ln x) with x their product.
        let x: f64 = 0.01 * 0.2;
        assert!(close(fisher_log10(&[0.01, 0.2]).unwrap(), (x * (1.0 - x.ln())).log10()));
        assert_eq!(fisher_log10(&[1.0; 40]).unwrap(), 0.0);
    }

    #[test]
    fn several_looks_count() {
        assert_eq!(bonferroni_log10(&[], 0).unwrap(), 0.0);
        assert_eq!(bonferroni_log10(&[-7.0], 1).unwrap(), -7.0);
        assert!(close(bonferroni_log10(&[-0.5, -7.0], 2).unwrap(), -7.0 + 2_f64.log10()));
        // A look that was not taken counts, and no p-value is above one.
        assert!(close(bonferroni_log10(&[-7.0], 4).unwrap(), -7.0 + 4_f64.log10()));
        assert_eq!(bonferroni_log10(&[-0.1, 0.0], 2).unwrap(), 0.0);
        for bad in [f64::NAN, 0.1] {
            assert!(bonferroni_log10(&[-1.0, bad], 2).is_err());
        }
    }

    #[test]
    fn ten_perfect_keys() {
        let words: Vec<f64> = [1.0 / 2048.0, 1.0 / 2047.0].repeat(10);
        let log10 = fisher_log10(&words).unwrap();
        assert!((-41.8..-41.7).contains(&log10), "{log10}");
    }

    #[test]
    fn far_tails_do_not_underflow() {
        let log10 = fisher_log10(&vec![1e-300; 10_000]).unwrap();
        assert!(log10.is_finite() && log10 < -1e6);
    }

    #[test]
    fn power_is_that_of_earlier_bundles() {
        let words = [1.0 / 2048.0, 1.0 / 2047.0];
        assert_eq!(fisher_power(1, &words, 1e-6).unwrap(), 0.0);
        assert_eq!(fisher_power(10, &[1.0], 1e-6).unwrap(), 0.0);
        // Four keys of ten have to fire: P(Binomial(10, 1/2) >= 4).
        assert!((fisher_power(10, &words, 1e-6).unwrap() - 0.828_125).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused() {
        for p in [0.0, -0.1, 1.1, f64::NAN] {
            assert!(fisher_log10(&[p]).is_err());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_gamma_function(
            p_values in prop::collection::vec(1e-6_f64..=1.0, 1..60),
        ) {
            let x: f64 = -p_values.iter().map(|p| p.ln()).sum::<f64>();
            let tail = statrs::function::gamma::gamma_ur(p_values.len() as f64, x.max(1e-300));
            prop_assume!(tail > 1e-280);
            let ours = 10_f64.powf(fisher_log10(&p_values).unwrap());
            prop_assert!((ours - tail).abs() <= 1e-7 * tail, "{ours} {tail}");
        }
    }
}
