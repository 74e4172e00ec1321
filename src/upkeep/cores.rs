//! Work that is shared among the threads of one call.

use crate::layout::Layout;
use crate::words::error::Result;
use crate::words::watch::Watch;
use parking_lot::{Condvar, Mutex};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};
use std::time::Duration;

/// How many threads work at once.
#[derive(Clone, Copy)]
pub(super) struct Cores(usize);

impl Cores {
    /// As many as the layout is allowed.
    pub(super) fn of(layout: &Layout) -> Self {
        Self(layout.threads())
    }

    /// Does `work` on a thread of its own, while the calling one tells how far it has
    /// come. Where only one may work, that is the calling one, and does both.
    ///
    /// The standard library notes something in a thread that shares its work, and
    /// takes it back when that ends. In the main thread of a host it would look like
    /// a leak. And who is told may leave by `longjmp`: so the calling thread owns
    /// nothing of the work.
    pub(super) fn apart<T: Send + 'static>(
        self,
        watch: &mut Watch<'_>,
        work: impl Fn(&mut Watch<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        if self.0 == 1 {
            return work(watch);
        }
        let (work, end) = (Arc::new(work), Arc::new(End::default()));
        let (same, tally) = (Arc::clone(&work), Arc::clone(watch.tally()));
        let reached = Reached(Arc::clone(&end));
        let spawned = member(1).spawn(move || {
            let _reached = reached;
            same(&mut Watch::of_another(&tally))
        });
        let Ok(thread) = spawned else {
            // The system has no thread to give.
            return work(watch);
        };
        drop(work);
        end.wait(watch);
        let done = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        watch.tally().check()?;
        Ok(done)
    }

    /// Does `work` for each item, begun in their order, and returns when all is done
    /// or one failed. The calling thread works too, and others end with the call.
    pub(super) fn share<T: Sync>(
        self,
        items: &[T],
        watch: &mut Watch<'_>,
        work: impl Fn(&T, &mut Watch<'_>) -> Result<()> + Sync,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let share = |watch: &mut Watch<'_>| {
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                work(item, watch).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
            }
            Ok(())
        };
        let workers = self.0.min(items.len());
        if workers <= 1 {
            return share(watch);
        }
        let tally = Arc::clone(watch.tally());
        let share_of_another = || share(&mut Watch::of_another(&tally));
        thread::scope(|scope| {
            // Where the system has no thread to give, those that there are do it all.
            let start = |number| member(number).spawn_scoped(scope, share_of_another).ok();
            let others: Vec<_> = (2..=workers).map_while(start).collect();
            let own = share(watch);
            others.into_iter().fold(own, |outcome, other| match other.join() {
                Ok(its) => outcome.and(its),
                Err(panic) => resume_unwind(panic),
            })
        })
    }
}

/// Threads are named as those that write blobs are.
fn member(number: usize) -> Builder {
    Builder::new().name(format!("ocilayout-{number}"))
}

/// The end of some work, for whoever waits for it.
#[derive(Default)]
struct End {
    is_reached: Mutex<bool>,
    reached: Condvar,
}

impl End {
    /// Tells how far the work has come until it is at its end. If it is stopped it
    /// sees that itself.
    fn wait(&self, watch: &mut Watch<'_>) {
        while !self.is_reached_within(watch.pause()) {
            let _ = watch.look();
        }
    }

    fn is_reached_within(&self, pause: Duration) -> bool {
        let mut is_reached = self.is_reached.lock();
        if !*is_reached {
            self.reached.wait_for(&mut is_reached, pause);
        }
        *is_reached
    }
}

/// Says that the end is reached, also by a panic.
struct Reached(Arc<End>);

impl Drop for Reached {
    fn drop(&mut self) {
        *self.0.is_reached.lock() = true;
        self.0.reached.notify_all();
    }
}
