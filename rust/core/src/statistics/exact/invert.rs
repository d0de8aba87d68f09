//! An upper bound of the tail by inverting the characteristic function under a tilt.

use std::f64::consts::{PI, TAU};

use rustfft::num_complex::Complex64;

use super::Group;
use super::bets::UNIT;
use super::transform::{self, Points, bell, characteristic};

/// How many of its standard deviations the added noise lies above 0 on average.
const NOISE_MEAN: f64 = 3.2;

/// Φ(3.2), rounded down: the noise is below 0 with probability 6.9 × 10⁻⁴.
const NOISE_POSITIVE: f64 = 0.999_312_862_062_084;

/// The noise's standard deviation, times the tilt, at most: its mean costs a factor of e^0.0102.
const NOISE_TILTED: f64 = 0.0032;

/// The noise's standard deviation as a share of the sum's, at most.
const NOISE_SHARE: f64 = 2.8e-4;

/// Frequencies end where the noise's transform has fallen to exp(−4.7²/2).
const NOISE_REACH: f64 = 4.7;

/// The period, in standard deviations of the sum.
const PERIOD: f64 = 5.5;

/// The period, times the tilt, at least: what wraps around weighs e^−9.2 or less.
const PERIOD_TILTED: f64 = 9.2;

/// A loss that lies so many standard deviations above its mean leaves no evidence.
const NO_EVIDENCE: f64 = 8.0;

/// Up to so many frequencies are all evaluated.
const DENSE: usize = 1 << 16;

/// The most blocks of frequencies that are bounded.
const BLOCKS: usize = 1 << 15;

/// The most frequencies times classes of ranks that are summed up directly.
const DIRECT: usize = 10_000_000;

/// The most frequencies that are all evaluated; noise is added until so many suffice.
const FREQUENCIES: usize = 1 << 19;

/// The same for a coarser bound.
const FEW_FREQUENCIES: usize = 1 << 13;

/// How close to the tail a bound is wanted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Effort {
    /// Within about 1 %.
    Full,
    /// Within about 30 % for two thousand factors, in about a millisecond.
    Little,
}

/// The natural logarithm of an upper bound of P(total loss ≤ `loss`), with `loss` above 0.
pub(super) fn log_tail(groups: &[Group], loss: f64, effort: Effort) -> f64 {
    let (mean, variance) = moments(groups, 0.0);
    let least = 1.0 / variance.sqrt();
    if loss > mean + NO_EVIDENCE / least {
        return 0.0;
    }
    let tilt = tilt(groups, loss, least);
    let tilted: Vec<Tilted> = groups.iter().map(|group| Tilted::by(group, tilt)).collect();
    let (plan, found) = Plan::carried_out(&tilted, loss, tilt, effort);
    let (expected, error) = plan.expectation(found);
    let mut log = tilt * loss + tilt * plan.noise * NOISE_MEAN + (tilt * plan.noise).powi(2) / 2.0;
    let mut size = log;
    for group in &tilted {
        let one = (group.total / group.candidates).ln();
        log += group.n * one;
        size += group.n * (1.0 + group.candidates.ln() + tilt * group.worst);
    }
    // Every logarithm, exponential and product above is off by a few units in its last place.
    let rounding = 1e-12 + 8.0 * f64::EPSILON * size;
    (log + (expected + error).ln() - NOISE_POSITIVE.ln() + rounding).min(0.0)
}

/// Mean and variance of the total loss under a tilt, from the coarse lists.
fn moments(groups: &[Group], tilt: f64) -> (f64, f64) {
    let (mut mean, mut variance) = (0.0, 0.0);
    for group in groups {
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for &(loss, count) in &group.bets.coarse {
            let weight = count * (-tilt * loss).exp();
            total += weight;
            first += weight * loss;
            second += weight * loss * loss;
        }
        let one = first / total;
        mean += group.n as f64 * one;
        variance += group.n as f64 * (second / total - one * one).max(0.0);
    }
    (mean, variance)
}

