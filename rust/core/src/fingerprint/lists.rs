//! The lists from which keys and words of responses are chosen, and which ship with the crate.

use std::sync::OnceLock;

macro_rules! bundled {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub fn $name() -> &'static [&'static str] {
            static LIST: OnceLock<Vec<&'static str>> = OnceLock::new();
            LIST.get_or_init(|| include_str!(concat!("../../data/", $file)).lines().collect())
        }
    };
}

bundled!(
    /// The response alphabet: 2,048 short common words that begin with distinct tokens.
    response_words, "responses.txt");
bundled!(
    /// Characters of classical Chinese.
    chinese, "chinese.txt");
bundled!(
    /// Japanese family names.
    japanese_family, "japanese_family.txt");
bundled!(
    /// Japanese given names.
    japanese_given, "japanese_given.txt");
bundled!(
    /// English adjectives.
    adjectives, "natural_adjective.txt");
bundled!(
    /// English nouns.
    nouns, "natural_noun.txt");
bundled!(
    /// English past participles.
    verbs, "natural_verb.txt");
bundled!(
    /// Given names from everywhere.
    names, "natural_name.txt");
bundled!(
    /// Cities and places.
    places, "natural_place.txt");
bundled!(
    /// Given names that answer a question.
    choices_name, "choices_name.txt");
bundled!(
    /// Cities that answer one.
    choices_town, "choices_town.txt");
bundled!(
    /// Dishes and what else is eaten.
    choices_food, "choices_food.txt");
bundled!(
    /// Animals.
    choices_animal, "choices_animal.txt");
bundled!(
    /// Trades.
    choices_trade, "choices_trade.txt");
bundled!(
    /// Things that can be found.
    choices_thing, "choices_thing.txt");

/// What keys may be composed of: the bundled lists, or the part a tokenizer can express.
#[derive(Clone, Debug)]
pub struct Alphabets {
    /// Characters of classical Chinese.
    pub chinese: Vec<String>,
    /// Japanese family names.
    pub family: Vec<String>,
    /// Japanese given names.
    pub given: Vec<String>,
    /// Rarely used entries of a tokenizer's vocabulary; empty without a tokenizer.
    pub vocab: Vec<String>,
}

impl Default for Alphabets {
    fn default() -> Self {
        let own = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect();
        Self {
            chinese: own(chinese()),
            family: own(japanese_family()),
            given: own(japanese_given()),
            vocab: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn lists_are_whole_and_distinct() {
        let lists: [(&[&str], usize); 9] = [
            (response_words(), 2048),
            (chinese(), 2048),
            (japanese_family(), 256),
            (japanese_given(), 256),
            (adjectives(), 256),
            (nouns(), 512),
            (verbs(), 256),
            (names(), 256),
            (places(), 256),
        ];
        for (list, size) in lists {
            assert_eq!(list.len(), size, "list that starts with {:?}", list.first());
            assert_eq!(list.iter().collect::<HashSet<_>>().len(), size);
            assert!(list.iter().all(|item| !item.is_empty() && item.trim() == *item));
        }
    }

    #[test]
    fn response_words_are_short_and_lower_case() {
        for word in response_words() {
            assert!((3..=8).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn words_are_as_answers_are_compared() {
        for word in response_words() {
            assert_eq!(ifrs_matching::plain(word), *word);
        }
    }
}
