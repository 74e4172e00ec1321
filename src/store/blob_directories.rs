//! The directories of the blobs, which stay open from one blob to the next.
//!
//! Whoever uses one looks whether its name still stands for it, which costs less than to
//! open it. So a `blobs/` that was moved, or that another one or a link has replaced,
//! is noticed as if it was opened anew; and while a directory is open no other gets its
//! number.

use super::directory::{Directory, Identity};
use super::files::BLOBS;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::Result;
use parking_lot::Mutex;
use std::ffi::OsStr;
use std::sync::Arc;

/// `blobs/`, and the directories in it for algorithms that are computed here. Of others
/// there may be any number, so they are opened each time.
#[derive(Debug, Default)]
pub(super) struct BlobDirectories {
    blobs: Place,
    sha256: Place,
    sha512: Place,
}

/// A directory that is open, once it was there.
#[derive(Debug, Default)]
struct Place(Mutex<Option<(Arc<Directory>, Identity)>>);

impl BlobDirectories {
    /// The directory that has the place of a blob; `None` if there is none.
    pub(super) fn of_digest(
        &self,
        root: &Directory,
        digest: &Digest,
    ) -> Result<Option<Arc<Directory>>> {
        let name = OsStr::new(digest.algorithm());
        match (self.blobs.child(root, OsStr::new(BLOBS))?, digest.computable()) {
            (Some(blobs), Ok(algorithm)) => self.place(algorithm).child(&blobs, name),
            (Some(blobs), Err(_)) => Ok(blobs.child(name)?.map(Arc::new)),
            (None, _) => Ok(None),
        }
    }

    /// The directory for blobs of this algorithm, made if need be.
    pub(super) fn of_or_new(
        &self,
        root: &Directory,
        algorithm: Algorithm,
    ) -> Result<Arc<Directory>> {
        let blobs = self.blobs.child_or_new(root, OsStr::new(BLOBS))?;
        self.place(algorithm).child_or_new(&blobs, OsStr::new(algorithm.as_str()))
    }

    /// The directory for blobs of this algorithm that is open, wherever it is by now.
    pub(super) fn last_seen(&self, algorithm: Algorithm) -> Option<Arc<Directory>> {
        let place = self.place(algorithm).0.lock();
        place.as_ref().map(|(directory, _)| Arc::clone(directory))
    }

    fn place(&self, algorithm: Algorithm) -> &Place {
        match algorithm {
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha512 => &self.sha512,
        }
    }
}

impl Place {
    fn child(&self, parent: &Directory, name: &OsStr) -> Result<Option<Arc<Directory>>> {
        match self.still(parent, name)? {
            Some(directory) => Ok(Some(directory)),
            None => parent.child(name)?.map(|directory| self.keep(directory)).transpose(),
        }
    }

    fn child_or_new(&self, parent: &Directory, name: &OsStr) -> Result<Arc<Directory>> {
        match self.still(parent, name)? {
            Some(directory) => Ok(directory),
            None => self.keep(parent.child_or_new(name)?),
        }
    }

    /// The directory that is open, if this name still stands for it.
    fn still(&self, parent: &Directory, name: &OsStr) -> Result<Option<Arc<Directory>>> {
        let Some((directory, identity)) = self.0.lock().clone() else { return Ok(None) };
        let found = parent.identity_of(name)?;
        Ok(Some(directory).filter(|_| found == Some(identity)))
    }

    fn keep(&self, directory: Directory) -> Result<Arc<Directory>> {
        let identity = directory.identity()?;
        let directory = Arc::new(directory);
        *self.0.lock() = Some((Arc::clone(&directory), identity));
        Ok(directory)
    }
}
