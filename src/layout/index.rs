//! Image indexes that are built here: several images under one name.
//!
//! image-spec, image-index.md.

use super::Layout;
use super::image::write_document;
use super::tree::Missing;
use crate::words::descriptor::{Annotations, Descriptor, edit_annotation};
use crate::words::error::Result;
use crate::words::json::Object;
use crate::words::media_type::MediaType;
use crate::words::memory;
use crate::words::reference::REF_NAME;

/// An image index that is being built.
#[derive(Clone, Debug)]
pub struct IndexBuilder {
    layout: Layout,
    manifests: Vec<Descriptor>,
    annotations: Annotations,
}

impl IndexBuilder {
    /// Begins an index without entries.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self { layout: layout.clone(), manifests: Vec::new(), annotations: Annotations::new() }
    }

    /// Adds an entry at the end: an image, another index, or a blob of any media
    /// type. An image whose descriptor tells no platform gets that of its
    /// config. A reference is left out: it has a meaning in `index.json` alone.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) when the blob is not there,
    /// [`Error::Format`](crate::Error::Format) when it is a document and
    /// malformed.
    pub fn manifest(&mut self, manifest: &Descriptor) -> Result<&mut Self> {
        self.layout.check_present(manifest)?;
        let mut manifest = manifest.clone();
        if manifest.reference().is_some() {
            manifest.set_annotation(REF_NAME, None)?;
        }
        if manifest.platform()?.is_none()
            && let Some(platform) = self.layout.platform_of(&manifest)?
        {
            manifest.set_platform(&platform)?;
        }
        memory::push(&mut self.manifests, manifest)?;
        Ok(self)
    }

    /// Sets an annotation of the index, or takes it away when `value` is `None`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when the key is empty.
    pub fn annotation(&mut self, key: &str, value: Option<&str>) -> Result<&mut Self> {
        edit_annotation(&mut self.annotations, key, value)?;
        Ok(self)
    }

    /// Stores the index and says what points at it. Naming it in `index.json`
    /// is another step. The builder can go on, to make another index.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when it could not be written,
    /// [`Error::NotFound`](crate::Error::NotFound) when an entry has gone.
    pub fn finish(&self) -> Result<Descriptor> {
        let media_type = MediaType::known(MediaType::IMAGE_INDEX);
        let members = Object::default();
        let json = write_document(&members, &media_type, &self.annotations, |index| {
            index.set("manifests", &self.manifests)
        })?;
        self.layout.put_manifest(json.as_bytes(), Some(&media_type), Missing::Refused)
    }
}
