//! Colourings of texts: which pairs of neighbouring words are green, for many secrets at once.
//!
//! A colouring makes every pair of a word and the beginning of the next one green, or not, by a
//! secret: with probability a quarter, and each pair by itself. Who knows no secret can prefer no
//! colouring, so that the number of green pairs in a text says how well it fits one secret among
//! many.
//!
//! [`words`] cuts texts into pairs, [`tally`] counts their greens under 64 colourings of every
//! key, and [`Painter`] says which tokens of a vocabulary would be green next.
//!
//! # The colouring
//!
//! A pair is one block of AES: eight bytes of a hash of the word before, eight of the beginning. Under
//! a key of 16 bytes it gives 128 bits. Bit `i` of the first eight bytes and bit `i` of the last
//! eight (both read little end first) belong to colouring `i` of that key, 0 to 63: green where both
//! are 0.

mod counting;
mod painting;
mod words;

pub use counting::tally;
pub use painting::{Painter, Vocabulary};
pub use words::{MAX_PAIRS, Pair, pairs};

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};

/// Colourings that one key gives.
pub const LANES: usize = 64;

/// A secret of 64 colourings.
pub type Key = [u8; 16];

/// The green bits of one encrypted pair, a colouring each.
fn greens(block: &aes::Block) -> u64 {
    let number = u128::from_le_bytes((*block).into());
    !(number as u64 | (number >> 64) as u64)
}

/// Whether some pairs are green under one colouring of a key.
fn colours(cipher: &Aes128, lane: usize, pairs: &mut [aes::Block]) -> impl Iterator<Item = bool> {
    cipher.encrypt_blocks(pairs);
    pairs.iter().map(move |block| greens(block) >> lane & 1 == 1)
}

fn cipher(key: &Key) -> Aes128 {
    Aes128::new(key.into())
}

#[cfg(test)]
mod tests;
