//! The threads that work on the layers of one open layout.
//!
//! They are started when there is work for them, shared by all blobs that are being
//! written, and gone with the last of these: at rest a layout has no thread, so that a
//! host that forks, or that unloads the library, has none to look after.

use parking_lot::{Condvar, Mutex};
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
    current: Mutex<Weak<Crew>>,
}

impl Crews {
    pub(crate) fn set_threads(&self, threads: usize) {
        self.threads.store(threads, Ordering::Relaxed);
    }

    /// How many threads work at once, the calling one among them.
    pub(crate) fn threads(&self) -> usize {
        match self.threads.load(Ordering::Relaxed) {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// The crew that is at work, or a new one.
    pub(crate) fn crew(&self) -> Arc<Crew> {
        let mut current = self.current.lock();
        match current.upgrade() {
            Some(crew) if crew.is_ours() => crew,
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
    started: Mutex<Vec<JoinHandle<()>>>,
    /// How many threads of the budget work elsewhere.
    hired: AtomicUsize,
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
    idle: usize,
    over: bool,
}

impl Work {
    fn is_more_than_the_idle_can_do(&self) -> bool {
        self.jobs.len() + self.stints.len() > self.idle
    }
}

impl Crew {
    fn new(threads: usize) -> Self {
        Self {
            process: std::process::id(),
            threads,
            board: Arc::default(),
            started: Mutex::default(),
            hired: AtomicUsize::new(0),
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// How many threads work at once, the calling one among them.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// How many threads a library that brings its own may start: what is left of the
    /// budget, but for a quarter, the part of the work that hashing is.
    pub(super) fn hire(self: &Arc<Self>, most: usize) -> Hired {
        let left = self.threads.saturating_sub(self.hired.load(Ordering::Relaxed));
        self.take((left - left / 4).clamp(1, most))
    }

    /// Takes so many threads out of the budget for as long as the value lives.
    pub(crate) fn take(self: &Arc<Self>, threads: usize) -> Hired {
        self.hired.fetch_add(threads, Ordering::Relaxed);
        Hired { crew: Arc::clone(self), threads }
    }

    /// Puts up a job for whoever comes first, who may be the caller when it helps.
    pub(super) fn submit(&self, job: Job) {
        self.put_up(|work| work.jobs.push_back(job));
    }

    /// Puts up work that may wait for other work.
    pub(crate) fn submit_stint(&self, stint: Job) {
        self.put_up(|work| work.stints.push_back(stint));
    }

    /// Has someone else do a job if there is someone with nothing to do; gives it back
    /// otherwise.
    pub(super) fn offer<J: FnOnce() + Send + 'static>(&self, job: J) -> Option<J> {
        let all_started = self.started.lock().len() + 1 >= self.threads;
        let mut work = self.board.work.lock();
        if all_started && work.jobs.len() + work.stints.len() >= work.idle {
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

    fn put_up(&self, put: impl FnOnce(&mut Work)) {
        let mut work = self.board.work.lock();
        put(&mut work);
        self.call_someone(work);
    }

    fn call_someone(&self, work: parking_lot::MutexGuard<'_, Work>) {
        let short_of_hands = work.is_more_than_the_idle_can_do();
        drop(work);
        if short_of_hands {
            self.start_one_more();
        }
        self.board.more.notify_one();
    }

    /// Where the system has no thread to give, those that there are do it all.
    fn start_one_more(&self) {
        let mut started = self.started.lock();
        if started.len() + 1 < self.threads {
            let board = Arc::clone(&self.board);
            let name = format!("ocilayout-{}", started.len() + 1);
            started.extend(Builder::new().name(name).spawn(move || board.work_off()));
        }
    }
}

/// Threads of the budget that work elsewhere.
pub(crate) struct Hired {
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
        self.crew.hired.fetch_sub(self.threads, Ordering::Relaxed);
    }
}

impl Board {
    fn work_off(&self) {
        let mut work = self.work.lock();
        loop {
            if let Some(job) = work.jobs.pop_front().or_else(|| work.stints.pop_front()) {
                drop(work);
                job();
                work = self.work.lock();
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
