//! Codewords: which of two responses a licensee's copy gives at each position.
//!
//! A position is a key of a set. Its **bias** is the probability that a codeword has a one there; it
//! is drawn from the set's key. Each licensee has a **salt**, drawn from the set's key and their name.
//! Their codeword is a public function of that salt, of their name and of the root over all positions:
//! whoever is shown these can recompute it, and learns nothing of others. Nobody else can tell it from
//! independent coins of those biases, and its publisher cannot choose it: whoever wants another
//! codeword has to try salts, 1/p of them for one that fits some answers with the p-value p.
//! Copies that left before ([`FingerprintSet::of_earlier_code`]) have codewords of the set's key alone.
//!
//! Biases are those of a Gauss-Legendre quadrature (Nuida et al., 2009, "An improvement of discrete
//! Tardos fingerprinting codes"): with ⌈c/2⌉ points, the expected score of a coalition of up to c
//! members is the same whatever they do (`statistics::accusation`), and fewer positions are needed
//! than with Tardos's continuous biases. They are whole multiples of 2⁻¹⁶, so that a draw has exactly
//! the probability that the test counts with.

use unicode_normalization::UnicodeNormalization;

use super::FingerprintError;
use super::seed::{KEY_BYTES, SetKey};
use super::set::FingerprintSet;
use super::stream::Stream;
use crate::merkle::{self, Hash, leaf_of_lengths};

/// What biases are parts of.
pub const UNIT: u32 = 1 << 16;

/// The largest coalition that a code is made for.
pub const MAX_COALITION: u8 = 6;

/// The longest name of a licensee, in bytes of UTF-8.
const MAX_LICENSEE: usize = 128;

/// One position: a key, and the two responses that copies give.
pub(crate) struct Position<'p> {
    pub(crate) index: usize,
    pub(crate) salt: &'p [u8; KEY_BYTES],
    /// The probability of the second response, in parts of 65,536.
    pub(crate) bias: u32,
    pub(crate) prompt: &'p str,
    pub(crate) responses: [&'p str; 2],
}

impl Position<'_> {
    /// `SHA-256(0x00 ‖ len‖"ifrs/licences/v1/position" ‖ len‖publisher ‖ len‖salt ‖ len‖index ‖
    /// len‖bias ‖ len‖prompt ‖ len‖first ‖ len‖second)`; index and bias are 8 bytes, big end first.
    pub(crate) fn leaf(&self, publisher: &[u8; 32]) -> Hash {
        leaf_of_lengths(&[
            b"ifrs/licences/v1/position",
            publisher,
            self.salt,
            &(self.index as u64).to_be_bytes(),
            &u64::from(self.bias).to_be_bytes(),
            self.prompt.as_bytes(),
            self.responses[0].as_bytes(),
            self.responses[1].as_bytes(),
        ])
    }
}

/// All positions of a set, as codewords need them.
pub struct Code {
    /// The bias of each position, in parts of [`UNIT`].
    pub biases: Vec<u32>,
    /// The leaf of each position.
    pub(crate) positions: Vec<Hash>,
    root: Hash,
}

/// The coins of a codeword of `n` positions: its bit is 1 where the number is less than the bias.
pub(crate) fn coins(salt: &[u8; KEY_BYTES], root: &Hash, licensee: &str, n: usize) -> Vec<u32> {
    let key = SetKey::from_bytes(&mut { *salt });
    numbers(&key, &[b"ifrs/v2/licence/codeword", root, licensee.as_bytes()], n)
}

fn numbers(key: &SetKey, label: &[&[u8]], n: usize) -> Vec<u32> {
    let bytes = Stream::new(key, label).bytes(2 * n);
    bytes.as_chunks().0.iter().map(|word| u32::from(u16::from_be_bytes(*word))).collect()
}

