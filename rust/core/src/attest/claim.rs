//! A claim: what a publisher signs before release. It reveals no key and no response.
//!
//! An in-toto Statement v1 about the released model's files, in a DSSE envelope. The file may
//! carry an RFC 3161 time stamp over the envelope beside it. See docs/reference/formats.md.

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AttestError;
use super::signed::{Signed, SignedFile};
use crate::encoding::{hex, now, unhex};
use crate::fingerprint::challenge::{TEXT, is_media};
use crate::fingerprint::media::is_answered_in_words;
use crate::fingerprint::scheme::{Scheme, find};
use crate::fingerprint::set::MAX_FINGERPRINTS;
use crate::fingerprint::{Alphabet, FingerprintSet, Template};
use crate::merkle::{self, Hash};

/// The statement's type.
pub(super) const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// What its predicate says.
const PREDICATE: &str = "urn:ifrs:claim:v1";
/// How many decoys each response may be ranked among where only text is seen. Two choices and no
/// more: whoever could choose freely would choose what suits best.
pub const DECOYS: [usize; 2] = [4_095, 65_535];

const MAX_SUBJECTS: usize = 10_000;
const MAX_NAME: usize = 1024;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// The released model's files.
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What is claimed of it.
    pub predicate: Predicate,
}

/// One file of the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Its path in the model's folder.
    pub name: String,
    /// Its digest.
    pub digest: Sha256Digest,
}

/// A digest as in-toto writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sha256Digest {
    /// In lower-case hexadecimal.
    pub sha256: String,
}

/// A name and the digest of what it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name.
    pub name: String,
    /// In lower-case hexadecimal.
    pub sha256: String,
}

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// How everything below is derived.
    pub scheme: String,
    /// When the publisher says that the claim was made (RFC 3339, UTC).
    pub created: String,
    /// The model as a whole: its name, and SHA-256 over the digests of its files in order.
    pub model: Named,
    /// The number of fingerprints.
    pub n: usize,
    /// The Merkle root over their leaves.
    pub root: String,
    /// `unique`, or `shared`, which is no evidence.
    pub response: String,
    /// The list that responses are drawn from.
    pub alphabet: Named,
    /// The sizes of its factors; absent for words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Vec<usize>>,
    /// The media type of keys; absent for text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// What stands around a key.
    pub template: Named,
    /// How many decoys each response is ranked among in text; only the first claims say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoys: Option<usize>,
    /// The Ed25519 key that signs, in hexadecimal.
    pub publisher: String,
}

/// A claim that was read or made; its form is sound, its signature not yet verified.
#[derive(Clone)]
pub struct Claim {
    signed: Signed,
    statement: Statement,
    scheme: &'static dyn Scheme,
    alphabet: Alphabet,
    root: Hash,
    publisher: [u8; 32],
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        // All else follows from the envelope.
        self.signed == other.signed
    }
}

impl Eq for Claim {}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Claim").field(&self.statement).finish()
    }
}

impl Claim {
    /// Makes and signs the claim of a set about a released model.
    pub(crate) fn sign(
        set: &FingerprintSet,
        model: &str,
        subject: Vec<(String, String)>,
        key: &SigningKey,
    ) -> Result<Self, AttestError> {
        let spec = set.spec();
        let scheme = spec.response.claimed().ok_or(AttestError::Unbound)?;
        let publisher = key.verifying_key().to_bytes();
        if spec.response.is_owned() && publisher != *set.publisher() {
            return Err(AttestError::AnothersSet { publisher: hex(set.publisher()) });
        }
        let unmade = |error| match error {
            AttestError::Claim(reason) => AttestError::Unmade { what: "claim", reason },
            other => other,
        };
        let mut subject: Vec<Subject> = subject
            .into_iter()
            .map(|(name, sha256)| Subject { name, digest: Sha256Digest { sha256 } })
            .collect();
        subject.sort();
        let predicate = Predicate {
            scheme: scheme.to_owned(),
            created: now(),
            model: Named {
                name: model.to_owned(),
                sha256: model_digest(&subject).map_err(unmade)?,
            },
            n: set.len(),
            root: hex(&merkle::root(set.leaves())),
            response: spec.response.response().to_owned(),
            alphabet: named(set.alphabet()),
            sizes: (!set.alphabet().is_words()).then(|| set.alphabet().sizes().to_vec()),
            media: spec
                .modality
                .as_ref()
                .filter(|modality| !modality.is_written())
                .map(|modality| modality.media.clone()),
            template: template(&spec.template),
            decoys: None,
            publisher: hex(&publisher),
        };
        let statement = Statement {
            kind: STATEMENT.to_owned(),
            subject,
            predicate_type: PREDICATE.to_owned(),
            predicate,
        };
        Self::of(Signed::sign(&statement, key)).map_err(unmade)
    }

