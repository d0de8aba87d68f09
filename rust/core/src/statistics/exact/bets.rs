//! What the ranks among N candidates lose against the first, in fixed point.

use std::collections::HashMap;
use std::sync::Arc;

use crate::statistics::sequential::Bet;

/// One unit of a loss: 2⁻⁴⁸. Sums of whole units do not depend on their order.
pub(super) const UNIT: f64 = 1.0 / (1_u64 << 48) as f64;

/// More candidates than this are not listed one by one.
const MOST_SINGLE: usize = 1 << 20;

/// Ranks beyond 2^15 are then taken together in classes of a 2^15th of their size.
const CLASS_SHIFT: u32 = 15;

/// Up to this rank the coarse list has one entry a rank; beyond, ranks grow by an eighth.
const COARSE_SINGLE: usize = 16;

/// The losses ln e(1; N) − ln e(r; N) of all ranks.
pub(super) struct Bets {
    pub(super) candidates: usize,
    bet: Bet,
    /// The loss of each class of ranks, in units, never falling; the first is 0.
    pub(super) losses: Vec<i64>,
    /// The last rank of each class. A class is one rank, except among very many candidates, where
    /// it has the loss of its best rank.
    pub(super) last_ranks: Vec<u64>,
    /// Some losses, as numbers, and how many ranks each stands for: enough to choose a tilt.
    pub(super) coarse: Vec<(f64, f64)>,
}

impl Bets {
    pub(super) fn among(candidates: usize) -> Self {
        let bet = Bet::among(candidates);
        let (mut losses, mut last_ranks) = (Vec::new(), Vec::new());
        let mut rank = 1;
        while rank <= candidates {
            let others =
                if candidates <= MOST_SINGLE { 0 } else { (rank >> CLASS_SHIFT).max(1) - 1 };
            let last = rank.saturating_add(others).min(candidates);
            losses.push(loss(bet, rank).max(losses.last().copied().unwrap_or(0)));
            last_ranks.push(last as u64);
            if last == candidates {
                break;
            }
            rank = last + 1;
        }
        let coarse = coarse(bet, candidates);
        Self { candidates, bet, losses, last_ranks, coarse }
    }

    /// What a rank loses against the first, in units.
    pub(super) fn loss(&self, rank: usize) -> i64 {
        if self.losses.len() == self.candidates {
            self.losses[rank - 1]
        } else {
            loss(self.bet, rank)
        }
    }

    /// The largest loss, in units.
    pub(super) fn worst(&self) -> i64 {
        self.loss(self.candidates)
    }

    /// How many ranks a class holds.
    pub(super) fn count(&self, class: usize) -> f64 {
        let before = if class == 0 { 0 } else { self.last_ranks[class - 1] };
        (self.last_ranks[class] - before) as f64
    }
}

fn loss(bet: Bet, rank: usize) -> i64 {
    ((bet.pays(1) / bet.pays(rank)).ln() / UNIT).round() as i64
}

fn coarse(bet: Bet, candidates: usize) -> Vec<(f64, f64)> {
    let mut coarse = Vec::new();
    let mut rank = 1;
    while rank <= candidates {
        let others = if rank <= COARSE_SINGLE { 0 } else { rank / 8 };
        let last = rank.saturating_add(others).min(candidates);
        let middle = rank + (last - rank) / 2;
        coarse.push((loss(bet, middle) as f64 * UNIT, (last - rank + 1) as f64));
        if last == candidates {
            break;
        }
        rank = last + 1;
    }
    coarse
}

/// Tables that were made once and are used again.
#[derive(Default)]
pub(super) struct Shelf(HashMap<usize, Arc<Bets>>);

impl Shelf {
    pub(super) fn among(&mut self, candidates: usize) -> Arc<Bets> {
        let made = self.0.entry(candidates).or_insert_with(|| Arc::new(Bets::among(candidates)));
        Arc::clone(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_never_fall() {
        for candidates in [1, 2, 10, 4096] {
            let bets = Bets::among(candidates);
            assert_eq!(bets.losses.len(), candidates);
            assert_eq!(bets.losses[0], 0);
            assert!(bets.losses.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn classes_hold_every_rank_and_lose_no_more_than_it() {
        for candidates in [MOST_SINGLE + 1, 1_000_000_007, usize::MAX] {
            let bets = Bets::among(candidates);
            assert!(bets.losses.len() < 3 << 20);
            assert_eq!(*bets.last_ranks.last().unwrap(), candidates as u64);
            assert!(bets.losses.windows(2).all(|pair| pair[0] <= pair[1]));
            for (class, &last) in bets.last_ranks.iter().enumerate() {
                let over = (bets.loss(last as usize) - bets.losses[class]) as f64 * UNIT;
                assert!((0.0..=1.0 / 32_768.0).contains(&over), "{over}");
            }
        }
    }

    #[test]
    fn coarse_lists_stand_for_every_rank() {
        for candidates in [1, 2, 17, 4096, 65_536] {
            let ranks: f64 = Bets::among(candidates).coarse.iter().map(|&(_, count)| count).sum();
            assert_eq!(ranks, candidates as f64);
        }
    }
}