/// Biases with their weights: nodes p of the Legendre polynomial of degree ⌈c/2⌉ on (0, 1), and the
/// quadrature's weights over √(p(1 − p)), scaled to a sum of 2¹⁶.
fn points(coalition: u8) -> Option<&'static [(u32, u32)]> {
    match coalition {
        1 | 2 => Some(&[(32_768, UNIT)]),
        // (1 ∓ 1/√3)/2.
        3 | 4 => Some(&[(13_849, 32_768), (51_687, 32_768)]),
        // (1 ∓ √0.6)/2 and 1/2; weights 0.33201 and 0.33598.
        5 | 6 => Some(&[(7_386, 21_759), (32_768, 22_018), (58_150, 21_759)]),
        _ => None,
    }
}

/// Whether positions of the code for coalitions of up to so many have such a bias.
pub(crate) fn is_bias(coalition: u8, bias: u32) -> bool {
    points(coalition).is_some_and(|points| points.iter().any(|&(known, _)| known == bias))
}

/// Whether a licensee can be called so: 1 to 128 bytes without control characters and space around.
pub fn is_licensee(name: &str) -> bool {
    (1..=MAX_LICENSEE).contains(&name.len())
        && name.trim() == name
        && !name.chars().any(char::is_control)
}

impl FingerprintSet {
    /// The bias of each position, in parts of [`UNIT`]; for coalitions of up to so many.
    pub fn biases(&self, coalition: u8) -> Result<Vec<u32>, FingerprintError> {
        let points = points(coalition).ok_or(FingerprintError::Coalition(coalition))?;
        // Named by the number of points: what two coalitions share are the same biases.
        let label: [&[u8]; 2] = [b"ifrs/v1/licence/bias", &[points.len() as u8]];
        let mut stream = Stream::new(self.licences(), &label);
        let mut draw = || {
            let mut left = stream.below(u64::from(UNIT)) as u32;
            for &(bias, weight) in points {
                match left.checked_sub(weight) {
                    Some(rest) => left = rest,
                    None => return bias,
                }
            }
            unreachable!("weights sum up to the unit")
        };
        Ok((0..self.len()).map(|_| draw()).collect())
    }

    /// What codewords of coalitions of up to so many are made of.
    pub fn code(&self, coalition: u8) -> Result<Code, FingerprintError> {
        let (biases, second) = (self.biases(coalition)?, self.second());
        let second = second.as_ref().ok_or(FingerprintError::NoSecond)?;
        let positions: Vec<Hash> = (0..self.len())
            .map(|index| {
                let (salt, prompt) = (&self.position_salt(index), &*self.challenge(index).form());
                let responses = [self.response(index), second.response(index)];
                let bias = biases[index];
                Position { index, salt, bias, prompt, responses }.leaf(self.publisher())
            })
            .collect();
        Ok(Code { biases, root: merkle::root(&positions), positions })
    }

    /// A licensee's codeword: which positions answer with the second response.
    ///
    /// The name is taken in Unicode's composed form.
    pub fn codeword(&self, code: &Code, licensee: &str) -> Vec<bool> {
        let (name, n): (String, usize) = (licensee.nfc().collect(), code.biases.len());
        let words = if self.is_of_earlier_code() {
            numbers(self.licences(), &[b"ifrs/v1/licence/codeword", name.as_bytes()], n)
        } else {
            coins(&self.licensee_salt(&name), &code.root, &name, n)
        };
        code.biases.iter().zip(words).map(|(&bias, word)| word < bias).collect()
    }

    /// What hides a position in a roll until it is shown.
    pub(crate) fn position_salt(&self, index: usize) -> [u8; KEY_BYTES] {
        self.licences().mac(&[b"ifrs/v1/licence/position", &(index as u64).to_be_bytes()])
    }

