//! Outcomes at least as good as what was seen, counted one by one where they are few.
//!
//! An outcome says which ranks the factors have. Outcomes that differ only in which of the factors
//! of one size has which rank lose the same, so what is walked through are *multisets* of ranks
//! other than the first, each with the number of outcomes that it stands for: for a size that n
//! factors have, n! / ((n − d)! Π mᵣ!) with d the number of ranks and mᵣ their multiplicities.
//! Ranks are added in ascending order, so that each multiset is met once; one that cannot be
//! extended within the loss is counted with its neighbours, not walked to.

use super::Group;

/// The most multisets of a set of factors whose outcomes are always counted.
const ALWAYS: f64 = 262_144.0;

/// The most multisets that are extended otherwise.
const MOST: u64 = 4_096;

/// The most ranks in a multiset; the walk is recursive.
const DEEPEST: u32 = 1_000;

/// The most outcomes that a number can count without fear of overflow.
const LARGEST: f64 = 1e280;

/// How many outcomes of all lose no more than `loss` (units), rounded upwards; `None` if the
/// walk is too long. Whether it is depends on the factors, and never falls with the loss.
pub(super) fn outcomes(groups: &[Group], loss: i64) -> Option<f64> {
    let mut cheapest_after = vec![i64::MAX; groups.len()];
    for place in (1..groups.len()).rev() {
        cheapest_after[place - 1] = cheapest_after[place].min(groups[place].bets.losses[1]);
    }
    let most = if multisets(groups) <= ALWAYS { u64::MAX } else { MOST };
    let mut walk = Walk { groups, cheapest_after, left: most, extended: 0, outcomes: 1.0 };
    let none = Multiset { group: 0, class: 1, ranks: 0, times: 0, outcomes: 1.0, left: loss };
    walk.extend(none, 0)?;
    if walk.outcomes > LARGEST {
        return None;
    }
    // Whole numbers below 2⁵³ are exact; beyond, each product and each sum is rounded once.
    let sums = walk.extended as f64 * (1.0 + 2.0 * groups.len() as f64);
    let products = 4.0 * f64::from(DEEPEST);
    let exact = walk.outcomes < (1_u64 << 53) as f64;
    Some(walk.outcomes * if exact { 1.0 } else { 1.0 + (sums + products) * f64::EPSILON })
}

/// How many multisets of ranks there are, the first included: Π C(nᵢ + Nᵢ − 1, nᵢ).
fn multisets(groups: &[Group]) -> f64 {
    let mut all = 1.0;
    for group in groups {
        let (n, others) = (group.n as f64, group.bets.candidates as f64 - 1.0);
        let (few, many) = if n < others { (n, others) } else { (others, n) };
        let mut step = 1.0;
        while step <= few && all <= ALWAYS {
            all *= (many + step) / step;
            step += 1.0;
        }
    }
    all
}

/// A multiset of ranks other than the first, and what may be added to it.
#[derive(Clone, Copy)]
struct Multiset {
    /// The size of factors of its last rank.
    group: usize,
    /// Its last class of ranks; further ones of the same group are not before it.
    class: usize,
    /// How many ranks it has in this group.
    ranks: u64,
    /// How often it has this class.
    times: u64,
    /// How many outcomes it stands for.
    outcomes: f64,
    /// How much may still be lost.
    left: i64,
}

struct Walk<'a> {
    groups: &'a [Group],
    /// The least loss in later groups.
    cheapest_after: Vec<i64>,
    left: u64,
    extended: u64,
    outcomes: f64,
}

impl Walk<'_> {
    /// Counts all that extend a multiset.
    fn extend(&mut self, from: Multiset, depth: u32) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        self.extended += 1;
        if depth > DEEPEST || self.outcomes > LARGEST {
            return None;
        }
        self.extend_in(from, depth)?;
        for group in from.group + 1..self.groups.len() {
            self.extend_in(Multiset { group, class: 1, ranks: 0, times: 0, ..from }, depth)?;
        }
        Some(())
    }

    /// Counts all whose next rank belongs to the same group.
    fn extend_in(&mut self, from: Multiset, depth: u32) -> Option<()> {
        let Group { n, bets } = &self.groups[from.group];
        let free = n - from.ranks;
        if free == 0 {
            return Some(());
        }
        let each = from.outcomes * free as f64;
        for class in from.class..bets.losses.len() {
            let left = from.left - bets.losses[class];
            if left < 0 {
                break;
            }
            let times = if class == from.class { from.times + 1 } else { 1 };
            let outcomes = each * bets.count(class) / times as f64;
            self.outcomes += outcomes;
            let again = if free > 1 { bets.losses[class] } else { i64::MAX };
            if left < again.min(self.cheapest_after[from.group]) {
                // Nothing fits beside this class, and even less beside those after it.
                let end = bets.losses.partition_point(|&loss| loss <= from.left);
                self.outcomes += each * (bets.last_ranks[end - 1] - bets.last_ranks[class]) as f64;
                break;
            }
            let ranks = from.ranks + 1;
            let next = Multiset { class, ranks, times, outcomes, left, ..from };
            self.extend(next, depth + 1)?;
        }
        Some(())
    }
}
