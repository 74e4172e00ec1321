//! What is to become of the entries of an index.

use super::descriptor::Descriptor;
use super::error::Result;
use super::index_text::IndexText;
use super::memory;
use std::collections::HashMap;
use std::ops::Range;

/// Changes of an index, by the positions of its entries. Those behind its last are
/// of entries that are added. No position is used again.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// What stands instead of an entry of the index: another one, or none.
    changed: HashMap<usize, Option<Descriptor>>,
    /// What is added; some of it was taken away again.
    added: Vec<Option<Descriptor>>,
}

/// A part of the entries that come of it.
pub(crate) enum Part<'a> {
    /// Neighbours that stay.
    Kept(Range<usize>),
    New(&'a Descriptor),
}

impl Changes {
    /// How many positions there are.
    pub(crate) fn count(&self, index: &IndexText) -> usize {
        index.count() + self.added.len()
    }

    /// The entry at a position; `None` if it was taken away.
    pub(crate) fn entry(&self, index: &IndexText, position: usize) -> Result<Option<Descriptor>> {
        if let Some(added) = position.checked_sub(index.count()) {
            return Ok(self.added.get(added).cloned().flatten());
        }
        match self.changed.get(&position) {
            Some(changed) => Ok(changed.clone()),
            None => index.descriptor(position),
        }
    }

    /// Makes room, so that so many entries can be set and one be added.
    pub(crate) fn reserve(&mut self, set: usize) -> Result<()> {
        self.changed.try_reserve(set)?;
        Ok(self.added.try_reserve(1)?)
    }

    /// Puts another entry in the place of one, or none.
    pub(crate) fn set(&mut self, index: &IndexText, position: usize, entry: Option<Descriptor>) {
        match position.checked_sub(index.count()) {
            Some(added) => {
                if let Some(place) = self.added.get_mut(added) {
                    *place = entry;
                }
            }
            None => {
                self.changed.insert(position, entry);
            }
        }
    }

    /// Adds an entry behind all others.
    pub(crate) fn add(&mut self, entry: Descriptor) {
        self.added.push(Some(entry));
    }

    /// What is added, if nothing else is changed.
    pub(crate) fn only_added(&self) -> Option<impl Iterator<Item = &Descriptor>> {
        self.changed.is_empty().then(|| self.added.iter().flatten())
    }

    /// The positions of entries that have others in their place, or none, in order.
    pub(crate) fn changed(&self) -> Result<Vec<usize>> {
        let mut changed = memory::list(self.changed.keys().copied())?;
        changed.sort_unstable();
        Ok(changed)
    }

    /// Whether an entry of the index was taken away.
    pub(crate) fn is_removed(&self, position: usize) -> bool {
        self.changed.get(&position).is_some_and(Option::is_none)
    }

    /// What comes of so many entries, in order.
    pub(crate) fn parts(&self, count: usize) -> Result<Vec<Part<'_>>> {
        let mut parts = Vec::new();
        let mut next = 0;
        for position in self.changed()? {
            if next < position {
                memory::push(&mut parts, Part::Kept(next..position))?;
            }
            if let Some(Some(new)) = self.changed.get(&position) {
                memory::push(&mut parts, Part::New(new))?;
            }
            next = position + 1;
        }
        if next < count {
            memory::push(&mut parts, Part::Kept(next..count))?;
        }
        for new in self.added.iter().flatten() {
            memory::push(&mut parts, Part::New(new))?;
        }
        Ok(parts)
    }
}
