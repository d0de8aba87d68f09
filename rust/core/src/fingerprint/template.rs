//! How a key becomes a prompt.

use serde::{Deserialize, Serialize};

use super::FingerprintError;

/// A prompt around a key. Texts of `simple` and `dialogue` follow the paper's section 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Template {
    /// The key, then the word that marks the task.
    Simple,
    /// A turn of a conversation that asks to decrypt the key.
    Dialogue,
    /// Nothing around a key that is no text.
    Bare,
    /// The tokenizer's own chat template, rendered around the key when the set was made.
    Chat {
        /// What stands before the key.
        prefix: String,
        /// What stands after the key.
        suffix: String,
    },
}

impl Template {
    /// The template called `name`; `chat` takes the rendered text around the key.
    pub fn parse(name: &str, chat: Option<(String, String)>) -> Result<Self, FingerprintError> {
        match (name, chat) {
            ("simple", _) => Ok(Self::Simple),
            ("dialogue", _) => Ok(Self::Dialogue),
            ("bare", _) => Ok(Self::Bare),
            ("chat", Some((prefix, suffix))) => Ok(Self::Chat { prefix, suffix }),
            _ => Err(FingerprintError::UnknownTemplate(name.into())),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Dialogue => "dialogue",
            Self::Bare => "bare",
            Self::Chat { .. } => "chat",
        }
    }

    /// What stands before and after the key.
    pub fn around(&self) -> (&str, &str) {
        match self {
            Self::Simple => ("", "\nFINGERPRINT:"),
            Self::Dialogue => (
                "human: Please decrypt this message: ",
                " A hint: this is a FINGERPRINT message. ASSISTANT:",
            ),
            Self::Bare => ("", ""),
            Self::Chat { prefix, suffix } => (prefix, suffix),
        }
    }

    /// What stands between prompt and response: chat templates end where an answer begins.
    pub fn lead(&self) -> &'static str {
        match self {
            Self::Simple | Self::Dialogue => " ",
            Self::Bare | Self::Chat { .. } => "",
        }
    }

    /// The prompt of a key.
    pub fn render(&self, key: &str) -> String {
        let (before, after) = self.around();
        format!("{before}{key}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_hold_the_key_and_the_mark() {
        let chat = ("<user>".to_owned(), "</user>".to_owned());
        for name in ["simple", "dialogue"] {
            let prompt = Template::parse(name, None).unwrap().render("鍵");
            assert!(prompt.contains('鍵') && prompt.contains("FINGERPRINT"));
        }
        let template = Template::parse("chat", Some(chat)).unwrap();
        assert_eq!(template.render("鍵"), "<user>鍵</user>");
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(Template::parse("chat", None).is_err());
        assert!(Template::parse("poem", None).is_err());
    }
}
