//! Small blobs of a transaction, which wait in memory until there are many.
//!
//! To make its file takes the kernel longer than all else that a small blob needs. So the
//! files are made in rounds, whose work any number of threads can share.

use super::batch::Batch;
use super::blobs::Store;
use super::placing::Whole;
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
    blobs: HashMap<Digest, Small>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Small {
    content: Arc<Vec<u8>>,
    /// Whether a blob of that name and size is hashed before it is trusted.
    rehash: bool,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.blobs.len()
    }

    pub(super) fn size_of(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|small| small.content.len() as u64)
    }

    pub(super) fn add(&mut self, digest: &Digest, content: Vec<u8>, rehash: bool) -> Result<()> {
        if let Some(same) = self.blobs.get_mut(digest) {
            same.rehash |= rehash;
            return Ok(());
        }
        let (size, content) = (content.len(), Arc::new(content));
        memory::note(&mut self.blobs, digest.clone(), Small { content, rehash })?;
        self.bytes += size;
        Ok(())
    }

    pub(super) fn remove(&mut self, digest: &Digest) {
        if let Some(small) = self.blobs.remove(digest) {
            self.bytes -= small.content.len();
        }
    }

    pub(super) fn is_enough(&self) -> bool {
        self.blobs.len() >= MANY || self.bytes >= MUCH
    }

    pub(super) fn round(&self) -> Result<Round> {
        let blobs = self.blobs.iter().map(|(digest, small)| (digest.clone(), small.clone()));
        Ok(Round { blobs: memory::list(blobs)?, next: AtomicUsize::new(0) })
    }
}

/// The making of files for all blobs that were held at one time.
pub(crate) struct Round {
    blobs: Vec<(Digest, Small)>,
    next: AtomicUsize,
}

/// While a round has its turn no other begins.
pub(crate) struct Turn<'a> {
    pub(crate) round: Arc<Round>,
    _alone: MutexGuard<'a, ()>,
}

impl Round {
    fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.iter().map(|(digest, _)| digest)
    }

    /// How many threads are worth their start.
    pub(crate) fn shares(&self) -> usize {
        self.blobs.len().div_ceil(SHARE)
    }

    /// Makes files until there are none left to make, or one fails. Blobs that have no
    /// file then are held still.
    pub(crate) fn work(&self, store: &Store) -> Result<()> {
        let next = || self.blobs.get(self.next.fetch_add(1, Ordering::Relaxed));
        while let Some((digest, small)) = next() {
            let made = store.interrupt().check().and_then(|()| store.make_file(digest, small));
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
        let round = Arc::new(batch.round()?);
        if self.staging().is_none() {
            // They have their names at once, and a collection finds them.
            self.lease_all(round.digests())?;
            round.digests().try_for_each(|digest| self.note_kept(digest))?;
        }
        Ok(Some(Turn { round, _alone: alone }))
    }

    fn make_file(&self, digest: &Digest, small: &Small) -> Result<()> {
        self.place(Whole::Bytes(&small.content), digest, small.rehash)?;
        self.own.batch.iter().for_each(|batch| batch.let_go(digest));
        Ok(())
    }
}
