//! The blobs of a layout: `blobs/<algorithm>/<encoded>`.

use super::directory::{Directory, Links, io_error, retry};
use super::durability::Durability;
use super::files::BLOBS;
use super::reader::BlobReader;
use super::temp::sweep;
use crate::words::descriptor::Descriptor;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::{Error, Result};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The open directory of a layout, and what is stored in it.
#[derive(Debug)]
pub(crate) struct Store {
    root: Arc<Directory>,
    links: Links,
    /// How long to wait for the lock; `None` is for ever.
    patience: Mutex<Option<Duration>>,
    swept: AtomicBool,
}

impl Store {
    pub(crate) fn new(root: Directory, links_allowed: bool) -> Self {
        let links = if links_allowed { Links::Followed } else { Links::Refused };
        Self {
            root: Arc::new(root),
            links,
            patience: Mutex::default(),
            swept: AtomicBool::new(false),
        }
    }

    pub(crate) fn root(&self) -> &Arc<Directory> {
        &self.root
    }

    /// Takes away what killed writers left, the first time that it is asked to.
    pub(super) fn sweep_once(&self) -> Result<()> {
        if self.swept.swap(true, Ordering::Relaxed) { Ok(()) } else { sweep(&self.root) }
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_patience(&self, patience: Option<Duration>) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
    }

    /// The size of a blob in bytes; `None` if it is not there.
    pub(crate) fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.algorithm(digest)? {
            Some(algorithm) => algorithm.size_of(OsStr::new(digest.encoded()), self.links),
            None => Ok(None),
        }
    }

    fn open_file(&self, digest: &Digest) -> Result<Option<(File, u64)>> {
        match self.algorithm(digest)? {
            Some(algorithm) => algorithm.open_file(OsStr::new(digest.encoded()), self.links),
            None => Ok(None),
        }
    }

    /// Opens a blob to read it, checked against its descriptor.
    pub(crate) fn open(&self, descriptor: &Descriptor) -> Result<BlobReader> {
        let digest = descriptor.digest();
        digest.computable()?;
        let (file, size) = self.open_file(digest)?.ok_or_else(|| self.missing(digest))?;
        if size != descriptor.size() {
            return Err(Error::Size {
                what: self.describe(digest),
                expected: descriptor.size(),
                found: size.to_string(),
            });
        }
        BlobReader::new(file, self.describe(digest), digest, size)
    }

    /// Reads a whole blob into memory, checked against its descriptor.
    pub(crate) fn read(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        if descriptor.size() > limit {
            return Err(Error::Limit { what: self.describe(descriptor.digest()), limit });
        }
        let mut content = Vec::new();
        self.open(descriptor)?.read_to_end(&mut content).map_err(Error::from_source)?;
        Ok(content)
    }

    /// Whether a blob is there with this size and, where it is to be hashed
    /// again, with the content that its name says.
    pub(crate) fn has_intact(&self, digest: &Digest, size: u64, rehash: bool) -> Result<bool> {
        // A link is trusted by its content alone: its target is not ours.
        if !rehash && !self.is_link(digest)? {
            return Ok(self.size_of(digest)? == Some(size));
        }
        let Some((file, _)) = self.open_file(digest)? else { return Ok(false) };
        let mut reader = BlobReader::new(file, self.describe(digest), digest, size)?;
        match std::io::copy(&mut reader, &mut std::io::sink()).map_err(Error::from_source) {
            Ok(_) => Ok(true),
            Err(Error::Digest { .. } | Error::Size { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The same, and that it is on the disk, if that was promised: who put it may
    /// not have waited for that.
    pub(crate) fn has_durable(&self, digest: &Digest, size: u64, rehash: bool) -> Result<bool> {
        if !self.has_intact(digest, size, rehash)? {
            return Ok(false);
        }
        if self.root.durability() != Durability::None {
            self.sync(digest)?;
        }
        Ok(true)
    }

    fn sync(&self, digest: &Digest) -> Result<()> {
        let (Some(algorithm), Some((file, _))) = (self.algorithm(digest)?, self.open_file(digest)?)
        else {
            return Err(self.missing(digest));
        };
        retry(|| rustix::fs::fdatasync(&file)).map_err(|error| {
            io_error("sync", &algorithm.path_of(OsStr::new(digest.encoded())), error)
        })?;
        algorithm.sync()
    }

    fn is_link(&self, digest: &Digest) -> Result<bool> {
        match (self.links, self.algorithm(digest)?) {
            (Links::Followed, Some(algorithm)) => algorithm.is_link(OsStr::new(digest.encoded())),
            _ => Ok(false),
        }
    }

    /// Takes a blob away.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<()> {
        match self.algorithm(digest)? {
            Some(algorithm) if algorithm.remove(OsStr::new(digest.encoded()))? => Ok(()),
            _ => Err(self.missing(digest)),
        }
    }

    /// The digest and the size of every blob, in no order. What stands in
    /// `blobs/` and is no blob is passed over.
    pub(crate) fn all(&self) -> Result<Vec<(Digest, u64)>> {
        let mut all = Vec::new();
        let Some(blobs) = self.root.child(OsStr::new(BLOBS))? else { return Ok(all) };
        for algorithm in blobs.names()? {
            let Ok(Some(directory)) = blobs.child(OsStr::new(&algorithm)) else { continue };
            for encoded in directory.names()? {
                let Ok(digest) = format!("{algorithm}:{encoded}").parse() else { continue };
                if let Ok(Some(size)) = directory.size_of(OsStr::new(&encoded), self.links) {
                    all.push((digest, size));
                }
            }
        }
        Ok(all)
    }

    /// Makes `blobs/`, which every layout has.
    pub(crate) fn create_blobs(&self) -> Result<()> {
        self.root.child_or_new(OsStr::new(BLOBS)).map(drop)
    }

    /// The directory for blobs of this algorithm; `None` if there is none yet.
    fn algorithm(&self, digest: &Digest) -> Result<Option<Directory>> {
        match self.root.child(OsStr::new(BLOBS))? {
            Some(blobs) => blobs.child(OsStr::new(digest.algorithm())),
            None => Ok(None),
        }
    }

    /// The same, made if need be.
    pub(super) fn algorithm_or_new(&self, algorithm: Algorithm) -> Result<Directory> {
        let blobs = self.root.child_or_new(OsStr::new(BLOBS))?;
        blobs.child_or_new(OsStr::new(algorithm.as_str()))
    }

    fn describe(&self, digest: &Digest) -> String {
        let path = self.root.path().join(BLOBS).join(digest.algorithm()).join(digest.encoded());
        path.display().to_string()
    }

    pub(crate) fn missing(&self, digest: &Digest) -> Error {
        Error::NotFound(format!("{}: expected a blob, found none", self.describe(digest)))
    }
}
