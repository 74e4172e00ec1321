//! The entries of an index while they are edited.

use super::matcher::Hint;
use super::meant::Meant;
use super::tree::Missing;
use crate::words::changes::Changes;
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use crate::words::index_text::IndexText;
use crate::words::memory;
use crate::words::places::Places;
use std::sync::Arc;

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

/// An index with edits that are not written yet. It costs what they change, not what
/// is there.
#[derive(Debug)]
pub(super) struct Draft {
    base: Arc<IndexText>,
    changes: Changes,
    /// Where the new entries stand.
    places: Places,
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
    pub(super) fn new(base: Arc<IndexText>) -> Self {
        Self { base, changes: Changes::default(), places: Places::default() }
    }

    /// What it is made of, and what it makes of that.
    pub(super) fn into_parts(self) -> (Arc<IndexText>, Changes) {
        (self.base, self.changes)
    }

    /// The entries among which are all that are hinted at, in order.
    pub(super) fn candidates(&self, hint: &Hint<'_>) -> Result<Vec<Descriptor>> {
        let candidates = self.entries_at(self.positions(hint)?);
        memory::try_list(candidates.map(|candidate| candidate.map(|(_, entry)| entry)))
    }

    /// Makes an edit, if it is known which entries it means.
    pub(super) fn attempt(&mut self, edit: &Edit, meant: &Meant<'_>) -> Result<Attempt> {
        let hint = meant.hint();
        let mut matched = Vec::new();
        for candidate in self.entries_at(self.positions(&hint)?) {
            let (position, entry) = candidate?;
            match meant.means(&entry)? {
                Some(true) => memory::push(&mut matched, position)?,
                Some(false) => {}
                None => return self.candidates(&hint).map(Attempt::Unanswered),
            }
        }
        self.apply(edit, &matched)?;
        Ok(Attempt::Done(matched.len()))
    }

    /// Where to look for what is hinted at, in order.
    fn positions(&self, hint: &Hint<'_>) -> Result<Vec<usize>> {
        if let Hint::Anything = hint {
            return memory::list(0..self.changes.count(&self.base));
        }
        let mut positions = Vec::new();
        let known = self.base.places()?;
        for places in [&*known, &self.places] {
            match hint {
                Hint::Nothing | Hint::Anything => {}
                Hint::Named(name) => memory::push_all(&mut positions, places.named(name))?,
                Hint::Digests(digests) => {
                    for digest in *digests {
                        memory::push_all(&mut positions, places.of_digest(digest))?;
                    }
                }
            }
        }
        positions.sort_unstable();
        positions.dedup();
        Ok(positions)
    }

    /// The entries at these positions, less those that were taken away.
    fn entries_at(
        &self,
        positions: impl IntoIterator<Item = usize>,
    ) -> impl Iterator<Item = Result<(usize, Descriptor)>> {
        positions.into_iter().filter_map(|position| {
            let entry = self.changes.entry(&self.base, position).transpose()?;
            Some(entry.map(|entry| (position, entry)))
        })
    }

    /// Puts the new entry, if any, in the place of the first of these positions, or at
    /// the end, and takes the others away.
    fn apply(&mut self, edit: &Edit, matched: &[usize]) -> Result<()> {
        let mut new = match edit {
            Edit::Append(descriptor, how) | Edit::Replace(descriptor, how) => {
                self.new_entry(matched, descriptor, *how)?
            }
            Edit::Remove => None,
        };
        self.changes.reserve(matched.len())?;
        if let Some(new) = &new {
            let end = self.changes.count(&self.base);
            self.places.note(new, matched.first().copied().unwrap_or(end))?;
        }
        for position in matched {
            self.changes.set(&self.base, *position, new.take());
        }
        if let Some(new) = new {
            self.changes.add(new);
        }
        Ok(())
    }

    /// The entry to be added, unless one that stays says the same.
    fn new_entry(
        &self,
        matched: &[usize],
        descriptor: &Descriptor,
        how: Append,
    ) -> Result<Option<Descriptor>> {
        if !how.duplicate {
            let known = self.base.places()?;
            let like = [&*known, &self.places].map(|places| places.like(descriptor));
            for candidate in self.entries_at(like.into_iter().flatten().copied()) {
                let (position, entry) = candidate?;
                if matched.binary_search(&position).is_err() && entry.says_the_same(descriptor)? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(descriptor.clone()))
    }

    /// The text of the index in pieces, if it is not what it was.
    pub(super) fn changed_text(&self) -> Result<Option<Vec<&str>>> {
        self.base.changed(&self.changes)
    }
}