    /// Reads a claim's file.
    pub fn parse(file: &[u8]) -> Result<Self, AttestError> {
        Self::from_file(SignedFile::parse(file)?)
    }

    pub(super) fn from_file(file: SignedFile) -> Result<Self, AttestError> {
        Self::of(Signed::of(file)?)
    }

    fn of(signed: Signed) -> Result<Self, AttestError> {
        let statement: Statement = signed.statement()?;
        let Terms { scheme, alphabet, root, publisher } = statement.check()?;
        Ok(Self { signed, statement, scheme, alphabet, root, publisher })
    }

    /// Verifies the signature; `publisher` is the key that is expected, if one is.
    pub fn verify(&self, publisher: Option<&[u8; 32]>) -> Result<(), AttestError> {
        self.signed.verify(&self.publisher, publisher)
    }

    /// The envelope with its time stamp.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// What names the claim, and seeds its decoys: SHA-256 of the envelope without time stamp.
    pub fn digest(&self) -> Hash {
        self.signed.digest()
    }

    /// What is claimed.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// How its keys and responses are derived.
    pub fn scheme(&self) -> &'static dyn Scheme {
        self.scheme
    }

    /// What responses are drawn from.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// The media type of its keys.
    pub fn media(&self) -> &str {
        self.statement.predicate.media.as_deref().unwrap_or(TEXT)
    }

    /// The Merkle root.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The key that signed, or says so.
    pub fn publisher(&self) -> &[u8; 32] {
        &self.publisher
    }

    /// The same claim with a time stamp.
    pub fn with_stamp(self, stamp: &[u8]) -> Result<Self, AttestError> {
        Ok(Self { signed: self.signed.with_stamp(stamp)?, ..self })
    }

    /// The file as JSON.
    pub fn to_value(&self) -> serde_json::Value {
        self.signed.to_value()
    }
}

/// What follows from a statement.
struct Terms {
    scheme: &'static dyn Scheme,
    alphabet: Alphabet,
    root: Hash,
    publisher: [u8; 32],
}

impl Predicate {
    /// The scheme of that name whose responses are called so.
    fn scheme(&self) -> Option<&'static dyn Scheme> {
        let named = |scheme: &dyn Scheme| scheme.claimed() == Some(&self.scheme);
        find(|scheme| named(scheme) && scheme.response() == self.response)
    }

    /// The alphabet that it names, if that and the medium of keys are sound.
    fn alphabet(&self) -> Option<Alphabet> {
        let alphabet = match &self.sizes {
            None => Alphabet::default(),
            Some(sizes) => Alphabet::of(&self.alphabet.name, sizes)?,
        };
        let bare = self.template.name == Template::Bare.name();
        let chat = matches!(self.template.name.as_str(), "chat");
        let fits = match &self.media {
            // Prompts are answered in words, or questions naturally.
            None if alphabet.is_choices() || alphabet.is_signal() => bare || chat,
            None => alphabet.is_words() && !bare,
            // Of all that is no text, sounds and pairs alone are answered in words.
            Some(media) => {
                (media == TEXT || is_media(media))
                    && bare
                    && !alphabet.is_choices()
                    && !alphabet.is_signal()
                    && (!alphabet.is_words() || is_answered_in_words(media))
            }
        };
        (fits && named(&alphabet) == self.alphabet).then_some(alphabet)
    }
}

