//! Evidence from text alone: how well an answer holds the true response, among decoys.

use super::EvidenceError;
use super::ranks::{Rank, rank};
use crate::scoring::{Method, plain, score};

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
pub fn rank_text(
    answer: &str,
    response: &str,
    decoys: &[String],
) -> Result<TextRank, EvidenceError> {
    let (answer, response) = (plain(answer), plain(response));
    let fired = !response.is_empty() && answer.contains(&response);
    let patterns: Vec<&str> =
        std::iter::once(&response).chain(decoys).map(String::as_str).collect();
    let scores = score(&[answer], &patterns, Method::Partial, 0.0, 1)
        .map_err(|error| EvidenceError::Bundle(error.to_string()))?;
    Ok(TextRank { rank: rank(&scores, 0, None)?, score: scores[0], fired })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::decoys::decoys;

    #[test]
    fn what_wraps_a_response_does_not_hide_it() {
        let others = decoys(b"claim", 0, 255);
        for answer in ["copper window", "```\nCOPPER\u{200b} window!\n```", "It is: copper window"]
        {
            let found = rank_text(answer, "copper window", &others).unwrap();
            assert_eq!((found.rank.rank, found.score, found.fired), (1, 1.0, true), "{answer}");
        }
        let found = rank_text("", "copper window", &others).unwrap();
        assert_eq!((found.rank.rank, found.fired), (256, false));
    }

    #[test]
    fn who_says_everything_says_nothing() {
        let others = decoys(b"claim", 0, 255);
        let all = others.join(" ") + " copper window";
        assert_eq!(rank_text(&all, "copper window", &others).unwrap().rank.rank, 256);
    }
}
