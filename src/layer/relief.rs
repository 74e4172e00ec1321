//! What a transaction holds in memory gets its files, by all threads that may work.

use super::crew::Crew;
use crate::store::{Round, Store};
use crate::words::error::Result;
use std::sync::Arc;

/// Has others make files for the small blobs that are held, once they are many; helps
/// where they are too many.
pub(super) fn relieve(store: &Arc<Store>, crew: &Crew) -> Result<()> {
    if !store.holds_much() {
        return Ok(());
    }
    match begin(store, crew)? {
        Some((round, _)) if crew.threads() == 1 || store.holds_too_much() => {
            round.finish(store).map(drop)
        }
        _ => Ok(()),
    }
}

/// Makes files for all small blobs that are held now.
pub(crate) fn make_files(store: &Arc<Store>, crew: &Crew) -> Result<()> {
    while let Some((round, is_new)) = begin(store, crew)? {
        if round.finish(store)? && is_new {
            break;
        }
    }
    Ok(())
}

/// The round that is under way or begins, and whether it begins.
fn begin(store: &Arc<Store>, crew: &Crew) -> Result<Option<(Arc<Round>, bool)>> {
    let begun = store.round()?;
    if let Some((round, true)) = &begun {
        for _ in 1..crew.threads().min(round.shares()) {
            let (round, store) = (Arc::clone(round), Arc::clone(store));
            crew.submit(Box::new(move || round.help(&store)));
        }
    }
    Ok(begun)
}
