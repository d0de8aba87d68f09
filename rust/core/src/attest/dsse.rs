//! DSSE envelopes (secure-systems-lab/dsse, protocol 1.0.2) with one Ed25519 signature (RFC 8032).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AttestError;
use crate::encoding::{hex, unhex};
use crate::merkle::Hash;

/// What the payload of our envelopes is: an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: [SignatureEntry; 1],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureEntry {
    keyid: String,
    sig: String,
}

/// The pre-authentication encoding, which is what is signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// What names a key: the SHA-256 of its 32 bytes, in hexadecimal.
pub fn key_id(public: &[u8; 32]) -> String {
    hex(&Sha256::digest(public))
}

impl Envelope {
    /// Signs a statement.
    pub(crate) fn sign(payload: &[u8], key: &SigningKey) -> Self {
        let signature = key.sign(&pae(PAYLOAD_TYPE, payload));
        Self {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: [SignatureEntry {
                keyid: key_id(key.verifying_key().as_bytes()),
                sig: STANDARD.encode(signature.to_bytes()),
            }],
        }
    }

    /// The payload, if it is a statement in canonical base64.
    pub(super) fn payload(&self) -> Result<Vec<u8>, AttestError> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(malformed("its payloadType is not that of an in-toto statement"));
        }
        STANDARD.decode(&self.payload).map_err(|_| malformed("its payload is not base64"))
    }

    /// Verifies the signature with the key in `public`, strictly.
    pub(super) fn verify(&self, public: &[u8; 32]) -> Result<(), AttestError> {
        let [entry] = &self.signatures;
        if entry.keyid != key_id(public) {
            return Err(AttestError::Signature("its keyid names another key".into()));
        }
        let wrong = |reason: &str| AttestError::Signature(reason.to_owned());
        let bytes = STANDARD.decode(&entry.sig).map_err(|_| wrong("it is not base64"))?;
        let signature =
            Signature::from_slice(&bytes).map_err(|_| wrong("it is no Ed25519 signature"))?;
        let key = VerifyingKey::from_bytes(public).map_err(|_| wrong("the key is no point"))?;
        key.verify_strict(&pae(&self.payload_type, &self.payload()?), &signature)
            .map_err(|_| wrong("it does not fit the statement"))
    }

    /// The envelope as one string of bytes: what a claim's digest and its time stamp cover.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data is always JSON")
    }

    /// SHA-256 of [`Self::bytes`].
    pub fn digest(&self) -> Hash {
        Sha256::digest(self.bytes()).into()
    }
}

/// Reads a public key: 32 bytes in hexadecimal or base64, or PEM (RFC 8410).
pub fn parse_public_key(text: &str) -> Result<[u8; 32], AttestError> {
    let text = text.trim();
    let bytes = if text.starts_with("-----BEGIN PUBLIC KEY-----") {
        VerifyingKey::from_public_key_pem(text).ok().map(|key| key.to_bytes())
    } else if text.len() == 64 {
        unhex(text)
    } else {
        STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok())
    };
    let sound = |bytes: &[u8; 32]| VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak());
    bytes.filter(sound).ok_or(AttestError::PublicKey)
}

fn malformed(reason: &str) -> AttestError {
    AttestError::Claim(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    #[test]
    fn the_encoding_is_that_of_the_protocol() {
        // The example of the protocol's text.
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn signatures_fit_one_payload_and_one_key() {
        let (key, other) = (key(), SigningKey::from_bytes(&[8; 32]));
        let envelope = Envelope::sign(b"{}", &key);
        let public = key.verifying_key().to_bytes();
        assert!(envelope.verify(&public).is_ok());
        assert!(envelope.verify(&other.verifying_key().to_bytes()).is_err());
        let mut changed = envelope.clone();
        changed.payload = STANDARD.encode(b"[]");
        assert!(changed.verify(&public).is_err());
        let mut changed = envelope.clone();
        changed.payload_type.push('x');
        assert!(changed.verify(&public).is_err());
        let mut changed = envelope.clone();
        changed.signatures[0].sig = STANDARD.encode([0; 64]);
        assert!(changed.verify(&public).is_err());
        assert_ne!(changed.digest(), envelope.digest());
    }

    #[test]
    fn malleable_signatures_and_weak_keys_are_refused() {
        // The neutral point as key and as R: plain verification takes it for any message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut envelope = Envelope::sign(b"{}", &key());
        envelope.signatures[0].keyid = key_id(&neutral);
        envelope.signatures[0].sig = STANDARD.encode([neutral, [0; 32]].concat());
        assert!(envelope.verify(&neutral).is_err());
        assert!(parse_public_key(&hex(&neutral)).is_err());
    }

    #[test]
    fn keys_are_read_as_hex_base64_and_pem() {
        use ed25519_dalek::pkcs8::EncodePublicKey;
        use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
        let public = key().verifying_key();
        let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
        for text in [hex(public.as_bytes()), STANDARD.encode(public.as_bytes()), pem] {
            assert_eq!(parse_public_key(&format!(" {text}\n")).unwrap(), public.to_bytes());
        }
        for text in ["", "00", &"g".repeat(64), "-----BEGIN PUBLIC KEY-----\nAA==\n"] {
            assert!(parse_public_key(text).is_err());
        }
    }

    #[test]
    fn one_signature_and_no_other_field() {
        let entry = r#"{"keyid":"","sig":""}"#;
        let read = |signatures: &str, more: &str| {
            let json =
                format!(r#"{{"payload":"","payloadType":"","signatures":[{signatures}]{more}}}"#);
            serde_json::from_str::<Envelope>(&json)
        };
        assert!(read(entry, "").is_ok());
        assert!(read("", "").is_err());
        assert!(read(&[entry, entry].join(","), "").is_err());
        assert!(read(entry, r#","extra":1"#).is_err());
    }
}
