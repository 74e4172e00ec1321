//! What a collection of blobs needs of the layout.

use super::Layout;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use std::collections::HashSet;
use std::time::SystemTime;

impl Layout {
    pub(crate) fn check_collectable(&self, dry_run: bool) -> Result<()> {
        if self.staged.is_some() {
            let problem = "transaction: expected a layout to collect in, found a transaction";
            return Err(Error::State(problem.to_owned()));
        }
        if dry_run { Ok(()) } else { self.check_writable() }
    }

    /// Does something while no other writer edits `index.json` or puts a blob.
    pub(crate) fn alone<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.store.alone(act)
    }

    /// What living writers have put.
    pub(crate) fn leased(&self) -> Result<HashSet<Digest>> {
        self.store.leased()
    }

    /// When a blob was put, or changed by somebody since; `None` if it is gone.
    pub(crate) fn changed(&self, digest: &Digest) -> Result<Option<SystemTime>> {
        self.store.changed(digest)
    }

    /// What a blob holds, unchecked, up to `limit` bytes; `None` if it is not there.
    pub(crate) fn unchecked(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>> {
        self.store.unchecked(digest, limit)
    }

    /// What a blob holds, unchecked, if it looks like a JSON object and is no
    /// longer than `limit`.
    pub(crate) fn perhaps_json(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>> {
        self.store.perhaps_json(digest, limit)
    }
}
