//! Handles whose calls can be stopped.

use super::{Layout, Transaction};
use crate::words::error::{Error, Result};
use crate::words::interrupt::Interrupt;
use crate::words::watch::Watch;
use std::sync::Arc;

impl Layout {
    /// Another handle of the same open layout, whose calls can be stopped by
    /// [`interrupt`](Self::interrupt); clones of it are stopped with it. All else is as
    /// of a clone.
    ///
    /// An edit through it that has to wait for another writer asks for its turn again and
    /// again, and can be passed by those who queue for it.
    #[must_use]
    pub fn interruptible(&self) -> Self {
        let store = Arc::new(self.store.heeding(Interrupt::possible()));
        Self { store, ..self.clone() }
    }

    /// Stops what calls of this handle are doing, on whichever thread: they take back what
    /// they began and fail with [`Error::Cancelled`], and so do all later ones that put,
    /// edit, write, verify or collect, and writers and builders that were made from the
    /// handle. A transaction that was begun on it goes on.
    ///
    /// What waits for a lock, hashes or compresses stops at once, in a fiftieth of a
    /// second; a source that blocks while it is read, and the disk, are waited for. A
    /// change that is visible already stays.
    ///
    /// # Errors
    /// [`Error::State`] when the handle was not made by
    /// [`interruptible`](Self::interruptible).
    pub fn interrupt(&self) -> Result<()> {
        if self.store.interrupt().ask() {
            return Ok(());
        }
        let path = self.path().display();
        Err(Error::State(format!("{path}: expected an interruptible handle, found another")))
    }

    /// Has what is watched stop when this handle is interrupted.
    pub(crate) fn heed(&self, watch: &Watch<'_>) -> Result<()> {
        watch.tally().heed(self.store.interrupt());
        watch.tally().check()
    }
}

impl Transaction {
    /// Another handle of the same transaction; see [`Layout::interruptible`].
    #[must_use]
    pub fn interruptible(&self) -> Self {
        Self(Layout::interruptible(self))
    }
}
