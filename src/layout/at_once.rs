//! Many sources that are stored at once.

use super::Layout;
use super::sources::Source;
use crate::layer::{BlobOptions, Crew};
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use crate::words::watch::Watch;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Layout {
    /// Stores many sources, up to `concurrency` of them at once, and says what points at
    /// each, in their order. 0 is as many as there are threads of this layout, or three
    /// quarters of that where any is compressed with zstd, which brings threads of its own;
    /// with 1 all are read on the calling thread, one after another.
    ///
    /// When one fails the others are given up. Blobs that were complete by then stay,
    /// named by nothing, until they are collected.
    ///
    /// # Errors
    /// [`Error::OfSource`] with what [`put_from`](Self::put_from) says of one of them;
    /// [`Error::Cancelled`] when `watch` stops it.
    pub fn put_all(
        &self,
        sources: Vec<(Source<'static>, BlobOptions)>,
        concurrency: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Descriptor>> {
        self.heed(watch)?;
        let hiring = sources.iter().any(|(_, options)| options.hires_threads());
        let at_once = self.crews.at_once(hiring);
        let most = if concurrency == 0 { at_once } else { concurrency };
        let others = most.min(at_once).min(sources.len()).saturating_sub(1);
        let sum = |of: fn(&Source<'static>) -> Option<u64>| {
            sources.iter().try_fold(0_u64, |sum, (source, _)| sum.checked_add(of(source)?))
        };
        watch.tally().expect(sum(Source::size), sum(Source::items));

        let queue = Arc::new(Queue::new(sources));
        if others == 0 {
            // Its callbacks may leave by a jump, and so it owns nothing that works.
            queue.work_off(self, watch);
            return queue.outcome().inspect(|_| watch.end());
        }
        let crew = self.crews.crew();
        for _ in 0..others {
            // Without the edits of a transaction, which have this crew: they must not be let
            // go by one of its threads.
            let layout = Self { staged: None, ..self.clone() };
            let (queue, tally) = (Arc::clone(&queue), watch.tally().clone());
            crew.submit_stint(Box::new(move || {
                queue.work_off(&layout, &mut Watch::of_another(&tally));
            }));
        }
        queue.work_off(self, watch);
        queue.wait(&crew, watch);
        let descriptors = queue.outcome()?;
        watch.end();
        Ok(descriptors)
    }
}

/// The sources of one call, and what became of them.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: VecDeque<(usize, Source<'static>, BlobOptions)>,
    in_work: usize,
    stored: Vec<Option<Descriptor>>,
    failure: Option<Error>,
}

impl Queue {
    fn new(sources: Vec<(Source<'static>, BlobOptions)>) -> Self {
        let stored = sources.iter().map(|_| None).collect();
        let numbered = sources.into_iter().enumerate();
        let waiting = numbered.map(|(position, (source, options))| (position, source, options));
        let state = State { waiting: waiting.collect(), in_work: 0, stored, failure: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn work_off(&self, layout: &Layout, watch: &mut Watch<'_>) {
        while let Some((position, source, options)) = self.next() {
            let put = AssertUnwindSafe(|| layout.put_one(source, &options, watch));
            let panicked = |_| Err(Error::Internal("a panic while a source was read".to_owned()));
            let outcome = catch_unwind(put).unwrap_or_else(panicked);
            let failed = outcome.is_err();
            self.done(position, outcome);
            // After that: those who are stopped by it have failures of their own.
            if failed {
                watch.tally().stop();
            }
        }
    }

    fn next(&self) -> Option<(usize, Source<'static>, BlobOptions)> {
        let mut state = self.state.lock();
        if state.failure.is_some() {
            state.waiting.clear();
        }
        let next = state.waiting.pop_front();
        state.in_work += usize::from(next.is_some());
        next
    }

    fn done(&self, position: usize, outcome: Result<Descriptor>) {
        let mut state = self.state.lock();
        state.in_work -= 1;
        match outcome {
            Ok(descriptor) => {
                if let Some(place) = state.stored.get_mut(position) {
                    *place = Some(descriptor);
                }
            }
            Err(error) => state.fail(match error {
                Error::Cancelled => error,
                error => Error::OfSource { position, error: Box::new(error) },
            }),
        }
        self.changed.notify_all();
    }

    /// Returns when nobody works on a source any more; until then it helps them.
    fn wait(&self, crew: &Crew, watch: &mut Watch<'_>) {
        while self.state.lock().in_work > 0 {
            if let Err(stopped) = watch.look() {
                self.state.lock().fail(stopped);
            }
            if !crew.help() {
                let mut state = self.state.lock();
                if state.in_work > 0 {
                    self.changed.wait_for(&mut state, watch.pause());
                }
            }
        }
    }

    fn outcome(&self) -> Result<Vec<Descriptor>> {
        let mut state = self.state.lock();
        match state.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(state.stored.drain(..).flatten().collect()),
        }
    }
}

impl State {
    /// Only the first failure is told: it is why the others were given up.
    fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }
}
