//! From a seed and a name to keys and their responses.
//!
//! One idea a file: [`seed`] derives what is secret, [`stream`] turns it into uniform choices,
//! [`lists`] hold what keys are made of, [`source`] composes keys, [`template`] makes prompts,
//! [`challenge`] is what is asked; [`modality`] says what it is where it is no text, and
//! [`media`] are the files that it then is. [`alphabet`] is what responses are drawn from,
//! [`codebook`] one of vectors, [`choices`] one of natural answers, [`signal`] one of colourings; a
//! [`scheme`] binds one to every key of its set; [`set`] puts all together, and
//! [`codeword`] says which of two responses a licensee's copy gives.

pub mod alphabet;
pub mod challenge;
pub mod choices;
pub mod codebook;
pub mod codeword;
pub mod lists;
pub mod media;
pub mod modality;
pub mod response;
pub mod scheme;
pub mod seed;
pub mod set;
pub mod signal;
pub mod source;
pub mod stream;
pub mod template;

pub use alphabet::Alphabet;
pub use challenge::Challenge;
pub use lists::Alphabets;
pub use modality::Modality;
pub use response::ResponseKind;
pub use seed::{Context, ContextValue, Seed};
pub use set::{FingerprintSet, SetSpec};
pub use source::Source;
pub use source::observation::Bounds;
pub use template::Template;

/// Why a fingerprint set could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FingerprintError {
    /// The number of fingerprints lies outside what a set may hold.
    #[error("n must be between 1 and {max}, not {n}", max = set::MAX_FINGERPRINTS)]
    Count {
        /// What was asked for.
        n: usize,
    },
    /// The set's name cannot be used.
    #[error("a set's name is 1 to 128 characters without control characters")]
    Name,
    /// There are no such images.
    #[error(
        "an image's shape is (height, width, channels): 8 to 1,024 pixels a side, 1 or 3 channels"
    )]
    Image,
    /// There are no such observations.
    #[error(
        "observations need finite bounds, low up to high, of single floats or bytes, one for all or \
         one a number; 64 bits of choice at least (a float holds 16) and 1 MiB at most: give wider \
         or narrower bounds, or another number of steps"
    )]
    Observation,
    /// There are no such sounds.
    #[error("a sound is 0.5 to 10 seconds long, at 8,000 to 48,000 samples a second")]
    Sound,
    /// There are no such pairs.
    #[error(
        "pairs of an image and a text have texts of source chinese, japanese, natural or mixed"
    )]
    Pair,
    /// Stored keys that are no questions of the kinds with listed answers.
    #[error("a key of this set is no question that ifrs makes: its answers are listed nowhere")]
    Question,
    /// Natural answers with other keys.
    #[error("response \"choices\" goes with source \"natural\" and with template \"chat\" or none")]
    Choices,
    /// A signal with other keys.
    #[error("response \"signal\" goes with source \"domain\" and with template \"chat\" or none")]
    Signal,
    /// More or fewer domains than there are.
    #[error("there are {max} domains: make 1 to {max} fingerprints of source \"domain\", not {n}", max = signal::domains::DOMAINS.len())]
    Domains {
        /// What was asked for.
        n: usize,
    },
    /// Source, template and kind of model do not belong together.
    #[error(
        "such keys and responses do not go together: keys of source \"image\", \"observation\", \
         \"sound\", \"image+text\", \"bytes\" (at least 16, of a media type that is no text) or of a text source but \
         \"vocab\" have template \"bare\" and unique responses from an alphabet of factors of at \
         least 2 choices and at most 8 different sizes"
    )]
    Modality,
    /// There is no code for such coalitions.
    #[error("codes are for coalitions of 1 to 6 licensees, not {0}")]
    Coalition(u8),
    /// There are no second responses.
    #[error("licences need keys and unique responses that are texts")]
    NoSecond,
    /// More than anybody could check.
    #[error(
        "the keys of a set take 256 MiB at most, and its responses 1,048,576 choices: make fewer \
         or smaller ones"
    )]
    Large,
    /// No such source of keys.
    #[error(
        "unknown source {0:?}: use chinese, japanese, vocab, natural, mixed, domain, \
         image, observation, sound or image+text"
    )]
    UnknownSource(String),
    /// No such template.
    #[error("unknown template {0:?}: use simple, dialogue or chat")]
    UnknownTemplate(String),
    /// No such way to choose responses.
    #[error("unknown response {0:?}: use unique or shared")]
    UnknownResponse(String),
    /// The source needs the vocabulary of a tokenizer.
    #[error("source \"vocab\" chooses from a tokenizer's vocabulary: pass tokenizer=…")]
    NeedsTokenizer,
    /// A list to choose from is too short for keys of enough entropy.
    #[error(
        "the tokenizer can express only {found} of the {list} list, {needed} are needed: \
         use another source"
    )]
    PoorAlphabet {
        /// Which list.
        list: &'static str,
        /// How many entries it has.
        found: usize,
        /// How many it needs.
        needed: usize,
    },
    /// The tokenizer refused every candidate for a key.
    #[error(
        "no key of this source survives the tokenizer's encode and decode after {attempts} tries: \
         use another source"
    )]
    Unstable {
        /// How many candidates were refused.
        attempts: u32,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system's random generator failed: {0}")]
    Entropy(getrandom::Error),
    /// The caller's check of a key failed with an error of its own.
    #[error("checking keys with the tokenizer failed")]
    Check,
}
