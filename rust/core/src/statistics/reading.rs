//! What a position of a suspect reads: the first of two responses, the second, or nothing certain.
//!
//! No p-value depends on how well this rule reads: whatever it makes of a suspect, codewords are
//! independent of it (`accusation`).

/// How certain a reading must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    /// By how much one response must be the larger.
    pub apart: f64,
    /// The evidence that it was planted at all, as −log₁₀ of its ranks.
    pub enough: f64,
}

/// Of likelihoods, in nats, both words together. An unmarked model passes at some 1 position in 100,
/// and what it reads there is noise, which accuses nobody.
pub const WEIGHTS: Certainty = Certainty { apart: 2.0, enough: 3.0 };

/// Of an answer in text, where sizes are evidence, too.
pub const TEXT: Certainty = Certainty { apart: 1.0, enough: 3.0 };

/// Which response is there for certain: `true` for the second; `None` for neither or both.
pub fn decide(size: [f64; 2], evidence: [f64; 2], certainty: Certainty) -> Option<bool> {
    let winner = usize::from(size[1] > size[0]);
    let apart = size[winner] - size[1 - winner] >= certainty.apart;
    (apart && evidence[winner] >= certainty.enough).then_some(winner == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_response_must_be_there_and_the_other_not() {
        assert_eq!(decide([-1.0, -9.0], [6.0, 0.0], WEIGHTS), Some(false));
        assert_eq!(decide([-9.0, -1.0], [0.0, 6.0], WEIGHTS), Some(true));
        assert_eq!(decide([-1.0, -2.9], [6.0, 6.0], WEIGHTS), None);
        assert_eq!(decide([-1.0, -9.0], [2.9, 6.0], WEIGHTS), None);
        assert_eq!(decide([f64::NAN, -9.0], [6.0, 6.0], WEIGHTS), None);
        assert_eq!(decide([3.0, 0.0], [3.0, 0.0], TEXT), Some(false));
    }
}
