//! The blobs of a layout: `blobs/<algorithm>/<encoded>`.

use super::batch::Batch;
use super::directory::{Directory, Links, io_error, retry};
use super::durability::Durability;
use super::files::BLOBS;
use super::reader::BlobReader;
use super::stage::{Stage, sweep};
use super::survey::blob_path;
use crate::words::descriptor::Descriptor;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::{Error, Result};
use crate::words::memory;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The open directory of a layout, and what is stored in it.
#[derive(Debug)]
pub(crate) struct Store {
    root: Arc<Directory>,
    links: Links,
    shared: Arc<Shared>,
    stage: Mutex<Option<Arc<Stage>>>,
    /// What this writer has put or found: it is leased, and on the disk or in the
    /// batch.
    kept: Mutex<HashSet<Digest>>,
    /// What could not be brought to the disk: what is there of it is not known.
    doubtful: Mutex<HashSet<Digest>>,
    /// Where blobs wait for the end of a transaction.
    pub(super) batch: Option<Batch>,
}

/// What a store has in common with those of its transactions.
#[derive(Debug, Default)]
struct Shared {
    /// How long to wait for a lock; `None` is for ever.
    patience: Mutex<Option<Duration>>,
    swept: AtomicBool,
}

impl Store {
    pub(crate) fn new(root: Directory, links_allowed: bool) -> Self {
        let links = if links_allowed { Links::Followed } else { Links::Refused };
        Self::with(Arc::new(root), links, Arc::default(), None)
    }

    /// The same store for a transaction. Blobs that are put through it are named
    /// by [`publish_all`](Self::publish_all), unless nothing is promised of them.
    pub(crate) fn batching(&self) -> Self {
        let promised = self.root.durability() != Durability::None;
        let batch = promised.then(Batch::default);
        Self::with(Arc::clone(&self.root), self.links, Arc::clone(&self.shared), batch)
    }

    fn with(root: Arc<Directory>, links: Links, shared: Arc<Shared>, batch: Option<Batch>) -> Self {
        Self {
            root,
            links,
            shared,
            stage: Mutex::default(),
            kept: Mutex::default(),
            doubtful: Mutex::default(),
            batch,
        }
    }

    pub(crate) fn root(&self) -> &Arc<Directory> {
        &self.root
    }

    /// The stage of this writer.
    pub(super) fn stage(&self) -> Result<Arc<Stage>> {
        let mut stage = self.stage.lock();
        match &*stage {
            Some(stage) => Ok(Arc::clone(stage)),
            None => Ok(Arc::clone(stage.insert(Arc::new(Stage::new(&self.root)?)))),
        }
    }

    /// Takes away what killed writers left, the first time that it is asked to.
    pub(super) fn sweep_once(&self) -> Result<()> {
        if self.shared.swept.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        sweep(&self.root, self.stage.lock().as_deref())
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        *self.shared.patience.lock()
    }

    pub(crate) fn set_patience(&self, patience: Option<Duration>) {
        *self.shared.patience.lock() = patience;
    }

