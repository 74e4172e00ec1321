//! The making of files for all small blobs that were held at one time, and the giving of
//! names at a commit.
//!
//! That takes the kernel longer than all else that a small blob needs. So any number of
//! threads can take part in a round; in the former while more blobs are put.

use super::batch::Batch;
use super::blobs::Store;
use super::directory::Directory;
use super::held::Small;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::{Error, Result};
use crate::words::memory;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// No lock is waited for together with an interrupt, so that is asked for so often.
const PAUSE: Duration = Duration::from_millis(20);

/// A thread is worth its start for each so many blobs.
const SHARE: usize = 32;

/// What is to be done for a blob.
#[derive(Debug)]
pub(super) enum Task {
    /// Make its file, which will have its name in this directory.
    MakeFile(Arc<Directory>, Small),
    /// Move it from the stage into this directory.
    Name(Arc<Directory>),
}

#[derive(Debug)]
struct Item {
    digest: Digest,
    task: Task,
    is_done: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Round {
    blobs: Vec<Item>,
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The first blob that nobody has taken.
    next: usize,
    /// How many are in work.
    in_work: usize,
    /// Whether the rest is left: one has failed, or who had it in work was interrupted.
    is_cut_off: bool,
    /// Why it failed, until somebody is told.
    failure: Option<Error>,
}

impl Round {
    pub(super) fn new(blobs: impl Iterator<Item = Result<(Digest, Task)>>) -> Result<Arc<Self>> {
        let item = |(digest, task)| Item { digest, task, is_done: AtomicBool::new(false) };
        let blobs = memory::try_list(blobs.map(|blob| blob.map(item)))?;
        Ok(Arc::new(Self { blobs, state: Mutex::default(), over: Condvar::new() }))
    }

    fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.iter().map(|item| &item.digest)
    }

    /// The blobs for which all was done.
    pub(super) fn done(&self) -> impl Iterator<Item = &Digest> {
        let done = self.blobs.iter().filter(|item| item.is_done.load(Ordering::Acquire));
        done.map(|item| &item.digest)
    }

    /// How many threads are worth their start.
    pub(crate) fn shares(&self) -> usize {
        self.blobs.len().div_ceil(SHARE)
    }

    /// Takes part as long as there is something to do and nothing fails.
    pub(crate) fn help(&self, store: &Store) {
        while let Ok(true) = self.do_next(store) {}
    }

    /// Returns when nobody takes part any more.
    pub(super) fn cut_off(&self) {
        let mut state = self.state.lock();
        state.next = self.blobs.len();
        state.is_cut_off = true;
        while state.in_work > 0 {
            self.over.wait(&mut state);
        }
    }

    /// Takes part, and waits for what others are doing. Says whether all is done, which it
    /// is not where another one who took part was interrupted, or was told the failure.
    /// After an error, too, what has no file is held still.
    pub(crate) fn finish(&self, store: &Store) -> Result<bool> {
        let is_whole = self.end(store)?;
        self.outcome().map(|()| is_whole)
    }

    /// The same, but a failure is left for others to be told.
    fn end(&self, store: &Store) -> Result<bool> {
        while self.do_next(store)? {}
        let mut state = self.state.lock();
        while state.in_work > 0 {
            store.interrupt().check()?;
            self.over.wait_for(&mut state, PAUSE);
        }
        Ok(!state.is_cut_off)
    }

    /// Says whether there was something to do. An error is that the one who does it was
    /// interrupted; any other is the round's.
    fn do_next(&self, store: &Store) -> Result<bool> {
        store.interrupt().check()?;
        let mut state = self.state.lock();
        let Some(item) = self.blobs.get(state.next) else { return Ok(false) };
        state.next += 1;
        state.in_work += 1;
        drop(state);
        let done = catch_unwind(AssertUnwindSafe(|| store.carry_out(item)));
        let panicked = |_| Err(Error::Internal("a panic while a blob was stored".to_owned()));
        let done = done.unwrap_or_else(panicked);
        item.is_done.store(done.is_ok(), Ordering::Release);
        let mut state = self.state.lock();
        state.in_work -= 1;
        if done.is_err() {
            state.next = self.blobs.len();
            state.is_cut_off = true;
        }
        let mine = match done {
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
    fn carry_out(&self, Item { digest, task, .. }: &Item) -> Result<()> {
        let name = OsStr::new(digest.encoded());
        match task {
            Task::MakeFile(directory, small) => self.make_file(directory, digest, small),
            Task::Name(target) => self.stage()?.directory().link_over(name, target, name),
        }
    }

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
        // Looked for once: two threads that look at one name again and again hinder each
        // other.
        let mut found: Option<(Algorithm, Arc<Directory>)> = None;
        let make_file = |(digest, small): (Digest, Small)| {
            let algorithm = digest.computable()?;
            let directory = match &found {
                Some((other, directory)) if *other == algorithm => Arc::clone(directory),
                _ => self.algorithm_or_new(algorithm)?,
            };
            found = Some((algorithm, Arc::clone(&directory)));
            Ok((digest, Task::MakeFile(directory, small)))
        };
        let round = Round::new(batch.held().all().map(make_file))?;
        if round.blobs.is_empty() {
            return Ok(None);
        }
        if self.staging().is_none() {
            // They have their names at once, and a collection finds them.
            self.lease_all(round.digests())?;
            round.digests().try_for_each(|digest| self.note_kept(digest))?;
        }
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