impl Statement {
    /// Whether every field is one that this version knows.
    fn check(&self) -> Result<Terms, AttestError> {
        let claim = &self.predicate;
        find(|scheme| scheme.claimed() == Some(&claim.scheme))
            .filter(|_| self.kind == STATEMENT && self.predicate_type == PREDICATE)
            .ok_or(malformed("it is of a kind or scheme that this version does not know"))?;
        if self.subject.is_empty() || self.subject.len() > MAX_SUBJECTS {
            return Err(malformed("it is about no file, or about too many"));
        }
        if !self.subject.windows(2).all(|pair| pair[0].name < pair[1].name) {
            return Err(malformed("its subject's files are not in order, each once"));
        }
        if !self
            .subject
            .iter()
            .map(|file| &file.name)
            .chain([&claim.model.name])
            .all(|name| is_name(name))
        {
            return Err(malformed("a name in it is empty, too long or holds control characters"));
        }
        if model_digest(&self.subject)? != claim.model.sha256 {
            return Err(malformed("its model's digest is not that of its subject"));
        }
        if !(1..=MAX_FINGERPRINTS).contains(&claim.n) {
            return Err(malformed("its number of fingerprints is out of range"));
        }
        let alphabet = claim.alphabet().ok_or(malformed(UNKNOWN_RESPONSES))?;
        let scheme = match claim.scheme() {
            Some(scheme) => scheme,
            None if claim.response == "shared" => {
                return Err(malformed("its scheme knows no shared response"));
            }
            None => return Err(malformed(UNKNOWN_RESPONSES)),
        };
        if !alphabet.affords(claim.n) || !(alphabet.is_words() || scheme.proves()) {
            return Err(malformed(UNKNOWN_RESPONSES));
        }
        let decoys = claim.decoys.is_none_or(|count| DECOYS.contains(&count));
        if !decoys || (claim.decoys.is_some() && scheme.is_owned()) {
            return Err(malformed("its number of decoys is not known to this version"));
        }
        if !is_template(&claim.template) {
            return Err(malformed("its template is not known to this version"));
        }
        let created = humantime::parse_rfc3339(&claim.created)
            .is_ok_and(|time| humantime::format_rfc3339_seconds(time).to_string() == claim.created);
        if !created {
            return Err(malformed("its time is not RFC 3339 in UTC, to the second"));
        }
        let root = unhex(&claim.root).ok_or(malformed("its Merkle root is malformed"))?;
        let publisher = super::dsse::parse_public_key(&claim.publisher)?;
        if hex(&publisher) != claim.publisher {
            return Err(malformed("its publisher's key is not in hexadecimal"));
        }
        Ok(Terms { scheme, alphabet, root, publisher })
    }
}

