//! How a blob is to be stored.

use super::compression::Compression;
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

    /// Compresses the blob on its way into the store.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
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
}
