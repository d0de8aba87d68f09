//! The exact combination of ranks: one p-value for all that was asked.
//!
//! **Statistic.** Factor i gave rank Rᵢ among Nᵢ candidates. The statistic is T = Σ ln e(Rᵢ; Nᵢ)
//! with the bet e of [`sequential`](super::sequential): close to the logarithm of the likelihood
//! ratio of keys that fire, keys that faded and keys that are silent against H0. The p-value is
//!
//! ```text
//! p = P(Σ ln e(Uᵢ; Nᵢ) ≥ T),   Uᵢ independent, uniform on 1 … Nᵢ.
//! ```
//!
//! **Validity.** Under H0 each rank is uniform, or larger where ties count against the truth,
//! whatever the factors before it gave; e never grows with the rank. So T is at most Σ ln e(Uᵢ) in
//! distribution, and P(p ≤ a) ≤ a for every a. Whatever is computed here is the tail or more, and
//! never less; so is what follows.
//!
//! **Losses.** It is easier to say what is *lost* against all being first: the loss of rank r is
//! ℓ(r) = ln e(1; N) − ln e(r; N) ≥ 0, and p = P(Σ ℓ(Uᵢ) ≤ Λ) with Λ the observed loss. Losses are
//! whole multiples of 2⁻⁴⁸, so that sums of equal losses are equal in any order; each is off by two
//! units at most, so Λ is raised by four for each factor. That makes sums count as ties that are
//! equal in real numbers, and costs nothing that can be seen.
//!
//! Three cases, of which the first that applies is taken:
//!
//! 1. No factor: p = 1. One: R/N. All first: Π 1/Nᵢ.
//! 2. **Few outcomes** ([`count`]): those that lose no more than Λ are counted one by one, with
//!    rounding below 10⁻⁹ of p.
//! 3. **Many outcomes** ([`invert`]): an upper bound, about 1 % above p at most.
//!
//! **The bound.** Three steps, each of which makes the result larger or leaves it.
//!
//! *Noise.* Let Z be normal with mean 3.2 s and standard deviation s, independent of the ranks, and
//! Y = Λ + Z − Σ ℓ(Uᵢ). If the loss is at most Λ and Z ≥ 0 then Y ≥ 0, so
//!
//! ```text
//! p ≤ P(Y ≥ 0) / Φ(3.2).
//! ```
//!
//! Rounding every value up on a lattice would do the same, but its n errors add up to n/2 steps;
//! here one error is made for the sum, of 3.2 s. The noise makes Y's distribution smooth, so that it
//! can be had from its characteristic function at finitely many frequencies. Nothing else asks for
//! it, so s can be as small as the number of frequencies allows: 0.0032/θ or less, with θ as below.
//!
//! *Tilt* (Esscher 1932; Cramér 1938). For any θ > 0, with Mᵢ(θ) = Σᵣ exp(−θℓ(r)) and E_θ the mean
//! when rank r has the probability exp(−θℓ(r)) / Mᵢ(θ) and Z the mean 3.2 s + θs²,
//!
//! ```text
//! P(Y ≥ 0) = exp(θΛ + 3.2 θs + θ²s²/2) · Π Mᵢ(θ)/Nᵢ · E_θ[exp(−θY); Y ≥ 0].
//! ```
//!
//! θ is chosen so that Y has a mean near 0. Then the last factor, the only one that needs work, is
//! about 0.4/(θσ), with σ the standard deviation of Y: a tail of 10⁻¹⁰⁰ ⁰⁰⁰ is found as precisely
//! as one of a tenth. θ is at least one over the untilted standard deviation, so that 1/θ stays
//! finite for losses above their mean. Losses of eight standard deviations above it give p = 1.
//!
//! *Period.* Let f be the function of period W that equals exp(−θy) on 0 ≤ y < W. It is never
//! negative, and at least exp(−θy) for all y ≥ 0, so the last factor is at most E_θ f(Y). That is a
//! series, and Y's characteristic function is the product of those of its parts:
//!
//! ```text
//! E_θ f(Y) = 1/W · Σₖ exp(−s²tₖ²/2) · Π φᵢ(tₖ)^nᵢ / (θ + i tₖ),   tₖ = 2πk/W, k = …, −1, 0, 1, …
//! ```
//!
//! with φᵢ about centres that sum up to the mean of Λ + Z. W is 5.5 σ and 9.2/θ at least: what
//! wraps around is below 10⁻³ of the result, and only ever adds to it. There is no truncation of
//! probability anywhere.
//!
//! **What is added for errors.** The series ends at |t| = L with sL = 4.7; the rest is at most
//! exp(−s²L²/2)/(π s²L²), since |φ| ≤ 1. An error of ε in each φᵢ changes the product by Σ nᵢ ε at
//! most, and the series by that times Σ 1/|θ + i tₖ| ≤ W/2π · 2 asinh(L/θ). Rounding in logarithms
//! and exponentials is bounded by a few units in the last place of each number that is added up.
//! All of these are added to the bound, and come to less than 10⁻⁵ of it.
//!
//! **How φ is computed.** Up to 65,536 frequencies, all at once by a fast Fourier transform for
//! points between grid points ([`transform`]), with ε below 4 × 10⁻¹². Where there are more, there
//! are many factors, and the product vanishes but near t = 0: φ is then computed on blocks of
//! frequencies, within which |φ(t)| changes by E|ℓ − Eℓ| times the distance at most. Blocks whose
//! product is thereby below 10⁻¹⁷ of what matters are bounded; in the others φ is summed up
//! directly. 200,000 factors take no longer than 2,000.
//!
//! **Monotone.** A worse rank raises Λ. Counting then counts more; whether it is short enough
//! depends on the factors and never returns as Λ grows, and the bound is no less than the tail. In
//! the bound, θ falls with Λ and s rises or hardly changes, so that Y ≥ 0 contains what it
//! contained before. What is added for errors and the period is smaller than what the least step
//! of a rank changes.

