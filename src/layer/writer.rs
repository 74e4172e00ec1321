//! Blobs that are being written.

use super::compression::SourceCompression;
use super::crew::{Crew, Crews};
use super::options::BlobOptions;
use super::pieces::Blank;
use super::pipeline::{Pipeline, Stored};
use super::relief::relieve;
use crate::store::Store;
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A blob that is being written: bytes are pushed into it, and `finish` stores
/// it. Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    options: BlobOptions,
    store: Arc<Store>,
    crew: Arc<Crew>,
    /// Gone after an error: a blob with a hole is never finished.
    pipeline: Option<Pipeline>,
}

impl BlobWriter {
    pub(crate) fn new(store: &Arc<Store>, crews: &Crews, options: &BlobOptions) -> Result<Self> {
        options.check()?;
        let (store, crew) = (Arc::clone(store), crews.crew());
        let pipeline = Some(Pipeline::new(&store, &crew, options)?);
        Ok(Self { options: options.clone(), store, crew, pipeline })
    }

    /// The piece that is being filled, to read into without a copy. It has to be given
    /// back by [`filled`](Self::filled) before anything else is done.
    pub(super) fn blank(&mut self) -> Result<Blank> {
        self.with_pipeline(|pipeline| Ok(pipeline.blank()))
    }

    pub(super) fn filled(&mut self, blank: Blank) -> Result<()> {
        self.with_pipeline(|pipeline| pipeline.filled(blank))
    }

    pub(super) fn share(&mut self, file: BorrowedFd<'_>) -> Result<Option<Box<dyn Read>>> {
        self.with_pipeline(|pipeline| pipeline.share(file))
    }

    pub(super) fn copy(&mut self, file: BorrowedFd<'_>, most: usize) -> Result<Option<u64>> {
        self.with_pipeline(|pipeline| pipeline.copy(file, most))
    }

    fn with_pipeline<T>(&mut self, work: impl FnOnce(&mut Pipeline) -> Result<T>) -> Result<T> {
        let pipeline = self.pipeline.as_mut().ok_or_else(broken)?;
        let done = self.store.interrupt().check().and_then(|()| work(pipeline));
        if done.is_err() {
            self.pipeline = None;
        }
        done
    }

    /// Stores the blob and says what points at it.
    ///
    /// # Errors
    /// [`Error::Digest`], [`Error::Size`] when it is not what was promised;
    /// [`Error::Io`] when it could not be written; [`Error::State`] when an
    /// earlier write failed.
    pub fn finish(mut self) -> Result<Descriptor> {
        let pipeline = self.pipeline.take().ok_or_else(broken)?;
        self.store.interrupt().check()?;
        // Before this one is stored, which is not if that fails.
        relieve(&self.store, &self.crew)?;
        self.options.describe(pipeline.finish(&self.options)?)
    }
}

impl BlobOptions {
    /// The blob that these options ask for, if it is in the store already and
    /// nothing more can be learned by reading its source.
    pub(crate) fn already_in(&self, store: &Store) -> Result<Option<Descriptor>> {
        let (Some(digest), Some(size)) = (&self.demands.digest, self.demands.size) else {
            return Ok(None);
        };
        let source = SourceCompression::None;
        if !self.stores_as_given()
            || self.source != source
            || !store.keep(digest, size, self.demands.rehash)?
        {
            return Ok(None);
        }
        self.describe(Stored { digest: digest.clone(), size, diff_id: None, source }).map(Some)
    }

    fn describe(&self, stored: Stored) -> Result<Descriptor> {
        let media_type = self.media_type_of(stored.source)?;
        let descriptor = Descriptor::new(&media_type, &stored.digest, stored.size)?;
        let plain = media_type.is_plain_tar().then_some(stored.digest);
        Ok(descriptor.with_diff_id(stored.diff_id.or(plain)))
    }
}

fn broken() -> Error {
    Error::State("the blob writer failed before: start the blob anew".to_owned())
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with_pipeline(|pipeline| pipeline.push(bytes))?;
        Ok(bytes.len())
    }

    /// Does nothing: a blob is whole when it is finished, and never before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
