//! The threads that work on the layers of one open layout.
//!
//! They are started when there is work for them, shared by all blobs that are being
//! written, and gone with the last of these: at rest a layout has no thread, so that a
//! host that forks, or that unloads the library, has none to look after.

use super::stock::Stock;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Builder, JoinHandle};

/// A piece of work that waits for nobody, or, as a stint, one that may.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Where the blobs of one open layout find their crew.
#[derive(Debug, Default)]
pub(crate) struct Crews {
    /// How many threads work at once; 0 is one for each core.
    threads: AtomicUsize,
    /// 0 until they are counted, which takes longer than to write a small blob.
    cores: AtomicUsize,
    current: Mutex<Weak<Crew>>,
}

impl Crews {
    pub(crate) fn set_threads(&self, threads: usize) {
        self.threads.store(threads, Ordering::Relaxed);
    }

    /// How many threads work at once, the calling one among them.
    pub(crate) fn threads(&self) -> usize {
        match self.threads.load(Ordering::Relaxed) {
            0 => self.cores(),
            threads => threads,
        }
    }

    /// How many blobs are worth to be written at once: where each of them may bring a
    /// thread, as many as there are to hire.
    pub(crate) fn at_once(&self, hiring: bool) -> usize {
        let threads = self.threads();
        if hiring { for_hire(threads) } else { threads }
    }

    fn cores(&self) -> usize {
        match self.cores.load(Ordering::Relaxed) {
            0 => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                self.cores.store(cores, Ordering::Relaxed);
                cores
            }
            cores => cores,
        }
    }

    /// The crew that is at work, or a new one if there is none of so many threads.
    pub(crate) fn crew(&self) -> Arc<Crew> {
        let mut current = self.current.lock();
        match current.upgrade() {
            Some(crew) if crew.is_ours() && crew.threads == self.threads() => crew,
            _ => {
                let crew = Arc::new(Crew::new(self.threads()));
                *current = Arc::downgrade(&crew);
                crew
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Crew {
    /// A forked child has the crew in its memory, but not its threads.
    process: u32,
    threads: usize,
    board: Arc<Board>,
    stock: Arc<Stock>,
    started: Mutex<Vec<JoinHandle<()>>>,
}

/// Where the work is put up.
#[derive(Default)]
struct Board {
    work: Mutex<Work>,
    more: Condvar,
}

#[derive(Default)]
struct Work {
    jobs: VecDeque<Job>,
    /// Long work that may wait for others, so that nobody does it while he helps.
    stints: VecDeque<Job>,
    /// How many threads are at a stint.
    stinting: usize,
    idle: usize,
    /// How many threads of the budget work elsewhere.
    hired: usize,
    over: bool,
}

impl Work {
    fn is_up(&self) -> usize {
        self.jobs.len() + self.stints.len()
    }
}

impl Crew {
    fn new(threads: usize) -> Self {
        let process = std::process::id();
        let (board, stock) = (Arc::default(), Arc::default());
        Self { process, threads, board, stock, started: Mutex::default() }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// How many threads work at once, the calling one among them.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(super) fn stock(&self) -> &Arc<Stock> {
        &self.stock
    }

    /// How many pieces are to be in work so that no thread waits for the next one.
    pub(super) fn enough_pieces(&self) -> usize {
        2 * self.threads + 2
    }

    /// How many threads a library that brings its own may start: its part of what is left
    /// of the budget.
    pub(super) fn hire(self: &Arc<Self>, most: usize) -> Hired {
        let mut work = self.board.work.lock();
        let taken = work.hired + work.stinting + work.stints.len();
        let left = self.threads.saturating_sub(taken);
        let threads = for_hire(left).clamp(1, most);
        work.hired += threads;
        Hired { crew: Arc::clone(self), threads }
    }

    /// Puts up a job for whoever comes first, who may be the caller when it helps.
    pub(super) fn submit(&self, job: Job) {
        let mut work = self.board.work.lock();
        work.jobs.push_back(job);
        self.call_someone(work);
    }

    /// Puts up work that may wait for other work.
    pub(crate) fn submit_stint(&self, stint: Job) {
        let mut work = self.board.work.lock();
        work.stints.push_back(stint);
        self.call_someone(work);
    }

    /// Has someone else do a job if there is someone with nothing to do; gives it back
    /// otherwise.
    pub(super) fn offer<J: FnOnce() + Send + 'static>(&self, job: J) -> Option<J> {
        let mut work = self.board.work.lock();
        if work.is_up() >= work.idle && !self.may_start(&self.started.lock(), work.hired) {
            return Some(job);
        }
        work.jobs.push_back(Box::new(job));
        self.call_someone(work);
        None
    }

    /// Does one job that is up, if there is one.
    pub(crate) fn help(&self) -> bool {
        let job = self.board.work.lock().jobs.pop_front();
        job.map(|job| job()).is_some()
    }

    fn call_someone(&self, work: MutexGuard<'_, Work>) {
        if work.is_up() > work.idle {
            // A stint has its place in the budget already.
            let hired = if work.stints.is_empty() { work.hired } else { 0 };
            self.start_one_more(hired);
        }
        drop(work);
        self.board.more.notify_one();
    }

    /// Where the system has no thread to give, those that there are do it all.
    fn start_one_more(&self, hired: usize) {
        let mut started = self.started.lock();
        if self.may_start(&started, hired) {
            let board = Arc::clone(&self.board);
            let name = format!("ocilayout-{}", started.len() + 1);
            started.extend(Builder::new().name(name).spawn(move || board.work_off()));
        }
    }

    fn may_start(&self, started: &[JoinHandle<()>], hired: usize) -> bool {
        started.len() + hired + 1 < self.threads
    }
}

/// How many of so many threads a library may bring: all but a quarter, the part of the work
/// that hashing is.
fn for_hire(threads: usize) -> usize {
    threads - threads / 4
}

/// Threads of the budget that work elsewhere, until this is dropped.
pub(super) struct Hired {
    crew: Arc<Crew>,
    threads: usize,
}

impl Hired {
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    pub(super) fn crew(&self) -> &Crew {
        &self.crew
    }
}

impl Drop for Hired {
    fn drop(&mut self) {
        if self.crew.is_ours() {
            self.crew.board.work.lock().hired -= self.threads;
        }
    }
}

impl Board {
    fn work_off(&self) {
        let mut work = self.work.lock();
        loop {
            if let Some(job) = work.jobs.pop_front() {
                MutexGuard::unlocked(&mut work, job);
            } else if let Some(stint) = work.stints.pop_front() {
                work.stinting += 1;
                MutexGuard::unlocked(&mut work, stint);
                work.stinting -= 1;
            } else if work.over {
                return;
            } else {
                work.idle += 1;
                self.more.wait(&mut work);
                work.idle -= 1;
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let started = mem::take(self.started.get_mut());
        if !self.is_ours() {
            mem::forget(started);
            return;
        }
        self.board.work.lock().over = true;
        self.board.more.notify_all();
        for thread in started {
            // What panics in a job is told where the job is waited for.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}
