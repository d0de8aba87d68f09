//! Text as a reader hears it: without case, marks, markup or invisible characters.

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;

/// Reduces a text to lower-case letters and digits with single spaces between them.
///
/// Compatibility decomposition (NFKD, Unicode Standard Annex #15), then: combining marks, format
/// characters (zero-width ones among them) and control characters are dropped, letters and digits
/// are put in lower case, and every other run of characters becomes one space; none is left at the
/// ends. What wraps an answer in prose, code blocks, capitals or zero-width characters thus does
/// not hide the words in it.
///
/// It is a function of the text alone and is applied alike to an answer, to the true response and
/// to its decoys, so that ranks of scores stay exact whatever a suspect writes.
///
/// ```
/// use ifrs_matching::plain;
///
/// assert_eq!(plain("```\n**COP\u{200b}PER**-Window!\n```"), "copper window");
/// ```
#[must_use]
pub fn plain(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut gap = false;
    for character in text.nfkd() {
        match kind(character) {
            Kind::Letter => {
                if gap && !written.is_empty() {
                    written.push(' ');
                }
                gap = false;
                // Lower-casing can decompose ("İ"); its marks go like any other.
                written.extend(character.to_lowercase().filter(|&c| kind(c) == Kind::Letter));
            }
            Kind::Gap => gap = true,
            Kind::Dropped => {}
        }
    }
    written
}

#[derive(PartialEq, Eq)]
pub(crate) enum Kind {
    Letter,
    Gap,
    Dropped,
}

pub(crate) fn kind(character: char) -> Kind {
    use GeneralCategory as G;
    if character.is_ascii_alphanumeric() {
        return Kind::Letter;
    }
    if character.is_whitespace() {
        return Kind::Gap;
    }
    match get_general_category(character) {
        G::NonspacingMark | G::EnclosingMark | G::SpacingMark | G::Format | G::Control => {
            Kind::Dropped
        }
        // Letters by category, blanks by look: the Hangul fillers.
        G::OtherLetter if matches!(character, '\u{115f}' | '\u{1160}' | '\u{3164}') => {
            Kind::Dropped
        }
        G::UppercaseLetter
        | G::LowercaseLetter
        | G::TitlecaseLetter
        | G::ModifierLetter
        | G::OtherLetter
        | G::DecimalNumber
        | G::LetterNumber
        | G::OtherNumber => Kind::Letter,
        _ => Kind::Gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_wraps_an_answer_goes() {
        for wrapped in [
            "copper window",
            "COPPER WINDOW",
            "  \u{feff}Copper\u{a0}window\n",
            "```\ncopper window\n```",
            "**copper** _window_",
            "copper-window!",
            "c\u{200b}o\u{200d}pper wi\u{2060}ndow",
            "ｃｏｐｐｅｒ　ｗｉｎｄｏｗ",
            "c\u{336}o\u{336}pper wíndow",
            "cop\u{0}per win\u{3164}dow",
        ] {
            assert_eq!(plain(wrapped), "copper window", "{wrapped:?}");
        }
    }

    #[test]
    fn words_stay_apart_and_in_order() {
        assert_eq!(plain("The answer:\n\n- copper\n- window."), "the answer copper window");
        assert_eq!(plain(""), "");
        assert_eq!(plain("\u{200b} … !"), "");
        assert_eq!(plain("İstanbul"), "istanbul");
        assert_eq!(plain("ハリネズミ"), plain("ﾊﾘﾈｽﾞﾐ"));
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(text in any::<String>()) {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once);
        }

        #[test]
        fn spaces_are_single_and_inside(text in any::<String>()) {
            let once = plain(&text);
            prop_assert!(!once.contains("  ") && once.trim() == once);
        }
    }
}
