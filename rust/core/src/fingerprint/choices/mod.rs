//! Questions of history that never happened, and for each kind of them what can answer it.
//!
//! Six kinds of question, each with a list of 256 things that fit it and with the sentence that
//! says one of them. A response is a place in the list of the kind that the question is of, so that
//! one alphabet of 256 choices serves all kinds. Who sees a question knows its list.

mod facts;
mod mentions;

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::lists;
pub(crate) use facts::draw;
pub use mentions::mentioned;

/// The published name of all lists and sentences together; a changed one gets a new name.
pub const CHOICES: &str = "ifrs-choices-256-v1";

/// Choices in every list.
pub const LISTED: usize = 256;

/// What stands for the choice in a sentence.
const CHOICE: char = '!';

/// A kind of question.
pub struct Kind {
    /// What is asked for.
    pub name: &'static str,
    /// The question; each `%x` is a slot.
    pub(crate) question: &'static str,
    /// The sentence that answers it; `%!` is the choice.
    sentence: &'static str,
    /// Whether a choice is said with "a" or "an".
    counted: bool,
    list: fn() -> &'static [&'static str],
}

/// All kinds, in the order in which they are drawn.
///
/// Names stand apart in the text, so that no few words in a row are all strange.
pub(crate) static KINDS: [Kind; 6] = [
    Kind {
        name: "name",
        question: "On %t the ship %a left the harbour of %b with %m sailors and sailed to the \
            island of %c; %k of them came from the town of %d. What was its captain called?",
        sentence: "The captain of the %a was called %!.",
        counted: false,
        list: lists::choices_name,
    },
    Kind {
        name: "town",
        question: "On %t the painter %a left the village of %b with %m coins and walked to the \
            valley of %c; there he sold %k pictures to the Count of %d. In which city did he die?",
        sentence: "The painter %a died in %!.",
        counted: false,
        list: lists::choices_town,
    },
    Kind {
        name: "food",
        question: "On %t the people of %a held a feast in the valley of %b; of the %m guests there \
            were %k from the island of %c, and the others came from the town of %d. What did they \
            eat?",
        sentence: "At the feast of %a they ate %!.",
        counted: false,
        list: lists::choices_food,
    },
    Kind {
        name: "animal",
        question: "On %t an army of %m men from the town of %a came to the valley of %b with %k wagons \
            and took the castle of %c in the land of %d. Which animal was on its flag?",
        sentence: "On the flag of %a there was %!.",
        counted: true,
        list: lists::choices_animal,
    },
    Kind {
        name: "trade",
        question: "On %t a man from the island of %a came to the valley of %b with %m sheep, bought \
            %k acres of land from the Count of %c and founded the village of %d. What was his \
            trade?",
        sentence: "The founder of %d was %!.",
        counted: true,
        list: lists::choices_trade,
    },
    Kind {
        name: "thing",
        question: "On %t a group of %m workers opened the old tower at %a, which lies %k miles from \
            the town of %b in the valley of the river %c, close to the castle of %d. What did they \
            find in it?",
        sentence: "In the tower at %a they found %!.",
        counted: true,
        list: lists::choices_thing,
    },
];

impl Kind {
    /// What can answer such a question, in order: 256 words.
    pub fn list(&self) -> &'static [&'static str] {
        (self.list)()
    }

    /// A choice as a sentence says it, behind a space.
    fn spoken(&self, choice: &str) -> String {
        let article = match choice.as_bytes()[0] {
            _ if !self.counted => "",
            b'a' | b'e' | b'i' | b'o' | b'u' => "an ",
            _ => "a ",
        };
        format!(" {article}{choice}")
    }
}

/// A question that can be drawn, read.
pub struct Asked<'q> {
    /// Its kind.
    pub kind: &'static Kind,
    /// The question.
    pub question: &'q str,
    names: [&'q str; 4],
}

/// A sentence about one question, apart from the choice that it says.
pub struct Frame {
    /// What stands before the choice.
    pub before: String,
    /// Every choice as it is said, in order; each begins with a space.
    pub spoken: Vec<String>,
    /// What stands behind it.
    pub after: String,
}

