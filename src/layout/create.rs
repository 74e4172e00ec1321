//! Creating a layout with a given index.

use super::Layout;
use super::files::MARKER;
use super::open::OpenOptions;
use super::tree::{BlobSource, Written};
use crate::words::error::Result;
use crate::words::index_text::IndexText;
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
        let index = IndexText::given("index", index)?;
        let layout = self.create().directory(rustix::fs::CWD, path.as_ref())?;
        if layout.file(MARKER)?.is_some() {
            return Err(layout.exists());
        }
        if let Some(source) = source {
            let mut written = Written::new();
            for entry in index.descriptors() {
                layout.write_tree(entry, source, &mut written, 0)?;
            }
        }
        layout.make(&index, true)?;
        Ok(layout)
    }
}
