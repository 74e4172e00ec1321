//! What a collection of blobs needs of the store.

use super::blobs::Store;
use super::directory::io_error;
use super::files::{self, BLOBS};
use super::lock::Lock;
use super::stage;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::time::SystemTime;

impl Store {
    /// Does something while no other writer edits `index.json` or puts a blob.
    pub(crate) fn alone<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        files::locked(self, || {
            let blobs = self.root().child_or_new(OsStr::new(BLOBS))?;
            let _nobody_puts = Lock::exclusive(&blobs, &self.patience())?;
            act()
        })
    }

    /// What living writers have put, so that it is not to be collected.
    pub(crate) fn leased(&self) -> Result<HashSet<Digest>> {
        stage::leased(self.root())
    }

    /// When a blob was put, or changed by somebody since; `None` if it is gone.
    pub(crate) fn changed(&self, digest: &Digest) -> Result<Option<SystemTime>> {
        match self.algorithm(digest)? {
            Some(algorithm) => algorithm.changed(OsStr::new(digest.encoded())),
            None => Ok(None),
        }
    }

    /// What a blob holds, unchecked, up to `limit` bytes; `None` if it is not there.
    pub(crate) fn unchecked(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some((file, size)) = self.open_file(digest)? else { return Ok(None) };
        if size > limit {
            return Err(Error::Limit { what: self.describe(digest), limit });
        }
        let mut content = Vec::new();
        file.take(size)
            .read_to_end(&mut content)
            .map_err(|error| io_error("read", &self.path_of(digest), error))?;
        Ok(Some(content))
    }

    /// What a blob holds, unchecked, if it looks like a JSON object and is no
    /// longer than `limit`.
    pub(crate) fn perhaps_json(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some((file, size)) = self.open_file(digest)?.filter(|(_, size)| *size <= limit) else {
            return Ok(None);
        };
        let failed = |error| io_error("read", &self.path_of(digest), error);
        let mut content = Vec::new();
        (&file).take(1).read_to_end(&mut content).map_err(failed)?;
        if content != b"{" {
            return Ok(None);
        }
        file.take(size).read_to_end(&mut content).map_err(failed)?;
        Ok(Some(content))
    }
}
