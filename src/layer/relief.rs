//! What a transaction holds in memory gets its files, by all threads that may work.

use super::crew::Crew;
use super::pieces::Pieces;
use crate::store::{Store, Turn};
use crate::words::error::Result;
use std::sync::Arc;

/// Has files made for all small blobs that are held, if these are many.
pub(super) fn relieve(store: &Arc<Store>, crew: &Arc<Crew>) -> Result<()> {
    store.round_if_due()?.map_or(Ok(()), |turn| share(&turn, store, crew))
}

/// Has files made for all small blobs that are held.
pub(crate) fn make_files(store: &Arc<Store>, crew: &Arc<Crew>) -> Result<()> {
    store.round()?.map_or(Ok(()), |turn| share(&turn, store, crew))
}

fn share(turn: &Turn<'_>, store: &Arc<Store>, crew: &Arc<Crew>) -> Result<()> {
    let jobs = Pieces::new(Arc::clone(crew));
    for _ in 0..turn.round.shares().min(crew.threads()) {
        let (round, store) = (Arc::clone(&turn.round), Arc::clone(store));
        jobs.submit(move || round.work(&store));
    }
    jobs.settle()
}
