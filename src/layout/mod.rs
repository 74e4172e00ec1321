//! The layout: blobs by name, and what `index.json` says of them.
//!
//! image-spec, image-layout.md.

mod archives;
mod at_once;
mod blobs;
mod collection;
mod create;
mod draft;
mod edits;
mod files;
mod image;
mod index;
mod interruptible;
mod known;
mod lookup;
mod matcher;
mod meant;
mod open;
mod sources;
mod survey;
mod transaction;
mod tree;

pub use draft::Append;
pub(crate) use files::{INDEX, MARKER};
pub use image::ImageBuilder;
pub use index::IndexBuilder;
pub use matcher::{CustomMatcher, Matcher};
pub use open::OpenOptions;
pub use sources::Source;
pub use transaction::Transaction;
pub(crate) use tree::check_depth;
pub use tree::{BlobSource, Missing};

use crate::layer::{Crews, InProgress};
use crate::store::Store;
use crate::words::error::{Error, Result};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// An open image layout.
///
/// It can be used from any number of threads at once, and a clone is the same
/// open layout. All paths start at the directory that was opened, wherever that
/// is moved to.
#[derive(Clone, Debug)]
pub struct Layout {
    store: Arc<Store>,
    in_progress: Arc<InProgress>,
    crews: Arc<Crews>,
    read_only: bool,
    index: Arc<known::Known>,
    /// The edits of a transaction, if this is one.
    staged: Option<Arc<transaction::Staged>>,
}

impl Layout {
    /// The directory, as it was named when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.store.root().path()
    }

    /// How long an edit waits while another writer makes one, and a put while a
    /// collection removes blobs: `None`, the default, for as long as it takes, zero
    /// not at all. It holds for all clones and transactions of this layout.
    pub fn set_lock_timeout(&self, timeout: Option<Duration>) {
        self.store.set_patience(timeout);
    }

    /// How many threads work at once for this layout, its clones and its transactions,
    /// the calling one among them; 0, the default, is one for each core. They are started
    /// when there is work for them and end with the last blob that is being written, or with
    /// the transaction that stores many small ones. What is stored does not depend on them.
    ///
    /// A verification has so many of its own instead, which end with it, and the calling
    /// thread only waits for them; with 1 it has none, and that works itself. A
    /// collection always works on the calling thread alone.
    pub fn set_threads(&self, threads: usize) {
        self.crews.set_threads(threads);
    }

    pub(crate) fn threads(&self) -> usize {
        self.crews.threads()
    }

    fn path_of(&self, name: &str) -> String {
        self.store.root().path_of(OsStr::new(name)).display().to_string()
    }

    fn check_writable(&self) -> Result<()> {
        self.store.interrupt().check()?;
        if self.read_only {
            let path = self.path().display();
            return Err(Error::State(format!(
                "{path}: expected a layout that is open to write, found it open read-only"
            )));
        }
        Ok(())
    }
}
