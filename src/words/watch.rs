//! How far a long call has come, and whether it is to go on.

use super::error::{Error, Result};
use super::interrupt::Interrupt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// It is not told more often than this.
const PAUSE: Duration = Duration::from_millis(100);

/// Stands for a total that nobody knows.
const UNKNOWN: u64 = u64::MAX;

/// How far a long call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many bytes of the sources were worked on.
    pub bytes_done: u64,
    /// How many there are in all, where it is known.
    pub bytes_total: Option<u64>,
    /// How many blobs, or files of a directory, are done.
    pub items_done: u64,
    /// How many there are in all, where it is known.
    pub items_total: Option<u64>,
}

/// Who is told how far a long call has come, and may stop it.
///
/// It is told on the calling thread, at most ten times a second, and once more at the
/// end. Its answer [`ControlFlow::Break`] stops the call, which undoes what it began and
/// fails with [`Error::Cancelled`].
pub struct Watch<'a> {
    tell: Option<&'a mut dyn FnMut(Progress) -> ControlFlow<()>>,
    told: Instant,
    /// How many bytes were told of through this watch.
    advanced: u64,
    tally: Arc<Tally>,
}

/// What is counted, on all threads that work for the call.
#[derive(Debug)]
pub(crate) struct Tally {
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    items_done: AtomicU64,
    items_total: AtomicU64,
    stopped: AtomicBool,
    interrupt: OnceLock<Interrupt>,
}

impl<'a> Watch<'a> {
    /// Tells `tell`.
    pub fn new(tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self { tell: Some(tell), ..Self::none() }
    }

    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self { tell: None, told: Instant::now(), advanced: 0, tally: Arc::new(Tally::new()) }
    }

    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// For another thread that works for the same call.
    pub(crate) fn of_another(tally: &Arc<Tally>) -> Self {
        Self { tally: Arc::clone(tally), ..Self::none() }
    }

    /// So much more is done. Tells how far the call has come, if it is time to, and
    /// fails if it was stopped.
    pub(crate) fn advance(&mut self, bytes: u64, items: u64) -> Result<()> {
        self.advanced += bytes;
        self.tally.add(bytes, items);
        self.look()
    }

    pub(crate) fn advanced(&self) -> u64 {
        self.advanced
    }

    /// The same, when nothing more is done.
    pub(crate) fn look(&mut self) -> Result<()> {
        if self.tell.is_some() && self.told.elapsed() >= PAUSE && self.tell().is_break() {
            self.tally.stop();
        }
        self.tally.check()
    }

    /// Tells of the end, when there is nothing left to stop.
    pub(crate) fn end(&mut self) {
        let _ = self.tell();
    }

    fn tell(&mut self) -> ControlFlow<()> {
        self.told = Instant::now();
        let progress = self.tally.progress();
        self.tell.as_mut().map_or(ControlFlow::Continue(()), |tell| tell(progress))
    }

    /// How long a thread that waits for others may wait before it looks again.
    pub(crate) fn pause(&self) -> Duration {
        PAUSE
    }
}

impl Tally {
    fn new() -> Self {
        Self {
            bytes_done: AtomicU64::new(0),
            bytes_total: AtomicU64::new(UNKNOWN),
            items_done: AtomicU64::new(0),
            items_total: AtomicU64::new(UNKNOWN),
            stopped: AtomicBool::new(false),
            interrupt: OnceLock::new(),
        }
    }

    pub(crate) fn expect(&self, bytes: Option<u64>, items: Option<u64>) {
        self.bytes_total.store(bytes.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.items_total.store(items.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// So much more is to be done than is done by now.
    pub(crate) fn expect_more(&self, bytes: u64, items: u64) {
        let in_all = |done: &AtomicU64, more| done.load(Ordering::Relaxed).saturating_add(more);
        let (bytes, items) = (in_all(&self.bytes_done, bytes), in_all(&self.items_done, items));
        self.expect(Some(bytes), Some(items));
    }

    /// So much more is done.
    pub(crate) fn add(&self, bytes: u64, items: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.items_done.fetch_add(items, Ordering::Relaxed);
    }

    /// Has all threads end their work.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Has this interrupt end the work as well.
    pub(crate) fn heed(&self, interrupt: &Interrupt) {
        let _ = self.interrupt.set(interrupt.clone());
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        self.interrupt.get().map_or(Ok(()), Interrupt::check)
    }

    fn progress(&self) -> Progress {
        let total = |of: &AtomicU64| Some(of.load(Ordering::Relaxed)).filter(|n| *n != UNKNOWN);
        Progress {
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_total: total(&self.bytes_total),
            items_done: self.items_done.load(Ordering::Relaxed),
            items_total: total(&self.items_total),
        }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("tally", &self.tally).finish_non_exhaustive()
    }
}
