//! Edits of `index.json`: append, replace, remove.
//!
//! Each is one step: the index is read, changed and replaced while no other
//! writer does, and only if the change is possible.

use super::Layout;
use super::draft::{Append, Attempt, Draft, Edit};
use super::files::INDEX;
use super::matcher::Matcher;
use super::meant::Meant;
use super::tree::Missing;
use crate::store::{Durability, files};
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};

impl Layout {
    /// Adds an entry to the end of `index.json`. One that says the same is not
    /// added again unless `how` asks for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the blob is not there and may not be missing,
    /// [`Error::Digest`] or [`Error::Size`] when content that the descriptor
    /// embeds is not that of the blob, [`Error::State`] when the layout is open
    /// read-only, [`Error::Format`] when `index.json` is not an image index.
    pub fn append(&self, descriptor: &Descriptor, how: Append) -> Result<()> {
        self.check_entry(descriptor, how)?;
        self.edit(Edit::Append(descriptor.clone(), how), Meant::nothing()).map(drop)
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
        self.edit(Edit::Replace(descriptor.clone(), how), Meant::by(matcher))
    }

    /// Takes all entries away that match, and no blob. Says how many.
    ///
    /// # Errors
    /// [`Error::State`] when the layout is open read-only, [`Error::Format`]
    /// when `index.json` is not an image index, and those of a custom matcher.
    pub fn remove(&self, matcher: &Matcher<'_>) -> Result<usize> {
        self.check_writable()?;
        self.edit(Edit::Remove, Meant::by(matcher))
    }

    fn check_entry(&self, descriptor: &Descriptor, how: Append) -> Result<()> {
        self.check_writable()?;
        descriptor.check_data()?;
        self.keep(descriptor, how.missing_blob())
    }

    /// Sees to it that what is about to be named stays there and is on the disk.
    pub(super) fn keep(&self, descriptor: &Descriptor, missing: Missing) -> Result<()> {
        let (digest, size) = (descriptor.digest(), descriptor.size());
        if missing == Missing::Allowed {
            return self.store.lease(digest);
        }
        if self.store.keep(digest, size, false)? { Ok(()) } else { self.absent(descriptor) }
    }

    /// Checks that a blob is there with the size that its descriptor says.
    pub(super) fn check_present(&self, descriptor: &Descriptor) -> Result<()> {
        let (digest, size) = (descriptor.digest(), descriptor.size());
        if self.store.has_intact(digest, size, false)? { Ok(()) } else { self.absent(descriptor) }
    }

    fn absent(&self, descriptor: &Descriptor) -> Result<()> {
        let (digest, expected) = (descriptor.digest(), descriptor.size());
        let found = match self.store.size_of(digest)? {
            Some(size) if size == expected => "a link to other content".to_owned(),
            Some(size) => format!("one of {size}"),
            None => "none".to_owned(),
        };
        let path = self.path().display();
        Err(Error::NotFound(format!(
            "{path}: expected a blob {digest} of {expected} bytes, found {found}"
        )))
    }

    /// Makes an edit: alone and at once, or as part of a transaction. Says how
    /// many entries it touched.
    fn edit(&self, edit: Edit, mut meant: Meant<'_>) -> Result<usize> {
        loop {
            let attempt = match &self.staged {
                Some(staged) => staged.attempt(&edit, &meant),
                None => self.edit_index(|draft| draft.attempt(&edit, &meant)),
            };
            match attempt? {
                Attempt::Done(touched) => return Ok(touched),
                Attempt::Unanswered(entries) => meant.ask(&entries)?,
            }
        }
    }

    /// Waits until `index.json` is on the disk, as somebody wrote it, where as much
    /// as this is promised.
    pub(crate) fn sync_index(&self, promised: Durability) -> Result<()> {
        let root = self.store.root();
        if root.durability() >= promised { files::sync(root, INDEX) } else { Ok(()) }
    }

    /// Replaces `index.json` with what `change` makes of it, while no other
    /// writer does. A tool that does not lock may do so all the same: `change` is
    /// then made again on what that has written.
    pub(super) fn edit_index<T>(&self, change: impl Fn(&mut Draft) -> Result<T>) -> Result<T> {
        const ATTEMPTS: usize = 16;
        files::locked(&self.store, || {
            self.store.create_blobs()?;
            for _ in 0..ATTEMPTS {
                let (index, version) = self.index_with_version()?;
                let mut draft = Draft::new(index);
                let outcome = change(&mut draft)?;
                let Some(text) = draft.changed_text()? else {
                    self.sync_index(Durability::Full)?;
                    return Ok(outcome);
                };
                if files::replace_version(&self.store, INDEX, &version, &text)? {
                    self.index.note_written(self.store.root(), draft);
                    return Ok(outcome);
                }
            }
            let path = self.path_of(INDEX);
            Err(Error::Busy(format!(
                "{path}: expected no other writer, found one that changes it without a lock"
            )))
        })
    }
}
