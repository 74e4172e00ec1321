//! What an open layout knows of `index.json`, so that it reads it again only when
//! somebody has changed it.

use super::draft::Draft;
use super::files::INDEX;
use crate::store::{Directory, State, Version, files};
use crate::words::error::Result;
use crate::words::index_text::IndexText;
use parking_lot::Mutex;
use std::sync::Arc;

/// The index that was read or written last. Shared by all clones of a layout, and by
/// its transactions.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<Seen>>);

#[derive(Clone, Debug)]
struct Seen {
    index: Arc<IndexText>,
    /// The file that holds it.
    state: State,
}

impl Known {
    /// The index, if the file is still the one that is known. If that was changed
    /// just before it was read, its times alone could not tell another change from
    /// none, and its content is compared.
    pub(super) fn index_in(
        &self,
        root: &Directory,
        version: &Version,
    ) -> Result<Option<Arc<IndexText>>> {
        let seen = self.0.lock().clone();
        let (Some(seen), Some(state)) = (seen, version.state()) else { return Ok(None) };
        if seen.state != state {
            return Ok(None);
        }
        if !seen.state.is_settled() {
            let Some(content) = seen.index.as_stored() else { return Ok(None) };
            if !files::holds(root, INDEX, version, &content)? {
                return Ok(None);
            }
            self.note(&seen.index, state);
        }
        Ok(Some(seen.index))
    }

    /// Notes what was read from a file that was in this state before.
    pub(super) fn note(&self, index: &Arc<IndexText>, state: State) {
        *self.0.lock() = Some(Seen { index: Arc::clone(index), state });
    }

    /// Forgets what it knows.
    pub(super) fn forget(&self) {
        *self.0.lock() = None;
    }

    /// Notes that a draft was written to the file. Where that cannot be done, since
    /// somebody else still uses the index that the draft was made of or there is too
    /// little memory, nothing is known, and the file is read the next time.
    pub(super) fn note_written(&self, root: &Directory, draft: Draft) {
        let (mut base, changes) = draft.into_parts();
        self.forget();
        let written = Version::of(root, INDEX).ok().and_then(|file| file.state());
        if let (Some(state), Some(index)) = (written, Arc::get_mut(&mut base))
            && index.change(&changes).is_ok()
        {
            // It may be another's file by now. That is seen when it is compared.
            self.note(&base, state.unsettled());
        }
    }
}