    /// The size of a blob in bytes; `None` if it is not there.
    pub(crate) fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.place_of(digest)? {
            Some(place) => place.size_of(OsStr::new(digest.encoded()), self.links),
            None => Ok(None),
        }
    }

    pub(super) fn open_file(&self, digest: &Digest) -> Result<Option<(File, u64)>> {
        match self.place_of(digest)? {
            Some(place) => place.open_file(OsStr::new(digest.encoded()), self.links),
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

    /// The same; and if it is, that it is not collected while this store is in
    /// use, and is on the disk before anything that names it, if that was
    /// promised. Who put it may not have waited for that.
    pub(crate) fn keep(&self, digest: &Digest, size: u64, rehash: bool) -> Result<bool> {
        let kept = self.kept.lock().contains(digest);
        if !kept {
            // Before the look, so that what is seen stays.
            self.lease(digest)?;
        }
        let doubtful = self.doubtful.lock().contains(digest);
        let is_there = !doubtful && self.has_intact(digest, size, rehash)?;
        if is_there && !kept {
            match &self.batch {
                Some(batch) if batch.has(digest) => {}
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

    pub(super) fn note_kept(&self, digest: &Digest) -> Result<()> {
        memory::insert(&mut self.kept.lock(), digest.clone())?;
        self.doubtful.lock().remove(digest);
        Ok(())
    }

    /// Keeps a blob from being collected while this store is in use.
    pub(crate) fn lease(&self, digest: &Digest) -> Result<()> {
        self.stage()?.lease(digest, self.patience())
    }

    /// Names all blobs of a transaction, which are then on the disk.
    pub(crate) fn publish_all(&self) -> Result<()> {
        match &self.batch {
            Some(batch) => batch.publish(self, &*self.stage()?),
            None => Ok(()),
        }
    }

    /// Refuses blobs once a transaction is over: nothing would name them.
    pub(crate) fn end_batch(&self) {
        self.batch.iter().for_each(Batch::end);
    }

    /// Waits until the content of a blob that has its name is on the disk, if that
    /// was promised.
    pub(super) fn sync_content(&self, digest: &Digest) -> Result<()> {
        if self.root.durability() == Durability::None {
            return Ok(());
        }
        let name = OsStr::new(digest.encoded());
        let algorithm = self.algorithm(digest)?.ok_or_else(|| self.missing(digest))?;
        let file = algorithm.open_file(name, self.links)?;
        let (file, _) = file.ok_or_else(|| self.missing(digest))?;
        retry(|| rustix::fs::fdatasync(&file)).map_err(|error| {
            self.doubtful.lock().insert(digest.clone());
            io_error("sync", &algorithm.path_of(name), error)
        })
    }

    /// Waits until the name of a blob is on the disk, if that was promised.
    pub(super) fn sync_name(&self, digest: &Digest) -> Result<()> {
        self.algorithm(digest)?.map_or(Ok(()), |algorithm| algorithm.sync())
    }

    fn is_link(&self, digest: &Digest) -> Result<bool> {
        match (self.links, self.algorithm(digest)?) {
            (Links::Followed, Some(algorithm)) => algorithm.is_link(OsStr::new(digest.encoded())),
            _ => Ok(false),
        }
    }

    /// Takes a blob away.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<()> {
        let place = self.place_of(digest)?;
        self.kept.lock().remove(digest);
        if let Some(batch) = &self.batch {
            batch.forget(digest);
        }
        match place {
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
            let directory = or_no_blob(blobs.child(OsStr::new(&algorithm)))?;
            let Some(directory) = directory else { continue };
            for encoded in directory.names()? {
                let name = format!("{algorithm}:{encoded}").parse();
                let Some(digest) = memory::unless_refused(name)? else { continue };
                let size = directory.size_of(OsStr::new(&encoded), self.links);
                if let Some(size) = or_no_blob(size)? {
                    memory::push(&mut all, (digest, size))?;
                }
            }
        }
        Ok(all)
    }

    /// Makes `blobs/`, which every layout has, and the directory in it that nearly
    /// every layout has.
    pub(crate) fn create_blobs(&self) -> Result<()> {
        self.algorithm_or_new(Algorithm::default()).map(drop)
    }

    /// The directory that a blob is in, or would be.
    fn place_of(&self, digest: &Digest) -> Result<Option<Directory>> {
        match &self.batch {
            Some(batch) if batch.has(digest) => self.stage()?.directory().another().map(Some),
            _ => self.algorithm(digest),
        }
    }

    /// The directory for blobs of this algorithm; `None` if there is none yet.
    pub(super) fn algorithm(&self, digest: &Digest) -> Result<Option<Directory>> {
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

    pub(super) fn path_of(&self, digest: &Digest) -> PathBuf {
        self.root.path().join(blob_path(digest))
    }

    pub(super) fn describe(&self, digest: &Digest) -> String {
        self.path_of(digest).display().to_string()
    }

    pub(crate) fn missing(&self, digest: &Digest) -> Error {
        Error::NotFound(format!("{}: expected a blob, found none", self.describe(digest)))
    }
}

/// Passes over what stands where a blob would, and is something else.
fn or_no_blob<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(Error::Format { .. }) => Ok(None),
        found => found,
    }
}
