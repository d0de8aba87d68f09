//! Who leaked a copy: the symmetric score of Škorić et al. (2008), and its exact p-value.
//!
//! **Score.** Position i of a suspect reads yᵢ, one of two responses, or nothing: a position that
//! gives neither or both says nothing of anybody. A licensee's codeword has Xᵢ there, a one with the
//! probability pᵢ. Let mᵢ be the probability that Xᵢ = yᵢ. The score is the sum over the positions
//! read of
//!
//! ```text
//! +√((1 − mᵢ)/mᵢ) where Xᵢ = yᵢ,   −√(mᵢ/(1 − mᵢ)) where not.
//! ```
//!
//! Each summand has mean 0 and variance 1 where the codeword is no cause of the copy; it rewards a
//! match that is rare ("Symmetric Tardos fingerprinting codes for arbitrary alphabet sizes").
//!
//! **p-value.** Under H0 (the suspect was made without the licensee's codeword) the Xᵢ are
//! independent coins of known biases, whatever was read, by whatever rule, from whatever copy. So the
//! score's distribution given all readings is known, and p = P(S ≥ s) is exact. Nothing is
//! approximated: codewords of a few biases make few classes of equal summands, S depends on the number
//! of matches in each class alone, and these are binomial. Rounding is below 10⁻⁹ of p, and is added.
//!
//! **Many licensees, many looks.** Whoever accuses one of N licensees at one of L looks that were
//! planned in advance multiplies p by N·L (Bonferroni): some innocent is accused with probability a
//! at most.

use super::StatisticsError;

/// What biases are parts of, as in `fingerprint::codeword`.
const UNIT: u32 = 1 << 16;

/// What rounding may lack of a sum of scores, and of a logarithm of p.
const SLACK: f64 = 1e-9;

/// Positions with the same probability of a match.
struct Class {
    /// What a match adds, and a mismatch takes.
    gain: f64,
    loss: f64,
    /// How many positions.
    reads: usize,
    /// ln P(K = k), and ln P(K ≥ k), for k = 0 … `reads`.
    exactly: Vec<f64>,
    at_least: Vec<f64>,
}

/// What was read of a suspect, to hold codewords against.
pub struct Trial {
    /// Each position's reading, and its class.
    read: Vec<Option<(bool, usize)>>,
    classes: Vec<Class>,
}

/// One licensee's place among all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accused {
    /// Which codeword.
    pub index: usize,
    /// Its score.
    pub score: f64,
    /// log₁₀ of the p-value, times the number of codewords and of looks.
    pub log10_p: f64,
}

impl Trial {
    /// Takes readings, and each position's bias in parts of 65,536.
    pub fn new(readings: &[Option<bool>], biases: &[u32]) -> Result<Self, StatisticsError> {
        if readings.len() != biases.len() {
            let (given, wanted) = (readings.len(), biases.len());
            return Err(StatisticsError::Positions { given, wanted });
        }
        if let Some(&bias) = biases.iter().find(|&&bias| bias == 0 || bias >= UNIT) {
            return Err(StatisticsError::Bias(bias));
        }
        let mut chances: Vec<u32> = Vec::new();
        let mut reads: Vec<usize> = Vec::new();
        let read = readings
            .iter()
            .zip(biases)
            .map(|(reading, &bias)| {
                let truth = (*reading)?;
                let chance = if truth { bias } else { UNIT - bias };
                let found = chances.iter().position(|&known| known == chance);
                let class = found.unwrap_or_else(|| {
                    chances.push(chance);
                    reads.push(0);
                    chances.len() - 1
                });
                reads[class] += 1;
                Some((truth, class))
            })
            .collect();
        let classes = chances.iter().zip(&reads).map(|(&chance, &n)| Class::of(chance, n));
        Ok(Self { read, classes: classes.collect() })
    }

    /// How many positions were read.
    pub fn reads(&self) -> usize {
        self.classes.iter().map(|class| class.reads).sum()
    }

    /// A codeword's score.
    pub fn score(&self, codeword: &[bool]) -> Result<f64, StatisticsError> {
        if codeword.len() != self.read.len() {
            let (given, wanted) = (codeword.len(), self.read.len());
            return Err(StatisticsError::Positions { given, wanted });
        }
        let mut matches = vec![0; self.classes.len()];
        for (read, bit) in self.read.iter().zip(codeword) {
            if let Some((truth, class)) = read {
                matches[*class] += usize::from(truth == bit);
            }
        }
        // From counts, so that equal scores are equal in any order of the positions.
        Ok(self.classes.iter().zip(matches).map(|(class, k)| class.score(k)).sum())
    }

