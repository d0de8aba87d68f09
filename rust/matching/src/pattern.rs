//! A pattern and what its scores are made of.

use super::fraction;

/// A pattern, with how far from it a text may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern<'p> {
    pub(super) text: &'p str,
    /// Its number of characters.
    pub(super) chars: usize,
    /// The greatest distance whose partial score reaches the cutoff.
    pub(super) bound: usize,
}

impl<'p> Pattern<'p> {
    pub(super) fn new(text: &'p str, cutoff: f32) -> Self {
        let chars = text.chars().count();
        Self { text, chars, bound: greatest_distance(chars, cutoff) }
    }
}

/// The greatest distance of a pattern of `len` characters whose partial score,
/// as rounded, is at least the cutoff.
fn greatest_distance(len: usize, cutoff: f32) -> usize {
    // By bisection on the very expression that gives the score: solving for
    // the distance would round differently. Distance 0 scores 1 and passes.
    let (mut passes, mut fails) = (0, len + 1);
    while fails - passes > 1 {
        let distance = passes + (fails - passes) / 2;
        if fraction(len - distance, len) >= cutoff {
            passes = distance;
        } else {
            fails = distance;
        }
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greatest_distances() {
        for (len, cutoff, expected) in [
            (1, 0.0, 1),
            (1, f32::MIN_POSITIVE, 0),
            (1, 1.0, 0),
            (5, 0.8, 1),
            (5, 0.8_f32.next_up(), 0),
            (10, 0.7, 3),
            (100, 0.0, 100),
            (100, 0.01, 99),
        ] {
            assert_eq!(greatest_distance(len, cutoff), expected, "{len} at {cutoff}");
        }
        for len in 1..200 {
            for distance in 0..=len {
                let cutoff = fraction(len - distance, len);
                assert_eq!(greatest_distance(len, cutoff), distance);
            }
        }
    }
}
