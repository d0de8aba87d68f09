//! Plausible English questions.

use super::List;

/// A question of 18 choices and 148 bits; each `%x` is one word of a bundled list.
const QUESTION: &str = "Why was the %a %n %v by %g in %p before the %a %n was %v by %g near %p, \
     and did the %a %n from %p belong to %g or to the %a %n %v in %p?";

/// The lists of its words, in order.
pub(super) fn lists() -> impl Iterator<Item = List> {
    QUESTION.split('%').skip(1).map(|part| match part.as_bytes()[0] {
        b'a' => List::Adjective,
        b'n' => List::Noun,
        b'v' => List::Verb,
        b'g' => List::Name,
        _ => List::Place,
    })
}

/// The question with its words.
pub(super) fn fill(words: &[&str]) -> String {
    let mut parts = QUESTION.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (word, part) in words.iter().zip(parts) {
        text.push_str(word);
        text.push_str(&part[1..]);
    }
    text
}