    /// What hides a licensee in a roll until they are shown, and gives their codeword. The name is
    /// taken as it was recorded.
    pub(crate) fn licensee_salt(&self, licensee: &str) -> [u8; KEY_BYTES] {
        self.licences().mac(&[b"ifrs/v1/licence/licensee", licensee.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{Alphabets, Seed};

    fn set(n: usize) -> FingerprintSet {
        let spec = serde_json::json!({
            "name": "licences", "n": n, "source": "chinese", "template": {"name": "simple"},
            "response": "owned",
        });
        let seed = Seed::from_bytes(&mut [5; 32]);
        let spec = serde_json::from_value(spec).unwrap();
        FingerprintSet::derive(&seed, spec, &Alphabets::default(), None).unwrap()
    }

    #[test]
    fn biases_are_the_roots_of_legendre_polynomials() {
        for coalition in 1..=MAX_COALITION {
            let points = points(coalition).unwrap();
            assert_eq!(points.iter().map(|&(_, weight)| weight).sum::<u32>(), UNIT);
            // ∫ g′ over (0, 1) is the same sum of weights times √(p(1 − p)) g′(p), up to its scale,
            // for every power that the members' choices can make of it.
            let mean = |power: i32| {
                let of = |&(bias, weight): &(u32, u32)| {
                    let p = f64::from(bias) / f64::from(UNIT);
                    f64::from(weight) * (p * (1.0 - p)).sqrt() * p.powi(power)
                };
                points.iter().map(of).sum::<f64>()
            };
            for power in 1..i32::from(coalition) {
                let exact = 1.0 / f64::from(power + 1);
                assert!((mean(power) / mean(0) - exact).abs() < 3e-5, "{coalition} {power}");
            }
        }
        assert!(points(0).is_none() && points(MAX_COALITION + 1).is_none());
    }

    #[test]
    fn codewords_are_coins_of_the_biases() {
        let set = set(64);
        let code = set.code(5).unwrap();
        let kinds: std::collections::BTreeSet<_> = code.biases.iter().collect();
        assert_eq!(kinds.len(), 3);
        let names: Vec<String> = (0..2_000).map(|i| format!("licensee {i}")).collect();
        let words: Vec<_> = names.iter().map(|name| set.codeword(&code, name)).collect();
        for (place, &bias) in code.biases.iter().enumerate() {
            let ones = words.iter().filter(|word| word[place]).count() as f64;
            let p = f64::from(bias) / f64::from(UNIT);
            let spread = (2_000.0 * p * (1.0 - p)).sqrt();
            assert!((ones - 2_000.0 * p).abs() < 5.0 * spread, "{place}: {ones}");
        }
        assert_eq!(words[7], set.codeword(&code, "licensee 7"));
        assert_ne!(words[7], words[8]);
        assert_eq!(set.codeword(&code, "Caf\u{e9}"), set.codeword(&code, "Cafe\u{301}"));
    }

    #[test]
    fn a_codeword_follows_from_what_is_shown_and_from_every_position() {
        let set = set(32);
        let code = set.code(4).unwrap();
        let shown = |root: &Hash, name: &str| -> Vec<bool> {
            let coins = coins(&set.licensee_salt("a"), root, name, 32);
            code.biases.iter().zip(coins).map(|(&bias, coin)| coin < bias).collect()
        };
        let word = set.codeword(&code, "a");
        assert_eq!(word, shown(&merkle::root(&code.positions), "a"));
        let mut other = code.positions.clone();
        other[31] = [0; 32];
        assert_ne!(word, shown(&merkle::root(&other), "a"));
        assert_ne!(word, shown(&merkle::root(&code.positions), "b"));
        assert_ne!(word, set.of_earlier_code().codeword(&code, "a"));
    }

    #[test]
    fn second_responses_share_keys_and_no_word() {
        let set = set(300);
        let other = set.second().unwrap();
        for index in 0..set.len() {
            assert_eq!(set.prompt(index), other.prompt(index));
            assert_eq!(set.salt(index), other.salt(index));
            let (one, two) = (set.places(index), other.places(index));
            assert!(one.iter().all(|place| !two.contains(place)) && two[0] != two[1]);
        }
        let distinct: std::collections::HashSet<_> =
            (0..other.len()).map(|index| other.response(index)).collect();
        assert_eq!(distinct.len(), other.len());
        assert_eq!(other.biases(3).unwrap(), set.biases(3).unwrap());
    }

    #[test]
    fn names_are_plain() {
        assert!(is_licensee("ACME GmbH & Co. 株式会社"));
        for name in ["", " a", "a ", "a\nb", &"x".repeat(129)] {
            assert!(!is_licensee(name), "{name:?}");
        }
    }
}
