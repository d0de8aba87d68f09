//! A passphrase in locked memory, in the forms in which Unicode may spell it.

use std::io::Write;
use std::sync::Arc;

use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

use crate::memory::Buffer;

/// A form of Unicode needs at most so many times the bytes of another (UAX #15, section 9).
const LONGEST_FORM: usize = 4;

/// A passphrase. No `Debug`; clones share one copy in locked memory.
///
/// "é" may reach us as one character or as two: keyboards, systems and files differ. New files take
/// the composed form (NFC); what is opened is tried in each form.
#[derive(Clone)]
pub struct Passphrase(Arc<Buffer>);

impl Passphrase {
    /// Takes over a passphrase, and wipes the source.
    pub fn new(mut text: String) -> Self {
        let passphrase = Self::copy(&text);
        text.zeroize();
        passphrase
    }

    fn copy(text: &str) -> Self {
        let mut bytes = Buffer::with_capacity(text.len());
        bytes.write_all(text.as_bytes()).expect("the buffer was made to measure");
        Self(Arc::new(bytes))
    }

    fn text(&self) -> &str {
        // Callers ask before; this keeps a mistake from using what a forked child does not have.
        assert!(self.is_here(), "the passphrase belongs to another process");
        std::str::from_utf8(&self.0).expect("it was text")
    }

    pub(super) fn is_here(&self) -> bool {
        self.0.is_here()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// A copy for age, which takes its own; it is wiped when age drops it.
    pub(super) fn secret(&self) -> SecretString {
        SecretString::from(self.text().to_owned())
    }

    /// The composed form, in which passphrases of new files are taken.
    pub(super) fn composed(&self) -> Self {
        self.form(|text, form| form.extend(text.nfc()))
    }

    /// Whether both are one passphrase, however they are spelt.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.composed().text() == other.composed().text()
    }

    /// The forms to try on a file that this program made: new ones take the first.
    pub(super) fn composed_first(&self) -> Vec<Self> {
        distinct([self.composed(), self.clone(), self.decomposed()])
    }

    /// The forms to try on what another program made.
    pub(super) fn as_given_first(&self) -> Vec<Self> {
        distinct([self.clone(), self.composed(), self.decomposed()])
    }

    fn decomposed(&self) -> Self {
        self.form(|text, form| form.extend(text.nfd()))
    }

    fn form(&self, write: impl FnOnce(&str, &mut String)) -> Self {
        let text = self.text();
        // Room from the start: a text that grows leaves copies behind.
        let mut form = Zeroizing::new(String::with_capacity(LONGEST_FORM * text.len()));
        write(text, &mut form);
        Self::copy(&form)
    }
}

fn distinct(forms: [Passphrase; 3]) -> Vec<Passphrase> {
    let mut kept: Vec<Passphrase> = Vec::new();
    for form in forms {
        if kept.iter().all(|other| other.text() != form.text()) {
            kept.push(form);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(forms: &[Passphrase]) -> Vec<&str> {
        forms.iter().map(Passphrase::text).collect()
    }

    #[test]
    fn forms_are_tried_in_order_and_once() {
        let plain = Passphrase::new("correct horse".into());
        assert_eq!(texts(&plain.composed_first()), ["correct horse"]);
        let two = Passphrase::new("cafe\u{301}".into());
        assert_eq!(texts(&two.composed_first()), ["caf\u{e9}", "cafe\u{301}"]);
        assert_eq!(texts(&two.as_given_first()), ["cafe\u{301}", "caf\u{e9}"]);
        assert!(two.is_same(&Passphrase::new("caf\u{e9}".into())));
        assert!(!two.is_same(&plain));
        assert!(Passphrase::new(String::new()).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_its_forms_have_room(text in any::<String>()) {
            let given = Passphrase::new(text.clone());
            prop_assert_eq!(given.text(), &text);
            let composed: String = text.nfc().collect();
            let made = given.composed();
            prop_assert_eq!(made.text(), &composed);
            for form in [composed, text.nfd().collect()] {
                prop_assert!(form.len() <= LONGEST_FORM * text.len());
            }
        }
    }
}
