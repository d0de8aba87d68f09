//! What the two trees of a roll commit to: positions, and licensees.

use serde::{Deserialize, Serialize};

use crate::fingerprint::FingerprintSet;
use crate::fingerprint::codeword::Code;
use crate::fingerprint::seed::KEY_BYTES;
use crate::merkle::{Hash, leaf_of_lengths};

/// A copy that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Folder, patch or peft.
    pub form: String,
    /// The start of the SHA-256 of its rows, in hexadecimal.
    pub digest: String,
}

impl Copy {
    /// Whether a keyring could have recorded it.
    pub(super) fn is_sound(&self) -> bool {
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        let time = humantime::parse_rfc3339(&self.at).is_ok();
        time && plain(&self.form) && plain(&self.digest)
    }
}

/// One licensee.
pub(super) struct Licensee<'p> {
    pub(super) name: &'p str,
    pub(super) salt: &'p [u8; KEY_BYTES],
    pub(super) codeword: &'p [bool],
    pub(super) copies: &'p [Copy],
}

impl Licensee<'_> {
    /// `SHA-256(0x00 ‖ len‖"ifrs/licences/v1/licensee" ‖ len‖publisher ‖ len‖positions ‖ len‖salt ‖
    /// len‖name ‖ len‖codeword ‖ len‖copy ‖ …)`: the root of the positions, the codeword as digits 0
    /// and 1, and each copy as `time form digest`.
    pub(super) fn leaf(&self, publisher: &[u8; 32], positions: &Hash) -> Hash {
        let word = digits(self.codeword);
        let copies: Vec<String> = self
            .copies
            .iter()
            .map(|Copy { at, form, digest }| format!("{at} {form} {digest}"))
            .collect();
        let head: [&[u8]; 6] = [
            b"ifrs/licences/v1/licensee",
            publisher,
            positions,
            self.salt,
            self.name.as_bytes(),
            word.as_bytes(),
        ];
        let parts: Vec<&[u8]> =
            head.into_iter().chain(copies.iter().map(String::as_bytes)).collect();
        leaf_of_lengths(&parts)
    }
}

/// A codeword as text.
pub(super) fn digits(codeword: &[bool]) -> String {
    codeword.iter().map(|&bit| if bit { '1' } else { '0' }).collect()
}

/// A codeword from its text.
pub(super) fn bits(digits: &str) -> Option<Vec<bool>> {
    digits
        .chars()
        .map(|digit| match digit {
            '0' => Some(false),
            '1' => Some(true),
            _ => None,
        })
        .collect()
}

/// All of a set's positions and licensees, as its publisher has them.
pub(super) struct Trees {
    pub(super) code: Code,
    /// The set with its second responses.
    pub(super) second: FingerprintSet,
    /// Each licensee's name and copies, in the order of their leaves: no place tells who came first.
    pub(super) licensees: Vec<(String, Vec<Copy>)>,
    pub(super) leaves: Vec<Hash>,
}

impl Trees {
    /// Those of a set whose copies left in this order; `None` for a set that has no second responses,
    /// is of another publisher, or has codewords that nobody can recompute.
    pub(super) fn of(
        set: &FingerprintSet,
        coalition: u8,
        issued: &[(String, Copy)],
        publisher: &[u8; 32],
    ) -> Option<Self> {
        if set.is_of_earlier_code() || publisher != set.publisher() {
            return None;
        }
        let (code, second) = (set.code(coalition).ok()?, set.second()?);
        let root = crate::merkle::root(&code.positions);
        let mut copies: std::collections::BTreeMap<&str, Vec<Copy>> = Default::default();
        for (name, copy) in issued {
            copies.entry(name).or_default().push(copy.clone());
        }
        let mut all: Vec<(Hash, String, Vec<Copy>)> = copies
            .into_iter()
            .map(|(name, copies)| {
                let (salt, codeword) = (&set.licensee_salt(name), &set.codeword(&code, name));
                let leaf =
                    Licensee { name, salt, codeword, copies: &copies }.leaf(publisher, &root);
                (leaf, name.to_owned(), copies)
            })
            .collect();
        all.sort_by_key(|one| one.0);
        let (leaves, licensees) =
            all.into_iter().map(|(leaf, name, copies)| (leaf, (name, copies))).unzip();
        Some(Self { code, second, licensees, leaves })
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_encoding_is_the_documented_one() {
        let copy =
            Copy { at: "2026-01-01T00:00:00Z".into(), form: "patch".into(), digest: "0f".into() };
        let licensee = Licensee {
            name: "ACME",
            salt: &[2; 32],
            codeword: &[true, false],
            copies: std::slice::from_ref(&copy),
        };
        let mut data = vec![0];
        for part in [
            &b"ifrs/licences/v1/licensee"[..],
            &[1; 32],
            &[3; 32],
            &[2; 32],
            b"ACME",
            b"10",
            b"2026-01-01T00:00:00Z patch 0f",
        ] {
            data.extend((part.len() as u64).to_be_bytes());
            data.extend(part);
        }
        let expected: Hash = Sha256::digest(&data).into();
        assert_eq!(licensee.leaf(&[1; 32], &[3; 32]), expected);
        assert_eq!(bits("10"), Some(vec![true, false]));
        assert_eq!(bits("12"), None);
    }
}
