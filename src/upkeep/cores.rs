//! Work that is shared among all cores.

use crate::words::error::Result;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// Does `work` on a thread of its own.
///
/// The standard library notes something in a thread that shares its work, and
/// takes it back when that ends. In the main thread of a host it would look like
/// a leak.
pub(super) fn apart<T: Send + 'static>(work: impl Fn() -> T + Send + Sync + 'static) -> T {
    let work = Arc::new(work);
    let same = Arc::clone(&work);
    match Builder::new().spawn(move || same()) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
        // The system has no thread to give.
        Err(_) => work(),
    }
}

/// Does `work` for each item, begun in their order, and returns when all is done
/// or one failed. The calling thread works too, and others end with the call.
pub(super) fn on_all_cores<T: Sync>(
    items: &[T],
    work: impl Fn(&T) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let share = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    thread::scope(|scope| {
        // Where the system has no thread to give, those that there are do it all.
        let start = |_| Builder::new().spawn_scoped(scope, share).ok();
        let others: Vec<_> = (1..workers).map_while(start).collect();
        let own = share();
        others.into_iter().fold(own, |outcome, other| match other.join() {
            Ok(its) => outcome.and(its),
            Err(panic) => resume_unwind(panic),
        })
    })
}