    /// log₁₀ of the probability that a codeword of chance scores as much; 0 where nothing was read.
    pub fn log10_p(&self, score: f64) -> f64 {
        let mut classes: Vec<&Class> = self.classes.iter().collect();
        classes.sort_by_key(|class| class.reads);
        let Some((last, others)) = classes.split_last() else { return 0.0 };
        let mut sum = Sum::default();
        tail(others, last, score, 0.0, &mut sum);
        let p = (sum.log() + SLACK) / std::f64::consts::LN_10;
        p.min(0.0)
    }

    /// All codewords by their scores, the highest first, and of the first `top` their p-values;
    /// at one of so many looks planned in advance.
    pub fn accuse(
        &self,
        codewords: &[Vec<bool>],
        looks: usize,
        top: usize,
    ) -> Result<Vec<Accused>, StatisticsError> {
        let scores = codewords.iter().map(|word| self.score(word));
        let scores = scores.collect::<Result<Vec<f64>, _>>()?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let times = ((codewords.len() * looks.max(1)) as f64).log10();
        let judged = order.into_iter().take(top).map(|index| {
            let log10_p = (self.log10_p(scores[index]) + times).min(0.0);
            Accused { index, score: scores[index], log10_p }
        });
        Ok(judged.collect())
    }
}

impl Class {
    fn of(chance: u32, reads: usize) -> Self {
        let m = f64::from(chance) / f64::from(UNIT);
        let (hit, miss) = (m.ln(), (1.0 - m).ln());
        let mut exactly = Vec::with_capacity(reads + 1);
        let mut ways = 0.0; // ln of n over k
        for k in 0..=reads {
            exactly.push(ways + k as f64 * hit + (reads - k) as f64 * miss);
            ways += ((reads - k) as f64).ln() - ((k + 1) as f64).ln();
        }
        let mut at_least = exactly.clone();
        for k in (0..reads).rev() {
            at_least[k] = log_sum(&[exactly[k], at_least[k + 1]]);
        }
        let (gain, loss) = (((1.0 - m) / m).sqrt(), (m / (1.0 - m)).sqrt());
        Self { gain, loss, reads, exactly, at_least }
    }

    /// What so many matches, and the rest mismatches, add up to.
    fn score(&self, matches: usize) -> f64 {
        matches as f64 * self.gain - (self.reads - matches) as f64 * self.loss
    }
}

/// Adds the probabilities of all outcomes that score enough, given what came before.
///
/// What is too small to count is passed over: with 16,000 positions of each of three kinds there are
/// 256 million outcomes.
fn tail(others: &[&Class], last: &Class, score: f64, before: f64, sum: &mut Sum) {
    if let Some((class, rest)) = others.split_first() {
        for (matches, log) in class.exactly.iter().enumerate() {
            if sum.counts(before + log) {
                tail(rest, last, score - class.score(matches), before + log, sum);
            }
        }
        return;
    }
    let needed = (score - last.score(0)) / (last.gain + last.loss) - SLACK;
    let needed = needed.ceil().max(0.0);
    if needed <= last.reads as f64 {
        sum.add(before + last.at_least[needed as usize]);
    }
}

/// By how much, in nats, a term is below the largest one that it is left out: 10¹² such terms are
/// less than [`SLACK`] of that.
const NEGLIGIBLE: f64 = 60.0;

/// A sum of numbers given as logarithms, as they come.
struct Sum {
    most: f64,
    /// In parts of the largest.
    parts: f64,
}

impl Default for Sum {
    fn default() -> Self {
        Self { most: f64::NEG_INFINITY, parts: 0.0 }
    }
}

impl Sum {
    /// Whether a term of at most this could matter.
    fn counts(&self, term: f64) -> bool {
        term > self.most - NEGLIGIBLE
    }

    fn add(&mut self, term: f64) {
        if term > self.most {
            self.parts = self.parts * (self.most - term).exp() + 1.0;
            self.most = term;
        } else if self.counts(term) {
            self.parts += (term - self.most).exp();
        }
    }

    /// −∞ for no term.
    fn log(&self) -> f64 {
        self.most + self.parts.ln()
    }
}

