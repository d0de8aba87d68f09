//! The keyring's seed and what is derived from it with HKDF (RFC 5869) and HMAC (RFC 2104).

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::FingerprintError;
use crate::memory::Locked;

/// Bytes in a seed, a set key and a digest.
pub const KEY_BYTES: usize = 32;

/// A set's context: any flat map that tells one derivation from another (licensee, release …).
///
/// A `BTreeMap` because its order is part of the derivation.
pub type Context = BTreeMap<String, ContextValue>;

/// A value in a [`Context`]. Floats are left out: their text is not canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

/// The keyring's root secret: everything else is derived from it.
///
/// Neither `Debug` nor `Clone`: there is one copy, in locked memory, wiped when dropped.
pub struct Seed(Locked);

impl Seed {
    /// Draws a seed from the operating system's CSPRNG.
    pub fn random() -> Result<Self, FingerprintError> {
        let mut seed = Self(Locked::zeroed(KEY_BYTES));
        getrandom::fill(&mut seed.0).map_err(FingerprintError::Entropy)?;
        Ok(seed)
    }

    /// Takes over a seed that was stored, and wipes the source.
    pub fn from_bytes(bytes: &mut [u8; KEY_BYTES]) -> Self {
        let mut seed = Self(Locked::zeroed(KEY_BYTES));
        seed.0.copy_from_slice(bytes);
        bytes.zeroize();
        seed
    }

    /// Whether this is the process that read it: a child of `fork` has no seed.
    pub(crate) fn is_here(&self) -> bool {
        self.0.is_here()
    }

    /// The bytes, for the encrypted container only.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        // Callers ask before; this keeps a mistake from deriving keys from nothing.
        assert!(self.is_here(), "the seed belongs to another process");
        self.0.first_chunk().expect("a seed has that many bytes")
    }

    /// What names the keyring in public: `HKDF-SHA256(seed, "ifrs/v1/keyring-id")`, 16 bytes.
    pub(crate) fn public_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        Hkdf::<Sha256>::new(None, self.expose())
            .expand(b"ifrs/v1/keyring-id", &mut id)
            .expect("16 bytes are within HKDF's limit");
        id
    }

    /// The key that signs the keyring's claims: Ed25519 with
    /// `HKDF-SHA256(seed, "ifrs/v1/signing-key")` as its secret; it is wiped when dropped.
    pub(crate) fn signing_key(&self) -> SigningKey {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        Hkdf::<Sha256>::new(None, self.expose())
            .expand(b"ifrs/v1/signing-key", &mut *secret)
            .expect("32 bytes are within HKDF's limit");
        SigningKey::from_bytes(&secret)
    }

    /// Its public half, which names the publisher.
    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.signing_key().verifying_key().to_bytes()
    }

    /// The key of one set: `HKDF-SHA256(seed, "ifrs/v1/set" ‖ name ‖ canonical context)`.
    ///
    /// Name and context are prefixed with their lengths, so that no two pairs collide.
    pub(crate) fn set_key(&self, name: &str, context: &Context) -> SetKey {
        let context = serde_json::to_vec(context).expect("a flat map of scalars is always JSON");
        let mut key = SetKey([0; KEY_BYTES]);
        Hkdf::<Sha256>::new(None, self.expose())
            .expand_multi_info(
                &[
                    b"ifrs/v1/set",
                    &length(name.as_bytes()),
                    name.as_bytes(),
                    &length(&context),
                    &context,
                ],
                &mut key.0,
            )
            .expect("32 bytes are within HKDF's limit");
        key
    }
}

/// The secret of one set.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct SetKey([u8; KEY_BYTES]);

impl SetKey {
    /// Takes over a key that was stored, and wipes the source.
    pub(crate) fn from_bytes(bytes: &mut [u8; KEY_BYTES]) -> Self {
        let key = Self(*bytes);
        bytes.zeroize();
        key
    }

    /// The bytes, for the encrypted container only.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// What names the set in public: it tells sets of one name and different contexts apart.
    pub(crate) fn public_id(&self) -> [u8; 16] {
        let mut mac = self.mac(&[b"set-id"]);
        let id = mac.first_chunk().copied().expect("a MAC is longer than an id");
        mac.zeroize();
        id
    }

    /// HMAC-SHA256 under this key over length-prefixed parts.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; KEY_BYTES] {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&length(part));
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// A length as eight bytes, big end first, as a prefix that makes concatenation unambiguous.
pub(crate) fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(byte: u8) -> Seed {
        Seed::from_bytes(&mut [byte; KEY_BYTES])
    }

    fn context(licensee: &str) -> Context {
        Context::from([("licensee".into(), ContextValue::Text(licensee.into()))])
    }

    #[test]
    fn same_inputs_same_key() {
        let one = seed(7).set_key("release", &context("acme"));
        let two = seed(7).set_key("release", &context("acme"));
        assert_eq!(one.0, two.0);
    }

    #[test]
    fn seed_name_and_context_each_change_the_key() {
        let key = seed(7).set_key("release", &context("acme")).0;
        assert_ne!(key, seed(8).set_key("release", &context("acme")).0);
        assert_ne!(key, seed(7).set_key("releasf", &context("acme")).0);
        assert_ne!(key, seed(7).set_key("release", &context("acmf")).0);
    }

    #[test]
    fn taking_a_seed_wipes_its_source() {
        let mut bytes = [9; KEY_BYTES];
        let _ = Seed::from_bytes(&mut bytes);
        assert_eq!(bytes, [0; KEY_BYTES]);
    }

    #[test]
    fn random_seeds_differ() {
        let (one, two) = (Seed::random().unwrap(), Seed::random().unwrap());
        assert_ne!(one.expose(), two.expose());
    }
}
