//! How closely generated texts contain, or resemble, expected answers.
//!
//! Three methods, all over Unicode scalar values and never over bytes:
//!
//! * [`Method::Exact`]: 1 when the pattern occurs in the text, else 0.
//! * [`Method::Partial`]: `1 - d / m`, where `d` is the least Levenshtein
//!   distance of the pattern, of `m` characters, to any substring of the text
//!   (the empty one included, so the score lies in `[0, 1]`).
//! * [`Method::Ratio`]: `2 * LCS / (n + m)`, the normalised indel similarity
//!   of the two whole strings (`rapidfuzz.fuzz.ratio` over 100).
//!
//! Texts are compared as they are: no case folding and no Unicode
//! normalisation, so `é` as one scalar value and `e` with a combining accent
//! are different strings. Whoever wants them equal passes both through
//! [`plain()`] first, as verification does.
//!
//! # Rounding and the cutoff
//!
//! A score is a ratio of two integers. It is divided in `f64` and rounded to
//! `f32` once, and that rounded score is compared with the `f32` cutoff. While
//! both integers stay below 2^24 this gives the `f32` nearest to the true
//! ratio, so a score mathematically equal to the cutoff (4/5 and `0.8`) is
//! kept. A score below the cutoff is reported as 0.
//!
//! # Layout
//!
//! `outputs` cuts the texts into parcels for `batch` to spread over threads.
//! For each parcel `scorer` chooses between `exact` search, one `filter` for
//! each of a few patterns, an `index` of many, and comparing everything.
//! Filters find `pieces` of patterns with `teddy`; the `window` around each
//! goes, as do whole texts where everything is compared, `side_by_side` to the
//! `kernel`. Kernel and `teddy` are written once over the vector units in
//! `simd`, which has the module's only unsafe code. `texts` are strings, Arrow
//! columns, or whatever gives them;
//! `docs/explanation/scoring.md` explains the algorithms.

mod alphabet;
mod batch;
mod exact;
mod filter;
mod index;
mod kernel;
mod outputs;
mod pattern;
mod pieces;
mod plain;
mod scorer;
mod side_by_side;
pub mod signal;
mod simd;
mod teddy;
mod texts;
mod window;

#[cfg(test)]
mod oracle;

use std::fmt;
use std::str::FromStr;

pub use batch::{Stop, drive};
pub use pieces::pieces;
pub use simd::Path;
pub use texts::{Chunk, Column, Offsets, Slice, Texts, Validity};

pub use plain::plain;

/// How a text is compared with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// 1 when the pattern occurs in the text, else 0.
    ///
    /// Found by the Two-Way algorithm (Crochemore and Perrin, "Two-way
    /// string-matching", *JACM* 38(3), 1991) behind vectorised prefilters, as
    /// in the `memchr` crate.
    Exact,
    /// `1 - d / m`, with `d` the least Levenshtein distance of the pattern to
    /// any substring of the text and `m` the pattern's number of characters.
    ///
    /// Computed by Myers, "A fast bit-vector algorithm for approximate string
    /// matching based on dynamic programming", *JACM* 46(3), 1999, in the
    /// formulation of Hyyrö, "A bit-vector algorithm for computing Levenshtein
    /// and Damerau edit distances", *Nordic Journal of Computing* 10(1), 2003.
    Partial,
    /// `2 * LCS / (n + m)`, with `LCS` the length of the longest common
    /// subsequence of the whole text (`n` characters) and the whole pattern
    /// (`m` characters).
    ///
    /// Computed by Hyyrö, "Bit-parallel LCS-length computation revisited",
    /// *Proc. 15th Australasian Workshop on Combinatorial Algorithms*, 2004.
    Ratio,
}

impl Method {
    /// The name that [`FromStr`] reads back.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Partial => "partial",
            Self::Ratio => "ratio",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Method {
    type Err = ScoringError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "exact" => Ok(Self::Exact),
            "partial" => Ok(Self::Partial),
            "ratio" => Ok(Self::Ratio),
            _ => Err(ScoringError::UnknownMethod(name.to_owned())),
        }
    }
}

