//! Whether a pattern occurs in a text.

use memchr::memmem;

/// A pattern made ready for exact search.
pub(super) struct Exact<'p> {
    finder: memmem::Finder<'p>,
}

impl<'p> Exact<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self { finder: memmem::Finder::new(pattern) }
    }

    /// Whether the pattern is a substring of the text.
    ///
    /// Bytes are searched, yet the answer is about characters: UTF-8 is
    /// self-synchronising, so a valid pattern can only match at a character
    /// boundary.
    pub(super) fn occurs_in(&self, text: &str) -> bool {
        self.finder.find(text.as_bytes()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences() {
        for (text, pattern, expected) in [
            ("", "a", false),
            ("a", "a", true),
            ("ab", "abc", false),
            ("xxabcxx", "abc", true),
            ("xxabxcx", "abc", false),
            ("数学の答え", "学の", true),
            ("数学の答え", "のあ", false),
            ("👩🏽\u{200d}🚀", "👩", true),
            // U+00E9 against e with a combining acute accent.
            ("caf\u{e9}", "e\u{301}", false),
        ] {
            assert_eq!(Exact::new(pattern).occurs_in(text), expected, "{pattern:?} in {text:?}");
        }
    }
}
