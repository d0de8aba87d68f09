//! What a suspect is asked: canonical bytes, made once and carried.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize;

use super::media as files;

/// The media type of keys that are prompts.
pub const TEXT: &str = "text/plain";

/// The largest challenge, in bytes.
pub const MAX_CHALLENGE: usize = 4 << 20;

/// The most that all challenges of a set take, in bytes, where they are no texts.
pub(crate) const MAX_CHALLENGES: usize = 256 << 20;

/// A key as it is asked. A text's bytes are its prompt in UTF-8: the key in its template.
///
/// No `Debug`, no `Clone`; wiped when dropped.
#[derive(PartialEq, Eq)]
pub struct Challenge {
    media: Cow<'static, str>,
    bytes: Vec<u8>,
}

impl Challenge {
    /// A prompt.
    pub fn text(prompt: String) -> Self {
        Self { media: TEXT.into(), bytes: prompt.into_bytes() }
    }

    /// The bytes of any other medium.
    pub fn of(media: &str, bytes: Vec<u8>) -> Self {
        Self { media: media.to_owned().into(), bytes }
    }

    /// The same again, for a set with other responses.
    pub(crate) fn again(&self) -> Self {
        Self { media: self.media.clone(), bytes: self.bytes.clone() }
    }

    /// Reads what [`Self::form`] writes; `None` if it is no challenge of that medium, which
    /// includes files in another spelling than keys have.
    pub fn parse(media: &str, form: &str) -> Option<Self> {
        if media == TEXT {
            return Some(Self::text(form.to_owned()));
        }
        let bytes = STANDARD.decode(form).ok()?;
        let fits = (1..=MAX_CHALLENGE).contains(&bytes.len());
        let is_file = !files::is_known(media) || files::is_key(media, &bytes);
        (fits && is_file).then(|| Self::of(media, bytes))
    }

    /// What kind of thing it is.
    pub fn media(&self) -> &str {
        &self.media
    }

    /// Its canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as text: a prompt as it is, base64 of anything else.
    pub fn form(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if self.media == TEXT => text.into(),
            _ => STANDARD.encode(&self.bytes).into(),
        }
    }
}

impl Drop for Challenge {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Whether this can be the media type of keys that are no texts.
pub(crate) fn is_media(name: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-+.".contains(c);
        !part.is_empty() && part.chars().all(plain)
    };
    let parts = name.split_once('/');
    name.len() <= 64 && parts.is_some_and(|(kind, rest)| kind != "text" && part(kind) && part(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_media_type_is_one_of_no_text() {
        for name in ["image/x-rgb", "application/x-toy", "audio/l16"] {
            assert!(is_media(name), "{name}");
        }
        for name in ["", "image", "text/plain", "Image/x", "a/b/c", "a/", "image/x;q=1"] {
            assert!(!is_media(name), "{name}");
        }
    }

    #[test]
    fn only_bytes_of_a_sensible_number_are_a_challenge() {
        assert!(Challenge::parse("image/x-rgb", "").is_none());
        assert!(Challenge::parse("image/x-rgb", "no base64").is_none());
        let large = STANDARD.encode(vec![0; MAX_CHALLENGE + 1]);
        assert!(Challenge::parse("image/x-rgb", &large).is_none());
    }

    proptest! {
        #[test]
        fn a_form_is_read_back(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 1..64)) {
            for one in [Challenge::text(text), Challenge::of("image/x-rgb", bytes)] {
                let again = Challenge::parse(one.media(), &one.form()).unwrap();
                prop_assert!(again == one);
            }
        }
    }
}