/// Why nothing was scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoringError {
    /// A pattern has no characters, so no score is defined for it.
    #[error("pattern {index} is empty")]
    EmptyPattern {
        /// Position of the first empty pattern.
        index: usize,
    },
    /// The cutoff is not a number in `[0, 1]`.
    #[error("cutoff must be a finite number between 0 and 1, not {0}")]
    InvalidCutoff(f32),
    /// Pairs were asked for, but the two lists differ in length.
    #[error("{texts} texts cannot be paired with {patterns} patterns")]
    LengthMismatch {
        /// Number of texts.
        texts: usize,
        /// Number of patterns.
        patterns: usize,
    },
    /// No method has this name.
    #[error("unknown scoring method {0:?}: expected \"exact\", \"partial\" or \"ratio\"")]
    UnknownMethod(String),
    /// This processor has no such instructions.
    #[error("no scoring path {0:?} on this processor: unset IFRS_SCORING_PATH")]
    UnknownPath(String),
    /// The patterns are too many for one automaton.
    #[error("cannot search for so many patterns at once: {0}")]
    Automaton(String),
    /// The scores would not fit in memory.
    #[error("no memory for the scores of {texts} texts against {patterns} patterns")]
    TooLarge {
        /// Number of texts.
        texts: usize,
        /// Number of patterns.
        patterns: usize,
    },
    /// The threads could not be started.
    #[error("could not start the scoring threads: {0}")]
    ThreadPool(String),
    /// The caller's interrupt asked to stop.
    #[error("scoring was interrupted")]
    Interrupted,
}

/// Asks whether to give up.
pub type Interrupt<'a> = &'a (dyn Fn() -> bool + Sync);

/// How to score a batch.
///
/// ```
/// use ifrs_matching::{Method, Options, Slice, score_with};
///
/// let options = Options { cutoff: 0.5, ..Options::new(Method::Partial) };
/// let texts = Slice(&["the answer is 42"]);
/// let scores = score_with(&texts, &["answer", "quagga"], &options)?;
/// assert_eq!(scores, [1.0, 0.0]);
/// # Ok::<(), ifrs_matching::ScoringError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How a text is compared with a pattern.
    pub method: Method,
    /// Scores below this are reported as 0; in `[0, 1]`.
    pub cutoff: f32,
    /// Number of threads; 0 means one for each core. Batches too small to
    /// repay the threads run on the calling thread.
    pub workers: usize,
    /// Polled every few tens of milliseconds, always on the calling thread;
    /// once it returns true the batch is given up with
    /// [`ScoringError::Interrupted`].
    pub interrupt: Option<Interrupt<'a>>,
    /// Which instructions to use; else what [`Path::choose`] chooses.
    pub path: Option<Path>,
}

impl Options<'_> {
    /// No cutoff, all cores, no interrupt.
    #[must_use]
    pub const fn new(method: Method) -> Self {
        Self { method, cutoff: 0.0, workers: 0, interrupt: None, path: None }
    }

    fn path(&self) -> Result<Path, ScoringError> {
        self.path.map_or_else(Path::choose, Ok)
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("method", &self.method)
            .field("cutoff", &self.cutoff)
            .field("workers", &self.workers)
            .field("interrupt", &self.interrupt.is_some())
            .field("path", &self.path)
            .finish()
    }
}

/// Scores every text against every pattern.
///
/// The scores are row-major: `scores[t * patterns.len() + p]` is the score of
/// `texts[t]` against `patterns[p]`. For `cutoff` and `workers` see
/// [`Options`].
///
/// # Errors
///
/// [`ScoringError::InvalidCutoff`], [`ScoringError::EmptyPattern`],
/// [`ScoringError::TooLarge`] or [`ScoringError::ThreadPool`].
///
/// ```
/// use ifrs_matching::{Method, score};
///
/// let scores = score(&["kitten", ""], &["mitten", "x"], Method::Partial, 0.0, 1)?;
/// assert_eq!(scores, [5.0 / 6.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), ifrs_matching::ScoringError>(())
/// ```
pub fn score<T, P>(
    texts: &[T],
    patterns: &[P],
    method: Method,
    cutoff: f32,
    workers: usize,
) -> Result<Vec<f32>, ScoringError>
where
    T: AsRef<str> + Sync,
    P: AsRef<str> + Sync,
{
    let options = Options { cutoff, workers, ..Options::new(method) };
    score_with(&Slice(texts), &borrowed(patterns), &options)
}

