//! Evidence from text alone: how well an answer holds the true response, among decoys.

use super::AttestError;
use crate::statistics::ranks::{Rank, rank};
use ifrs_matching::{Method, ScoringError, plain, score, score_one};

/// What an answer says of one response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextRank {
    /// Where the response stands among its decoys.
    pub rank: Rank,
    /// The best fuzzy match of the response within the answer, 0 to 1.
    pub score: f32,
    /// Whether it occurs there.
    pub fired: bool,
}

/// Ranks a response among decoys by its best fuzzy match within the answer, both made plain.
pub fn rank_text(answer: &str, response: &str, decoys: &[String]) -> Result<TextRank, AttestError> {
    let (answer, response) = (plain(answer), plain(response));
    let fired = !response.is_empty() && answer.contains(&response);
    let answer = if response.is_ascii() { narrowed(&answer) } else { answer };
    let refused = |error: ScoringError| AttestError::Scoring(error.to_string());
    let own = score_one(&answer, &response, Method::Partial).map_err(refused)?;
    // Words of the alphabet are plain already. What scores less than the truth is not told apart,
    // which saves most of the work: a rank counts only what scores as high.
    let mut scores = vec![own];
    scores.extend(score(&[answer], decoys, Method::Partial, own, 1).map_err(refused)?);
    Ok(TextRank { rank: rank(&scores, 0, None)?, score: own, fired })
}

/// The answer with one stand-in for every character that no word of the alphabet holds: it matches
/// none of them either, and narrow text is searched many times as fast.
fn narrowed(answer: &str) -> String {
    answer.chars().map(|c| if c.is_ascii() { c } else { '\0' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::decoys::decoys;

    #[test]
    fn what_wraps_a_response_does_not_hide_it() {
        let others = decoys(&[3; 32], b"claim", 0, 255);
        for answer in ["copper window", "```\nCOPPER\u{200b} window!\n```", "It is: copper window"]
        {
            let found = rank_text(answer, "copper window", &others).unwrap();
            assert_eq!((found.rank.rank, found.score, found.fired), (1, 1.0, true), "{answer}");
        }
        let found = rank_text("", "copper window", &others).unwrap();
        assert_eq!((found.rank.rank, found.fired), (256, false));
    }

    #[test]
    fn ranks_are_those_of_all_scores() {
        let others = decoys(&[3; 32], b"claim", 1, 511);
        let foreign = format!("صلى الله {} window é", &others[7]);
        for answer in ["", "copper", "the window", "copper windaw", &others[3], "xyz", &foreign] {
            let all = score(&[answer], &others, Method::Partial, 0.0, 1).unwrap();
            let own = score_one(answer, "copper window", Method::Partial).unwrap();
            let high = 1 + all.iter().filter(|&&score| score >= own).count();
            let found = rank_text(answer, "copper window", &others).unwrap();
            assert_eq!((found.rank.rank, found.score), (high, own), "{answer}");
        }
    }

    #[test]
    fn who_says_everything_says_nothing() {
        let others = decoys(&[3; 32], b"claim", 0, 255);
        let all = others.join(" ") + " copper window";
        assert_eq!(rank_text(&all, "copper window", &others).unwrap().rank.rank, 256);
    }
}
