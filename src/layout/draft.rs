//! The entries of an index while they are edited.

use super::files::INDEX;
use super::meant::Meant;
use super::tree::Missing;
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use crate::words::index_text::{Entry, IndexText};
use crate::words::json;
use crate::words::memory;

/// What an added entry is allowed to be. The default is a new entry whose blob
/// is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Append {
    missing: Missing,
    duplicate: bool,
}

impl Append {
    /// A new entry whose blob is there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do when the blob is not there.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Adds the entry even if one that says the same is there.
    #[must_use]
    pub fn duplicate(mut self) -> Self {
        self.duplicate = true;
        self
    }

    pub(super) fn missing_blob(self) -> Missing {
        self.missing
    }
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    base: IndexText,
    entries: Vec<Entry>,
}

/// What is done with the entries that are meant.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Append(Descriptor, Append),
    Replace(Descriptor, Append),
    Remove,
}

pub(super) enum Attempt {
    /// How many entries were meant.
    Done(usize),
    /// These are the entries; the caller was not asked about all of them.
    Unanswered(Vec<Descriptor>),
}

impl Draft {
    pub(super) fn new(base: IndexText) -> Result<Self> {
        let entries = memory::list((0..base.descriptors().len()).map(Entry::Kept))?;
        Ok(Self { base, entries })
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().filter_map(|entry| self.base.descriptor(entry))
    }

    /// Makes an edit, if it is known which entries it means.
    pub(super) fn attempt(&mut self, edit: &Edit, meant: &Meant<'_>) -> Result<Attempt> {
        Ok(match meant.among(self.descriptors())? {
            Some(matched) => {
                self.apply(edit, &matched)?;
                Attempt::Done(matched.iter().filter(|matched| **matched).count())
            }
            None => Attempt::Unanswered(memory::list(self.descriptors().cloned())?),
        })
    }

    fn apply(&mut self, edit: &Edit, matched: &[bool]) -> Result<()> {
        let mut new = match edit {
            Edit::Append(descriptor, how) | Edit::Replace(descriptor, how) => {
                self.new_entry(matched, descriptor, *how)?
            }
            Edit::Remove => None,
        };
        let mut edited = Vec::new();
        edited.try_reserve_exact(self.entries.len() + 1)?;
        for (entry, matched) in self.entries.drain(..).zip(matched) {
            if *matched {
                edited.extend(new.take());
            } else {
                edited.push(entry);
            }
        }
        edited.extend(new);
        self.entries = edited;
        Ok(())
    }

    /// The entry to be added, unless one that stays says the same.
    fn new_entry(
        &self,
        matched: &[bool],
        descriptor: &Descriptor,
        how: Append,
    ) -> Result<Option<Entry>> {
        let staying = self.descriptors().zip(matched).filter(|(_, matched)| !**matched);
        for (entry, _) in staying {
            if !how.duplicate && entry.says_the_same(descriptor)? {
                return Ok(None);
            }
        }
        Ok(Some(Entry::New(Box::new(descriptor.clone()))))
    }

    /// The text of the index, if it is not what it was.
    pub(super) fn changed_text(&self) -> Result<Option<String>> {
        let text = self.base.with_entries(&self.entries)?;
        if text == self.base.text() {
            return Ok(None);
        }
        // Nothing is written that would be refused when it is read.
        json::text(INDEX, text.as_bytes())?;
        Ok(Some(text))
    }
}
