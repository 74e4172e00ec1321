//! Garbage collection: removes the blobs that nothing points at, beside writers.
//!
//! What is garbage is found without a lock. It is then removed in small parts,
//! and for each of them no writer edits or puts: what was named or leased in the
//! meantime is seen, and stays. Documents go before what they point at, so that
//! none is ever left that could be named again and is not whole.

use super::garbage::Garbage;
use crate::layout::Layout;
use crate::store::Durability;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::memory;
use crate::words::watch::Watch;
use std::time::Duration;

/// So many blobs are removed while writers wait.
const PART: usize = 256;

/// How blobs are collected.
#[derive(Clone, Copy, Debug)]
pub struct CollectOptions {
    grace: Duration,
    dry_run: bool,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self { grace: Duration::from_secs(24 * 60 * 60), dry_run: false }
    }
}

impl CollectOptions {
    /// The default options: blobs stay for a day, whoever put them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a blob stays that nothing points at, from when it was put. It
    /// protects what other tools have put and not yet named: they have no lease.
    /// With none of them about it may be zero.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Removes nothing, and tells what would be removed.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

/// What a collection did with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Nothing pointed at it, and it was removed, or would have been.
    Removed,
    /// It is pointed at from `index.json`.
    Referenced,
    /// It is, or belongs to, a document about another one that stays.
    Referrer,
    /// A writer that is still there has put it.
    Leased,
    /// It was put within the time of grace.
    Young,
    /// Its name is of a digest that this library cannot compute.
    Foreign,
}

/// A blob, and what a collection did with it.
#[derive(Clone, Debug)]
pub struct Collected {
    digest: Digest,
    size: u64,
    fate: Fate,
}

impl Collected {
    /// The digest of the blob.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The size of the blob in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What became of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.fate
    }
}

impl Layout {
    /// Removes the blobs that nothing points at, and tells of every blob what
    /// became of it, sorted by digest.
    ///
    /// Writers may be at work: what one has put through a handle or a transaction
    /// stays until that is dropped, named or not. What is pointed at from
    /// `index.json` stays, with its subjects, and with the documents whose subject
    /// it is. Unknown media types point at nothing, and files that are no blobs are
    /// left alone.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Digest`] and [`Error::Size`] when a document
    /// on the way cannot be trusted: what it points at is then not known, and
    /// nothing is removed. [`Error::State`] on a transaction, and on a layout that
    /// is open read-only unless nothing is to be removed.
    ///
    /// [`Error::Format`]: crate::Error::Format
    /// [`Error::Digest`]: crate::Error::Digest
    /// [`Error::Size`]: crate::Error::Size
    /// [`Error::State`]: crate::Error::State
    pub fn collect(&self, options: &CollectOptions) -> Result<Vec<Collected>> {
        self.collect_watched(options, &mut Watch::none())
    }

    /// The same, and tells `watch` how far it has come: the bytes of the documents that
    /// were read to find out what is garbage, and the blobs that are sure to stay or were
    /// removed.
    ///
    /// # Errors
    /// As for [`collect`](Self::collect); [`Error::Cancelled`] when `watch` stops it. It
    /// can be stopped until the first blob is removed, and from then on between parts of
    /// 256. What was removed by then stays so: it was garbage, and another collection
    /// finds the rest.
    ///
    /// [`Error::Cancelled`]: crate::Error::Cancelled
    pub fn collect_watched(
        &self,
        options: &CollectOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Collected>> {
        self.check_collectable(options.dry_run)?;
        self.heed(watch)?;
        let mut blobs = self.blobs()?;
        blobs.sort_unstable();
        watch.tally().expect(None, Some(blobs.len() as u64));
        let mut garbage = Garbage::find(self, &blobs, options.grace, watch)?;
        watch.tally().expect_more(0, blobs.len() as u64);
        let order = if options.dry_run { Vec::new() } else { garbage.in_order()? };
        watch.tally().add(0, (blobs.len() - order.len()) as u64);
        if !options.dry_run {
            self.sync_index(Durability::Ordered)?;
            for part in order.chunks(PART) {
                watch.look()?;
                self.alone(|| garbage.remove(self, part))?;
                watch.tally().add(0, part.len() as u64);
            }
        }
        let told = blobs.into_iter().map(|(digest, size)| {
            let fate = garbage.fate(&digest);
            Collected { digest, size, fate }
        });
        let told = memory::list(told)?;
        watch.end();
        Ok(told)
    }
}
