//! Where a response stands among its candidates, factor by factor.

use crate::fingerprint::Alphabet;
use crate::fingerprint::choices::{Asked, LISTED, mentioned};
use crate::statistics::StatisticsError;
use crate::statistics::ranks::{Rank, rank};

/// Ranks each factor of a response by the scores of all that could stand there.
///
/// # Errors
///
/// If a score is no number, or there is not one for each choice.
pub fn by_scores(
    alphabet: &Alphabet,
    places: &[usize],
    scores: &[Vec<f32>],
) -> Result<Vec<Rank>, StatisticsError> {
    let wanted = places.len();
    if scores.len() != wanted {
        return Err(StatisticsError::OutOfRange { index: scores.len(), len: wanted });
    }
    let one = |(factor, scores): (usize, &Vec<f32>)| {
        let width = alphabet.width(factor);
        if scores.len() != width {
            return Err(StatisticsError::OutOfRange { index: scores.len(), len: width });
        }
        rank(scores, places[factor], alphabet.excluded(factor, places))
    };
    scores.iter().enumerate().map(one).collect()
}

/// Ranks each factor by an answer that names one choice of each: the first place if it is right,
/// else the last, as for an answer that names none.
pub fn by_label(alphabet: &Alphabet, places: &[usize], answer: &str) -> Vec<Rank> {
    let named = alphabet.parse(answer);
    let one = |(factor, (&place, &candidates)): (usize, (&usize, &usize))| {
        let right = named.as_ref().is_some_and(|named| named[factor] == place);
        Rank { rank: if right { 1 } else { candidates }, candidates }
    };
    places.iter().zip(alphabet.sizes()).enumerate().map(one).collect()
}

/// Ranks a natural answer by what a text mentions: the first choice of its list that stands there as
/// a whole word ranks first, the next other one second, and so on; all others tie for the last place.
///
/// The order is a function of question and answer, and the truth is uniform and unknown to whoever
/// answers: its rank is at most r with probability at most r / 256, whatever is answered.
pub fn by_mention(asked: &Asked<'_>, place: usize, answer: &str) -> Rank {
    let found = mentioned(asked, answer).iter().position(|&said| said == place);
    Rank { rank: found.map_or(LISTED, |before| before + 1), candidates: LISTED }
}

/// The last ranks: of a key that proves nothing.
pub fn last(candidates: &[usize]) -> Vec<Rank> {
    candidates.iter().map(|&candidates| Rank { rank: candidates, candidates }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_ranked_one_by_one() {
        let actions = Alphabet::of("actions", &[3, 2]).unwrap();
        let found = by_scores(&actions, &[2, 0], &[vec![0.1, 0.9, 0.5], vec![0.0, 0.0]]).unwrap();
        let pairs: Vec<_> = found.iter().map(|rank| (rank.rank, rank.candidates)).collect();
        assert_eq!(pairs, [(2, 3), (2, 2)], "ties count against the truth");
        for scores in [vec![], vec![vec![0.0; 3]], vec![vec![0.0; 3]; 2]] {
            assert!(by_scores(&actions, &[2, 0], &scores).is_err());
        }
    }

    #[test]
    fn the_second_word_is_not_ranked_beside_the_first() {
        let words = Alphabet::default();
        let mut scores = vec![vec![0.0; 2048]; 2];
        (scores[0][5], scores[1][7], scores[1][5]) = (1.0, 1.0, 2.0);
        let found = by_scores(&words, &[5, 7], &scores).unwrap();
        let pairs: Vec<_> = found.iter().map(|rank| (rank.rank, rank.candidates)).collect();
        assert_eq!(pairs, [(1, 2048), (1, 2047)]);
    }

    #[test]
    fn a_natural_answer_ranks_where_it_is_mentioned() {
        let question = "On 2 May 1203 the people of Velmarkon held a feast in the valley of Talbrindor; \
            of the 512 guests there were 201 from the island of Zimgalthor, and the others came from \
            the town of Nalverdim. What did they eat?";
        let asked = Asked::read(question).unwrap();
        let place = asked.kind.list().iter().position(|choice| *choice == "soup").unwrap();
        let rank = |answer| by_mention(&asked, place, answer).rank;
        assert_eq!([rank("Soup."), rank("Bread and soup"), rank("stew, then SOUP")], [1, 1, 2]);
        assert_eq!([rank(""), rank("soups"), rank("what did they eat")], [LISTED; 3]);
    }

    #[test]
    fn a_label_alone_is_the_first_place_or_the_last() {
        let actions = Alphabet::of("actions", &[3, 2]).unwrap();
        let ranks = |answer| {
            by_label(&actions, &[2, 0], answer).iter().map(|rank| rank.rank).collect::<Vec<_>>()
        };
        assert_eq!(ranks("2 0"), [1, 1]);
        assert_eq!(ranks(" 2\t1 "), [1, 2]);
        for answer in ["", "2", "2 0 0", "2 7", "two nought"] {
            assert_eq!(ranks(answer), [3, 2], "{answer}");
        }
    }
}
