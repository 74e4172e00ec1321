//! Giving a blob its place, once all that was promised of it holds.

use super::blobs::Store;
use super::directory::{Directory, io_error};
use super::temp::TempFile;
use crate::words::digest::Digest;
use crate::words::error::Result;
use std::ffi::OsStr;

/// All of a blob.
pub(super) enum Whole<'a> {
    File(TempFile),
    /// What has no file yet.
    Bytes(&'a [u8]),
}

impl Whole<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::File(file) => file.written(),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

impl Store {
    /// Gives a blob its name, or its place in the stage of a transaction, unless it is
    /// there.
    pub(super) fn place(&self, whole: Whole<'_>, digest: &Digest, rehash: bool) -> Result<()> {
        // It may have been moved or removed while the blob was written.
        let directory = self.algorithm_or_new(digest.computable()?)?;
        self.place_in(&directory, whole, digest, rehash)
    }

    /// The same, where the directory was found just now.
    pub(super) fn place_in(
        &self,
        directory: &Directory,
        whole: Whole<'_>,
        digest: &Digest,
        rehash: bool,
    ) -> Result<()> {
        if self.keep_in(Some(directory), digest, whole.size(), rehash)? {
            return Ok(());
        }
        let file = match whole {
            Whole::File(file) => file,
            Whole::Bytes(bytes) => TempFile::holding(self, directory, bytes)?,
        };
        match self.staging() {
            Some(batch) => batch.add(&*self.stage()?, file, digest)?,
            None => self.name(file, directory, digest)?,
        }
        self.note_kept(digest)
    }

    fn name(&self, file: TempFile, directory: &Directory, digest: &Digest) -> Result<()> {
        let name = OsStr::new(digest.encoded());
        file.sync().map_err(|error| io_error("write a blob in", directory.path(), error))?;
        // A name that is taken has other content, of a torn write of some other tool's,
        // or has it from another writer just now.
        if !file.publish(directory, name)? {
            file.replace(self, directory, name)?;
        }
        directory.sync()
    }
}
