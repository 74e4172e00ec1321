//! The blobs of a layout: `blobs/<algorithm>/<encoded>`.

use super::batch::Batch;
use super::blob_directories::BlobDirectories;
use super::directory::{Directory, Links};
use super::durability::Durability;
use super::files::BLOBS;
use super::lock::Patience;
use super::reader::BlobReader;
use super::round::Round;
use super::stage::{Stage, sweep};
use super::survey::blob_path;
use crate::words::descriptor::Descriptor;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::{Error, Result};
use crate::words::interrupt::Interrupt;
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

/// So much of a blob is hashed at a time.
const PIECE: usize = 256 * 1024;

/// The open directory of a layout, and what is stored in it.
#[derive(Debug)]
pub(crate) struct Store {
    root: Arc<Directory>,
    pub(super) links: Links,
    shared: Arc<Shared>,
    pub(super) own: Arc<Own>,
    interrupt: Interrupt,
}

/// What a store has in common with those that only heed another interrupt.
#[derive(Debug, Default)]
pub(super) struct Own {
    stage: Mutex<Option<Arc<Stage>>>,
    /// What this writer has put or found: it is leased and on the disk, or in the
    /// batch.
    pub(super) kept: Mutex<HashSet<Digest>>,
    /// What could not be brought to the disk: what is there of it is not known.
    pub(super) doubtful: Mutex<HashSet<Digest>>,
    /// Where blobs wait for the end of a transaction.
    pub(super) batch: Option<Batch>,
}

/// What a store has in common with those of its transactions.
#[derive(Debug, Default)]
struct Shared {
    /// How long to wait for a lock; `None` is for ever.
    patience: Mutex<Option<Duration>>,
    swept: AtomicBool,
    directories: BlobDirectories,
}

impl Store {
    pub(crate) fn new(root: Directory, links_allowed: bool) -> Self {
        let links = if links_allowed { Links::Followed } else { Links::Refused };
        Self::with(Arc::new(root), links, Arc::default(), None)
    }

    /// The same store for a transaction. Blobs that are put through it are named
    /// by [`publish_all`](Self::publish_all).
    pub(crate) fn batching(&self) -> Self {
        let batch = Some(Batch::default());
        Self::with(Arc::clone(&self.root), self.links, Arc::clone(&self.shared), batch)
    }

    fn with(root: Arc<Directory>, links: Links, shared: Arc<Shared>, batch: Option<Batch>) -> Self {
        let own = Arc::new(Own { batch, ..Own::default() });
        Self { root, links, shared, own, interrupt: Interrupt::default() }
    }

    /// The same store for calls that this interrupt stops.
    pub(crate) fn heeding(&self, interrupt: Interrupt) -> Self {
        Self {
            root: Arc::clone(&self.root),
            links: self.links,
            shared: Arc::clone(&self.shared),
            own: Arc::clone(&self.own),
            interrupt,
        }
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(crate) fn root(&self) -> &Arc<Directory> {
        &self.root
    }

    /// The stage of this writer.
    pub(super) fn stage(&self) -> Result<Arc<Stage>> {
        let mut stage = self.own.stage.lock();
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
        sweep(&self.root, self.own.stage.lock().as_deref())
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { limit: *self.shared.patience.lock(), interrupt: self.interrupt.clone() }
    }

    pub(crate) fn set_patience(&self, patience: Option<Duration>) {
        *self.shared.patience.lock() = patience;
    }

    /// The size of a blob in bytes; `None` if it is not there.
    pub(crate) fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        if let Some(size) = self.held_size(digest) {
            return Ok(Some(size));
        }
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
        if let Some(held) = self.held_size(digest) {
            return Ok(held == size);
        }
        match self.place_of(digest)? {
            Some(place) => self.is_intact_in(&place, digest, size, rehash),
            None => Ok(false),
        }
    }

    pub(super) fn is_intact_in(
        &self,
        place: &Directory,
        digest: &Digest,
        size: u64,
        rehash: bool,
    ) -> Result<bool> {
        let name = OsStr::new(digest.encoded());
        // A link is trusted by its content alone: its target is not ours.
        if !rehash && (self.links == Links::Refused || !place.is_link(name)?) {
            return Ok(place.size_of(name, self.links)? == Some(size));
        }
        let Some((file, _)) = place.open_file(name, self.links)? else { return Ok(false) };
        let mut reader = BlobReader::new(file, self.describe(digest), digest, size)?;
        // Most of what is hashed again are documents, which are small.
        let piece = usize::try_from(size).map_or(PIECE, |size| size.clamp(1, PIECE));
        let mut piece = memory::bytes(piece)?;
        loop {
            self.interrupt.check()?;
            match reader.read(&mut piece).map_err(Error::from_source) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(Error::Digest { .. } | Error::Size { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where blobs wait to be on the disk before they have their names, if that was
    /// promised.
    pub(super) fn staging(&self) -> Option<&Batch> {
        self.own.batch.as_ref().filter(|_| self.root.durability() != Durability::None)
    }

    /// Names all blobs of a transaction, which are then on the disk.
    /// `call` calls others to a round.
    pub(crate) fn publish_all(&self, call: impl Fn(&Arc<Round>)) -> Result<()> {
        match &self.own.batch {
            Some(batch) => batch.publish(self, &*self.stage()?, call),
            None => Ok(()),
        }
    }

    /// Refuses blobs once a transaction is over: nothing would name them.
    pub(crate) fn end_batch(&self) {
        self.own.batch.iter().for_each(Batch::end);
    }

    /// Takes a blob away.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<()> {
        // Which would bring it back, or fail because of another.
        let _no_round = self.without_round()?;
        let place = self.place_of_file(digest)?;
        self.own.kept.lock().remove(digest);
        let was_held = self.own.batch.as_ref().is_some_and(|batch| batch.forget(digest));
        match place {
            Some(place) if place.remove(OsStr::new(digest.encoded()))? => Ok(()),
            _ if was_held => Ok(()),
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
    fn place_of(&self, digest: &Digest) -> Result<Option<Arc<Directory>>> {
        if self.held_size(digest).is_some() {
            self.make_files(|_| ())?;
        }
        self.place_of_file(digest)
    }

    fn place_of_file(&self, digest: &Digest) -> Result<Option<Arc<Directory>>> {
        match self.staged_in(digest)? {
            Some(stage) => Ok(Some(stage)),
            None => self.algorithm(digest),
        }
    }

    /// The directory of the stage, if a blob waits there.
    pub(super) fn staged_in(&self, digest: &Digest) -> Result<Option<Arc<Directory>>> {
        match &self.own.batch {
            Some(batch) if batch.has(digest) => Ok(Some(Arc::clone(self.stage()?.directory()))),
            _ => Ok(None),
        }
    }

    /// The directory for blobs of this algorithm; `None` if there is none yet.
    pub(super) fn algorithm(&self, digest: &Digest) -> Result<Option<Arc<Directory>>> {
        self.shared.directories.of_digest(&self.root, digest)
    }

    /// The same, made if need be.
    pub(super) fn algorithm_or_new(&self, algorithm: Algorithm) -> Result<Arc<Directory>> {
        self.shared.directories.of_or_new(&self.root, algorithm)
    }

    /// The same; but it may have been moved since it was seen last. A file that has no
    /// name yet can be made there all the same.
    pub(super) fn algorithm_last_seen(&self, algorithm: Algorithm) -> Result<Arc<Directory>> {
        match self.shared.directories.last_seen(algorithm) {
            Some(directory) if directory.exists()? => Ok(directory),
            _ => self.algorithm_or_new(algorithm),
        }
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
