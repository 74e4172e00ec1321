//! Small blobs of a transaction, which wait in memory until there are many.
//!
//! To make its file takes the kernel longer than all else that a small blob needs. So the
//! files are made in rounds, whose work any number of threads can share.

use super::batch::Batch;
use super::blobs::Store;
use super::temp::TempFile;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::memory;
use parking_lot::MutexGuard;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many blobs, or so many bytes, are enough for a round.
const MANY: usize = 1024;
const MUCH: usize = 1 << 20;

/// A thread takes part in a round for each so many blobs.
const SHARE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Held {
    blobs: HashMap<Digest, Arc<Vec<u8>>>,
    bytes: usize,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.blobs.len()
    }

    pub(super) fn size_of(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|content| content.len() as u64)
    }

    pub(super) fn add(&mut self, digest: &Digest, content: Vec<u8>) -> Result<()> {
        let size = content.len();
        // Another thread may have put the same just now.
        if !self.blobs.contains_key(digest) {
            memory::note(&mut self.blobs, digest.clone(), Arc::new(content))?;
            self.bytes += size;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, digest: &Digest) {
        if let Some(content) = self.blobs.remove(digest) {
            self.bytes -= content.len();
        }
    }

    pub(super) fn is_enough(&self) -> bool {
        self.blobs.len() >= MANY || self.bytes >= MUCH
    }

    pub(super) fn all(&self) -> Result<Vec<(Digest, Arc<Vec<u8>>)>> {
        memory::list(self.blobs.iter().map(|(digest, content)| (digest.clone(), content.clone())))
    }
}

/// The making of files for all blobs that were held at one time.
pub(crate) struct Round {
    blobs: Vec<(Digest, Arc<Vec<u8>>)>,
    next: AtomicUsize,
}

/// While a round has its turn no other begins.
pub(crate) struct Turn<'a> {
    pub(crate) round: Arc<Round>,
    _alone: MutexGuard<'a, ()>,
}

impl Round {
    /// How many threads are worth their start.
    pub(crate) fn shares(&self) -> usize {
        self.blobs.len().div_ceil(SHARE)
    }

    /// Makes files until there are none left to make, or one fails. Blobs that have no
    /// file then are held still.
    pub(crate) fn work(&self, store: &Store) -> Result<()> {
        let next = || self.blobs.get(self.next.fetch_add(1, Ordering::Relaxed));
        while let Some((digest, content)) = next() {
            let made = store.interrupt().check().and_then(|()| store.make_file(digest, content));
            made.inspect_err(|_| self.next.store(self.blobs.len(), Ordering::Relaxed))?;
        }
        Ok(())
    }
}

impl Store {
    /// The size of a blob that is held in memory.
    pub(super) fn held_size(&self, digest: &Digest) -> Option<u64> {
        self.own.batch.as_ref().and_then(|batch| batch.held_size(digest))
    }

    /// Begins a round for all that is held, if that is enough.
    pub(crate) fn round_if_due(&self) -> Result<Option<Turn<'_>>> {
        self.round_if(Batch::holds_enough)
    }

    /// Begins a round for all that is held, if anything is.
    pub(crate) fn round(&self) -> Result<Option<Turn<'_>>> {
        self.round_if(Batch::holds_any)
    }

    fn round_if(&self, is_due: impl Fn(&Batch) -> bool) -> Result<Option<Turn<'_>>> {
        let Some(batch) = self.own.batch.as_ref().filter(|batch| is_due(batch)) else {
            return Ok(None);
        };
        let alone = batch.rounds.lock();
        // It may have waited for the turn of one that has made them.
        if !is_due(batch) {
            return Ok(None);
        }
        let round = Round { blobs: batch.all_held()?, next: AtomicUsize::new(0) };
        Ok(Some(Turn { round: Arc::new(round), _alone: alone }))
    }

    fn make_file(&self, digest: &Digest, content: &[u8]) -> Result<()> {
        let Some(batch) = &self.own.batch else { return Ok(()) };
        let directory = self.algorithm_last_seen(digest.computable()?)?;
        batch.add(&*self.stage()?, TempFile::holding(self, &directory, content)?, digest)
    }
}
