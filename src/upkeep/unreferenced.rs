//! Blobs that nothing points at.

use super::marks::Marks;
use crate::layout::{Layout, Matcher};
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use crate::words::media_type::MediaType;
use crate::words::memory;

impl Layout {
    /// The blobs that nothing points at from `index.json` on, sorted by digest,
    /// as descriptors without a meaning. Nothing is removed.
    ///
    /// Subjects count as pointed at, and content of unknown media types points
    /// at nothing. Blobs that are missing are passed over, and so are files in
    /// `blobs` that are none. A blob that another writer has put and not yet
    /// named is among what is listed; [`collect`](Self::collect) tells it apart.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Digest`] and [`Error::Size`] when a document
    /// on the way cannot be trusted: what it points at is then not known.
    ///
    /// [`Error::Format`]: crate::Error::Format
    /// [`Error::Digest`]: crate::Error::Digest
    /// [`Error::Size`]: crate::Error::Size
    pub fn unreferenced(&self) -> Result<Vec<Descriptor>> {
        let mut marks = Marks::default();
        marks.follow(self, self.list(&Matcher::any())?)?;
        let media_type = MediaType::known(MediaType::OCTET_STREAM);
        let mut unmarked = self.blobs()?;
        unmarked.retain(|(digest, _)| !marks.has(digest));
        unmarked.sort_unstable();
        let described =
            unmarked.iter().map(|(digest, size)| Descriptor::new(&media_type, digest, *size));
        memory::try_list(described)
    }
}
