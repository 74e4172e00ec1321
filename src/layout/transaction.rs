//! Transactions: many edits of `index.json` that become visible together.

use super::Layout;
use super::draft::{Attempt, Draft, Edit};
use super::files::INDEX;
use super::matcher::Hint;
use super::meant::Meant;
use super::tree::Missing;
use crate::layer::{Relief, publish_all};
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;
use parking_lot::{Mutex, MutexGuard};
use std::ops::Deref;
use std::sync::Arc;

/// A layout whose edits nobody else sees until they are committed, all at once.
///
/// It is used like the layout that it was begun on: it lists and resolves what
/// it has edited so far. Blobs that are put through it wait for the commit, which
/// brings all of them to the disk at once. Dropped without a commit, its edits are
/// gone, and so are the blobs that wait.
///
/// Small blobs, of up to 16 KiB, wait in memory, in all about 2 MiB or 2048 of them at
/// most; once they are many, threads of the layout make their files while more are
/// put. If that fails, a later put says so and puts nothing, or the commit; what could
/// not be stored is not lost, and the commit tries again. With [`Durability::None`]
/// other blobs are stored at once, and small ones when they are many.
///
/// [`Durability::None`]: crate::Durability::None
#[derive(Debug)]
pub struct Transaction(pub(super) Layout);

impl Deref for Transaction {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        &self.0
    }
}

/// The edits so far.
#[derive(Debug)]
pub(super) struct Staged(Mutex<Option<Edits>>);

#[derive(Debug)]
struct Edits {
    /// The index as the transaction sees it.
    draft: Draft,
    made: Vec<(Edit, Meant<'static>)>,
    _relief: Relief,
}

impl Layout {
    /// Begins a transaction on `index.json` as it is now.
    ///
    /// # Errors
    /// [`Error::State`] when the layout is open read-only or is a transaction
    /// itself, [`Error::Format`] when `index.json` is not an image index.
    pub fn begin(&self) -> Result<Transaction> {
        self.check_writable()?;
        if self.staged.is_some() {
            let problem = "transaction: expected a layout to begin it on, found a transaction";
            return Err(Error::State(problem.to_owned()));
        }
        let draft = Draft::new(self.stored_index()?);
        let store = Arc::new(self.store.batching());
        let relief = Relief::new(&store, &self.crews);
        let staged = Staged(Mutex::new(Some(Edits { draft, made: Vec::new(), _relief: relief })));
        Ok(Transaction(Self { store, staged: Some(Arc::new(staged)), ..self.clone() }))
    }

    /// The entries of `index.json`, with the edits of this transaction, among which
    /// are all that are hinted at.
    pub(super) fn candidates(&self, hint: &Hint<'_>) -> Result<Vec<Descriptor>> {
        match &self.staged {
            Some(staged) => staged.lock().as_ref().ok_or_else(committed)?.draft.candidates(hint),
            None if matches!(hint, Hint::Anything) => self.stored_entries(),
            None => Draft::new(self.stored_index()?).candidates(hint),
        }
    }

    /// What points at `index.json` as it is stored now. Its digest changes with
    /// every change of it: see [`Transaction::commit_if`].
    ///
    /// # Errors
    /// Those of [`read_file`](Self::read_file).
    pub fn describe_index(&self) -> Result<Descriptor> {
        let content = self.read_file(INDEX)?;
        let media_type = MediaType::known(MediaType::IMAGE_INDEX);
        Descriptor::new(&media_type, &Digest::of(&content), content.len() as u64)
    }

    /// Makes the edits of this transaction visible.
    pub(crate) fn commit(&self, expected: Option<&Digest>) -> Result<()> {
        let staged = self.staged.as_ref().ok_or_else(|| {
            Error::State("transaction: expected one, found a layout that is none".to_owned())
        })?;
        let mut edits = staged.lock();
        let made = &edits.as_ref().ok_or_else(committed)?.made;
        let check_unchanged = || expected.map_or(Ok(()), |digest| self.check_unchanged(digest));
        check_unchanged()?;
        publish_all(&self.store, &self.crews.crew())?;
        let outcome = self.edit_index(|draft| {
            check_unchanged()?;
            for (edit, meant) in made {
                if let Edit::Append(entry, how) | Edit::Replace(entry, how) = edit
                    && how.missing_blob() == Missing::Refused
                {
                    self.check_present(entry)?;
                }
                draft.attempt(edit, meant)?;
            }
            Ok(())
        });
        if matches!(outcome, Ok(()) | Err(Error::NotDurable { .. })) {
            *edits = None;
            self.store.end_batch();
        }
        outcome
    }

    fn check_unchanged(&self, expected: &Digest) -> Result<()> {
        let found = self.describe_index()?;
        if found.digest() == expected {
            return Ok(());
        }
        let (path, found) = (self.path_of(INDEX), found.digest());
        Err(Error::Conflict(format!("{path}: expected digest {expected}, found {found}")))
    }
}

impl Transaction {
    /// Makes the edits visible, all at once, and ends the transaction. They are
    /// made again on `index.json` as it is now, so that nobody's edit is lost:
    /// what others have added stays, and what matches by now is what is meant.
    /// Entries that a custom matcher was not asked about are not meant.
    ///
    /// After an error `index.json` is what it was, and the commit can be tried
    /// again; unless it is [`Error::NotDurable`], which comes after the change.
    /// If the system could not bring a blob to the disk, what is there of it is
    /// not known: a further try fails, and the transaction is to be made anew.
    ///
    /// # Errors
    /// [`Error::NotFound`] when a blob has gone, [`Error::State`] when it was
    /// committed before, [`Error::Io`] when the system refuses,
    /// [`Error::NotDurable`] as said above.
    pub fn commit(&self) -> Result<()> {
        self.0.commit(None)
    }

    /// The same, if `index.json` still has this digest; see
    /// [`Layout::describe_index`].
    ///
    /// # Errors
    /// [`Error::Conflict`] when it has another, and those of
    /// [`commit`](Self::commit).
    pub fn commit_if(&self, digest: &Digest) -> Result<()> {
        self.0.commit(Some(digest))
    }
}

impl Staged {
    fn lock(&self) -> MutexGuard<'_, Option<Edits>> {
        self.0.lock()
    }

    /// Makes an edit that only this transaction sees.
    pub(super) fn attempt(&self, edit: &Edit, meant: &Meant<'_>) -> Result<Attempt> {
        let mut edits = self.lock();
        let edits = edits.as_mut().ok_or_else(committed)?;
        // Whatever is refused is refused before the draft is changed.
        let made = (edit.clone(), meant.kept()?);
        edits.made.try_reserve(1)?;
        let attempt = edits.draft.attempt(edit, meant)?;
        if matches!(attempt, Attempt::Done(_)) {
            edits.made.push(made);
        }
        Ok(attempt)
    }
}

fn committed() -> Error {
    Error::State("transaction: expected one that is under way, found it committed".to_owned())
}
