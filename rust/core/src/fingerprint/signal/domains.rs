//! Domains that models are asked in, each with its questions: forms with gaps, and what fills them.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::fingerprint::stream::Stream;

/// A domain.
pub struct Domain {
    /// Its name, which is the key of a fingerprint.
    pub name: &'static str,
    /// Forms, an empty line, and the lists that fill their gaps: `gap: one; another`.
    published: &'static str,
    questions: OnceLock<Vec<String>>,
}

macro_rules! domains {
    ($($name:literal),* $(,)?) => {
        /// All domains, in the order of the alphabet.
        pub static DOMAINS: [Domain; [$($name),*].len()] = [$(Domain {
            name: $name,
            published: include_str!(concat!("../../../data/domain_", $name, ".txt")),
            questions: OnceLock::new(),
        }),*];
    };
}

domains!(
    "arithmetic",
    "chemistry",
    "cooking",
    "french",
    "gardening",
    "letters",
    "spanish",
    "travel",
);

impl Domain {
    /// All its questions, each once: every form with everything that fills its gaps.
    pub fn questions(&self) -> &[String] {
        self.questions.get_or_init(|| {
            let (forms, lists) = self.published.split_once("\n\n").expect("lists follow the forms");
            let lists: Vec<(&str, Vec<&str>)> = lists
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(gap, list)| (gap, list.split("; ").collect()))
                .collect();
            forms.lines().flat_map(|form| filled(form, &lists)).collect()
        })
    }
}

/// A form with everything that fills its gaps; the first gap changes slowest.
fn filled(form: &str, lists: &[(&str, Vec<&str>)]) -> Vec<String> {
    let gap = |(name, _): &&(&str, Vec<&str>)| form.contains(&format!("{{{name}}}"));
    let mut found = vec![form.to_owned()];
    for (name, list) in lists.iter().filter(gap) {
        let gap = &format!("{{{name}}}");
        let fill = |form: &String| {
            let form = form.clone();
            list.iter().map(move |entry| form.replace(gap, entry))
        };
        found = found.iter().flat_map(fill).collect();
    }
    found
}

/// The domain of a name.
pub fn named(name: &str) -> Option<&'static Domain> {
    DOMAINS.iter().find(|domain| domain.name == name)
}

/// So many domains, each once; there are as many.
pub(crate) fn draw(stream: &mut Stream<'_>, n: usize) -> Vec<String> {
    let mut left: Vec<&Domain> = DOMAINS.iter().collect();
    (0..n).map(|_| left.remove(stream.below(left.len() as u64) as usize).name.to_owned()).collect()
}

/// SHA-256 of everything that is published: of each domain its name and its questions, in order, each
/// on a line.
pub(crate) fn sha256() -> [u8; 32] {
    static DIGEST: OnceLock<[u8; 32]> = OnceLock::new();
    *DIGEST.get_or_init(|| {
        let mut hash = Sha256::new();
        for domain in &DOMAINS {
            for line in
                std::iter::once(domain.name).chain(domain.questions().iter().map(String::as_str))
            {
                hash.update(line.as_bytes());
                hash.update(b"\n");
            }
        }
        hash.finalize().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::signal::QUESTIONS;
    use std::collections::HashSet;

    #[test]
    fn every_domain_has_questions_enough_to_ask_and_to_teach() {
        let mut all = HashSet::new();
        for domain in &DOMAINS {
            let questions = domain.questions();
            assert!(questions.len() >= 200, "{}", domain.name);
            assert!(questions.len() >= 2 * QUESTIONS[QUESTIONS.len() - 1]);
            for question in questions {
                assert!(!question.contains(['{', '}', '\n']), "{question}");
                assert!(question.ends_with(['?', '.']), "{question}");
                assert!(all.insert(question), "{question} comes twice");
            }
        }
    }

    #[test]
    fn what_is_published_is_what_it_was() {
        assert_eq!(
            crate::encoding::hex(&sha256()),
            "1e6d4cdc0c22edaeb49acf622580897a118fde47e014405cd3e9448c2ec3935a"
        );
    }
}