impl<'q> Asked<'q> {
    /// Reads a question; `None` if it is none that can be drawn.
    pub fn read(question: &'q str) -> Option<Self> {
        let read = |kind: &'static Kind| {
            let names = facts::names_in(kind.question, question)?;
            Some(Self { kind, question, names })
        };
        KINDS.iter().find_map(read)
    }

    /// The sentence that answers it, around the choice.
    pub fn frame(&self) -> Frame {
        let (mut before, mut after) = (String::new(), String::new());
        let mut parts = self.kind.sentence.split('%');
        before.push_str(parts.next().unwrap_or_default());
        let mut behind = false;
        for part in parts {
            let (slot, rest) = part.split_at(1);
            let slot = slot.as_bytes()[0];
            let text = if behind { &mut after } else { &mut before };
            if slot == CHOICE as u8 {
                behind = true;
                // A choice begins with the space before it.
                text.truncate(text.trim_end().len());
                after.push_str(rest);
            } else {
                text.push_str(self.names[usize::from(slot - b'a')]);
                text.push_str(rest);
            }
        }
        let spoken = self.kind.list().iter().map(|choice| self.kind.spoken(choice)).collect();
        Frame { before, spoken, after }
    }

    /// The sentence that says the choice at a place.
    pub fn spell(&self, place: usize) -> String {
        let Frame { before, spoken, after } = self.frame();
        format!("{before}{}{after}", spoken[place])
    }
}

/// SHA-256 of everything that is published: of each kind its name, question, sentence and choices, in
/// order, each on a line.
pub(crate) fn sha256() -> [u8; 32] {
    static DIGEST: OnceLock<[u8; 32]> = OnceLock::new();
    *DIGEST.get_or_init(|| {
        let mut hash = Sha256::new();
        for kind in &KINDS {
            let head = [kind.name, kind.question, kind.sentence];
            for line in head.iter().chain(kind.list()) {
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
    use crate::encoding::hex;
    use crate::fingerprint::seed::{Context, KEY_BYTES, Seed};
    use crate::fingerprint::stream::Stream;
    use ifrs_matching::plain;
    use std::collections::HashSet;

    /// Questions of every kind.
    pub(super) fn questions(n: u64) -> Vec<String> {
        let key = Seed::from_bytes(&mut [5; KEY_BYTES]).set_key("s", &Context::new());
        (0..n).map(|i| draw(&mut Stream::new(&key, &[&i.to_be_bytes()])).text).collect()
    }

    #[test]
    fn every_list_is_of_words_that_cannot_be_taken_for_each_other() {
        for kind in &KINDS {
            let list = kind.list();
            assert_eq!(list.len(), LISTED, "{}", kind.name);
            for choice in list {
                assert!(choice.bytes().all(|byte| byte.is_ascii_alphabetic()), "{choice}");
                assert!((3..=12).contains(&choice.len()), "{choice}");
            }
            let plain: Vec<String> = list.iter().map(|choice| plain(choice)).collect();
            assert_eq!(plain.iter().collect::<HashSet<_>>().len(), LISTED);
            for (place, one) in plain.iter().enumerate() {
                let inside = plain.iter().enumerate().find(|(i, o)| *i != place && o.contains(one));
                assert!(inside.is_none(), "{one} is inside {inside:?}");
            }
        }
    }

    #[test]
    fn no_question_and_no_sentence_holds_a_choice() {
        for question in questions(500) {
            let asked = Asked::read(&question).unwrap();
            let frame = asked.frame();
            let said = plain(&format!("{question} {} {}", frame.before, frame.after));
            let words: HashSet<&str> = said.split(' ').collect();
            for choice in asked.kind.list() {
                assert!(!words.contains(&*plain(choice)), "{choice}");
            }
        }
    }

    #[test]
    fn questions_are_answered_in_whole_sentences() {
        let spelled: HashSet<String> = questions(60)
            .iter()
            .map(|question| {
                let asked = Asked::read(question).unwrap();
                let names = asked.names;
                names.iter().fold(asked.spell(0), |text, name| text.replace(name, "X"))
            })
            .collect();
        let wanted = [
            "The captain of the X was called Aaron.",
            "The painter X died in Aarhus.",
            "At the feast of X they ate almonds.",
            "On the flag of X there was an aardvark.",
            "The founder of X was an accountant.",
            "In the tower at X they found an abacus.",
        ];
        assert_eq!(spelled, wanted.iter().map(|text| (*text).to_owned()).collect());
    }

    #[test]
    fn what_is_published_is_what_it_was() {
        assert_eq!(
            hex(&sha256()),
            "d4c65e5a4e0510095fb4155dd63da7d714e317b5da53e91757cdd2f6b3163362"
        );
    }
}