pub(super) fn is_template(template: &Named) -> bool {
    match template.name.as_str() {
        "simple" => *template == self::template(&Template::Simple),
        "dialogue" => *template == self::template(&Template::Dialogue),
        "bare" => *template == self::template(&Template::Bare),
        // Known by its digest alone; a bundle shows the text.
        "chat" => unhex(&template.sha256).is_some(),
        _ => false,
    }
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// SHA-256 over the files' digests in order of their names, as OpenSSF Model Signing has it.
fn model_digest(subject: &[Subject]) -> Result<String, AttestError> {
    let mut hash = Sha256::new();
    for file in subject {
        let digest = unhex(&file.digest.sha256)
            .ok_or_else(|| malformed("a file's sha256 is not 64 lower-case hexadecimal digits"))?;
        hash.update(digest);
    }
    Ok(hex(&hash.finalize()))
}

/// What is wrong with responses that a claim describes otherwise than ifrs does.
const UNKNOWN_RESPONSES: &str = "its responses or its alphabet are not known to this version";

fn named(alphabet: &Alphabet) -> Named {
    Named { name: alphabet.name().to_owned(), sha256: hex(&alphabet.sha256()) }
}

pub(super) fn template(template: &Template) -> Named {
    let (before, after) = template.around();
    Named { name: template.name().to_owned(), sha256: template_digest(before, after) }
}

/// `SHA-256(len‖before ‖ len‖after)`, of what a template puts around a key.
pub(super) fn template_digest(before: &str, after: &str) -> String {
    let mut hash = Sha256::new();
    for part in [before, after] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

fn malformed(reason: &str) -> AttestError {
    AttestError::Claim(reason.to_owned())
}

/// Reads a claim, for the fuzzer: what is read is written the same again.
pub fn reads_back(file: &[u8]) -> bool {
    let Ok(claim) = Claim::parse(file) else { return false };
    let _ = claim.verify(None);
    let again = SignedFile::from_value(claim.to_value()).and_then(Claim::from_file);
    again.as_ref() == Ok(&claim)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fingerprint::seed::KEY_BYTES;
    use crate::fingerprint::{Alphabets, Context, Modality, ResponseKind, Seed, SetSpec, Source};

    pub(crate) fn set(n: usize, response: ResponseKind) -> FingerprintSet {
        let spec = SetSpec {
            name: "one".into(),
            n,
            source: Source::Natural,
            template: Template::Dialogue,
            response,
            context: Context::new(),
            modality: None,
        };
        let seed = Seed::from_bytes(&mut [5; KEY_BYTES]);
        FingerprintSet::derive(&seed, spec, &Alphabets::default(), None).unwrap()
    }

    pub(crate) fn claim(set: &FingerprintSet) -> Claim {
        let subject = vec![("b".into(), "22".repeat(32)), ("a".into(), "11".repeat(32))];
        Claim::sign(set, "model", subject, &key()).unwrap()
    }

    fn payload_of(claim: &Claim) -> String {
        serde_json::to_string(claim.statement()).unwrap()
    }

    /// A claim whose statement is this text.
    fn again(payload: &str) -> Result<Claim, AttestError> {
        Claim::of(Signed::of_payload(payload.as_bytes(), &key()))
    }

    /// The key of the keyring that [`set`] is made in.
    pub(crate) fn key() -> SigningKey {
        Seed::from_bytes(&mut [5; KEY_BYTES]).signing_key()
    }

    #[test]
    fn claims_are_read_back_and_verify() {
        let claim = claim(&set(3, ResponseKind::OWNED));
        assert!(claim.verify(None).is_ok());
        assert!(claim.verify(Some(claim.publisher())).is_ok());
        assert!(claim.verify(Some(&[9; 32])).is_err());
        let names: Vec<_> = claim.statement().subject.iter().map(|file| &file.name).collect();
        assert_eq!(names, ["a", "b"]);
        let stamped = claim.clone().with_stamp(b"stamp").unwrap();
        assert_eq!(stamped.digest(), claim.digest());
        let file = serde_json::to_vec_pretty(&stamped.to_value()).unwrap();
        assert_eq!(Claim::parse(&file).unwrap(), stamped);
        assert!(reads_back(&file));
    }

    #[test]
    fn nothing_of_keys_is_in_it() {
        let set = set(3, ResponseKind::OWNED);
        let payload = payload_of(&claim(&set));
        for i in 0..3 {
            assert!(!payload.contains(&*set.key(i)) && !payload.contains(set.response(i)));
            assert!(!payload.contains(&hex(set.salt(i))));
        }
    }

    #[test]
    fn sets_whose_responses_nobody_can_recompute_make_no_claims() {
        let key = key();
        let subject = vec![("a".into(), "11".repeat(32))];
        let refused = Claim::sign(&set(3, ResponseKind::KEYED), "m", subject, &key);
        assert_eq!(refused, Err(AttestError::Unbound));
    }

    #[test]
    fn who_did_not_make_a_set_cannot_claim_it() {
        let other = SigningKey::from_bytes(&[7; 32]);
        let subject = vec![("a".into(), "11".repeat(32))];
        let refused = Claim::sign(&set(3, ResponseKind::OWNED), "m", subject.clone(), &other);
        assert!(matches!(refused, Err(AttestError::AnothersSet { .. })));
        // Sets of the scheme before are bound to no publisher.
        let claim = Claim::sign(&set(3, ResponseKind::BOUND), "m", subject, &other).unwrap();
        assert_eq!(claim.scheme().claimed(), Some("ifrs/scheme/v2"));
        assert!(claim.verify(None).is_ok());
    }

    #[test]
    fn the_first_claims_say_how_many_decoys_there_are() {
        let claim = claim(&set(3, ResponseKind::BOUND));
        let payload = payload_of(&claim);
        let said = |count: &str| {
            let stated = format!("\"decoys\":{count},\"publisher\"");
            let payload = payload.replacen("\"publisher\"", &stated, 1);
            again(&payload)
        };
        assert_eq!(said("4095").unwrap().statement().predicate.decoys, Some(4095));
        assert!(said("100").is_err());
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let set = set(3, ResponseKind::OWNED);
        let key = key();
        let sign = |subject: &[(&str, &str)], model: &str| {
            let own = |&(name, digest): &(&str, &str)| (name.to_owned(), digest.to_owned());
            Claim::sign(&set, model, subject.iter().map(own).collect(), &key)
        };
        let (good, upper) = ("11".repeat(32), "AA".repeat(32));
        assert!(sign(&[("a", &good)], "m").is_ok());
        for subject in [&[][..], &[("a", "11")], &[("a", &upper)], &[("a", &good), ("a", &good)]] {
            assert!(matches!(sign(subject, "m"), Err(AttestError::Unmade { what: "claim", .. })));
        }
        assert!(sign(&[("a\n", &good)], "m").is_err());
        assert!(sign(&[("a", &good)], "").is_err());
    }

    #[test]
    fn only_responses_that_prove_something_are_no_words() {
        let classes = Alphabet::of("classes", &[10]).unwrap();
        let modality = Modality::bytes("toy", "application/x-toy", 16, classes);
        let (source, template) = (Source::Bytes, Template::Bare);
        let spec = SetSpec {
            source,
            template,
            modality: Some(modality),
            ..set(3, ResponseKind::BOUND).spec().clone()
        };
        let seed = Seed::from_bytes(&mut [5; KEY_BYTES]);
        let set = FingerprintSet::derive(&seed, spec, &Alphabets::default(), None).unwrap();
        let payload = payload_of(&claim(&set));
        let read = |from: &str, to: &str| {
            assert!(payload.contains(from));
            let changed = payload.replacen(from, to, 1);
            again(&changed)
        };
        assert!(read("unique", "unique").is_ok());
        assert!(read("unique", "shared").is_err());
        assert!(read("application/x-toy", "text/html").is_err());
        assert!(read("\"sizes\":[10]", "\"sizes\":[11]").is_err());
        let many = Alphabet::of("actions", &[2; 1_024]).unwrap();
        assert!(many.affords(1_024) && !many.affords(1_025));
    }

    #[test]
    fn other_spellings_of_a_statement_are_refused() {
        let claim = claim(&set(3, ResponseKind::OWNED));
        let payload = payload_of(&claim);
        for (from, to) in [
            ("\"n\":3", "\"n\": 3"),
            ("\"n\":3", "\"n\":3,\"n\":3"),
            ("\"n\":3", "\"n\":3,\"x\":3"),
            ("\"n\":3", "\"n\":3.0"),
            ("claim:v1", "claim:v9"),
            ("scheme/v3", "scheme/v9"),
            ("\"publisher\"", "\"decoys\":4095,\"publisher\""),
        ] {
            let changed = payload.replacen(from, to, 1);
            assert_ne!(changed, payload);
            assert!(again(&changed).is_err(), "{to}");
        }
    }
}