/// Scores each text against the pattern at the same position.
///
/// # Errors
///
/// As [`score`], and [`ScoringError::LengthMismatch`] when the two lists
/// differ in length.
pub fn score_pairs<T, P>(
    texts: &[T],
    patterns: &[P],
    method: Method,
    cutoff: f32,
    workers: usize,
) -> Result<Vec<f32>, ScoringError>
where
    T: AsRef<str> + Sync,
    P: AsRef<str> + Sync,
{
    let options = Options { cutoff, workers, ..Options::new(method) };
    score_pairs_with(&Slice(texts), &borrowed(patterns), &options)
}

fn borrowed<P: AsRef<str>>(patterns: &[P]) -> Vec<&str> {
    patterns.iter().map(AsRef::as_ref).collect()
}

/// [`score`] of texts wherever they lie, with all its options.
///
/// # Errors
///
/// As [`score`], [`ScoringError::Interrupted`] when the interrupt asked to
/// stop, and [`ScoringError::UnknownPath`].
pub fn score_with(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<Vec<f32>, ScoringError> {
    check_cutoff(options.cutoff)?;
    check_patterns(patterns)?;
    outputs::matrix(texts, patterns, options)
}

/// [`score_pairs`] of texts wherever they lie, with all its options.
///
/// # Errors
///
/// As [`score_with`], and [`ScoringError::LengthMismatch`].
pub fn score_pairs_with(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<Vec<f32>, ScoringError> {
    check_cutoff(options.cutoff)?;
    if texts.len() != patterns.len() {
        return Err(ScoringError::LengthMismatch { texts: texts.len(), patterns: patterns.len() });
    }
    check_patterns(patterns)?;
    outputs::pairs(texts, patterns, options)
}

/// The pattern that scores highest for each text, the first of equals, and its
/// score; -1 and 0 where none scores above 0 and at least the cutoff.
///
/// # Errors
///
/// As [`score_with`].
///
/// ```
/// use ifrs_matching::{Method, Options, Slice, best_match_with};
///
/// let options = Options { cutoff: 0.8, ..Options::new(Method::Partial) };
/// let texts = Slice(&["a kitten", "nothing"]);
/// let (indices, scores) = best_match_with(&texts, &["mitten", "kitten"], &options)?;
/// assert_eq!(indices, [1, -1]);
/// assert_eq!(scores, [1.0, 0.0]);
/// # Ok::<(), ifrs_matching::ScoringError>(())
/// ```
pub fn best_match_with(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<(Vec<i64>, Vec<f32>), ScoringError> {
    check_cutoff(options.cutoff)?;
    check_patterns(patterns)?;
    outputs::best(texts, patterns, options)
}

/// Pairs of a text and a pattern, by text and then by pattern, as three lists
/// of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// Positions of the texts.
    pub texts: Vec<i64>,
    /// Positions of the patterns.
    pub patterns: Vec<i64>,
    /// Their scores.
    pub scores: Vec<f32>,
}

/// Every pair whose score is above 0 and at least the cutoff.
///
/// # Errors
///
/// As [`score_with`].
pub fn top_hits_with(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<Hits, ScoringError> {
    check_cutoff(options.cutoff)?;
    check_patterns(patterns)?;
    outputs::hits(texts, patterns, options)
}

/// Scores one text against one pattern, on the calling thread.
///
/// # Errors
///
/// [`ScoringError::EmptyPattern`], with index 0.
///
/// ```
/// use ifrs_matching::{Method, score_one};
///
/// assert_eq!(score_one("abc", "bcd", Method::Ratio)?, 2.0 / 3.0);
/// # Ok::<(), ifrs_matching::ScoringError>(())
/// ```
pub fn score_one(text: &str, pattern: &str, method: Method) -> Result<f32, ScoringError> {
    Ok(score(&[text], &[pattern], method, 0.0, 1)?[0])
}

fn check_cutoff(cutoff: f32) -> Result<(), ScoringError> {
    // The range holds neither infinity nor NaN.
    if (0.0..=1.0).contains(&cutoff) { Ok(()) } else { Err(ScoringError::InvalidCutoff(cutoff)) }
}

fn check_patterns<P: AsRef<str>>(patterns: &[P]) -> Result<(), ScoringError> {
    match patterns.iter().position(|p| p.as_ref().is_empty()) {
        Some(index) => Err(ScoringError::EmptyPattern { index }),
        None => Ok(()),
    }
}

/// The score `numerator / denominator`, rounded to `f32` once.
///
/// Never decreases as the numerator grows, so a bound on the numerator gives a
/// sound bound on the rounded score.
fn fraction(numerator: usize, denominator: usize) -> f32 {
    (numerator as f64 / denominator as f64) as f32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn methods_are_read_by_name() {
        for method in [Method::Exact, Method::Partial, Method::Ratio] {
            assert_eq!(method.to_string().parse::<Method>().unwrap(), method);
        }
        for name in ["", "Exact", "ratio ", "hamming"] {
            let error = name.parse::<Method>().unwrap_err();
            assert!(matches!(&error, ScoringError::UnknownMethod(n) if n == name));
        }
    }

    #[test]
    fn empty_patterns_are_named() {
        let error = score(&["a"], &["x", "", ""], Method::Exact, 0.0, 1).unwrap_err();
        assert!(matches!(error, ScoringError::EmptyPattern { index: 1 }));
        assert_eq!(error.to_string(), "pattern 1 is empty");
        let none: [&str; 0] = [];
        assert!(score(&none, &[""], Method::Ratio, 0.0, 1).is_err());
        let error = score_pairs(&["a", "b"], &["x", ""], Method::Partial, 0.0, 1).unwrap_err();
        assert!(matches!(error, ScoringError::EmptyPattern { index: 1 }));
        let error = score_one("a", "", Method::Partial).unwrap_err();
        assert!(matches!(error, ScoringError::EmptyPattern { index: 0 }));
    }

    #[test]
    fn cutoffs_outside_the_unit_interval_are_refused() {
        for cutoff in
            [-0.1, 1.000_001, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::MIN_POSITIVE]
        {
            let error = score(&["a"], &["a"], Method::Exact, cutoff, 1).unwrap_err();
            assert!(matches!(error, ScoringError::InvalidCutoff(_)));
            let error = score_pairs(&["a"], &["a"], Method::Exact, cutoff, 1).unwrap_err();
            assert!(matches!(error, ScoringError::InvalidCutoff(_)));
        }
        for cutoff in [0.0, -0.0, 1.0] {
            assert_eq!(score(&["a"], &["a"], Method::Exact, cutoff, 1).unwrap(), [1.0]);
        }
    }

    #[test]
    fn pairs_need_equal_lengths() {
        let error = score_pairs(&["a"], &["a", "b"], Method::Exact, 0.0, 1).unwrap_err();
        assert!(matches!(error, ScoringError::LengthMismatch { texts: 1, patterns: 2 }));
    }

    #[test]
    fn a_score_equal_to_the_cutoff_is_kept() {
        // One substitution in m characters: (m - 1) / m.
        for m in 2..200_usize {
            let text = "a".repeat(m - 1);
            let pattern = format!("{text}b");
            let equal = ((m - 1) as f64 / m as f64) as f32;
            let at = score(&[&text], &[&pattern], Method::Partial, equal, 1).unwrap();
            assert_eq!(at, [equal], "m = {m}");
            let above = score(&[&text], &[&pattern], Method::Partial, equal.next_up(), 1).unwrap();
            assert_eq!(above, [0.0], "m = {m}");
        }
        // 2 * 4 / (4 + 6) = 0.8.
        let at = score(&["abcd"], &["abcdef"], Method::Ratio, 0.8, 1).unwrap();
        assert_eq!(at, [0.8]);
        let above = score(&["abcd"], &["abcdef"], Method::Ratio, 0.8_f32.next_up(), 1).unwrap();
        assert_eq!(above, [0.0]);
    }
}
