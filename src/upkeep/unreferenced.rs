//! Which blobs nothing points at.

use crate::layout::{Layout, Matcher};
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;
use std::collections::HashSet;

impl Layout {
    /// The blobs that nothing points at from `index.json` on, sorted by digest,
    /// as descriptors without a meaning. Nothing is removed.
    ///
    /// Subjects count as pointed at, and content of unknown media types points
    /// at nothing. Blobs that are missing are passed over, and so are files in
    /// `blobs` that are none. A blob that another writer has put and not yet
    /// named is among what is listed.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Digest`] and [`Error::Size`] when a document
    /// on the way cannot be trusted: what it points at is then not known.
    pub fn unreferenced(&self) -> Result<Vec<Descriptor>> {
        let pointed_at = self.pointed_at()?;
        let media_type = MediaType::known(MediaType::OCTET_STREAM);
        let mut unmarked = self.blobs()?;
        unmarked.retain(|(digest, _)| !pointed_at.contains(digest));
        unmarked.sort();
        unmarked.iter().map(|(digest, size)| Descriptor::new(&media_type, digest, *size)).collect()
    }

    /// The digests that are pointed at. One may be named as an index here and as
    /// plain content there, so what was looked into is told by both.
    fn pointed_at(&self) -> Result<HashSet<Digest>> {
        let mut looked_into = HashSet::new();
        let mut found = HashSet::new();
        let mut left = self.list(&Matcher::any())?;
        while let Some(descriptor) = left.pop() {
            let (digest, kind) = (descriptor.digest().clone(), descriptor.media_type().kind());
            found.insert(digest.clone());
            if !looked_into.insert((digest, kind)) {
                continue;
            }
            match self.document(&descriptor) {
                Ok(Some(document)) => left.extend(document.everything_named()),
                Ok(None) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