/// The tilt under which the mean loss is about `loss`, and at least `least`. Any tilt gives a
/// valid bound; this one never grows with the loss.
fn tilt(groups: &[Group], loss: f64, least: f64) -> f64 {
    let (mut low, mut high) = (least, f64::INFINITY);
    let mut tilt = least;
    for _ in 0..100 {
        let (mean, variance) = moments(groups, tilt);
        if mean > loss {
            low = tilt;
        } else {
            high = tilt;
        }
        if high <= least {
            return least;
        }
        // Newton's step on the logarithm of the mean, which is nearly straight.
        let step = (mean / loss).ln() * mean / variance;
        let next = tilt + step;
        let next = if next > low && next < high {
            next
        } else if high.is_finite() {
            f64::midpoint(low, high)
        } else {
            2.0 * low
        };
        if (next - tilt).abs() <= 1e-14 * tilt {
            return next;
        }
        tilt = next;
    }
    tilt
}

/// The factors of one size under a tilt.
struct Tilted {
    n: f64,
    power: u64,
    candidates: f64,
    worst: f64,
    /// Each class's loss.
    losses: Vec<f64>,
    /// Its number of ranks, times exp(−tilt · loss).
    weights: Vec<f64>,
    total: f64,
    mean: f64,
    variance: f64,
    /// The mean distance from the mean.
    deviation: f64,
}

impl Tilted {
    fn by(group: &Group, tilt: f64) -> Self {
        let bets = &group.bets;
        let losses: Vec<f64> = bets.losses.iter().map(|&loss| loss as f64 * UNIT).collect();
        let weights: Vec<f64> = losses
            .iter()
            .enumerate()
            .map(|(class, loss)| bets.count(class) * (-tilt * loss).exp())
            .collect();
        let total = sum(weights.iter().copied());
        let over = |value: fn(f64, f64) -> f64, mean: f64| {
            sum(losses.iter().zip(&weights).map(|(&loss, weight)| weight * value(loss, mean)))
                / total
        };
        let mean = over(|loss, _| loss, 0.0);
        let variance = over(|loss, mean| (loss - mean) * (loss - mean), mean);
        let deviation = over(|loss, mean| (loss - mean).abs(), mean);
        let worst = bets.worst() as f64 * UNIT;
        let candidates = bets.candidates as f64;
        Self {
            n: group.n as f64,
            power: group.n,
            candidates,
            worst,
            losses,
            weights,
            total,
            mean,
            variance,
            deviation,
        }
    }

    /// Where the classes stand, as gains about `centre`.
    fn points(&self, centre: f64) -> Points {
        let places = self.losses.iter().map(|loss| centre - loss).collect();
        Points { places, weights: self.weights.clone() }
    }

    /// The characteristic function at one frequency, summed up.
    fn at(&self, frequency: f64, centre: f64) -> Complex64 {
        let parts = self.losses.iter().zip(&self.weights).map(|(loss, weight)| {
            let (sin, cos) = (frequency * (centre - loss)).sin_cos();
            (weight * cos, weight * sin)
        });
        let (mut re, mut im) = (Compensated::default(), Compensated::default());
        for (cos, sin) in parts {
            re.add(cos);
            im.add(sin);
        }
        Complex64::new(re.value(), im.value()) / self.total
    }
}

/// How the tail is inverted.
struct Plan {
    tilt: f64,
    /// The noise's standard deviation.
    noise: f64,
    period: f64,
    highest: usize,
    /// Where each group's gains are counted from; together they make up the loss.
    centres: Vec<f64>,
    factors: f64,
}

