//! How a blob is to be stored.

use super::compression::{Compression, Method, SourceCompression};
use crate::store::Demands;
use crate::words::digest::{Algorithm, Digest};
use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;

/// How a blob is to be stored, and what is promised of it.
///
/// The default stores the bytes as they are, names them by SHA-256 and expects
/// nothing of them.
#[derive(Clone, Debug, Default)]
pub struct BlobOptions {
    pub(super) media_type: Option<MediaType>,
    pub(super) compression: Compression,
    pub(super) demands: Demands,
    pub(super) trusted: bool,
    pub(super) source: SourceCompression,
}

impl BlobOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the blob is. If it is not said: the layer type of the compression,
    /// and `application/octet-stream` without one.
    #[must_use]
    pub fn media_type(mut self, media_type: MediaType) -> Self {
        self.media_type = Some(media_type);
        self
    }

    /// The same for a layer, which is a tar if nothing else is said.
    pub(crate) fn of_layer(&self) -> Self {
        let mut options = self.clone();
        if options.compression == Compression::NONE {
            options.media_type.get_or_insert_with(|| MediaType::known(MediaType::IMAGE_LAYER));
        }
        options
    }

    /// Compresses the blob on its way into the store.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Says that the source is compressed. What is stored as it is given is decoded on the
    /// way to find its diff ID; what is compressed here, or stored plain, is decoded before.
    /// A source that is not what it should be, or ends too early, is refused.
    #[must_use]
    pub fn source_compression(mut self, compression: SourceCompression) -> Self {
        self.source = compression;
        self
    }

    /// The algorithm to name the blob by, if no digest is expected of it.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.demands.algorithm = algorithm;
        self
    }

    /// The digest that the stored bytes must have; a blob of another is refused.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it is of an algorithm that this library does
    /// not compute.
    pub fn expected_digest(mut self, digest: &Digest) -> Result<Self> {
        digest.computable()?;
        self.demands.digest = Some(digest.clone());
        Ok(self)
    }

    /// The number of bytes that must be stored; a blob of another is refused.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is over 2^63 - 1.
    pub fn expected_size(mut self, size: u64) -> Result<Self> {
        if i64::try_from(size).is_err() {
            let expected = "at most 9223372036854775807 bytes";
            return Err(Error::invalid("expected size", expected, &size.to_string()));
        }
        self.demands.size = Some(size);
        Ok(self)
    }

    /// The most bytes that may be stored; a larger blob is refused.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.demands.limit = Some(bytes);
        self
    }

    /// Takes the digest and the size that are expected for those of what is stored: it is
    /// not hashed, and a regular file is not even read where the kernel can copy it or
    /// share its blocks. Only the size is checked. If the bytes are others, the layout is
    /// broken, and [`Layout::verify`](crate::Layout::verify) will say so.
    #[must_use]
    pub fn trusted(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// Hashes a blob that is there already before it is trusted, and mends it.
    /// Without this, a blob of the right name and size is trusted.
    #[must_use]
    pub fn rehash(mut self) -> Self {
        self.demands.rehash = true;
        self
    }

    /// Whether the blob is made with threads of a library.
    pub(crate) fn hires_threads(&self) -> bool {
        matches!(self.compression.0, Method::Zstd(_))
    }

    /// Refuses what cannot be before anything is done.
    pub(super) fn check(&self) -> Result<()> {
        self.media_type_of(self.source)?;
        let found = match (&self.demands.digest, self.demands.size) {
            _ if !self.trusted => return Ok(()),
            (None, _) => "no digest",
            (_, None) => "no size",
            _ if !self.stores_as_given() || self.source != SourceCompression::None => {
                "a compression"
            }
            _ => return Ok(()),
        };
        let expected = "trusted with an expected digest and size, and without compression";
        Err(Error::invalid("flags", expected, found))
    }
}
