//! Against enumeration, closed forms and itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bets::UNIT;
use super::invert::{Effort, log_tail};
use super::*;

fn of(rank: usize, candidates: usize) -> Rank {
    Rank { rank, candidates }
}

fn p_value(ranks: &[Rank]) -> f64 {
    exact_log10(ranks).unwrap()
}

/// A bet as a whole number, comparable among ranks of one size: 10 e(r; N) · lcm · H_N.
fn whole_bet(Rank { rank, candidates }: Rank) -> u128 {
    let lcm = [1, 1, 2, 6, 12, 60, 60, 420, 840][candidates];
    let harmonic: u128 = (1..=candidates as u128).map(|k| lcm / k).sum();
    let n = candidates as u128;
    let first = if rank == 1 { 6 * n } else { 0 };
    harmonic * (1 + first) + 3 * n * lcm / rank as u128
}

/// How many outcomes of these sizes have each product of bets, in whole numbers.
fn products(sizes: &[usize]) -> BTreeMap<u128, u64> {
    let mut products = BTreeMap::from([(1, 1)]);
    for &size in sizes {
        let mut next = BTreeMap::new();
        for (product, count) in &products {
            for rank in 1..=size {
                *next.entry(product * whole_bet(of(rank, size))).or_insert(0) += count;
            }
        }
        products = next;
    }
    products
}

/// Every ascending sequence of so many numbers from `least` to `most`.
fn ascending(length: usize, least: usize, most: usize) -> Vec<Vec<usize>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in least..=most {
        for mut rest in ascending(length - 1, first, most) {
            rest.insert(0, first);
            all.push(rest);
        }
    }
    all
}

/// Every choice of ranks, ascending among equal sizes; sizes are ascending.
fn choices(sizes: &[usize]) -> Vec<Vec<Rank>> {
    let mut all: Vec<Vec<Rank>> = vec![Vec::new()];
    for &size in sizes {
        let mut next = Vec::new();
        for chosen in all {
            let least = chosen.last().filter(|r| r.candidates == size).map_or(1, |r| r.rank);
            for rank in least..=size {
                next.push([&chosen[..], &[of(rank, size)]].concat());
            }
        }
        all = next;
    }
    all
}

/// Compares each choice of ranks of these sizes with all outcomes; returns how many there were.
fn compare(sizes: &[usize]) -> usize {
    let counts = products(sizes);
    let all: u64 = counts.values().sum();
    let mut at_least = BTreeMap::new();
    let mut so_far = 0;
    for (&product, count) in counts.iter().rev() {
        so_far += count;
        at_least.insert(product, so_far as f64 / all as f64);
    }
    let mut evidence = Evidence::default();
    let choices = choices(sizes);
    for ranks in &choices {
        evidence.clear();
        ranks.iter().for_each(|&rank| evidence.add(rank, 1).unwrap());
        let (ours, product) = (evidence.log10(), ranks.iter().map(|&r| whole_bet(r)).product());
        let truth = f64::log10(at_least[&product]);
        assert!(ours >= truth - 1e-15 && ours <= truth + 1e-10, "{ranks:?}: {ours} {truth}");
        assert!(ours <= 0.0);
    }
    choices.len()
}

#[test]
fn equals_enumeration() {
    let compared: usize = (0..=3).flat_map(|n| ascending(n, 1, 8)).map(|s| compare(&s)).sum();
    assert_eq!(compared, 9_139, "multisets of up to 3 of 36 ranks");
    // Of the many of six, one in a hundred.
    for sizes in ascending(6, 2, 8).iter().step_by(197) {
        compare(sizes);
    }
}

#[test]
#[ignore = "minutes without optimization: cargo test --release -- --ignored"]
fn equals_enumeration_of_every_case() {
    let compared: usize = (0..=6).flat_map(|n| ascending(n, 1, 8)).map(|s| compare(&s)).sum();
    assert_eq!(compared, 5_245_786, "multisets of up to 6 of 36 ranks");
}

#[test]
fn p_values_are_valid_at_every_level() {
    for sizes in [&[2, 2, 2, 2][..], &[3, 5], &[8, 8, 8], &[2, 3, 4, 5], &[7; 4], &[10, 1, 6]] {
        // Every outcome, not every multiset of ranks: they are equally likely.
        let mut outcomes: Vec<Vec<Rank>> = vec![Vec::new()];
        for &size in sizes {
            let with = |ranks: &Vec<Rank>| {
                (1..=size).map(|rank| [&ranks[..], &[of(rank, size)]].concat()).collect::<Vec<_>>()
            };
            outcomes = outcomes.iter().flat_map(with).collect();
        }
        let mut found: Vec<f64> =
            outcomes.iter().map(|ranks| 10_f64.powf(p_value(ranks))).collect();
        found.sort_by(f64::total_cmp);
        for (place, &level) in found.iter().enumerate() {
            let hits = found[place..].partition_point(|&p| p <= level) + place;
            assert!(hits as f64 / found.len() as f64 <= level * (1.0 + 1e-12), "{sizes:?} {level}");
        }
    }
}

