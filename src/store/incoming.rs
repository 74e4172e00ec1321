//! A blob on its way into the store.
//!
//! It is hashed while it is written, in the same pass, and gets its name only
//! when all that was promised of it holds.

use super::blobs::Store;
use super::directory::{Directory, io_error};
use super::temp::TempFile;
use crate::words::digest::{Algorithm, Digest, Hasher};
use crate::words::error::{Error, Result};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::Arc;

/// The kernel is told to write to the disk in parts of this size.
const SYNCED_AT_ONCE: u64 = 8 << 20;

/// What is asked of a blob that is to be stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    /// Where no digest is expected, the algorithm to name the blob by.
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Option<Digest>,
    pub(crate) size: Option<u64>,
    /// The most bytes that are stored.
    pub(crate) limit: Option<u64>,
    /// Whether a blob of that name and size is hashed before it is trusted.
    pub(crate) rehash: bool,
}

#[derive(Debug)]
pub(crate) struct Incoming {
    store: Arc<Store>,
    directory: Directory,
    temp: TempFile,
    hasher: Hasher,
    /// Up to where the kernel was told to write to the disk.
    sync_begun: u64,
    demands: Demands,
}

impl Incoming {
    pub(crate) fn new(store: &Arc<Store>, demands: Demands) -> Result<Self> {
        let algorithm = match &demands.digest {
            Some(digest) => digest.computable()?,
            None => demands.algorithm,
        };
        // It is made before anything is written, to be told if writing fails.
        store.stage()?;
        let directory = store.algorithm_or_new(algorithm)?;
        let temp = TempFile::new(store, &directory)?;
        let hasher = Hasher::new(algorithm);
        Ok(Self { store: Arc::clone(store), directory, temp, hasher, sync_begun: 0, demands })
    }

    /// Gives the blob its name, if it is what was asked for.
    pub(crate) fn finish(self) -> Result<(Digest, u64)> {
        self.temp.check_written()?;
        let what = self.what();
        let (digest, size) = (self.hasher.clone().finish(), self.temp.written());
        if let Some(expected) = self.demands.size.filter(|expected| *expected != size) {
            return Err(Error::Size { what, expected, found: size.to_string() });
        }
        if let Some(expected) = &self.demands.digest {
            expected.check_is(&what, &digest)?;
        }
        if !self.store.keep(&digest, size, self.demands.rehash)? {
            self.publish(&digest)?;
        }
        Ok((digest, size))
    }

    fn publish(self, digest: &Digest) -> Result<()> {
        let Self { store, directory, temp, .. } = self;
        if let Some(batch) = &store.batch {
            batch.add(&*store.stage()?, temp, digest)?;
        } else {
            let name = OsStr::new(digest.encoded());
            temp.sync().map_err(|error| write_error(&directory, error))?;
            // A name that is taken has other content, of a torn write of some other
            // tool's, or has it from another writer just now.
            if !temp.publish(&directory, name)? {
                temp.replace(&store, &directory, name)?;
            }
            directory.sync()?;
        }
        store.note_kept(digest)
    }

    /// What errors call the blob.
    fn what(&self) -> String {
        match &self.demands.digest {
            Some(digest) => format!("blob {digest}"),
            None => format!("a blob in {}", self.directory.path().display()),
        }
    }

    fn check_room(&self, more: usize) -> Result<()> {
        let size = self.temp.written() + more as u64;
        match (self.demands.size, self.demands.limit) {
            (Some(expected), _) if size > expected => {
                Err(Error::Size { what: self.what(), expected, found: "more".to_owned() })
            }
            (_, Some(limit)) if size > limit => Err(Error::Limit { what: self.what(), limit }),
            _ => Ok(()),
        }
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check_room(bytes.len())?;
        self.temp.write(bytes).map_err(|error| write_error(&self.directory, error))?;
        self.hasher.update(bytes);
        let written = self.temp.written();
        if written - self.sync_begun >= SYNCED_AT_ONCE {
            self.temp.begin_sync(self.sync_begun, written - self.sync_begun);
            self.sync_begun = written;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_error(directory: &Directory, error: io::Error) -> Error {
    io_error("write a blob in", directory.path(), error)
}
