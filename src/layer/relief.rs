//! What a transaction holds in memory gets its files, by all threads that may work.

use super::crew::{Crew, Crews};
use crate::store::{Round, Store};
use crate::words::error::Result;
use std::sync::Arc;

/// Those who make the files of one transaction, from one put to the next.
#[derive(Debug)]
pub(crate) struct Relief {
    store: Arc<Store>,
    crew: Arc<Crew>,
}

impl Relief {
    pub(crate) fn new(store: &Arc<Store>, crews: &Crews) -> Self {
        Self { store: Arc::clone(store), crew: crews.crew() }
    }
}

impl Drop for Relief {
    fn drop(&mut self) {
        // Others may have the same crew, which then goes on. A forked child has none.
        if self.crew.is_ours() {
            self.store.give_up_round();
        }
    }
}

/// Has others make files for the small blobs that are held, once they are many; helps
/// where they are too many.
pub(super) fn relieve(store: &Arc<Store>, crew: &Crew) -> Result<()> {
    if !store.holds_much() {
        return Ok(());
    }
    match store.round(|round| call(round, store, crew))? {
        Some((round, _)) if crew.threads() == 1 || store.holds_too_much() => {
            round.finish(store).map(drop)
        }
        _ => Ok(()),
    }
}

/// Makes files for all small blobs that are held now, and gives all blobs of the
/// transaction their names; they are then on the disk.
pub(crate) fn publish_all(store: &Arc<Store>, crew: &Crew) -> Result<()> {
    let call = |round: &Arc<Round>| call(round, store, crew);
    store.make_files(call)?;
    store.publish_all(call)
}

/// Calls as many of the crew as the round is worth. Those that come too late have no store
/// to keep.
fn call(round: &Arc<Round>, store: &Arc<Store>, crew: &Crew) {
    for _ in 1..crew.threads().min(round.shares()) {
        let (round, store) = (Arc::clone(round), Arc::downgrade(store));
        crew.submit(Box::new(move || {
            store.upgrade().iter().for_each(|store| round.help(store));
        }));
    }
}