/// The bound for many outcomes, where outcomes can still be counted.
fn counted_and_bounded(ranks: &[Rank]) -> (f64, f64) {
    let mut evidence = Evidence::default();
    ranks.iter().for_each(|&rank| evidence.add(rank, 1).unwrap());
    let groups = evidence.groups();
    let loss = evidence.loss + 4 * ranks.len() as i128;
    let all: f64 = ranks.iter().map(|rank| (rank.candidates as f64).ln()).sum();
    let counted = count::outcomes(&groups, loss as i64).unwrap().ln() - all;
    (counted, log_tail(&groups, loss as f64 * UNIT, Effort::Full))
}

proptest! {
    // Without optimization each case takes a tenth of a second.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_bound_is_one_and_is_close(
        sizes in prop::sample::select(vec![
            vec![20; 4], vec![10; 8], vec![2; 60], vec![3; 30], vec![6, 6, 6, 7, 7, 7, 8, 8],
            vec![300, 300], vec![2, 2, 2, 2, 2, 3, 3, 3, 5, 5, 20, 20], vec![4; 16],
        ]),
        shares in prop::collection::vec(0.0_f64..1.0, 60),
    ) {
        let ranks: Vec<Rank> = sizes
            .iter()
            .zip(&shares)
            .map(|(&size, share)| of(1 + (share * share * size as f64) as usize, size))
            .collect();
        let (counted, bounded) = counted_and_bounded(&ranks);
        prop_assert!(bounded >= counted, "{ranks:?}: {bounded} {counted}");
        // Where atoms are few, the noise reaches over the nearest of them.
        prop_assert!(bounded <= counted + 0.1, "{ranks:?}: {bounded} {counted}");
    }

    #[test]
    fn a_worse_rank_never_lowers_p(
        ranks in prop::collection::vec(
            (0.0_f64..1.0, prop::sample::select(vec![1_usize, 2, 3, 10, 1000, 2047, 2048, 4096])),
            1..60,
        ),
        fired in prop::collection::vec(any::<bool>(), 60),
        worse in any::<prop::sample::Index>(),
        step in 1_usize..5,
    ) {
        let mut ranks: Vec<Rank> = ranks
            .iter()
            .zip(fired)
            .map(|(&(share, n), fired)| of(if fired { 1 } else { 1 + (share * n as f64) as usize }, n))
            .collect();
        let before = p_value(&ranks);
        let place = worse.index(ranks.len());
        ranks[place].rank = (ranks[place].rank + step).min(ranks[place].candidates);
        let after = p_value(&ranks);
        prop_assert!(after >= before - 1e-12 * before.abs(), "{ranks:?}: {before} {after}");
        ranks.reverse();
        prop_assert_eq!(p_value(&ranks), after);
    }

    #[test]
    fn one_rank_is_its_own_p_value(candidates in 1_usize..100_000, share in 0.0_f64..1.0) {
        let rank = 1 + (share * candidates as f64) as usize;
        let expected = (rank as f64 / candidates as f64).log10();
        prop_assert_eq!(p_value(&[of(rank, candidates)]), expected);
        prop_assert_eq!(p_value(&[of(1, 1), of(rank, candidates), of(1, 1)]), expected);
    }

    #[test]
    fn all_first_is_the_product(sizes in prop::collection::vec(1_usize..5_000, 0..20)) {
        let ranks: Vec<Rank> = sizes.iter().map(|&size| of(1, size)).collect();
        let expected: f64 = -sizes.iter().map(|&size| (size as f64).log10()).sum::<f64>();
        prop_assert!((p_value(&ranks) - expected).abs() <= 1e-13 * expected.abs());
    }

    #[test]
    fn two_choices_are_binomial(n in 2_u64..400, share in 0.0_f64..1.0) {
        let right = (share * n as f64) as u64;
        let ranks = [vec![of(1, 2); right as usize], vec![of(2, 2); (n - right) as usize]].concat();
        let tail = if right == 0 {
            1.0
        } else {
            statrs::function::beta::beta_reg(right as f64, (n - right + 1) as f64, 0.5)
        };
        prop_assert!((p_value(&ranks) - tail.log10()).abs() < 1e-9, "{} {}", p_value(&ranks), tail.log10());
    }

    #[test]
    fn cumulative_values_are_those_of_the_beginnings(
        shares in prop::collection::vec((0.0_f64..1.0, 0.0_f64..1.0), 1..6),
    ) {
        let rank = |share: f64, n| of(1 + (share.powi(4) * n as f64) as usize, n);
        let groups: Vec<Vec<Rank>> =
            shares.iter().map(|&(a, b)| vec![rank(a, 2048), rank(b, 2047)]).collect();
        let found = exact_cumulative_log10(&groups).unwrap();
        for (place, &log10) in found.iter().enumerate() {
            prop_assert_eq!(log10, p_value(&groups[..=place].concat()));
        }
    }
}

