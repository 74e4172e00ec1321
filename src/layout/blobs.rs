//! The blobs of a layout: put, read, removed.

use super::Layout;
use crate::layer::{BlobOptions, BlobWriter};
use crate::store::BlobReader;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
#[cfg(doc)]
use crate::words::error::Error;
use crate::words::error::Result;

impl Layout {
    /// Begins a blob whose bytes are pushed.
    ///
    /// # Errors
    /// [`Error::State`] when the layout is open read-only, [`Error::Io`] when the
    /// system refuses.
    pub fn writer(&self, options: &BlobOptions) -> Result<BlobWriter> {
        self.check_writable()?;
        BlobWriter::new(&self.store, &self.crews, options)
    }

    /// The size of a blob in bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::Format`] when
    /// something other than a file stands there.
    pub fn blob_size(&self, digest: &Digest) -> Result<u64> {
        self.store.size_of(digest)?.ok_or_else(|| self.store.missing(digest))
    }

    /// The digest and the size of every blob that is here, in no order.
    pub(crate) fn blobs(&self) -> Result<Vec<(Digest, u64)>> {
        self.store.all()
    }

    /// Opens a blob to read it; its content is checked at its end.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::Size`] when it is not
    /// as long as the descriptor says, [`Error::Unsupported`] when its digest
    /// cannot be computed.
    pub fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader> {
        self.store.open(descriptor)
    }

    /// Reads a whole blob of at most `limit` bytes, and checks it.
    ///
    /// # Errors
    /// Those of [`open_blob`](Self::open_blob), [`Error::Digest`] when the
    /// content is not that of its digest, [`Error::Limit`] when it is larger.
    pub fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        self.store.read(descriptor, limit)
    }

    /// Takes a blob away, whatever points at it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::State`] when the
    /// layout is open read-only, [`Error::Io`] when the system refuses.
    pub fn remove_blob(&self, digest: &Digest) -> Result<()> {
        self.check_writable()?;
        self.store.remove(digest)
    }
}
