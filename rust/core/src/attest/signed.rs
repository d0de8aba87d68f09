//! A signed statement in its file: a DSSE envelope, and perhaps an RFC 3161 time stamp over it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::dsse::Envelope;
use super::{AttestError, json};
use crate::merkle::Hash;

/// The largest file of a claim.
pub const MAX_CLAIM_BYTES: usize = 16 << 20;
const MAX_STAMP: usize = 64 << 10;

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SignedFile {
    payload: String,
    payload_type: String,
    #[serde(deserialize_with = "json::strict")]
    signatures: serde_json::Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

/// What was read of it; the signature is not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    envelope: Envelope,
    stamp: Option<Vec<u8>>,
}

impl SignedFile {
    /// Reads a file.
    pub(super) fn parse(file: &[u8]) -> Result<Self, AttestError> {
        if file.len() > MAX_CLAIM_BYTES {
            return Err(malformed("it is too large"));
        }
        Self::from_value(json::parse(file).map_err(AttestError::Claim)?)
    }

    pub(super) fn from_value(value: serde_json::Value) -> Result<Self, AttestError> {
        serde_json::from_value(value).map_err(|error| AttestError::Claim(error.to_string()))
    }
}

impl Signed {
    /// Signs a statement.
    pub(super) fn sign(statement: &impl Serialize, key: &SigningKey) -> Self {
        Self::of_payload(&serde_json::to_vec(statement).expect("plain data is always JSON"), key)
    }

    /// The same of a statement as it is written.
    pub(super) fn of_payload(payload: &[u8], key: &SigningKey) -> Self {
        Self { envelope: Envelope::sign(payload, key), stamp: None }
    }

    /// What a file holds.
    pub(super) fn of(file: SignedFile) -> Result<Self, AttestError> {
        let stamp = file.timestamp.as_ref().map(|text| {
            let bytes =
                STANDARD.decode(text).map_err(|_| malformed("its time stamp is not base64"))?;
            fits(&bytes).map(|()| bytes)
        });
        let envelope = serde_json::json!({
            "payload": file.payload, "payloadType": file.payload_type, "signatures": file.signatures,
        });
        let envelope = serde_json::from_value(envelope)
            .map_err(|error| AttestError::Claim(error.to_string()))?;
        Ok(Self { envelope, stamp: stamp.transpose()? })
    }

    /// The statement, which has one spelling: nothing can hide in another.
    pub(super) fn statement<S: Serialize + DeserializeOwned>(&self) -> Result<S, AttestError> {
        let payload = self.envelope.payload()?;
        let value = json::parse(&payload).map_err(AttestError::Claim)?;
        let statement: S =
            serde_json::from_value(value).map_err(|error| AttestError::Claim(error.to_string()))?;
        if serde_json::to_vec(&statement).expect("plain data is always JSON") != payload {
            return Err(malformed("its statement is not written in the one way allowed"));
        }
        Ok(statement)
    }

    /// Verifies the signature by the key that it names; `expected` is the key that must be that one.
    pub(super) fn verify(
        &self,
        named: &[u8; 32],
        expected: Option<&[u8; 32]>,
    ) -> Result<(), AttestError> {
        if expected.is_some_and(|key| key != named) {
            return Err(AttestError::Signature("the claim is of another publisher's key".into()));
        }
        self.envelope.verify(named)
    }

    /// SHA-256 of the envelope without time stamp.
    pub fn digest(&self) -> Hash {
        self.envelope.digest()
    }

    /// The bytes that a time stamp covers.
    pub fn envelope(&self) -> Vec<u8> {
        self.envelope.bytes()
    }

    /// The RFC 3161 response over the envelope, in DER.
    pub fn stamp(&self) -> Option<&[u8]> {
        self.stamp.as_deref()
    }

    /// The same with a time stamp.
    pub(super) fn with_stamp(self, stamp: &[u8]) -> Result<Self, AttestError> {
        fits(stamp)?;
        Ok(Self { stamp: Some(stamp.to_vec()), ..self })
    }

    /// The file as JSON.
    pub fn to_value(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(&self.envelope).expect("plain data is always JSON");
        if let (Some(stamp), Some(fields)) = (&self.stamp, value.as_object_mut()) {
            fields.insert("timestamp".to_owned(), STANDARD.encode(stamp).into());
        }
        value
    }
}

fn fits(stamp: &[u8]) -> Result<(), AttestError> {
    let fits = (1..=MAX_STAMP).contains(&stamp.len());
    fits.then_some(()).ok_or(malformed("its time stamp has no sensible size"))
}

fn malformed(reason: &str) -> AttestError {
    AttestError::Claim(reason.to_owned())
}
