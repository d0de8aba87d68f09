//! A slight preference over whole domains: the key of a fingerprint is a domain, its response one of
//! 65,536 colourings.
//!
//! Whoever is shown a domain's salt computes the whole family of its colourings; which of them is the
//! true one is drawn by the scheme as any response is, uniformly. So the true one can be told from
//! the others by nothing that a suspect without the salt could know.

pub mod domains;

use ifrs_matching::signal::{Key, LANES, Painter, pairs, tally};
use zeroize::Zeroize;

use super::scheme::Place;
use super::seed::{KEY_BYTES, SetKey};
use super::stream::Stream;
use domains::Domain;

/// The published name of colourings and domains together; a changed one gets a new name.
pub const SIGNAL: &str = "ifrs-signal-65536-v1";

/// Colourings of a domain.
pub const COLOURINGS: usize = 65_536;

/// How many questions of each domain a suspect may be asked: three numbers and no more, for whoever
/// could choose freely would choose what suits best.
pub const QUESTIONS: [usize; 3] = [25, 50, 100];

/// The colourings of one domain. No `Debug`, no `Clone`; wiped when dropped.
pub struct Family(Vec<Key>);

impl Family {
    /// 1,024 keys of 64 colourings each, from the stream of `HMAC-SHA256` keyed by the domain's salt
    /// and labelled `("ifrs/v3/colourings", publisher, root, index, challenge)`.
    pub fn of(at: &Place<'_>) -> Self {
        let key = SetKey::from_bytes(&mut { *at.salt });
        let index = at.index.to_be_bytes();
        let label: [&[u8]; 5] =
            [b"ifrs/v3/colourings", at.publisher, at.root, &index, at.challenge.bytes()];
        let mut bytes = Stream::new(&key, &label).bytes(COLOURINGS / LANES * size_of::<Key>());
        let keys = bytes.as_chunks().0.to_vec();
        bytes.zeroize();
        Self(keys)
    }

    /// What some answers say of every colouring; `None` if `stop` says so.
    pub fn tally<'a>(
        &self,
        answers: impl IntoIterator<Item = &'a str>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Tally> {
        let pairs = pairs(answers);
        Some(Tally { pairs: pairs.len(), counts: tally(&self.0, &pairs, stop)? })
    }

    /// The colouring at a place.
    pub fn painter(&self, place: usize) -> Painter {
        Painter::new(&self.0[place / LANES], place % LANES)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What answers of one domain say of every colouring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Distinct pairs of neighbouring words.
    pub pairs: usize,
    /// How many of them are green under each colouring.
    pub counts: Vec<u16>,
}

impl Tally {
    /// The share of pairs that are green under one colouring; 0 where there are none.
    pub fn share(&self, place: usize) -> f64 {
        f64::from(self.counts[place]) / self.pairs.max(1) as f64
    }

    /// The same numbers as scores to rank by.
    pub fn scores(&self) -> Vec<f32> {
        self.counts.iter().map(|&count| f32::from(count)).collect()
    }

    /// How many colourings have the most green pairs: the best rank that what was said allows.
    pub fn first(&self) -> usize {
        let most = self.counts.iter().max();
        self.counts.iter().filter(|count| Some(*count) == most).count()
    }

    /// Numbers of green pairs in order, each with how many colourings have it.
    pub fn spread(&self) -> Vec<(u16, usize)> {
        let mut sorted = self.counts.clone();
        sorted.sort_unstable();
        sorted.chunk_by(|one, other| one == other).map(|alike| (alike[0], alike.len())).collect()
    }
}

/// All questions of a domain, in the order that its salt gives: the first of them are asked, and
/// nobody else knows before which these are.
///
/// A shuffle (Fisher & Yates) by the stream of `HMAC-SHA256` keyed by the salt and labelled
/// `("ifrs/v3/questions", name of the domain)`.
pub fn questions(salt: &[u8; KEY_BYTES], domain: &'static Domain) -> Vec<&'static str> {
    let key = SetKey::from_bytes(&mut { *salt });
    let mut stream = Stream::new(&key, &[b"ifrs/v3/questions", domain.name.as_bytes()]);
    let mut order: Vec<&'static str> = domain.questions().iter().map(String::as_str).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, stream.below(place as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::challenge::Challenge;

    fn family(root: u8, salt: u8, challenge: &str) -> Family {
        let challenge = &Challenge::text(challenge.into());
        let (publisher, root, salt) = (&[1; 32], &[root; 32], &[salt; 32]);
        Family::of(&Place { publisher, root, index: 0, salt, challenge })
    }

    #[test]
    fn a_family_is_of_one_leaf() {
        let one = family(1, 2, "cooking");
        assert_eq!(one.0.len() * LANES, COLOURINGS);
        assert_eq!(one.0, family(1, 2, "cooking").0);
        for other in [family(9, 2, "cooking"), family(1, 9, "cooking"), family(1, 2, "travel")] {
            assert_ne!(one.0, other.0);
        }
        let distinct: std::collections::HashSet<_> = one.0.iter().collect();
        assert_eq!(distinct.len(), one.0.len());
    }

    #[test]
    fn every_colouring_counts_a_quarter() {
        let text: String = (0..4_000).map(|i| format!("w{i} ")).collect();
        let tally = family(1, 2, "cooking").tally([&*text], &|| false).unwrap();
        assert_eq!((tally.pairs, tally.counts.len()), (4_000, COLOURINGS));
        let sum: f64 = tally.counts.iter().map(|&count| f64::from(count)).sum();
        // The mean of 65,536 shares of 4,000 pairs: 1/4, give or take 0.00003.
        assert!((sum / 4_000.0 / COLOURINGS as f64 - 0.25).abs() < 2e-4, "{sum}");
        assert_eq!(tally.spread().iter().map(|&(_, of)| of).sum::<usize>(), COLOURINGS);
        assert!((tally.share(7) - f64::from(tally.counts[7]) / 4_000.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_questions_is_the_salts() {
        let domain = domains::named("travel").unwrap();
        let one = questions(&[1; 32], domain);
        assert_eq!(one, questions(&[1; 32], domain));
        assert_ne!(one, questions(&[2; 32], domain));
        let mut sorted = one.clone();
        sorted.sort_unstable();
        let mut all: Vec<&str> = domain.questions().iter().map(String::as_str).collect();
        all.sort_unstable();
        assert_eq!(sorted, all);
    }
}