impl Plan {
    /// A plan, what it found and the error of that.
    fn carried_out(tilted: &[Tilted], loss: f64, tilt: f64, effort: Effort) -> (Self, (f64, f64)) {
        if effort == Effort::Little {
            let plan = Self::of(tilted, loss, tilt, FEW_FREQUENCIES);
            let found = plan.dense(tilted);
            return (plan, found);
        }
        let plan = Self::of(tilted, loss, tilt, usize::MAX);
        let found = if plan.highest > DENSE { plan.sparse(tilted) } else { None };
        if let Some(found) = found {
            return (plan, found);
        }
        let plan = Self::of(tilted, loss, tilt, FREQUENCIES);
        let found = plan.dense(tilted);
        (plan, found)
    }

    fn of(tilted: &[Tilted], loss: f64, tilt: f64, frequencies: usize) -> Self {
        let mean: f64 = tilted.iter().map(|group| group.n * group.mean).sum();
        let deviation: f64 =
            tilted.iter().map(|group| group.n * group.variance).sum::<f64>().sqrt();
        let factors: f64 = tilted.iter().map(|group| group.n).sum();
        let period = (PERIOD * deviation).max(PERIOD_TILTED / tilt) + (loss - mean).max(0.0);
        let wanted = (NOISE_TILTED / tilt).min(NOISE_SHARE * deviation);
        let noise = wanted.max(NOISE_REACH * period / (TAU * frequencies as f64));
        let highest = (NOISE_REACH * period / (TAU * noise)).ceil() as usize;
        let gain = loss + NOISE_MEAN * noise + tilt * noise * noise;
        let centres = tilted.iter().map(|group| group.mean + (gain - mean) / factors).collect();
        Self { tilt, noise, period, highest, centres, factors }
    }

    fn frequency(&self, k: usize) -> f64 {
        TAU * k as f64 / self.period
    }

    /// E f(gain) and a bound of its error, for f the periodic continuation of exp(−tilt · y) over
    /// 0 ≤ y < period, from the sum of its series' terms and the error of that.
    fn expectation(&self, (sum, error): (f64, f64)) -> (f64, f64) {
        let top = self.frequency(self.highest) * self.noise;
        let cut = (-0.5 * top * top).exp() / (PI * top * top);
        ((1.0 / self.tilt + 2.0 * sum) / self.period, cut + 2.0 * error / self.period)
    }

    /// The noise's transform at each frequency.
    fn noises(&self) -> impl Iterator<Item = f64> {
        bell(0.5 * (self.frequency(1) * self.noise).powi(2))
    }

    /// One term of the series: the step's own transform, times that of the gain.
    fn term(&self, k: usize, gain: Complex64) -> f64 {
        let t = self.frequency(k);
        (gain.re * self.tilt + gain.im * t) / (self.tilt * self.tilt + t * t)
    }

    /// What errors of the groups' characteristic functions, each at most `error`, can come to.
    fn error_of(&self, error: f64) -> f64 {
        // Σ 1/|θ + it| over frequencies is at most period/2π · asinh(highest frequency/θ).
        let reach = (self.frequency(self.highest) / self.tilt).asinh();
        self.factors * error * self.period / TAU * reach
    }

    /// All frequencies, by transforms.
    fn dense(&self, tilted: &[Tilted]) -> (f64, f64) {
        let mut products = vec![Complex64::ONE; self.highest + 1];
        for (place, pair) in tilted.chunks(2).enumerate() {
            let points: Vec<Points> = pair
                .iter()
                .zip(&self.centres[2 * place..])
                .map(|(group, &centre)| group.points(centre))
                .collect();
            let same = pair.len() == 2 && pair[0].power == pair[1].power;
            let take = |k: usize, first: Complex64, second: Complex64| {
                products[k] *= if same {
                    power(first * second, pair[0].power)
                } else if pair.len() == 2 {
                    power(first, pair[0].power) * power(second, pair[1].power)
                } else {
                    power(first, pair[0].power)
                };
            };
            characteristic(&points[0], points.get(1), self.period, self.highest, take);
        }
        let terms = products.iter().zip(self.noises()).enumerate().skip(1);
        let sum: f64 = terms.map(|(k, (&product, noise))| noise * self.term(k, product)).sum();
        let rounding = self.highest as f64 * f64::EPSILON / self.factors;
        (sum, self.error_of(transform::ERROR + rounding))
    }

