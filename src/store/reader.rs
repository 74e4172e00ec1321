//! A blob that is read, and checked at its end.

use super::directory::retry;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::{Error, Result};
use std::fs::File;
use std::io::{self, Read};

/// The content of a blob.
///
/// The read that would return the end of the blob fails instead when the
/// content is not that of its digest, so whoever reads to the end has read the
/// right bytes. Errors come as an [`io::Error`] that carries an [`Error`].
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    what: String,
    digest: Digest,
    size: u64,
    read: u64,
    /// Gone once the end was reached and found right.
    hasher: Option<Hasher>,
}

impl BlobReader {
    pub(super) fn new(file: File, what: String, digest: &Digest, size: u64) -> Result<Self> {
        let hasher = Some(Hasher::new(digest.computable()?));
        Ok(Self { file, what, digest: digest.clone(), size, read: 0, hasher })
    }

    /// The size of the blob in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    fn wrong_size(&self, found: &str) -> Error {
        Error::Size { what: self.what.clone(), expected: self.size, found: found.to_owned() }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(hasher) = self.hasher.as_mut().filter(|_| !buf.is_empty()) else { return Ok(0) };
        let n = retry(|| rustix::io::read(&self.file, &mut *buf)).map_err(|source| Error::Io {
            action: "read",
            path: self.what.clone(),
            source: source.into(),
        })?;
        hasher.update(buf.get(..n).unwrap_or_default());
        self.read += n as u64;
        if self.read > self.size {
            return Err(self.wrong_size("more").into());
        }
        if n == 0 {
            if self.read < self.size {
                return Err(self.wrong_size(&self.read.to_string()).into());
            }
            self.digest.check_is(&self.what, &hasher.clone().finish())?;
            self.hasher = None;
        }
        Ok(n)
    }
}