#[test]
fn known_values() {
    assert_eq!(p_value(&[]), 0.0);
    assert_eq!(p_value(&[of(1, 1); 5]), 0.0);
    assert_eq!(p_value(&[of(2, 2), of(3, 3)]), 0.0);
    let words = [of(1, 2048), of(1, 2047)].repeat(10);
    assert!((p_value(&words) + 66.22).abs() < 0.01);
    assert!((p_value(&[of(1, 4096); 10]) + 36.12).abs() < 0.01);
    assert!((p_value(&[of(1, 2); 40]) - 2_f64.powi(-40).log10()).abs() < 1e-12);
    let three = [vec![of(1, 4096); 3], (1..=7).map(|k| of(k * 512, 4096)).collect()].concat();
    assert!((-9.0..-8.4).contains(&p_value(&three)), "{}", p_value(&three));
}

#[test]
fn ties_in_real_numbers_are_ties() {
    // The same ranks in another order, and bets whose products agree though their factors differ.
    let ranks: Vec<Rank> = (1..=8).flat_map(|r| [of(r, 8), of(9 - r, 8), of(1, 3)]).collect();
    let mut shuffled = ranks.clone();
    shuffled.rotate_left(7);
    shuffled.swap(0, 11);
    assert_eq!(p_value(&ranks), p_value(&shuffled));
    for sizes in [[2, 3, 4, 6], [3, 3, 6, 6], [2, 4, 6, 8]] {
        compare(&sizes);
    }
}

#[test]
fn far_tails_keep_their_precision() {
    // A tenth of 100,000 right answers to four choices, in closed form: few distinct losses only.
    for (fired, n) in [(90_000, 100_000), (40_000, 100_000), (999, 1000)] {
        let ranks = [vec![of(1, 2); fired], vec![of(2, 2); n - fired]].concat();
        let found = p_value(&ranks);
        let mut term = 0.0; // ln C(n, k) from k = n downwards
        let mut terms = Vec::new();
        for k in (fired..=n).rev() {
            terms.push(term);
            term += (k as f64).ln() - ((n - k + 1) as f64).ln();
        }
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
        let truth = (largest + sum.ln()) / std::f64::consts::LN_10 - n as f64 * 2_f64.log10();
        assert!(found >= truth.min(0.0) - 1e-8 && found <= truth + 0.006, "{found} {truth}");
    }
}

#[test]
fn huge_sets_are_finite() {
    for (fired, rest) in [(100_000, 0), (70_000, 30_000), (1, 99_999), (0, 100_000), (99_999, 1)] {
        let ranks: Vec<Rank> = [
            [of(1, 2048), of(1, 2047)].repeat(fired),
            [of(700, 2048), of(1400, 2047)].repeat(rest),
        ]
        .concat();
        let found = p_value(&ranks);
        assert!(found.is_finite() && found <= 0.0, "{found}");
        assert!(found < -4000.0 || fired <= 1, "{found}");
    }
    let large = [of(1, usize::MAX), of(5, usize::MAX / 3), of(1 << 40, 1 << 50)];
    assert!(p_value(&large) < -20.0);
}

#[test]
fn long_records_are_bounded_from_above() {
    let query = |place: usize| {
        let word =
            |n: usize| if place.is_multiple_of(3) { of(1, n) } else { of(1 + place * 89 % n, n) };
        vec![word(2048), word(2047)]
    };
    let groups: Vec<Vec<Rank>> = (0..80).map(query).collect();
    let found = exact_cumulative_log10(&groups).unwrap();
    for place in [0, 9, 63, 64, 70, 78, 79] {
        let exact = p_value(&groups[..=place].concat());
        let over = found[place] - exact;
        let most = if place < 64 || place == 79 { 0.0 } else { 0.1 };
        assert!((-0.005..=most).contains(&over), "{place}: {} {exact}", found[place]);
    }
}

#[test]
fn nonsense_is_refused() {
    for (rank, error) in [
        (of(0, 5), StatisticsError::Rank { rank: 0, candidates: 5 }),
        (of(6, 5), StatisticsError::Rank { rank: 6, candidates: 5 }),
        (of(1, 0), StatisticsError::NoCandidates),
    ] {
        assert_eq!(exact_log10(&[of(1, 2), rank]), Err(error));
        assert!(exact_cumulative_log10(&[vec![of(1, 2)], vec![rank]]).is_err());
    }
}

#[test]
fn blocks_of_frequencies_agree_with_all_of_them() {
    for (fired, n) in [(950, 1000), (300, 1000), (120, 400), (700, 900)] {
        let ranks: Vec<Rank> = (0..n)
            .flat_map(|key| [2048, 2047].map(|size| (key, size)))
            .map(|(key, size)| of(if key < fired { 1 } else { 1 + key * 89 % size }, size))
            .collect();
        let mut evidence = Evidence::default();
        ranks.iter().for_each(|&rank| evidence.add(rank, 1).unwrap());
        let (groups, loss) = (evidence.groups(), evidence.loss as f64 * UNIT);
        let (sparse, dense) = super::invert::both_ways(&groups, loss);
        assert!((sparse - dense).abs() < 1e-4 * dense, "{fired} of {n}: {sparse} {dense}");
    }
}
