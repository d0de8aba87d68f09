//! How a set's responses are chosen: by a scheme.

use std::fmt;
use std::ops::Deref;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::FingerprintError;
use super::scheme::{Scheme, bound, find, keyed, owned, shared};

/// A scheme, by its name in keyrings.
#[derive(Clone, Copy)]
pub struct ResponseKind(pub &'static dyn Scheme);

impl ResponseKind {
    /// Two words for each key, bound to the set's Merkle root and to the publisher's key (scheme
    /// v3).
    pub const OWNED: Self = Self(&owned::Owned);
    /// The same, bound to the root alone: sets of scheme v2.
    pub const BOUND: Self = Self(&bound::Bound);
    /// The same as sets had them at first: under the set's key, so that nobody else can recompute
    /// them. Such sets verify, but make no claims.
    pub const KEYED: Self = Self(&keyed::Keyed);
    /// The paper's single response; no evidence by itself.
    pub const SHARED: Self = Self(&shared::Shared);
}

impl Deref for ResponseKind {
    type Target = dyn Scheme;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for ResponseKind {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind()
    }
}

impl Eq for ResponseKind {}

impl fmt::Debug for ResponseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Serialize for ResponseKind {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.kind())
    }
}

impl<'de> Deserialize<'de> for ResponseKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let kind = String::deserialize(from)?;
        find(|scheme| scheme.kind() == kind)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a scheme that this version does not know"))
    }
}

impl std::str::FromStr for ResponseKind {
    type Err = FingerprintError;

    /// What new sets have under a name of users'.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "unique" => Ok(Self::OWNED),
            "shared" => Ok(Self::SHARED),
            _ => Err(FingerprintError::UnknownResponse(name.into())),
        }
    }
}
