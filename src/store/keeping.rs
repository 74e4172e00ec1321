//! Keeping the blobs that a writer has put or found: they are leased, and on the disk.

use super::blobs::Store;
use super::directory::{Directory, io_error, retry};
use super::durability::Durability;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::memory;
use std::ffi::OsStr;

impl Store {
    /// Whether a blob is [intact](Self::has_intact); and if it is, that it is not
    /// collected while this store is in use, and is on the disk before anything that
    /// names it, if that was promised. Who put it may not have waited for that.
    pub(crate) fn keep(&self, digest: &Digest, size: u64, rehash: bool) -> Result<bool> {
        if let Some(held) = self.held_size(digest) {
            return Ok(held == size);
        }
        self.keep_in(self.algorithm(digest)?.as_deref(), digest, size, rehash)
    }

    /// The same, for a blob whose place, once it has its name, is in this directory.
    pub(super) fn keep_in(
        &self,
        directory: Option<&Directory>,
        digest: &Digest,
        size: u64,
        rehash: bool,
    ) -> Result<bool> {
        let kept = self.own.kept.lock().contains(digest);
        let staged = self.staged_in(digest)?;
        let place = staged.as_deref().or(directory);
        if !kept {
            // What is missing waits in the stage for the commit, which leases all at once.
            if self.staging().is_some() && !self.is_as_large_in(place, digest, size)? {
                return Ok(false);
            }
            // Before the look, so that what is seen stays.
            self.lease(digest)?;
        }
        let doubtful = self.own.doubtful.lock().contains(digest);
        let is_there = match place {
            Some(place) if !doubtful => self.is_intact_in(place, digest, size, rehash)?,
            _ => false,
        };
        if is_there && !kept {
            match self.staging() {
                Some(_) if staged.is_some() => {}
                Some(batch) => batch.add_found(digest)?,
                None => {
                    self.sync_content(digest)?;
                    self.sync_name(digest)?;
                }
            }
            self.note_kept(digest)?;
        }
        Ok(is_there)
    }

    fn is_as_large_in(
        &self,
        place: Option<&Directory>,
        digest: &Digest,
        size: u64,
    ) -> Result<bool> {
        let name = OsStr::new(digest.encoded());
        place.map_or(Ok(false), |place| Ok(place.size_of(name, self.links)? == Some(size)))
    }

    pub(super) fn note_kept(&self, digest: &Digest) -> Result<()> {
        memory::insert(&mut self.own.kept.lock(), digest.clone())?;
        self.own.doubtful.lock().remove(digest);
        Ok(())
    }

    /// Keeps a blob from being collected while this store is in use.
    pub(crate) fn lease(&self, digest: &Digest) -> Result<()> {
        self.lease_all([digest])
    }

    pub(super) fn lease_all<'a>(
        &self,
        digests: impl IntoIterator<Item = &'a Digest>,
    ) -> Result<()> {
        self.stage()?.lease(digests, &self.patience())
    }

    /// Waits until the content of a blob that has its name is on the disk, if that
    /// was promised.
    pub(super) fn sync_content(&self, digest: &Digest) -> Result<()> {
        if self.root().durability() == Durability::None {
            return Ok(());
        }
        let name = OsStr::new(digest.encoded());
        let algorithm = self.algorithm(digest)?.ok_or_else(|| self.missing(digest))?;
        let file = algorithm.open_file(name, self.links)?;
        let (file, _) = file.ok_or_else(|| self.missing(digest))?;
        retry(|| rustix::fs::fdatasync(&file)).map_err(|error| {
            self.own.doubtful.lock().insert(digest.clone());
            io_error("sync", &algorithm.path_of(name), error)
        })
    }

    /// Waits until the name of a blob is on the disk, if that was promised.
    pub(super) fn sync_name(&self, digest: &Digest) -> Result<()> {
        self.algorithm(digest)?.map_or(Ok(()), |algorithm| algorithm.sync())
    }
}
