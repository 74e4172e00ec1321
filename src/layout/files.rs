//! The files of a layout beside `blobs`: `oci-layout`, `index.json` and others.

use super::Layout;
use crate::store::{Version, files};
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result, quoted};
use crate::words::index_text::IndexText;
use crate::words::json;
use crate::words::memory::{self, Asking, asking};
use serde::Deserialize;
use std::sync::Arc;

/// The file that says that a directory is a layout, and of which version.
pub(crate) const MARKER: &str = "oci-layout";
pub(super) const MARKER_OF_1_0_0: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The file that names what is in the layout.
pub(crate) const INDEX: &str = "index.json";

impl Layout {
    /// Reads a file beside `blobs`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `name` is not that of a file beside `blobs`,
    /// [`Error::NotFound`] when there is none, [`Error::Format`] when it is no
    /// regular file, [`Error::Limit`] when it is over 64 MiB.
    pub fn read_file(&self, name: &str) -> Result<Vec<u8>> {
        files::check_name(name)?;
        self.file(name)?.ok_or_else(|| {
            Error::NotFound(format!("{}: expected a file, found none", self.path_of(name)))
        })
    }

    pub(super) fn file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        files::read(self.store.root(), name)
    }

    /// Writes a file beside `blobs`, in one step: whoever reads it sees the old
    /// content or the new. `oci-layout` and `index.json` are checked first.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `name` is not that of a file beside `blobs`,
    /// [`Error::Format`] or [`Error::Unsupported`] when `content` is not what
    /// such a file holds, [`Error::State`] when it is the index of a transaction,
    /// whose edits it would undo.
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<()> {
        self.check_writable()?;
        files::check_name(name)?;
        if name == INDEX && self.staged.is_some() {
            let problem = "index.json: expected a layout to write it in, found a transaction";
            return Err(Error::State(problem.to_owned()));
        }
        match name {
            MARKER => check_version(MARKER.to_owned(), content)?,
            INDEX => {
                let index = IndexText::given(INDEX, content)?;
                return self.replace_file(INDEX, index.text().as_bytes());
            }
            _ => {}
        }
        self.replace_file(name, content)
    }

    fn replace_file(&self, name: &str, content: &[u8]) -> Result<()> {
        files::locked(&self.store, || files::replace(&self.store, name, content))
    }

    /// `index.json` as it is now.
    pub(super) fn stored_index(&self) -> Result<Arc<IndexText>> {
        self.index_with_version().map(|(index, _)| index)
    }

    /// The same, with what tells this version of it from another. It is read only if it
    /// is not the one that is known.
    pub(super) fn index_with_version(&self) -> Result<(Arc<IndexText>, Version)> {
        self.index_read_by(IndexText::stored)
    }

    /// All entries of `index.json` as it is now.
    pub(super) fn stored_entries(&self) -> Result<Vec<Descriptor>> {
        let mut entries = Vec::new();
        let mut hand_out = |_, entry| memory::push(&mut entries, entry);
        let (index, _) =
            self.index_read_by(|name, json| IndexText::read(name, json, &mut hand_out))?;
        // None are handed out of an index that is known.
        if entries.is_empty() { index.descriptors() } else { Ok(entries) }
    }

    fn index_read_by(
        &self,
        read: impl FnOnce(&str, Vec<u8>) -> Result<IndexText>,
    ) -> Result<(Arc<IndexText>, Version)> {
        let root = self.store.root();
        let version = Version::of(root, INDEX)?;
        if let Some(index) = self.index.index_in(root, &version)? {
            return Ok((index, version));
        }
        // So that two of them are not in memory at once.
        self.index.forget();
        let content = files::read_version(root, INDEX, &version)?;
        let (Some(content), Some(state)) = (content, version.state()) else {
            return Err(self.no_index());
        };
        let index = Arc::new(read(&self.path_of(INDEX), content)?);
        self.index.note(&index, state);
        Ok((index, version))
    }

    pub(super) fn no_index(&self) -> Error {
        Error::format(self.path_of(INDEX), "expected an image index, found no such file")
    }
}

pub(super) fn check_version(path: String, marker: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        #[serde(deserialize_with = "asking")]
        image_layout_version: String,
    }
    impl Asking<'_> for Marker {}
    let found = json::parse::<Marker>(&path, marker)?.image_layout_version;
    if found == "1.0.0" {
        return Ok(());
    }
    let found = quoted(&found);
    Err(Error::Unsupported(format!("{path}: expected image layout version 1.0.0, found {found}")))
}
