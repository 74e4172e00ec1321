//! Edits of `index.json`: append, replace, remove.
//!
//! Each is one step: the index is read, changed and replaced while no other
//! writer does, and only if the change is possible. What asks the caller is
//! asked before, since no lock is held while a callback runs.

use super::Layout;
use super::files::INDEX;
use super::matcher::Matcher;
use super::tree::Missing;
use crate::store::files;
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use crate::words::index_text::{Entry, IndexText};
use crate::words::json;
use std::collections::HashMap;

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
}

impl Layout {
    /// Adds an entry to the end of `index.json`. One that says the same is not
    /// added again unless `how` asks for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the blob is not there and may not be missing,
    /// [`Error::Digest`] or [`Error::Size`] when content that the descriptor
    /// embeds is not that of the blob, [`Error::State`] when the layout is open read-only, [`Error::Format`]
    /// when `index.json` is not an image index.
    pub fn append(&self, descriptor: &Descriptor, how: Append) -> Result<()> {
        self.check_entry(descriptor, how)?;
        self.edit(None, |index, matched| {
            let mut entries = all(index);
            entries.extend(new_entry(index, matched, descriptor, how));
            (entries, ())
        })
    }

    /// Puts one entry in the place of all that match: where the first of them
    /// stood, or at the end if there was none. Says how many there were. If one
    /// that does not match says the same, that is the one.
    ///
    /// # Errors
    /// Those of [`append`](Self::append), and those of a custom matcher.
    pub fn replace(
        &self,
        matcher: &Matcher<'_>,
        descriptor: &Descriptor,
        how: Append,
    ) -> Result<usize> {
        self.check_entry(descriptor, how)?;
        self.edit(Some(matcher), |index, matched| {
            let mut entries = Vec::new();
            let mut new = new_entry(index, matched, descriptor, how);
            for (entry, matched) in all(index).into_iter().zip(matched) {
                if *matched {
                    entries.extend(new.take());
                } else {
                    entries.push(entry);
                }
            }
            entries.extend(new);
            (entries, count(matched))
        })
    }

    /// Takes all entries away that match, and no blob. Says how many.
    ///
    /// # Errors
    /// [`Error::State`] when the layout is open read-only, [`Error::Format`]
    /// when `index.json` is not an image index, and those of a custom matcher.
    pub fn remove(&self, matcher: &Matcher<'_>) -> Result<usize> {
        self.check_writable()?;
        self.edit(Some(matcher), |index, matched| {
            let entries = all(index).into_iter().zip(matched);
            let kept = entries.filter(|(_, matched)| !**matched).map(|(entry, _)| entry);
            (kept.collect(), count(matched))
        })
    }

    fn check_entry(&self, descriptor: &Descriptor, how: Append) -> Result<()> {
        self.check_writable()?;
        descriptor.check_data()?;
        match how.missing {
            Missing::Refused => self.check_present(descriptor),
            Missing::Allowed => Ok(()),
        }
    }

    /// Checks that a blob is there with the size that its descriptor says.
    pub(super) fn check_present(&self, descriptor: &Descriptor) -> Result<()> {
        let (digest, expected) = (descriptor.digest(), descriptor.size());
        let found = match self.store.size_of(digest)? {
            Some(size) if size == expected => return Ok(()),
            Some(size) => format!("one of {size}"),
            None => "none".to_owned(),
        };
        let path = self.path().display();
        Err(Error::NotFound(format!(
            "{path}: expected a blob {digest} of {expected} bytes, found {found}"
        )))
    }

    /// Replaces the entries of `index.json` with those that `change` makes of
    /// them, told which of them match.
    fn edit<T>(
        &self,
        matcher: Option<&Matcher<'_>>,
        change: impl Fn(&IndexText, &[bool]) -> (Vec<Entry>, T),
    ) -> Result<T> {
        let root = self.store.root();
        let mut answers = Answers { matcher, asked: HashMap::new() };
        loop {
            let attempt = files::locked(root, || {
                let index = self.read_index()?;
                let Some(matched) = answers.given(&index)? else {
                    return Ok(Attempt::Unanswered(index));
                };
                let (entries, outcome) = change(&index, &matched);
                let text = index.with_entries(&entries);
                if text != index.text() {
                    // Nothing is written that would be refused when it is read.
                    json::text(INDEX, text.as_bytes())?;
                    files::replace(root, INDEX, text.as_bytes())?;
                }
                Ok(Attempt::Done(outcome))
            })?;
            match attempt {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Unanswered(index) => answers.ask(&index)?,
            }
        }
    }
}

enum Attempt<T> {
    Done(T),
    /// The index has entries that the caller was not asked about.
    Unanswered(IndexText),
}

/// What a matcher says of the entries, kept from before the lock is taken.
struct Answers<'m> {
    matcher: Option<&'m Matcher<'m>>,
    asked: HashMap<String, bool>,
}

impl Answers<'_> {
    /// Which entries match; `None` if the caller must be asked first.
    fn given(&self, index: &IndexText) -> Result<Option<Vec<bool>>> {
        let entries = index.descriptors().iter();
        match self.matcher {
            None => Ok(Some(entries.map(|_| false).collect())),
            Some(matcher) if matcher.asks_the_caller() => {
                Ok(entries.map(|entry| self.asked.get(entry.json()).copied()).collect())
            }
            Some(matcher) => {
                entries.map(|entry| matcher.matches(entry)).collect::<Result<_>>().map(Some)
            }
        }
    }

    /// Asks the caller about the entries that are new.
    fn ask(&mut self, index: &IndexText) -> Result<()> {
        let Some(matcher) = self.matcher else { return Ok(()) };
        for entry in index.descriptors() {
            if !self.asked.contains_key(entry.json()) {
                self.asked.insert(entry.json().to_owned(), matcher.matches(entry)?);
            }
        }
        Ok(())
    }
}

/// The entry to be added, unless one that stays says the same.
fn new_entry(
    index: &IndexText,
    matched: &[bool],
    descriptor: &Descriptor,
    how: Append,
) -> Option<Entry> {
    let mut staying = index.descriptors().iter().zip(matched).filter(|(_, matched)| !**matched);
    let is_there = staying.any(|(entry, _)| entry.says_the_same(descriptor));
    (how.duplicate || !is_there).then(|| Entry::New(Box::new(descriptor.clone())))
}

fn all(index: &IndexText) -> Vec<Entry> {
    (0..index.descriptors().len()).map(Entry::Kept).collect()
}

fn count(matched: &[bool]) -> usize {
    matched.iter().filter(|matched| **matched).count()
}
