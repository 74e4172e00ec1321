//! Small blobs of a transaction, which are held in memory until they have their files.

use super::blobs::Store;
use super::directory::Directory;
use super::placing::Whole;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::memory;
use indexmap::IndexMap;
use std::sync::Arc;

/// So many blobs, or so many bytes, are worth a round.
const MANY: usize = 64;
const MUCH: usize = 1 << 20;

/// So many are too much to hold.
const TOO_MANY: usize = 2048;
const TOO_MUCH: usize = 2 << 20;

#[derive(Debug, Default)]
pub(super) struct Held {
    blobs: IndexMap<Digest, Small>,
    bytes: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Small {
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
        memory::set(&mut self.blobs, digest.clone(), Small { content, rehash })?;
        self.bytes += size;
        Ok(())
    }

    /// Says whether it was held.
    pub(super) fn remove(&mut self, digest: &Digest) -> bool {
        let removed = self.blobs.swap_remove(digest);
        self.bytes -= removed.as_ref().map_or(0, |small| small.content.len());
        removed.is_some()
    }

    /// Holds a blob no more that has its place now, unless it was put again meanwhile
    /// and more is asked of it.
    fn let_go(&mut self, digest: &Digest, placed: &Small) {
        let same = |held: &Small| {
            Arc::ptr_eq(&held.content, &placed.content) && held.rehash == placed.rehash
        };
        if self.blobs.get(digest).is_some_and(same) {
            self.remove(digest);
        }
    }

    pub(super) fn is_much(&self) -> bool {
        self.blobs.len() >= MANY || self.bytes >= MUCH
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.blobs.len() >= TOO_MANY || self.bytes >= TOO_MUCH
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Digest, Small)> {
        self.blobs.iter().map(|(digest, small)| (digest.clone(), small.clone()))
    }
}

impl Store {
    /// The size of a blob that is held in memory.
    pub(super) fn held_size(&self, digest: &Digest) -> Option<u64> {
        self.own.batch.as_ref()?.held().size_of(digest)
    }

    /// Whether so much is held that its files are worth a round.
    pub(crate) fn holds_much(&self) -> bool {
        self.own.batch.as_ref().is_some_and(|batch| batch.held().is_much())
    }

    /// Whether so much is held that whoever puts more should help.
    pub(crate) fn holds_too_much(&self) -> bool {
        self.own.batch.as_ref().is_some_and(|batch| batch.held().is_too_much())
    }

    pub(super) fn make_file(
        &self,
        directory: &Directory,
        digest: &Digest,
        small: &Small,
    ) -> Result<()> {
        self.place_in(directory, Whole::Bytes(&small.content), digest, small.rehash)?;
        if let Some(batch) = &self.own.batch {
            batch.held().let_go(digest, small);
        }
        Ok(())
    }
}
