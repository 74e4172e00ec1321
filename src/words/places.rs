//! Where among many entries those of a name, or of a digest, stand.
//!
//! Names and digests are kept as their hashes alone. So a place is where to look,
//! and whoever looks there sees whether it is what he seeks.

use super::descriptor::Descriptor;
use super::digest::Digest;
use super::error::Result;
use super::memory;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

/// The positions of entries, by their names and by their digests.
#[derive(Debug, Default)]
pub(crate) struct Places {
    names: Positions,
    digests: Positions,
}

impl Places {
    /// Notes where an entry stands.
    pub(crate) fn note(&mut self, entry: &Descriptor, position: usize) -> Result<()> {
        if let Some(name) = entry.reference() {
            self.names.note(name, position)?;
        }
        self.digests.note(entry.digest().as_str(), position)
    }

    /// Notes that an entry stands there no more.
    pub(crate) fn forget(&mut self, entry: &Descriptor, position: usize) {
        if let Some(name) = entry.reference() {
            self.names.forget(name, position);
        }
        self.digests.forget(entry.digest().as_str(), position);
    }

    /// Notes that all entries stand elsewhere.
    pub(crate) fn renumber(&mut self, moved: impl Fn(usize) -> usize) {
        let lists = self.names.0.values_mut().chain(self.digests.0.values_mut());
        lists.flatten().for_each(|position| *position = moved(*position));
    }

    /// Where entries of this name may stand.
    pub(crate) fn named(&self, name: &str) -> &[usize] {
        self.names.of(name)
    }

    /// Where entries of this digest may stand.
    pub(crate) fn of_digest(&self, digest: &Digest) -> &[usize] {
        self.digests.of(digest.as_str())
    }

    /// Where an entry may stand that says the same as this one.
    pub(crate) fn like(&self, entry: &Descriptor) -> &[usize] {
        let of_digest = self.of_digest(entry.digest());
        match entry.reference().map(|name| self.named(name)) {
            Some(named) if named.len() < of_digest.len() => named,
            _ => of_digest,
        }
    }
}

/// The positions of each key, by its hash.
#[derive(Debug, Default)]
struct Positions(HashMap<u64, Vec<usize>>);

impl Positions {
    fn hash(&self, key: &str) -> u64 {
        self.0.hasher().hash_one(key)
    }

    fn of(&self, key: &str) -> &[usize] {
        self.0.get(&self.hash(key)).map(Vec::as_slice).unwrap_or_default()
    }

    fn note(&mut self, key: &str, position: usize) -> Result<()> {
        self.0.try_reserve(1)?;
        match self.0.entry(self.hash(key)) {
            Entry::Occupied(mut known) => memory::push(known.get_mut(), position),
            Entry::Vacant(new) => {
                // Nearly every key has but one.
                let mut one = Vec::new();
                one.try_reserve_exact(1)?;
                one.push(position);
                new.insert(one);
                Ok(())
            }
        }
    }

    fn forget(&mut self, key: &str, position: usize) {
        let hash = self.hash(key);
        if let Entry::Occupied(mut known) = self.0.entry(hash) {
            known.get_mut().retain(|other| *other != position);
            if known.get().is_empty() {
                known.remove();
            }
        }
    }
}
