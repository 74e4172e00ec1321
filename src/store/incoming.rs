//! A blob on its way into the store.
//!
//! It gets its name only when all that was promised of it holds.

use super::blobs::Store;
use super::directory::{Directory, io_error};
use super::placing::Whole;
use super::temp::TempFile;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::fs::{FileType, SeekFrom};
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A blob that is no larger is in memory until it is whole.
const SMALL: usize = 16 * 1024;

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

impl Demands {
    /// The algorithm that names the blob.
    pub(crate) fn algorithm(&self) -> Result<Algorithm> {
        match &self.digest {
            Some(digest) => digest.computable(),
            None => Ok(self.algorithm),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Incoming {
    store: Arc<Store>,
    directory: Arc<Directory>,
    /// All of a blob that is small so far.
    held: Vec<u8>,
    /// All of one that is not.
    file: Option<TempFile>,
    /// Up to where the kernel was told to write to the disk.
    sync_begun: u64,
    demands: Demands,
}

impl Incoming {
    pub(crate) fn new(store: &Arc<Store>, demands: Demands) -> Result<Self> {
        let algorithm = demands.algorithm()?;
        // It is made before anything is written, to be told if writing fails.
        store.stage()?;
        let directory = store.algorithm_last_seen(algorithm)?;
        let store = Arc::clone(store);
        Ok(Self { store, directory, held: Vec::new(), file: None, sync_begun: 0, demands })
    }

    fn written(&self) -> u64 {
        self.file.as_ref().map_or(self.held.len() as u64, TempFile::written)
    }

    fn file(&mut self) -> Result<&mut TempFile> {
        let file = match self.file.take() {
            Some(file) => file,
            None => TempFile::holding(&self.store, &self.directory, &mem::take(&mut self.held))?,
        };
        Ok(self.file.insert(file))
    }

    /// Writes more of the blob.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.check_room(bytes.len() as u64)?;
        if self.file.is_none() && self.held.len() + bytes.len() <= SMALL {
            return memory::push_all(&mut self.held, bytes);
        }
        let written = self.file()?.write(bytes);
        written.map_err(|error| write_error(&self.directory, error))?;
        self.begin_sync();
        Ok(())
    }

    fn begin_sync(&mut self) {
        let Some(file) = &self.file else { return };
        let (begun, written) = (self.sync_begun, file.written());
        if written - begun >= SYNCED_AT_ONCE {
            file.begin_sync(begun, written - begun);
            self.sync_begun = written;
        }
    }

    /// Shares the blocks of a regular file that stands at its start, where the file
    /// system can do that; the file then stands at its end.
    pub(crate) fn share(&mut self, file: BorrowedFd<'_>) -> Result<bool> {
        let Some(size) = whole_file(file) else { return Ok(false) };
        self.check_room(size)?;
        let shared = self.file()?.share(file, size);
        let shared = shared.map_err(|error| write_error(&self.directory, error))?;
        // The file may have grown since it was looked at.
        self.check_room(0)?;
        if shared {
            // Where it is not moved the next read from it only finds more.
            let _ = rustix::fs::seek(file, SeekFrom::End(0));
        }
        Ok(shared)
    }

    /// Copies up to so many bytes of a regular file within the kernel. Says how many;
    /// nothing at the end of the file, and where the kernel cannot do it.
    pub(crate) fn copy(&mut self, file: BorrowedFd<'_>, most: usize) -> Result<Option<u64>> {
        self.check_room(0)?;
        let copied = self.file()?.copy(file, most);
        let copied = copied.map_err(|error| write_error(&self.directory, error))?;
        self.begin_sync();
        Ok(Some(copied).filter(|copied| *copied > 0))
    }

    /// What was written, from its start.
    pub(crate) fn reader(&mut self) -> Result<File> {
        let reader = self.file()?.reader();
        reader.map_err(|error| io_error("read a blob in", self.directory.path(), error))
    }

    /// Gives the blob its name, if it is what was asked for. `digest` is that of what
    /// was written. Says the size.
    pub(crate) fn finish(self, digest: &Digest) -> Result<u64> {
        if let Some(file) = &self.file {
            file.check_written()?;
        }
        let what = self.what();
        let size = self.written();
        if let Some(expected) = self.demands.size.filter(|expected| *expected != size) {
            return Err(Error::Size { what, expected, found: size.to_string() });
        }
        if let Some(expected) = &self.demands.digest {
            expected.check_is(&what, digest)?;
        }
        let Self { store, held, file, demands, .. } = self;
        match (&store.own.batch, file) {
            (Some(batch), None) => batch.hold(digest, held, demands.rehash)?,
            (_, Some(file)) => store.place(Whole::File(file), digest, demands.rehash)?,
            (None, None) => store.place(Whole::Bytes(&held), digest, demands.rehash)?,
        }
        Ok(size)
    }

    /// What errors call the blob.
    fn what(&self) -> String {
        match &self.demands.digest {
            Some(digest) => format!("blob {digest}"),
            None => format!("a blob in {}", self.directory.path().display()),
        }
    }

    fn check_room(&self, more: u64) -> Result<()> {
        let size = self.written() + more;
        match (self.demands.size, self.demands.limit) {
            (Some(expected), _) if size > expected => {
                Err(Error::Size { what: self.what(), expected, found: "more".to_owned() })
            }
            (_, Some(limit)) if size > limit => Err(Error::Limit { what: self.what(), limit }),
            _ => Ok(()),
        }
    }
}

/// The size of a regular file that stands at its start.
fn whole_file(file: BorrowedFd<'_>) -> Option<u64> {
    let stat = rustix::fs::fstat(file).ok()?;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    (regular && rustix::fs::tell(file) == Ok(0)).then_some(stat.st_size.unsigned_abs())
}

fn write_error(directory: &Directory, error: io::Error) -> Error {
    io_error("write a blob in", directory.path(), error)
}
