//! Looking over a layout, with nothing in it taken for granted.

use super::Layout;
use super::files::{INDEX, MARKER, check_version};
use crate::store::{BlobReader, Survey, Version};
use crate::words::digest::Digest;
use crate::words::error::Result;
use std::path::Path;

impl Layout {
    /// The whole path of something in this layout, for messages.
    pub(crate) fn path_to(&self, path: &Path) -> String {
        self.path().join(path).display().to_string()
    }

    /// Checks that `oci-layout` says that this is a layout which we know.
    pub(crate) fn check_marker(&self) -> Result<()> {
        check_version(self.path_of(MARKER), &self.read_file(MARKER)?)
    }

    /// Which `index.json` this is, to see whether somebody edits it; `None` if that
    /// cannot be told.
    pub(crate) fn index_version(&self) -> Option<Version> {
        Version::of(self.store.root(), INDEX).ok()
    }

    /// All that stands under `blobs/`.
    pub(crate) fn survey(&self) -> Result<Survey> {
        self.store.survey()
    }

    /// Opens a blob to read it, however long it is; its content is checked at its
    /// end.
    pub(crate) fn open_found(&self, digest: &Digest) -> Result<BlobReader> {
        self.store.open_found(digest)
    }

    /// The names in the root that writers give to what they have not published.
    pub(crate) fn hidden_names(&self) -> Result<Vec<String>> {
        self.store.hidden_names()
    }

    /// Whether what has a hidden name was left by a writer that is no more.
    pub(crate) fn is_left(&self, hidden: &str) -> bool {
        self.store.is_left(hidden)
    }
}
