//! The pieces of one blob, and the work on them.
//!
//! Only so many are in work at once, of all blobs together, and their memory is used again
//! for the next ones: however large the blobs, they take no more. Who brings one too many
//! helps with those that are in work.

use super::crew::Crew;
use super::stock::Stock;
use crate::words::error::{Error, Result};
use crate::words::memory;
use parking_lot::{Condvar, Mutex};
use std::io::Write;
use std::mem;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Room for the first bytes of a blob; most blobs are small.
const FIRST: usize = 16 * 1024;

/// A read has room for at least so many bytes, even where a piece lacks only one.
const LEAST_READ: usize = 4096;

/// Where the pieces of one blob are worked on.
pub(super) struct Pieces {
    crew: Arc<Crew>,
    shared: Arc<Shared>,
    /// Whether no more pieces come, so that it is not worth calling others.
    ending: bool,
}

struct Shared {
    /// That of all blobs of the crew.
    stock: Arc<Stock>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    in_work: usize,
    jobs: usize,
    failed: bool,
    /// Why, until it is told.
    failure: Option<Error>,
}

/// A piece that is being filled. It may hold a little more than a piece, which is the
/// start of the next.
#[derive(Default)]
pub(crate) struct Blank {
    bytes: Vec<u8>,
    filled: usize,
    /// The bytes of a whole piece.
    size: usize,
}

/// A hold on a piece in work, whose memory is used again when the last one goes.
#[derive(Clone)]
pub(super) struct Piece(Arc<Content>);

struct Content {
    bytes: Vec<u8>,
    size: usize,
    shared: Arc<Shared>,
}

impl Pieces {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        let stock = Arc::clone(crew.stock());
        stock.begin_blob();
        let shared = Shared { stock, state: Mutex::default(), changed: Condvar::new() };
        Self { crew, shared: Arc::new(shared), ending: false }
    }

    /// Puts a piece in work, as soon as there is a place for it. What it holds too much
    /// becomes the start of the next, of this size, which stands in `blank` then.
    pub(super) fn begin(&self, blank: &mut Blank, next: usize) -> Result<Piece> {
        // One is always let in, or a blob would wait for others that wait themselves.
        let stock = &self.shared.stock;
        let enough = || stock.pieces() >= self.crew.enough_pieces();
        self.help_until(|state| state.failed || state.in_work == 0 || !enough())?;
        stock.begin_piece();
        self.shared.state.lock().in_work += 1;
        let next = Blank { bytes: stock.take(), ..Blank::of(next) };
        let Blank { bytes, filled, size } = mem::replace(blank, next);
        let shared = Arc::clone(&self.shared);
        let piece = Piece(Arc::new(Content { bytes, size: filled.min(size), shared }));
        blank.copy(piece.0.bytes.get(piece.0.size..filled).unwrap_or_default())?;
        Ok(piece)
    }

    /// The next piece is the last.
    pub(super) fn end(&mut self) {
        self.ending = true;
    }

    pub(super) fn are_ending(&self) -> bool {
        self.ending
    }

    /// Has the crew do it, or whoever helps.
    pub(super) fn submit(&self, job: impl FnOnce() -> Result<()> + Send + 'static) {
        let job = self.shared.counted(job);
        if self.ending || self.crew.threads() == 1 {
            job();
        } else {
            self.crew.submit(Box::new(job));
        }
    }

    /// Does it at once, unless one of the crew has nothing to do.
    pub(super) fn share(&self, job: impl FnOnce() -> Result<()> + Send + 'static) {
        let job = self.shared.counted(job);
        let left = if self.ending { Some(job) } else { self.crew.offer(job) };
        if let Some(job) = left {
            job();
        }
    }

    /// Returns when all jobs are done.
    pub(super) fn settle(&self) -> Result<()> {
        self.help_until(|state| state.jobs == 0)
    }

    fn help_until(&self, enough: impl Fn(&State) -> bool) -> Result<()> {
        loop {
            let mut state = self.shared.state.lock();
            if enough(&state) {
                return state.outcome();
            }
            drop(state);
            if !self.crew.help() {
                state = self.shared.state.lock();
                if !enough(&state) {
                    self.shared.changed.wait(&mut state);
                }
            }
        }
    }
}

impl State {
    fn outcome(&mut self) -> Result<()> {
        match (self.failed, self.failure.take()) {
            (false, _) => Ok(()),
            (true, Some(failure)) => Err(failure),
            (true, None) => Err(Error::State("the blob failed before: begin it anew".to_owned())),
        }
    }

    fn fail(&mut self, error: Error) {
        if !mem::replace(&mut self.failed, true) {
            self.failure = Some(error);
        }
    }
}

impl Shared {
    /// The job as one of this blob: it is waited for, its failure is the blob's, and it
    /// is left out once there is one.
    fn counted(
        self: &Arc<Self>,
        job: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> impl FnOnce() + Send + 'static {
        self.state.lock().jobs += 1;
        let shared = Arc::clone(self);
        move || {
            let failed = shared.state.lock().failed;
            // What the job holds has to be let go before the job counts as done.
            let job = AssertUnwindSafe(move || if failed { Ok(()) } else { job() });
            let panicked = |_| Err(Error::Internal("a panic while a layer was made".to_owned()));
            let outcome = catch_unwind(job).unwrap_or_else(panicked);
            let mut state = shared.state.lock();
            state.jobs -= 1;
            if let Err(error) = outcome {
                state.fail(error);
            }
            drop(state);
            shared.changed.notify_all();
        }
    }
}

impl Blank {
    /// An empty piece of this size, which takes memory when something comes.
    pub(super) fn of(size: usize) -> Self {
        Self { bytes: Vec::new(), filled: 0, size }
    }

    pub(super) fn content(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Room to read into; what was read is then counted by [`advance`](Self::advance).
    pub(crate) fn room(&mut self) -> Result<&mut [u8]> {
        let (len, whole) = (self.bytes.len(), self.size + LEAST_READ);
        if len < self.filled + LEAST_READ {
            memory::extend(&mut self.bytes, (4 * len).max(FIRST).min(whole))?;
        }
        let end = self.bytes.len().min(whole);
        Ok(self.bytes.get_mut(self.filled..end).unwrap_or_default())
    }

    /// So many bytes were read into its room.
    pub(crate) fn advance(&mut self, read: usize) {
        self.filled += read;
    }

    /// Takes as many of the bytes as there is room for, and says how many.
    pub(super) fn copy(&mut self, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut room = self.room()?;
        let taken = room.write(bytes).map_err(Error::from_writer)?;
        self.advance(taken);
        Ok(taken)
    }

    /// Whether more has come than a piece holds, so that it is surely not the last.
    pub(super) fn is_overfull(&self) -> bool {
        self.filled > self.size
    }
}

impl Piece {
    /// Memory for what is made of the piece, with room for so many bytes.
    pub(super) fn buffer(&self, size: usize) -> Result<Vec<u8>> {
        let mut buffer = self.0.shared.stock.take();
        memory::extend(&mut buffer, size)?;
        Ok(buffer)
    }

    /// Takes such memory back.
    pub(super) fn reuse(&self, buffer: Vec<u8>) {
        self.0.shared.stock.give_back(buffer);
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes.get(..self.0.size).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.shared.stock.let_go();
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.shared.stock.end_piece(mem::take(&mut self.bytes));
        self.shared.state.lock().in_work -= 1;
        self.shared.changed.notify_all();
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // In a forked child there is nobody who would ever finish.
        if self.crew.is_ours() {
            self.shared.state.lock().failed = true;
            let _ = self.settle();
            self.shared.stock.end_blob();
        }
    }
}
