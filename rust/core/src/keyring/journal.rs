//! What happened to a keyring: an append-only list in which each entry names the hash of the last.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::KeyringError;
use crate::encoding::{hex, now};

/// Stands for the hash before the first entry.
const START: &str = "";

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The keyring was made, or its journal begins.
    Created,
    /// A set was made.
    Generated,
    /// A set was taken out.
    Removed,
    /// Passphrase or recipients were changed.
    Rekeyed,
    /// A set was sealed for others.
    Exported,
    /// A set came from another keyring.
    Imported,
    /// The keyring was split into shares.
    Split,
    /// The keyring was restored from shares.
    Combined,
    /// A claim was made for a set.
    Claimed,
    /// Keys were sent to a target.
    Queried,
    /// Keys were shown to somebody.
    Revealed,
}

impl Event {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Generated => "generated",
            Self::Removed => "removed",
            Self::Rekeyed => "rekeyed",
            Self::Exported => "exported",
            Self::Imported => "imported",
            Self::Split => "split",
            Self::Combined => "combined",
            Self::Claimed => "claimed",
            Self::Queried => "queried",
            Self::Revealed => "revealed",
        }
    }

    /// Whether the keys of such an entry are known outside afterwards.
    fn spends(self) -> bool {
        matches!(self, Self::Imported | Self::Queried | Self::Revealed)
    }
}

impl std::str::FromStr for Event {
    type Err = KeyringError;

    /// The events that a caller may record.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "claimed" => Ok(Self::Claimed),
            "queried" => Ok(Self::Queried),
            "revealed" => Ok(Self::Revealed),
            _ => Err(KeyringError::UnknownEvent(name.to_owned())),
        }
    }
}

/// One event. It holds nothing secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counted from 0.
    pub number: usize,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// What.
    pub event: Event,
    /// The set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// What tells sets of one name apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_id: Option<String>,
    /// Which keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indices: Vec<usize>,
    /// The target, or the recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// The hash of the entry before.
    pub previous: String,
    /// SHA-256 of this entry as compact JSON with an empty hash.
    pub hash: String,
}

impl Entry {
    /// An entry that is not in a journal yet.
    pub(super) fn new(event: Event) -> Self {
        Self {
            number: 0,
            at: now(),
            event,
            set: None,
            set_id: None,
            indices: Vec::new(),
            to: Vec::new(),
            previous: String::new(),
            hash: String::new(),
        }
    }

    /// Names the set that it is about.
    pub(super) fn about(mut self, set: &str, id: String) -> Self {
        self.set = Some(set.to_owned());
        self.set_id = Some(id);
        self
    }

    fn digest(&self) -> String {
        let open = Self { hash: String::new(), ..self.clone() };
        let json = serde_json::to_vec(&open).expect("plain data is always JSON");
        hex(&Sha256::digest(json))
    }
}

/// The entries in order.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Journal(Vec<Entry>);

impl Journal {
    pub(super) fn append(&mut self, entry: Entry) {
        let previous = self.head().to_owned();
        let mut entry = Entry { number: self.0.len(), previous, ..entry };
        entry.hash = entry.digest();
        self.0.push(entry);
    }

    /// The hash of the last entry, which stands for the whole history.
    pub(super) fn head(&self) -> &str {
        self.0.last().map_or(START, |entry| &entry.hash)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Takes back entries that did not reach the disk.
    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// The number of the first entry that does not follow from the one before.
    pub(super) fn broken(&self) -> Option<usize> {
        let mut previous = START;
        for (place, entry) in self.0.iter().enumerate() {
            let follows = entry.number == place && entry.previous == previous;
            if !follows || entry.hash != entry.digest() {
                return Some(place);
            }
            previous = &entry.hash;
        }
        None
    }

    /// Which keys of a set are known outside.
    pub(super) fn spent(&self, set_id: &str) -> Vec<usize> {
        let of_set =
            |entry: &&Entry| entry.event.spends() && entry.set_id.as_deref() == Some(set_id);
        let spent: BTreeSet<usize> =
            self.0.iter().filter(of_set).flat_map(|entry| entry.indices.iter().copied()).collect();
        spent.into_iter().collect()
    }
}

/// Reads a journal and checks its chain, for the fuzzer: never a panic.
pub fn read_journal(json: &[u8]) -> Option<Vec<Entry>> {
    let journal: Journal = serde_json::from_slice(json).ok()?;
    journal.broken().is_none().then_some(journal.0)
}

/// A target without what may be secret in an address: the user's name and password, the query.
pub(super) fn public_target(target: &str) -> String {
    let Some((scheme, rest)) = target.split_once("://") else { return target.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let mut journal = Journal::default();
        for indices in [vec![2, 0], vec![1], vec![2]] {
            let entry = Entry { indices, ..Entry::new(Event::Queried) };
            journal.append(entry.about("one", "id".into()));
        }
        journal
    }

    #[test]
    fn any_change_breaks_the_chain() {
        assert_eq!(journal().broken(), None);
        let mut changed = journal();
        changed.0[1].indices[0] = 5;
        assert_eq!(changed.broken(), Some(1));
        let mut shortened = journal();
        shortened.0.remove(1);
        assert_eq!(shortened.broken(), Some(1));
        let mut swapped = journal();
        swapped.0.swap(0, 1);
        assert_eq!(swapped.broken(), Some(0));
    }

    #[test]
    fn spent_keys_are_those_sent_or_shown() {
        let mut journal = journal();
        let claimed = Entry { indices: vec![7], ..Entry::new(Event::Claimed) };
        journal.append(claimed.about("one", "id".into()));
        assert_eq!(journal.spent("id"), [0, 1, 2]);
        assert!(journal.spent("other").is_empty());
    }

    #[test]
    fn targets_lose_their_secrets() {
        let cleaned = public_target("https://me:pw@host:1/v1/x?key=1#f");
        assert_eq!(cleaned, "https://host:1/v1/x");
        assert_eq!(public_target("https://host?key=1"), "https://host");
        assert_eq!(public_target("some/model"), "some/model");
    }
}