    /// The frequencies that matter, summed up directly, and a bound of all others; `None` where
    /// too many matter.
    fn sparse(&self, tilted: &[Tilted]) -> Option<(f64, f64)> {
        let width = self.highest.div_ceil(BLOCKS);
        let blocks = self.highest.div_ceil(width);
        let half = 0.5 * width as f64 * TAU / self.period;
        let mut bounds = vec![0.0_f64; blocks + 1];
        for pair in tilted.chunks(2) {
            let points: Vec<Points> = pair.iter().map(|group| group.points(group.mean)).collect();
            let log = |group: &Tilted, value: Complex64| {
                // |φ| changes by E|X − c| at most from one frequency to the next.
                let most = value.norm() + transform::ERROR + half * group.deviation;
                group.n * most.min(1.0).ln()
            };
            let take = |block: usize, first: Complex64, second: Complex64| {
                bounds[block] += log(&pair[0], first);
                if let Some(group) = pair.get(1) {
                    bounds[block] += log(group, second);
                }
            };
            let period = self.period / width as f64;
            characteristic(&points[0], points.get(1), period, blocks, take);
        }
        // Of a value of about 0.4/(θσ), this is nothing.
        let negligible = (1e-17 / (self.tilt * self.period)).ln();
        let (mut wanted, mut error) = (Vec::new(), 0.0);
        for (block, &bound) in bounds.iter().enumerate() {
            let first = (block * width).saturating_sub((width - 1) / 2).max(1);
            let last = (block * width + width / 2).min(self.highest);
            if bound > negligible {
                wanted.extend(first..=last);
            } else {
                let count = (last + 1).saturating_sub(first) as f64;
                error += count * bound.exp() / self.tilt.hypot(self.frequency(first));
            }
        }
        let classes: usize = tilted.iter().map(|group| group.losses.len()).sum();
        if wanted.len() * classes > DIRECT {
            return None;
        }
        let terms = wanted.iter().map(|&k| {
            let noise = (-0.5 * (self.frequency(k) * self.noise).powi(2)).exp();
            noise * self.term(k, self.product(tilted, self.frequency(k)))
        });
        Some((sum(terms), error + self.error_of(1e-15)))
    }

    /// The characteristic function of the whole gain at one frequency, but for the noise.
    fn product(&self, tilted: &[Tilted], frequency: f64) -> Complex64 {
        let one =
            |(group, &centre): (&Tilted, &f64)| power(group.at(frequency, centre), group.power);
        tilted.iter().zip(&self.centres).map(one).product()
    }
}

/// A whole power, by squaring.
fn power(mut base: Complex64, mut exponent: u64) -> Complex64 {
    let mut product = Complex64::ONE;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

/// A sum that keeps what rounding loses (Neumaier 1974).
#[derive(Default)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut sum = Compensated::default();
    values.for_each(|value| sum.add(value));
    sum.value()
}

/// The mean under the tilt from blocks of frequencies, and from all.
#[cfg(test)]
pub(super) fn both_ways(groups: &[Group], loss: f64) -> (f64, f64) {
    let least = 1.0 / moments(groups, 0.0).1.sqrt();
    let tilt = tilt(groups, loss, least);
    let tilted: Vec<Tilted> = groups.iter().map(|group| Tilted::by(group, tilt)).collect();
    let plan = Plan::of(&tilted, loss, tilt, usize::MAX);
    assert!(plan.highest > BLOCKS, "one frequency a block compares nothing: {}", plan.highest);
    let sparse = plan.sparse(&tilted).unwrap_or((f64::NAN, f64::NAN));
    (plan.expectation(sparse).0, plan.expectation(plan.dense(&tilted)).0)
}
