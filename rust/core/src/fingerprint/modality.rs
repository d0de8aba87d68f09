//! What keys and responses of a set are, where these are not prompts and words.

use serde::{Deserialize, Serialize};

use super::FingerprintError;
use super::alphabet::Alphabet;
use super::challenge::{TEXT, is_media};
use super::media::netpbm::{self, Shape};
use super::media::wav::{self, Sound};
use super::media::{is_answered_in_words, npy, pair};
use super::source::observation::Bounds;
use super::source::{Drawing, Source, bytes};

/// The kind of model that answers naturally, and that has a signal.
const TALKING: &str = "text";

/// What keys and responses of a set are, where these are not prompts and words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modality {
    /// The kind of model.
    pub name: String,
    /// The media type of keys.
    pub media: String,
    /// Bytes of a key; of texts and pairs, which differ in length, none is stated.
    #[serde(default, skip_serializing_if = "is_unsaid")]
    pub length: usize,
    /// Of images, also those of pairs, height, width and channels; of observations the steps and the
    /// shape of each; of sounds the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// Of observations: between which values their numbers lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// Of sounds: samples a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Of pairs: where their texts come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<Source>,
    /// What responses are drawn from.
    pub alphabet: Alphabet,
}

impl Modality {
    /// Keys that are uniform bytes.
    pub fn bytes(name: &str, media: &str, length: usize, alphabet: Alphabet) -> Self {
        let (name, media) = (name.to_owned(), media.to_owned());
        Self { name, media, length, shape: None, bounds: None, rate: None, texts: None, alphabet }
    }

    /// Keys that are texts, with responses that are no words: for encoders of sentences.
    pub fn text(name: &str, alphabet: Alphabet) -> Self {
        Self::bytes(name, TEXT, 0, alphabet)
    }

    /// Keys that are questions, with natural answers: for language models.
    pub fn choices() -> Self {
        Self::text(TALKING, Alphabet::choices())
    }

    /// Keys that are domains, with colourings: for language models.
    pub fn signal() -> Self {
        Self::text(TALKING, Alphabet::signal())
    }

    /// Whether its keys are such questions.
    pub fn is_choices(&self) -> bool {
        self.alphabet.is_choices()
    }

    /// Whether its keys are domains.
    pub fn is_signal(&self) -> bool {
        self.alphabet.is_signal()
    }

    /// Whether its keys are texts that a template may surround.
    pub fn is_written(&self) -> bool {
        self.is_choices() || self.is_signal()
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

    /// Keys that are observations: of so many steps, the first of `shape`, and the rest of it each.
    pub fn observation(
        name: &str,
        shape: &[usize],
        bounds: Bounds,
        alphabet: Alphabet,
    ) -> Result<Self, FingerprintError> {
        let array = bounds.array(shape).ok_or(FingerprintError::Observation)?;
        let bare = Self::bytes(name, npy::MEDIA, array.header().len() + array.area(), alphabet);
        Ok(Self { shape: Some(shape.to_vec()), bounds: Some(bounds), ..bare })
    }

    /// Keys that are sounds of so many samples.
    pub fn sound(
        name: &str,
        rate: u32,
        samples: usize,
        alphabet: Alphabet,
    ) -> Result<Self, FingerprintError> {
        let sound = Sound::of(rate, samples).ok_or(FingerprintError::Sound)?;
        let bare = Self::bytes(name, wav::MEDIA, sound.header().len() + sound.area(), alphabet);
        Ok(Self { shape: Some(vec![samples]), rate: Some(rate), ..bare })
    }

    /// Keys that are pairs of an image and a text from a source of these.
    pub fn pair(
        name: &str,
        shape: &[usize],
        texts: Source,
        alphabet: Alphabet,
    ) -> Result<Self, FingerprintError> {
        // A tokenizer's vocabulary is not kept with such a set.
        if !texts.is_text() || texts == Source::Vocab {
            return Err(FingerprintError::Pair);
        }
        let image = Self::image(name, shape, alphabet)?;
        Ok(Self { media: pair::MEDIA.to_owned(), length: 0, texts: Some(texts), ..image })
    }

    /// The most bytes of a key; none is stated of texts.
    pub(crate) fn most(&self) -> usize {
        let image = self.texts.and(self.shape.as_deref()).and_then(Shape::of);
        image.map_or(self.length, pair::most)
    }

    /// How keys of it are drawn, of pairs their images, `None` where they are texts; an error if a
    /// source has no such keys.
    pub(crate) fn drawing(&self, source: Source) -> Result<Option<Drawing>, FingerprintError> {
        let (name, alphabet) = (&self.name, self.alphabet.clone());
        let shape = self.shape.as_deref().unwrap_or_default();
        let (bare, drawing) = match source {
            Source::Bytes => {
                let bare = Self::bytes(name, &self.media, self.length, alphabet);
                (bare, Some(Drawing::Bytes(self.length)))
            }
            Source::Image => {
                let drawing = Shape::of(shape).ok_or(FingerprintError::Image)?;
                (Self::image(name, shape, alphabet)?, Some(Drawing::Image(drawing)))
            }
            Source::Observation => {
                let bounds = self.bounds.clone().ok_or(FingerprintError::Observation)?;
                let array = bounds.array(shape).ok_or(FingerprintError::Observation)?;
                let bare = Self::observation(name, shape, bounds.clone(), alphabet)?;
                (bare, Some(Drawing::Observation(bounds, array)))
            }
            Source::Sound => {
                let (rate, samples) = (self.rate.unwrap_or(0), shape.iter().product());
                let sound = Sound::of(rate, samples).ok_or(FingerprintError::Sound)?;
                (Self::sound(name, rate, samples, alphabet)?, Some(Drawing::Sound(sound)))
            }
            Source::Pair => {
                let drawing = Shape::of(shape).ok_or(FingerprintError::Image)?;
                let texts = self.texts.ok_or(FingerprintError::Pair)?;
                (Self::pair(name, shape, texts, alphabet)?, Some(Drawing::Image(drawing)))
            }
            // A tokenizer's vocabulary is not kept with such a set.
            Source::Vocab => return Err(FingerprintError::Modality),
            _ => (Self::text(name, alphabet), None),
        };
        // What follows from the rest is stated, too, and may not be stated otherwise.
        let is_whole = bare == *self && self.is_sound(source);
        if is_whole { Ok(drawing) } else { Err(FingerprintError::Modality) }
    }

    fn is_sound(&self, source: Source) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (1..=32).contains(&self.name.len())
            && self.name.chars().all(plain)
            && (source.is_text() || source == Source::Domain || is_media(&self.media))
            && (source != Source::Bytes || bytes::LENGTHS.contains(&self.length))
            && (!self.alphabet.is_words() || is_answered_in_words(&self.media))
            && (!self.is_choices() || source == Source::Natural)
            && (!self.is_written() || self.name == TALKING)
            && self.is_signal() == (source == Source::Domain)
            && self.alphabet.is_sound()
    }
}

/// Whether a length is none, so that it is not written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_unsaid(length: &usize) -> bool {
    *length == 0
}
