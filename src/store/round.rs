//! The making of files for all small blobs that were held at one time.
//!
//! To make a file takes the kernel longer than all else that a small blob needs. So any
//! number of threads can take part in a round, while more blobs are put.

use super::batch::Batch;
use super::blobs::Store;
use super::held::Small;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// No lock is waited for together with an interrupt, so that is asked for so often.
const PAUSE: Duration = Duration::from_millis(20);

/// A thread is worth its start for each so many blobs.
const SHARE: usize = 64;

#[derive(Debug)]
pub(crate) struct Round {
    blobs: Vec<(Digest, Small)>,
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The first blob that nobody has taken.
    next: usize,
    /// How many are being made.
    in_work: usize,
    /// Whether the rest is not made: one has failed, or who made it was interrupted.
    is_cut_off: bool,
    /// Why it failed, until somebody is told.
    failure: Option<Error>,
}

impl Round {
    fn new(blobs: Vec<(Digest, Small)>) -> Self {
        Self { blobs, state: Mutex::default(), over: Condvar::new() }
    }

    /// How many threads are worth their start.
    pub(crate) fn shares(&self) -> usize {
        self.blobs.len().div_ceil(SHARE)
    }

    /// Makes files as long as there are some to make and none fails.
    pub(crate) fn help(&self, store: &Store) {
        while let Ok(true) = self.make_next(store) {}
    }

    /// Returns when nobody makes files any more.
    fn cut_off(&self) {
        let mut state = self.state.lock();
        state.next = self.blobs.len();
        state.is_cut_off = true;
        while state.in_work > 0 {
            self.over.wait(&mut state);
        }
    }

    /// Makes files, and waits for those that others are making. Says whether all are
    /// made, which they are not where another one who took part was interrupted, or was
    /// told the failure. After an error, too, what has no file is held still.
    pub(crate) fn finish(&self, store: &Store) -> Result<bool> {
        let is_whole = self.end(store)?;
        self.outcome().map(|()| is_whole)
    }

    /// The same, but a failure is left for others to be told.
    fn end(&self, store: &Store) -> Result<bool> {
        while self.make_next(store)? {}
        let mut state = self.state.lock();
        while state.in_work > 0 {
            store.interrupt().check()?;
            self.over.wait_for(&mut state, PAUSE);
        }
        Ok(!state.is_cut_off)
    }

    /// Says whether there was one to make. An error is that the one who makes it was
    /// interrupted; any other is the round's.
    fn make_next(&self, store: &Store) -> Result<bool> {
        store.interrupt().check()?;
        let mut state = self.state.lock();
        let Some((digest, small)) = self.blobs.get(state.next) else { return Ok(false) };
        state.next += 1;
        state.in_work += 1;
        drop(state);
        let made = catch_unwind(AssertUnwindSafe(|| store.make_file(digest, small)));
        let panicked = |_| Err(Error::Internal("a panic while a blob was stored".to_owned()));
        let made = made.unwrap_or_else(panicked);
        let mut state = self.state.lock();
        state.in_work -= 1;
        if made.is_err() {
            state.next = self.blobs.len();
            state.is_cut_off = true;
        }
        let mine = match made {
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) => {
                state.failure.get_or_insert(error);
                Ok(true)
            }
            Ok(()) => Ok(true),
        };
        drop(state);
        self.over.notify_all();
        mine
    }

    fn outcome(&self) -> Result<()> {
        self.state.lock().failure.take().map_or(Ok(()), Err)
    }

    fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.next >= self.blobs.len() && state.in_work == 0
    }
}

impl Store {
    /// The round that is under way, or a new one for all that is held, if anything is,
    /// to which `call` calls others; and whether it is new.
    pub(crate) fn round(&self, call: impl Fn(&Arc<Round>)) -> Result<Option<(Arc<Round>, bool)>> {
        let Some(batch) = &self.own.batch else { return Ok(None) };
        let mut current = self.turn(batch)?;
        // What failed while nobody waited for it is told now.
        current.take_if(|round| round.is_over()).map_or(Ok(()), |round| round.outcome())?;
        if let Some(round) = &*current {
            return Ok(Some((Arc::clone(round), false)));
        }
        let blobs = batch.held().all()?;
        if blobs.is_empty() {
            return Ok(None);
        }
        if self.staging().is_none() {
            // They have their names at once, and a collection finds them.
            self.lease_all(blobs.iter().map(|(digest, _)| digest))?;
            blobs.iter().try_for_each(|(digest, _)| self.note_kept(digest))?;
        }
        let round = Arc::new(Round::new(blobs));
        *current = Some(Arc::clone(&round));
        call(&round);
        Ok(Some((round, true)))
    }

    /// Has no more files made of what is held, once nothing will name it.
    pub(crate) fn give_up_round(&self) {
        let current = self.own.batch.as_ref().and_then(|batch| batch.round.lock().take());
        current.iter().for_each(|round| round.cut_off());
    }

    /// Who has it may wait for a collection.
    fn turn<'a>(&self, batch: &'a Batch) -> Result<MutexGuard<'a, Option<Arc<Round>>>> {
        loop {
            self.interrupt().check()?;
            if let Some(current) = batch.round.try_lock_for(PAUSE) {
                return Ok(current);
            }
        }
    }

    /// Ends the round that is under way, and lets none begin until this is dropped.
    pub(super) fn without_round(&self) -> Result<Option<MutexGuard<'_, Option<Arc<Round>>>>> {
        let Some(batch) = &self.own.batch else { return Ok(None) };
        let current = self.turn(batch)?;
        if let Some(round) = &*current {
            round.end(self)?;
        }
        Ok(Some(current))
    }

    /// Makes files for all that is held now, with those that `call` calls to a round
    /// that begins.
    pub(crate) fn make_files(&self, call: impl Fn(&Arc<Round>)) -> Result<()> {
        while let Some((round, is_new)) = self.round(&call)? {
            if round.finish(self)? && is_new {
                break;
            }
        }
        Ok(())
    }
}
