//! Which tokens of a vocabulary would be green behind a text.

use aes::Aes128;
use rayon::prelude::*;

use super::words::{Half, begins_apart, half, is_open, opening, pair, words};
use super::{Key, LANES, cipher, colours};
use crate::plain;
use std::collections::HashMap;

/// What tokens begin with.
#[derive(Debug, Default)]
pub struct Vocabulary {
    openings: Vec<Half>,
    tokens: Vec<Token>,
}

#[derive(Debug)]
struct Token {
    /// The place of what it begins a word with; `None` where it holds no letter.
    opening: Option<u32>,
    /// Whether it begins a word of its own wherever it stands.
    apart: bool,
}

impl Vocabulary {
    /// A vocabulary of these texts.
    pub fn of<T: AsRef<str>>(texts: &[T]) -> Self {
        let (mut places, mut made) = (HashMap::new(), Self::default());
        for text in texts {
            let text = text.as_ref();
            let plain = plain(text);
            let found = words(&plain).next().map(|word| {
                let half = half(opening(word));
                *places.entry(half).or_insert_with(|| {
                    made.openings.push(half);
                    made.openings.len() as u32 - 1
                })
            });
            made.tokens.push(Token { opening: found, apart: begins_apart(text) });
        }
        made
    }

    /// How many tokens it has.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

/// One colouring. No `Debug`, no `Clone`: it is secret, and wiped when dropped.
pub struct Painter {
    cipher: Aes128,
    lane: usize,
}

impl Painter {
    /// The colouring `lane` of a key.
    ///
    /// # Panics
    ///
    /// If a key has no such one.
    pub fn new(key: &Key, lane: usize) -> Self {
        assert!(lane < LANES, "a key has 64 colourings");
        Self { cipher: cipher(key), lane }
    }

    /// Whether each token of a vocabulary would begin a green pair behind a text; a row for each
    /// text. A token that goes on with a word begins none.
    ///
    /// # Panics
    ///
    /// If `out` is not of that size.
    pub fn paint<T: AsRef<str> + Sync>(
        &self,
        vocabulary: &Vocabulary,
        texts: &[T],
        out: &mut [bool],
    ) {
        assert_eq!(out.len(), texts.len() * vocabulary.len(), "a row for each text");
        if out.is_empty() {
            return;
        }
        out.par_chunks_mut(vocabulary.len()).zip(texts).for_each(|(row, text)| {
            self.row(vocabulary, text.as_ref(), row);
        });
    }

    fn row(&self, vocabulary: &Vocabulary, text: &str, row: &mut [bool]) {
        let (plain, open) = (plain(text), is_open(text));
        let before = half(words(&plain).last().unwrap_or_default());
        let mut blocks: Vec<aes::Block> =
            vocabulary.openings.iter().map(|&opening| pair(before, opening).into()).collect();
        let green: Vec<bool> = colours(&self.cipher, self.lane, &mut blocks).collect();
        for (is_green, token) in row.iter_mut().zip(&vocabulary.tokens) {
            let begins = token.apart || !open;
            *is_green = begins && token.opening.is_some_and(|place| green[place as usize]);
        }
    }
}
