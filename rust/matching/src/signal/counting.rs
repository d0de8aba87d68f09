//! How many pairs are green, under 64 colourings of every key at once.

use aes::cipher::BlockEncrypt;
use rayon::prelude::*;

use super::{Key, LANES, MAX_PAIRS, Pair, cipher, greens};

/// Pairs encrypted at a time: as much as the nearest cache holds.
const AT_ONCE: usize = 128;

/// Bits of a count.
const BITS: usize = 16;

/// How many of some pairs are green under each colouring: 64 counts for every key, in order.
///
/// `stop` is asked now and then; `None` if it says so.
///
/// # Panics
///
/// If there are more than [`MAX_PAIRS`].
pub fn tally(keys: &[Key], pairs: &[Pair], stop: &(dyn Fn() -> bool + Sync)) -> Option<Vec<u16>> {
    assert!(pairs.len() <= MAX_PAIRS, "more pairs than a count holds");
    let blocks: Vec<aes::Block> = pairs.iter().map(|pair| (*pair).into()).collect();
    let mut counts = vec![0; keys.len() * LANES];
    counts.par_chunks_mut(LANES).zip(keys).try_for_each(|(counts, key)| {
        if stop() {
            return None;
        }
        count(key, &blocks, counts);
        Some(())
    })?;
    Some(counts)
}

fn count(key: &Key, blocks: &[aes::Block], counts: &mut [u16]) {
    let cipher = cipher(key);
    let mut counter = Counter::default();
    let mut coloured = [aes::Block::default(); AT_ONCE];
    for part in blocks.chunks(AT_ONCE) {
        let coloured = &mut coloured[..part.len()];
        cipher.encrypt_blocks_b2b(part, coloured).expect("both are of one length");
        let (eights, rest) = coloured.as_chunks::<8>();
        for eight in eights {
            counter.add_eight(eight.each_ref().map(greens));
        }
        for block in rest {
            counter.add(greens(block), 0);
        }
    }
    counter.read(counts);
}

/// 64 counts side by side: one word for each of their bits.
#[derive(Default)]
struct Counter([u64; BITS]);

impl Counter {
    /// Adds words of bits that count 2^`bit` each.
    fn add(&mut self, mut carry: u64, bit: usize) {
        for sum in &mut self.0[bit..] {
            if carry == 0 {
                return;
            }
            (*sum, carry) = (*sum ^ carry, *sum & carry);
        }
    }

    /// Adds eight words of bits: most carries meet each other before they meet the counts.
    ///
    /// W. J. Harley's tree of adders (Warren, "Hacker's Delight", 2nd edition, section 5-1).
    fn add_eight(&mut self, words: [u64; 8]) {
        let [a, b, c, d, e, f, g, h] = words;
        let [ones, twos, fours, ..] = self.0;
        let (ones, two_a) = full(ones, a, b);
        let (ones, two_b) = full(ones, c, d);
        let (ones, two_c) = full(ones, e, f);
        let (ones, two_d) = full(ones, g, h);
        let (twos, four_a) = full(twos, two_a, two_b);
        let (twos, four_b) = full(twos, two_c, two_d);
        let (fours, eights) = full(fours, four_a, four_b);
        (self.0[0], self.0[1], self.0[2]) = (ones, twos, fours);
        self.add(eights, 3);
    }

    fn read(&self, counts: &mut [u16]) {
        for (lane, count) in counts.iter_mut().enumerate() {
            let bit = |(bit, word): (usize, &u64)| ((word >> lane & 1) as u16) << bit;
            *count = self.0.iter().enumerate().map(bit).sum();
        }
    }
}

/// The sum of three bits, and what is carried, 64 times.
fn full(a: u64, b: u64, c: u64) -> (u64, u64) {
    let half = a ^ b;
    (half ^ c, a & b | half & c)
}
