//! Which blobs nothing points at.

use crate::layout::{Layout, Matcher, check_depth};
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::media_type::{Kind, MediaType};
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
        let mut marked = HashSet::new();
        self.mark(&self.list(&Matcher::any())?, &mut marked, 0)?;
        let media_type = MediaType::known(MediaType::OCTET_STREAM);
        let mut unmarked = self.blobs()?;
        unmarked.retain(|(digest, _)| !marked.contains(digest));
        unmarked.sort();
        unmarked.iter().map(|(digest, size)| Descriptor::new(&media_type, digest, *size)).collect()
    }

    fn mark(
        &self,
        descriptors: &[Descriptor],
        marked: &mut HashSet<Digest>,
        depth: usize,
    ) -> Result<()> {
        for descriptor in descriptors {
            if !marked.insert(descriptor.digest().clone()) {
                continue;
            }
            let pointed_at = match self.document(descriptor) {
                Ok(Some(document)) => document.everything_named(),
                Ok(None) | Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            if descriptor.media_type().kind() == Kind::Index {
                check_depth(depth)?;
            }
            self.mark(&pointed_at, marked, depth + 1)?;
        }
        Ok(())
    }
}
