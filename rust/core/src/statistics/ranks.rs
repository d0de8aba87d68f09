//! The rank of a true response among the alternatives, and its p-value.

use super::StatisticsError;

/// Where a true response stands; 1 is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// The number of candidates that score at least as high, itself included.
    pub rank: usize,
    /// The number of candidates.
    pub candidates: usize,
}

impl Rank {
    /// `rank / candidates`: valid for any suspect and any score (a randomization test).
    pub fn p_value(self) -> f64 {
        self.rank as f64 / self.candidates as f64
    }
}

/// Ranks `scores[truth]` among all scores but `excluded`; ties count against the truth.
pub fn rank(
    scores: &[f32],
    truth: usize,
    excluded: Option<usize>,
) -> Result<Rank, StatisticsError> {
    let len = scores.len();
    for index in std::iter::once(truth).chain(excluded) {
        if index >= len || (excluded == Some(truth)) {
            return Err(StatisticsError::OutOfRange { index, len });
        }
    }
    if let Some(index) = scores.iter().position(|score| score.is_nan()) {
        return Err(StatisticsError::NotANumber { index });
    }
    let counted = |&(place, _): &(usize, &f32)| Some(place) != excluded;
    let rank = scores.iter().enumerate().filter(counted).filter(|&(_, s)| *s >= scores[truth]);
    Ok(Rank { rank: rank.count(), candidates: len - usize::from(excluded.is_some()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_against_the_truth() {
        let scores = [3.0, 1.0, 2.0, 2.0];
        assert_eq!(rank(&scores, 0, None).unwrap(), Rank { rank: 1, candidates: 4 });
        assert_eq!(rank(&scores, 2, None).unwrap(), Rank { rank: 3, candidates: 4 });
        assert_eq!(rank(&scores, 1, None).unwrap().p_value(), 1.0);
        let flat = [f32::NEG_INFINITY; 4];
        assert_eq!(rank(&flat, 1, None).unwrap().p_value(), 1.0);
    }

    #[test]
    fn the_excluded_candidate_does_not_count() {
        let scores = [3.0, 1.0, 2.0];
        assert_eq!(rank(&scores, 2, Some(0)).unwrap(), Rank { rank: 1, candidates: 2 });
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(rank(&[1.0, f32::NAN], 0, None), Err(StatisticsError::NotANumber { .. })));
        assert!(matches!(rank(&[1.0], 1, None), Err(StatisticsError::OutOfRange { .. })));
        assert!(matches!(rank(&[1.0, 2.0], 0, Some(0)), Err(StatisticsError::OutOfRange { .. })));
    }

    #[test]
    fn p_values_of_any_fixed_scores_are_valid() {
        // With the truth uniform over the places, P(p <= a) <= a for every a.
        let scores = [0.5, 0.5, 0.5, 0.1, 0.9, 0.9, 0.2, 0.0];
        for a in 1..=8 {
            let level = f64::from(a) / 8.0;
            let hits =
                (0..8).filter(|&t| rank(&scores, t, None).unwrap().p_value() <= level).count();
            assert!(hits as f64 / 8.0 <= level);
        }
    }
}
