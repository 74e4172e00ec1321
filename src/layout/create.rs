//! Creating a layout with a given index.

use super::Layout;
use super::files::MARKER;
use super::open::OpenOptions;
use super::tree::BlobSource;
use crate::words::error::Result;
use crate::words::index_text::IndexText;
use crate::words::watch::Watch;
use std::path::Path;

impl OpenOptions {
    /// Makes a layout whose `index.json` is `index`, as it is given; only a media
    /// type is added if it has none.
    ///
    /// What the index names is first read from `source` and checked, down the
    /// whole tree. Without a source it must be put later, and entries of the
    /// index are allowed to have no blob.
    ///
    /// # Errors
    /// As for [`open`](Self::open) and [`Layout::write`], and
    /// [`Error::Exists`](crate::Error::Exists) when there is a layout. A call that
    /// failed leaves no layout, and can be made again with the same index.
    pub fn create_with_index(
        self,
        path: impl AsRef<Path>,
        index: &[u8],
        source: Option<&dyn BlobSource>,
    ) -> Result<Layout> {
        self.create_with_index_watched(path, index, source, &mut Watch::none())
    }

    /// The same, and tells `watch` how far it has come, as [`Layout::write_watched`] does.
    ///
    /// # Errors
    /// As for [`create_with_index`](Self::create_with_index);
    /// [`Error::Cancelled`](crate::Error::Cancelled) when `watch` stops it.
    pub fn create_with_index_watched(
        self,
        path: impl AsRef<Path>,
        index: &[u8],
        source: Option<&dyn BlobSource>,
        watch: &mut Watch<'_>,
    ) -> Result<Layout> {
        let index = IndexText::given("index", index)?;
        let layout = self.create().directory(rustix::fs::CWD, path.as_ref())?;
        if layout.file(MARKER)?.is_some() {
            return Err(layout.exists());
        }
        if let Some(source) = source {
            layout.write_trees(&index.descriptors()?, source, watch)?;
        }
        layout.make(&index, true)?;
        watch.end();
        Ok(layout)
    }
}
