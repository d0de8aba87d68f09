//! What keys and responses of a set are, where these are not prompts and words.

use serde::{Deserialize, Serialize};

use super::FingerprintError;
use super::alphabet::Alphabet;
use super::challenge::is_media;
use super::media::netpbm::{self, Shape};
use super::source::{Drawing, Source, bytes};

/// What keys and responses of a set are, where these are not prompts and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modality {
    /// The kind of model.
    pub name: String,
    /// The media type of keys.
    pub media: String,
    /// Bytes of a key.
    pub length: usize,
    /// Of images: height, width and channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// What responses are drawn from.
    pub alphabet: Alphabet,
}

impl Modality {
    /// Keys that are uniform bytes.
    pub fn bytes(name: &str, media: &str, length: usize, alphabet: Alphabet) -> Self {
        Self { name: name.into(), media: media.into(), length, shape: None, alphabet }
    }

    /// Keys that are images of a height, a width and 1 or 3 channels.
    pub fn image(
        name: &str,
        shape: &[usize],
        alphabet: Alphabet,
    ) -> Result<Self, FingerprintError> {
        let found = Shape::of(shape).ok_or(FingerprintError::Image)?;
        let length = found.header().len() + found.area();
        let bare = Self::bytes(name, netpbm::media(found.channels), length, alphabet);
        Ok(Self { shape: Some(shape.to_vec()), ..bare })
    }

    /// How keys of it are drawn; an error if a source has no such keys.
    pub(crate) fn drawing(&self, source: Source) -> Result<Drawing, FingerprintError> {
        let (bare, drawing) = match source {
            Source::Bytes => {
                let bare = Self::bytes(&self.name, &self.media, self.length, self.alphabet.clone());
                (bare, Drawing::Bytes(self.length))
            }
            Source::Image => {
                let shape = self.shape.as_deref().unwrap_or_default();
                let bare = Self::image(&self.name, shape, self.alphabet.clone())?;
                (bare, Drawing::Image(Shape::of(shape).ok_or(FingerprintError::Image)?))
            }
            _ => return Err(FingerprintError::Modality),
        };
        // What follows from the rest is stated, too, and may not be stated otherwise.
        let is_whole = bare == *self && self.is_sound(source);
        if is_whole { Ok(drawing) } else { Err(FingerprintError::Modality) }
    }

    fn is_sound(&self, source: Source) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (1..=32).contains(&self.name.len())
            && self.name.chars().all(plain)
            && is_media(&self.media)
            && (source != Source::Bytes || bytes::LENGTHS.contains(&self.length))
            && !self.alphabet.is_words()
            && self.alphabet.is_sound()
    }
}
