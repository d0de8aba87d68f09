//! Characteristic functions of weighted points at equidistant frequencies, by one fast Fourier
//! transform for two sets of points.
//!
//! Each point is spread over a grid as a normal density (Dutt and Rokhlin, *SIAM J. Sci. Comput.*
//! 14, 1993; Greengard and Lee, *SIAM Review* 46, 2004). The transform of what is spread is the wanted one times the
//! normal density's own transform, up to three errors, each relative to the total weight:
//!
//! - what the grid aliases: exp(−2π²ν(1 − ρ)) for each period, with ν the density's variance in
//!   squared cells and ρ ≤ 1/2 the highest frequency's share of the grid's highest;
//! - what is cut off the density beyond [`REACH`] cells: exp(−REACH²/2ν), times what the division
//!   by the transform, at most exp(π²ν/8), makes of it;
//! - the transform's round-off, a few times 10⁻¹⁶ times the logarithm of its length, times the same.
//!
//! Together they stay below [`ERROR`]; tests compare the bound that comes out with counted outcomes.

use std::cell::RefCell;
use std::f64::consts::TAU;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// A bound of the absolute error of a characteristic function from [`characteristic`].
pub(super) const ERROR: f64 = 4e-12;

/// The density's variance, in squared cells.
const VARIANCE: f64 = 3.5;

/// Half as many cells as there are for each frequency, at least.
const LEAST_CELLS: usize = 7;

/// Cells on each side of a point that its density reaches.
const REACH: usize = 16;

/// Weighted points.
pub(super) struct Points {
    pub(super) places: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

/// Σ w exp(2πi k x / period) / Σ w at k = 0, …, `highest` of two sets of points; handed to `take`
/// with k, in ascending order.
pub(super) fn characteristic(
    first: &Points,
    second: Option<&Points>,
    period: f64,
    highest: usize,
    mut take: impl FnMut(usize, Complex64, Complex64),
) {
    let length = length(LEAST_CELLS * (highest + 1) / 2);
    let plan = plan(length);
    let mut room = Room::take();
    let (grid, scratch) = room.cells(length, plan.get_inplace_scratch_len());
    spread(first, period, grid, |cell, weight| cell.re += weight);
    if let Some(second) = second {
        spread(second, period, grid, |cell, weight| cell.im += weight);
    }
    plan.process_with_scratch(grid, scratch);
    // What the density's own transform divides out, at frequencies in radians a cell.
    let sharpen = bell(-0.5 * VARIANCE * (TAU / length as f64).powi(2));
    let half = 0.5 / (TAU * VARIANCE).sqrt();
    for (k, sharpen) in (0..=highest).zip(sharpen) {
        let (here, there) = (grid[k], grid[(length - k) % length].conj());
        let sharpen = half * sharpen;
        // The transform of a real grid is even; that of i times a real one odd.
        let difference = here - there;
        take(k, (here + there) * sharpen, Complex64::new(difference.im, -difference.re) * sharpen);
    }
}

/// exp(−narrow · k²) for k = 0, 1, …, to a relative error of 10⁻¹³: each from the one before, and
/// now and then anew.
pub(super) fn bell(narrow: f64) -> impl Iterator<Item = f64> {
    const RUN: u64 = 32;
    let shrink = (-2.0 * narrow).exp();
    let (mut value, mut ratio) = (1.0, 1.0);
    (0_u64..).map(move |k| {
        if k % RUN == 0 {
            let k = k as f64;
            value = (-narrow * k * k).exp();
            ratio = (-narrow * (2.0 * k + 1.0)).exp();
        } else {
            value *= ratio;
            ratio *= shrink;
        }
        value
    })
}

/// The least length that transforms fast: 4, 5 or 6 times a power of two.
fn length(least: usize) -> usize {
    let eighth = least.max(8 * REACH).next_power_of_two() / 8;
    [5, 6, 8].into_iter().map(|times| times * eighth).find(|&length| length >= least).unwrap_or(0)
}

fn plan(length: usize) -> Arc<dyn Fft<f64>> {
    static PLANNER: LazyLock<Mutex<FftPlanner<f64>>> =
        LazyLock::new(|| Mutex::new(FftPlanner::new()));
    PLANNER.lock().unwrap_or_else(PoisonError::into_inner).plan_fft_inverse(length)
}

/// Memory for small transforms, kept from one to the next: asking the system for it anew takes
/// as long as the transform.
struct Room(Vec<Complex64>);

/// The most cells that are kept, 4 MB.
const KEPT: usize = 1 << 18;

thread_local! {
    static ROOM: RefCell<Vec<Complex64>> = const { RefCell::new(Vec::new()) };
}

impl Room {
    fn take() -> Self {
        Self(ROOM.take())
    }

    /// Cells that are 0, and others.
    fn cells(&mut self, grid: usize, scratch: usize) -> (&mut [Complex64], &mut [Complex64]) {
        if self.0.len() < grid + scratch {
            self.0.resize(grid + scratch, Complex64::ZERO);
        }
        let (grid, rest) = self.0.split_at_mut(grid);
        grid.fill(Complex64::ZERO);
        (grid, &mut rest[..scratch])
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.0.len() <= KEPT {
            ROOM.set(std::mem::take(&mut self.0));
        }
    }
}

/// Lays each point's weight, as a share of all, upon the cells around it, in a circle.
fn spread(points: &Points, period: f64, grid: &mut [Complex64], add: impl Fn(&mut Complex64, f64)) {
    let length = grid.len();
    let steps: [f64; REACH + 1] =
        std::array::from_fn(|step| (-((step * step) as f64) / (2.0 * VARIANCE)).exp());
    let share = 1.0 / points.weights.iter().sum::<f64>();
    for (&place, &weight) in points.places.iter().zip(&points.weights) {
        let cells = (place / period).rem_euclid(1.0) * length as f64;
        let nearest = cells.round();
        let offset = cells - nearest;
        let (peak, ratio) = (
            share * weight * (-offset * offset / (2.0 * VARIANCE)).exp(),
            (offset / VARIANCE).exp(),
        );
        let nearest = nearest as usize % length;
        add(&mut grid[nearest], peak);
        let (mut up, mut down, back) = (peak, peak, 1.0 / ratio);
        for (step, &fall) in steps.iter().enumerate().skip(1) {
            up *= ratio;
            down *= back;
            let above = nearest + step;
            add(&mut grid[if above < length { above } else { above - length }], up * fall);
            let below = if nearest >= step { nearest - step } else { nearest + length - step };
            add(&mut grid[below], down * fall);
        }
    }
}
