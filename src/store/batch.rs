//! Blobs of a transaction, which wait for its commit, so that many pay for few waits:
//! small ones in memory at first, all others in the stage.
//!
//! A few are waited for one by one, so that what others are writing to the same
//! disk is not waited for; many by one `syncfs`, where the kernel can be trusted
//! with it.

use super::blobs::Store;
use super::directory::{io_error, retry};
use super::held::Held;
use super::round::{Round, Task};
use super::stage::Stage;
use super::temp::TempFile;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::sync::Arc;

/// So many blobs are waited for one by one.
const FEW: usize = 8;

/// So many get their names in one round.
const NAMED_AT_ONCE: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Batch {
    waiting: Mutex<Waiting>,
    /// The round that is under way, or was the last.
    pub(super) round: Mutex<Option<Arc<Round>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// In memory.
    held: Held,
    /// In the stage, under the encoded part of their digest. Those that are to be
    /// waited for one by one are still open.
    staged: BTreeMap<Digest, Option<File>>,
    /// In `blobs/`, but perhaps not on the disk.
    found: HashSet<Digest>,
    /// Why nothing more can be named.
    ended: Option<String>,
}

impl Batch {
    /// Whether a blob waits in the stage.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.lock().staged.contains_key(digest)
    }

    pub(super) fn held(&self) -> MappedMutexGuard<'_, Held> {
        MutexGuard::map(self.lock(), |waiting| &mut waiting.held)
    }

    /// Holds a blob in memory.
    pub(super) fn hold(&self, digest: &Digest, content: Vec<u8>, rehash: bool) -> Result<()> {
        let mut waiting = self.lock();
        waiting.check()?;
        waiting.held.add(digest, content, rehash)
    }

    /// Puts a blob into the stage.
    pub(super) fn add(&self, stage: &Stage, temp: TempFile, digest: &Digest) -> Result<()> {
        let failed = |error| io_error("write a blob in", stage.directory().path(), error);
        let shared = stage.syncs_as_one();
        if !shared {
            temp.sync().map_err(failed)?;
        }
        // Another thread may have put the same just now, whose file is then the one.
        let is_named = temp.publish(stage.directory(), OsStr::new(digest.encoded()))?;
        let mut waiting = self.lock();
        waiting.check()?;
        // A commit may have taken that away meanwhile.
        let is_named = is_named
            || (!waiting.staged.contains_key(digest)
                && temp.publish(stage.directory(), OsStr::new(digest.encoded()))?);
        let few = shared && is_named && waiting.held.len() + waiting.staged.len() <= FEW;
        // One that cannot be kept open is waited for with all others.
        let open = if few { temp.into_file().ok() } else { None };
        waiting.found.remove(digest);
        waiting.staged.entry(digest.clone()).or_insert(open);
        if waiting.staged.len() == FEW + 1 {
            waiting.staged.values_mut().for_each(|open| *open = None);
        }
        Ok(())
    }

    /// Remembers to wait for a blob that was there.
    pub(super) fn add_found(&self, digest: &Digest) -> Result<()> {
        let mut waiting = self.lock();
        waiting.check()?;
        waiting.found.insert(digest.clone());
        Ok(())
    }

    /// Forgets a blob that is taken away. Says whether it was held.
    pub(super) fn forget(&self, digest: &Digest) -> bool {
        let mut waiting = self.lock();
        waiting.found.remove(digest);
        waiting.staged.remove(digest);
        waiting.held.remove(digest)
    }

    /// Waits until all blobs are on the disk and gives them their names.
    pub(super) fn publish(
        &self,
        store: &Store,
        stage: &Stage,
        call: impl Fn(&Arc<Round>),
    ) -> Result<()> {
        let mut waiting = self.lock();
        waiting.check()?;
        if !waiting.staged.is_empty() {
            // Before they have their names, by which a collection finds them.
            store.lease_all(waiting.staged.keys())?;
        }
        if waiting.at_once(stage) {
            stage.sync_all().map_err(|error| waiting.lost(error))?;
        } else {
            waiting.sync_each(store, stage).map_err(|error| waiting.lost(error))?;
        }
        waiting.give_names(store, call)?;
        waiting.sync_names(store).map_err(|error| waiting.lost(error))
    }

    /// Refuses blobs from now on.
    pub(super) fn end(&self) {
        self.lock().ended = Some("expected one that is under way, found it committed".to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}

impl Waiting {
    fn check(&self) -> Result<()> {
        match &self.ended {
            Some(why) => Err(Error::State(format!("transaction: {why}"))),
            None => Ok(()),
        }
    }

    /// What a failed wait has left on the disk is not known any more. A blob that
    /// is gone can be put again.
    fn lost(&mut self, error: Error) -> Error {
        if !matches!(error, Error::NotFound(_)) {
            self.ended = Some(format!("expected one whose blobs are on the disk, found: {error}"));
        }
        error
    }

    fn at_once(&self, stage: &Stage) -> bool {
        let closed = self.staged.values().any(Option::is_none);
        stage.syncs_as_one() && (closed || self.staged.len() + self.found.len() > FEW)
    }

    fn sync_each(&self, store: &Store, stage: &Stage) -> Result<()> {
        for file in self.staged.values().flatten() {
            retry(|| rustix::fs::fdatasync(file))
                .map_err(|error| io_error("sync a blob in", stage.directory().path(), error))?;
        }
        self.found.iter().try_for_each(|digest| store.sync_content(digest))
    }

    fn give_names(&mut self, store: &Store, call: impl Fn(&Arc<Round>)) -> Result<()> {
        while let Some((first, _)) = self.staged.first_key_value() {
            let algorithm = first.computable()?;
            let target = store.algorithm_or_new(algorithm)?;
            let alike = self.staged.keys().take_while(|d| d.algorithm() == algorithm.as_str());
            let name = |digest: &Digest| Ok((digest.clone(), Task::Name(Arc::clone(&target))));
            let next = alike.take(NAMED_AT_ONCE).map(name);
            let round = Round::new(next)?;
            call(&round);
            let outcome = round.finish(store);
            round.cut_off();
            for digest in round.done() {
                self.staged.remove(digest);
                self.found.insert(digest.clone());
            }
            outcome?;
        }
        Ok(())
    }

    fn sync_names(&mut self, store: &Store) -> Result<()> {
        let algorithms: HashMap<_, _> = self.found.iter().map(|d| (d.algorithm(), d)).collect();
        algorithms.values().try_for_each(|digest| store.sync_name(digest))?;
        self.found.clear();
        Ok(())
    }
}