mod bets;
mod count;
mod invert;
#[cfg(test)]
mod tests;
mod transform;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::StatisticsError;
use super::ranks::Rank;
use super::sequential::check_rank;
use bets::{Bets, Shelf, UNIT};
use invert::Effort;

/// Up to so many queries each cumulative value is that of [`exact_log10`].
const CUMULATIVE: usize = 64;

/// log₁₀ of the p-value of all ranks, rounded upwards; 0 for none.
///
/// Exact to 10⁻⁹ of p where outcomes are few, else at most about 1 % of p above it. The factors'
/// order is of no account.
pub fn exact_log10(ranks: &[Rank]) -> Result<f64, StatisticsError> {
    let mut evidence = Evidence::default();
    for &rank in ranks {
        evidence.add(rank, 1)?;
    }
    Ok(evidence.log10())
}

/// log₁₀ of the p-value after each query's ranks: the evidence as queries come in.
///
/// Each value is that of [`exact_log10`] up to 64 queries, and the last one. Those between are
/// upper bounds too, but up to 30 % above p, so that a thousand take a second: they
/// are for plots. None is a test that may stop when it likes.
pub fn exact_cumulative_log10(groups: &[Vec<Rank>]) -> Result<Vec<f64>, StatisticsError> {
    let mut evidence = Evidence::default();
    let mut logarithms = Vec::with_capacity(groups.len());
    for (place, group) in groups.iter().enumerate() {
        for &rank in group {
            evidence.add(rank, 1)?;
        }
        let full = place < CUMULATIVE || place + 1 == groups.len();
        logarithms.push(evidence.bound(if full { Effort::Full } else { Effort::Little }));
    }
    Ok(logarithms)
}

/// Ranks of any sizes, and how much they lost against all being first.
#[derive(Default)]
pub(super) struct Evidence {
    shelf: Shelf,
    /// How many factors there are of each size above 1.
    sizes: BTreeMap<usize, u64>,
    /// What they lost, in units.
    loss: i128,
    last: Option<Rank>,
}

/// The factors that have one number of candidates.
struct Group {
    n: u64,
    bets: Arc<Bets>,
}

impl Evidence {
    /// Adds a rank so many times.
    pub(super) fn add(&mut self, rank: Rank, times: u64) -> Result<(), StatisticsError> {
        check_rank(rank)?;
        if rank.candidates > 1 && times > 0 {
            *self.sizes.entry(rank.candidates).or_default() += times;
            let loss = self.shelf.among(rank.candidates).loss(rank.rank);
            self.loss += i128::from(loss) * i128::from(times);
            self.last = Some(rank);
        }
        Ok(())
    }

    /// Forgets the ranks, but not the tables made for them.
    pub(super) fn clear(&mut self) {
        self.sizes.clear();
        self.loss = 0;
        self.last = None;
    }

    /// log₁₀ of the p-value.
    pub(super) fn log10(&mut self) -> f64 {
        self.bound(Effort::Full)
    }

    fn bound(&mut self, effort: Effort) -> f64 {
        let n: u64 = self.sizes.values().sum();
        if let (1, Some(rank)) = (n, self.last) {
            return rank.p_value().log10();
        }
        let sizes = self.sizes.iter();
        let all: f64 = sizes.map(|(&size, &times)| times as f64 * (size as f64).log10()).sum();
        if self.loss == 0 {
            return 0.0 - all;
        }
        let groups = self.groups();
        let loss = self.loss + 4 * i128::from(n);
        let worst = groups.iter().map(|group| i128::from(group.n) * i128::from(group.bets.worst()));
        if loss >= worst.sum() {
            return 0.0;
        }
        let counted = i64::try_from(loss).ok().and_then(|loss| count::outcomes(&groups, loss));
        let log10 = match counted.map(f64::log10) {
            Some(outcomes) => outcomes - all + 4.0 * f64::EPSILON * (outcomes + all),
            None => invert::log_tail(&groups, loss as f64 * UNIT, effort) / std::f64::consts::LN_10,
        };
        // Nothing is better than all being first.
        log10.clamp(-all, 0.0)
    }

    fn groups(&mut self) -> Vec<Group> {
        let shelf = &mut self.shelf;
        self.sizes.iter().map(|(&size, &n)| Group { n, bets: shelf.among(size) }).collect()
    }
}
