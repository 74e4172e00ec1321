//! Blobs that nothing points at.

use super::marks::Marks;
use crate::layout::{Layout, Matcher};
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use crate::words::media_type::MediaType;
use crate::words::memory;
use crate::words::watch::Watch;

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
        self.unreferenced_watched(&mut Watch::none())
    }

    /// The same, and tells `watch` how many bytes of documents were read. How many blobs
    /// there are is known at the end.
    ///
    /// # Errors
    /// As for [`unreferenced`](Self::unreferenced); [`Error::Cancelled`] when `watch` stops
    /// it.
    ///
    /// [`Error::Cancelled`]: crate::Error::Cancelled
    pub fn unreferenced_watched(&self, watch: &mut Watch<'_>) -> Result<Vec<Descriptor>> {
        self.heed(watch)?;
        let mut marks = Marks::default();
        marks.follow(self, self.list(&Matcher::any())?, watch)?;
        let media_type = MediaType::known(MediaType::OCTET_STREAM);
        let mut unmarked = self.blobs()?;
        watch.tally().add(0, unmarked.len() as u64);
        unmarked.retain(|(digest, _)| !marks.has(digest));
        unmarked.sort_unstable();
        let described =
            unmarked.iter().map(|(digest, size)| Descriptor::new(&media_type, digest, *size));
        let described = memory::try_list(described)?;
        watch.tally().expect_more(0, 0);
        watch.end();
        Ok(described)
    }
}
