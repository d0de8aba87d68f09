//! The exact interval of a success rate (Clopper & Pearson, Biometrika 26, 1934).

use statrs::function::beta::beta_reg;

use super::StatisticsError;

/// The two-sided interval that covers the rate with probability `level` or more.
pub fn clopper_pearson(
    successes: u64,
    trials: u64,
    level: f64,
) -> Result<(f64, f64), StatisticsError> {
    if successes > trials || trials == 0 {
        return Err(StatisticsError::Count { successes, trials });
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(StatisticsError::Level(level));
    }
    let (k, n, tail) = (successes as f64, trials as f64, (1.0 - level) / 2.0);
    let low = if successes == 0 { 0.0 } else { beta_quantile(k, n - k + 1.0, tail) };
    let high = if successes == trials { 1.0 } else { beta_quantile(k + 1.0, n - k, 1.0 - tail) };
    Ok((low, high))
}

/// The point below which a Beta(a, b) variable lies with probability `p`, by bisection.
fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if beta_reg(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_values() {
        let close = |(a, b): (f64, f64), (c, d): (f64, f64)| {
            assert!((a - c).abs() < 1e-6 && (b - d).abs() < 1e-6, "({a}, {b})");
        };
        close(clopper_pearson(10, 10, 0.95).unwrap(), (0.025_f64.powf(0.1), 1.0));
        close(clopper_pearson(0, 200, 0.95).unwrap(), (0.0, 1.0 - 0.025_f64.powf(0.005)));
        close(clopper_pearson(5, 10, 0.95).unwrap(), (0.187_086, 0.812_914));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(clopper_pearson(3, 2, 0.95).is_err());
        assert!(clopper_pearson(0, 0, 0.95).is_err());
        assert!(clopper_pearson(1, 2, 1.0).is_err());
    }
}
