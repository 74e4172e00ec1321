//! The way of a layer into the store.
//!
//! Bytes go one way: hashed for the diff ID, compressed, gathered, hashed for
//! the digest, written. Nothing is read back.

use super::compression::{Compression, Encoder};
use super::options::BlobOptions;
use crate::store::{Incoming, Store};
use crate::words::descriptor::Descriptor;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;
use crate::words::memory;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes are passed on in pieces of this size.
const PIECE: usize = 128 * 1024;

/// A blob that is being written: bytes are pushed into it, and `finish` stores
/// it. Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    media_type: MediaType,
    /// Gone after an error: a blob with a hole is never finished.
    pipeline: Option<Pipeline>,
}

struct Pipeline {
    /// What has come in and was not passed on. What is passed on is of one size
    /// each time, whatever the sizes of the writes, since compressors make other
    /// bytes of other sizes; and it is ours, since a caller's memory may change
    /// between the hash and the write.
    piece: Vec<u8>,
    /// Hashes what comes in, where that is not what is stored.
    diff_id: Option<Hasher>,
    encoder: Encoder<Incoming>,
}

impl Pipeline {
    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (taken, rest) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(taken);
            bytes = rest;
            if self.piece.len() == PIECE {
                self.pass_on()?;
            }
        }
        Ok(())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if let Some(hasher) = &mut self.diff_id {
            hasher.update(&self.piece);
        }
        self.encoder.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<(Incoming, Option<Digest>)> {
        self.pass_on()?;
        Ok((self.encoder.finish()?, self.diff_id.map(Hasher::finish)))
    }
}

impl BlobWriter {
    pub(crate) fn new(store: &Arc<Store>, options: &BlobOptions) -> Result<Self> {
        let compression = options.compression;
        let media_type = options.stored_media_type();
        if compression.contradicts(&media_type) {
            let expected = "one of the compression that is asked for";
            return Err(Error::invalid("media type", expected, media_type.as_str()));
        }
        let demands = options.demands.clone();
        let diff_id = (compression != Compression::NONE).then(|| Hasher::new(demands.algorithm));
        let encoder = Encoder::new(compression, Incoming::new(store, demands)?)?;
        let piece = memory::room(PIECE)?;
        Ok(Self { media_type, pipeline: Some(Pipeline { piece, diff_id, encoder }) })
    }

    /// Stores the blob and says what points at it.
    ///
    /// # Errors
    /// [`Error::Digest`], [`Error::Size`] when it is not what was promised;
    /// [`Error::Io`] when it could not be written; [`Error::State`] when an
    /// earlier write failed.
    pub fn finish(mut self) -> Result<Descriptor> {
        let pipeline = self.pipeline.take().ok_or_else(broken)?;
        let (incoming, diff_id) = pipeline.finish().map_err(Error::from_writer)?;
        let (digest, size) = incoming.finish()?;
        stored(&self.media_type, digest, size, diff_id)
    }
}

impl BlobOptions {
    fn stored_media_type(&self) -> MediaType {
        self.media_type.clone().unwrap_or_else(|| self.compression.media_type())
    }

    /// The blob that these options ask for, if it is in the store already and
    /// nothing more can be learned by reading its source.
    pub(crate) fn already_in(&self, store: &Store) -> Result<Option<Descriptor>> {
        let (Some(digest), Some(size)) = (&self.demands.digest, self.demands.size) else {
            return Ok(None);
        };
        if self.compression != Compression::NONE
            || !store.keep(digest, size, self.demands.rehash)?
        {
            return Ok(None);
        }
        stored(&self.stored_media_type(), digest.clone(), size, None).map(Some)
    }
}

fn stored(
    media_type: &MediaType,
    digest: Digest,
    size: u64,
    diff_id: Option<Digest>,
) -> Result<Descriptor> {
    let descriptor = Descriptor::new(media_type, &digest, size)?;
    Ok(descriptor.with_diff_id(diff_id.or_else(|| media_type.is_plain_tar().then_some(digest))))
}

fn broken() -> Error {
    Error::State("the blob writer failed before: start the blob anew".to_owned())
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pipeline = self.pipeline.as_mut().ok_or_else(broken)?;
        if let Err(error) = pipeline.push(bytes) {
            self.pipeline = None;
            return Err(error);
        }
        Ok(bytes.len())
    }

    /// Does nothing: a blob is whole when it is finished, and never before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").finish_non_exhaustive()
    }
}