/// ln of a sum of numbers given as logarithms; −∞ for none.
fn log_sum(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + terms.iter().map(|term| (term - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chance(reading: bool, bias: u32) -> f64 {
        let p = f64::from(bias) / f64::from(UNIT);
        if reading { p } else { 1.0 - p }
    }

    /// The score as it is defined, position after position.
    fn plain_score(readings: &[Option<bool>], biases: &[u32], codeword: &[bool]) -> f64 {
        let places = readings.iter().zip(biases).zip(codeword);
        let read = places.filter_map(|((reading, bias), bit)| Some(((*reading)?, *bias, *bit)));
        read.map(|(truth, bias, bit)| {
            let m = chance(truth, bias);
            if truth == bit { ((1.0 - m) / m).sqrt() } else { -(m / (1.0 - m)).sqrt() }
        })
        .sum()
    }

    /// The tail by trying every codeword.
    fn plain_tail(readings: &[Option<bool>], biases: &[u32], score: f64) -> f64 {
        let n = readings.len();
        let mut total = 0.0;
        for number in 0..1_u32 << n {
            let word: Vec<bool> = (0..n).map(|i| number >> i & 1 == 1).collect();
            let likely: f64 =
                word.iter().zip(biases).map(|(&bit, &bias)| chance(bit, bias)).product();
            if plain_score(readings, biases, &word) >= score - 1e-7 {
                total += likely;
            }
        }
        total
    }

    fn position() -> impl Strategy<Value = (Option<bool>, u32, bool)> {
        let bias = prop_oneof![Just(7_386), Just(32_768), Just(58_150), 1..UNIT];
        (any::<Option<bool>>(), bias, any::<bool>())
    }

    proptest! {
        #[test]
        fn scores_and_tails_are_those_of_plain_enumeration(
            places in proptest::collection::vec(position(), 0..9)
        ) {
            let readings: Vec<_> = places.iter().map(|place| place.0).collect();
            let biases: Vec<_> = places.iter().map(|place| place.1).collect();
            let word: Vec<_> = places.iter().map(|place| place.2).collect();
            let trial = Trial::new(&readings, &biases).unwrap();
            let score = trial.score(&word).unwrap();
            let plain = plain_score(&readings, &biases, &word);
            prop_assert!((score - plain).abs() < 1e-6 * (1.0 + plain.abs()));
            let (p, wanted) = (10_f64.powf(trial.log10_p(score)), plain_tail(&readings, &biases, plain));
            prop_assert!((p / wanted - 1.0).abs() < 1e-6, "{p} {wanted}");
        }
    }

    #[test]
    fn a_single_leaker_of_fair_coins_has_the_p_value_of_guessing_all() {
        let readings: Vec<_> = (0..64).map(|i| Some(i % 3 == 0)).collect();
        let word: Vec<_> = readings.iter().map(|reading| reading.unwrap()).collect();
        let trial = Trial::new(&readings, &[UNIT / 2; 64]).unwrap();
        let log10 = trial.log10_p(trial.score(&word).unwrap());
        assert!((log10 + 64.0 * 2_f64.log10()).abs() < 1e-6);
        let mut other = word.clone();
        other[5] = !other[5];
        let log10 = trial.log10_p(trial.score(&other).unwrap());
        assert!((log10 - 65_f64.log10() + 64.0 * 2_f64.log10()).abs() < 1e-6);
    }

    #[test]
    fn long_codes_do_not_underflow() {
        let readings = vec![Some(true); 3_000];
        let trial = Trial::new(&readings, &[UNIT / 2; 3_000]).unwrap();
        let log10 = trial.log10_p(trial.score(&[true; 3_000]).unwrap());
        assert!((log10 + 3_000.0 * 2_f64.log10()).abs() < 1e-3, "{log10}");
    }

    #[test]
    fn the_highest_come_first_and_count_for_all() {
        let readings = [Some(true), None, Some(false), Some(true)];
        let trial = Trial::new(&readings, &[UNIT / 2; 4]).unwrap();
        assert_eq!(trial.reads(), 3);
        let words: Vec<Vec<bool>> =
            [[0, 0, 0, 0], [1, 0, 0, 1], [1, 1, 0, 1]].map(|w| w.map(|b| b == 1).to_vec()).into();
        let found = trial.accuse(&words, 1, 2).unwrap();
        assert_eq!(found.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 2]);
        assert!((found[0].log10_p - (3.0_f64 / 8.0).log10()).abs() < 1e-6);
        assert_eq!(trial.accuse(&words, 9, 1).unwrap()[0].log10_p, 0.0);
    }

    #[test]
    fn what_was_not_read_accuses_nobody() {
        let trial = Trial::new(&[None; 5], &[UNIT / 2; 5]).unwrap();
        assert_eq!(trial.log10_p(trial.score(&[true; 5]).unwrap()), 0.0);
        assert!(Trial::new(&[None; 5], &[UNIT / 2; 4]).is_err());
        assert!(Trial::new(&[None], &[UNIT]).is_err());
        assert!(trial.score(&[true]).is_err());
    }
}
