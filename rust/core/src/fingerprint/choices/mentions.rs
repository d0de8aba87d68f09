//! Which choices an answer mentions, in order: what text alone says of a response.
//!
//! A choice is mentioned where an answer holds it as a whole word.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Asked, KINDS, Kind, LISTED};
use ifrs_matching::plain;

/// Places of the choices that an answer mentions, each once, in order.
///
/// Both are made plain first, so that case, marks and markup do not count. A choice that the question
/// itself holds is none that somebody answers with.
pub fn mentioned(asked: &Asked<'_>, answer: &str) -> Vec<usize> {
    let places = table(asked.kind);
    let mut open = [true; LISTED];
    for word in plain(asked.question).split(' ') {
        if let Some(&place) = places.get(word) {
            open[place] = false;
        }
    }
    let mut found = Vec::new();
    for word in plain(answer).split(' ') {
        if let Some(&place) = places.get(word).filter(|place| open[**place]) {
            open[place] = false;
            found.push(place);
        }
    }
    found
}

/// Places by plain words.
fn table(kind: &'static Kind) -> &'static HashMap<String, usize> {
    static TABLES: [OnceLock<HashMap<String, usize>>; KINDS.len()] =
        [const { OnceLock::new() }; KINDS.len()];
    let which =
        KINDS.iter().position(|known| std::ptr::eq(known, kind)).expect("it is one of them");
    TABLES[which].get_or_init(|| {
        kind.list().iter().enumerate().map(|(place, choice)| (plain(choice), place)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::questions;
    use super::*;
    use proptest::prelude::*;

    fn asked_for(name: &str) -> String {
        let all = questions(60);
        all.into_iter().find(|question| Asked::read(question).unwrap().kind.name == name).unwrap()
    }

    /// Where a place stands: last, if it is not mentioned.
    fn rank(mentioned: &[usize], place: usize) -> usize {
        mentioned.iter().position(|&said| said == place).map_or(LISTED, |before| before + 1)
    }

    fn ranks(question: &str, choice: &str, answer: &str) -> usize {
        let asked = Asked::read(question).unwrap();
        let place = asked.kind.list().iter().position(|known| *known == choice).unwrap();
        rank(&mentioned(&asked, answer), place)
    }

    #[test]
    fn whole_words_count_in_the_order_of_their_first_mention() {
        let question = asked_for("name");
        let rank = |choice, answer| ranks(&question, choice, answer);
        for answer in ["Martin", "He was called MARTIN.", "**M\u{e1}rtin**", "Martin! Not Peter."] {
            assert_eq!(rank("Martin", answer), 1, "{answer}");
        }
        assert_eq!(rank("Peter", "Martin, or was it Peter? No, Martin."), 2);
        for answer in ["", "Martins", "Martinson", "Mar tin", "nobody knows"] {
            assert_eq!(rank("Martin", answer), LISTED, "{answer}");
        }
        assert_eq!(ranks(&asked_for("animal"), "owl", "a bowl, a fowl, an owl"), 1);
        assert_eq!(ranks(&asked_for("animal"), "owl", "Martin saw owls"), LISTED);
    }

    #[test]
    fn an_echo_says_nothing() {
        for question in questions(60) {
            let asked = Asked::read(&question).unwrap();
            assert!(mentioned(&asked, &question).is_empty());
            assert!(mentioned(&asked, &asked.frame().before).is_empty());
        }
    }

    #[test]
    fn a_sentence_says_its_choice() {
        for question in questions(12) {
            let asked = Asked::read(&question).unwrap();
            for place in 0..LISTED {
                assert_eq!(mentioned(&asked, &asked.spell(place)), [place]);
            }
        }
    }

    proptest! {
        // Over all truths the ranks of one answer are what uniform ones are, or worse.
        #[test]
        fn whatever_is_answered_the_rank_is_uniform_or_worse(
            picks in proptest::collection::vec(0_usize..300, 0..400),
        ) {
            let question = asked_for("food");
            let asked = Asked::read(&question).unwrap();
            let word = |&pick: &usize| asked.kind.list().get(pick).copied().unwrap_or("nothing");
            let answer = picks.iter().map(word).collect::<Vec<_>>().join(" ");
            let mut counts = [0; LISTED + 1];
            let said = mentioned(&asked, &answer);
            for place in 0..LISTED {
                counts[rank(&said, place)] += 1;
            }
            let mut below = 0;
            for (rank, count) in counts.iter().enumerate() {
                below += count;
                prop_assert!(below <= rank, "{below} truths rank at most {rank}");
            }
            prop_assert_eq!(below, LISTED);
        }
    }
}
