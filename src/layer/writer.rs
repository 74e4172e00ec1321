//! The way of a layer into the store.
//!
//! Bytes go one way: hashed for the diff ID, compressed, gathered, hashed for
//! the digest, written. Nothing is read back.

use super::compression::{Compression, Method};
use super::crew::Crews;
use super::gzip::{self, Gzip};
use super::hashing::{Hashed, SideHash};
use super::options::BlobOptions;
use super::pieces::{Blank, Pieces};
use super::zstd::{self, Zstd};
use crate::store::{Incoming, Store};
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;
use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A blob that is stored as it is given is hashed and written in pieces of this size.
const PIECE: usize = 256 * 1024;

/// A blob that is being written: bytes are pushed into it, and `finish` stores
/// it. Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    media_type: MediaType,
    /// Gone after an error: a blob with a hole is never finished.
    pipeline: Option<Pipeline>,
}

struct Pipeline {
    /// First, so that all work on them has ended before the rest goes.
    pieces: Pieces,
    /// What has come in and was not passed on. What is passed on is of one size
    /// each time, whatever the sizes of the writes, since compressors make other
    /// bytes of other sizes; and it is ours, since a caller's memory may change
    /// between the hash and the write.
    blank: Blank,
    /// Hashes what comes in: for the digest, or if it is compressed for the diff ID.
    side_hash: SideHash,
    out: Out,
    /// The digest, if it is not to be computed.
    trusted: Option<Digest>,
    /// Whether what comes in is read from the blob itself.
    stored: bool,
}

/// Where the pieces go.
enum Out {
    AsGiven(Incoming),
    Gzip(Gzip),
    Zstd(Box<Zstd>),
}

impl Pipeline {
    fn new(store: &Arc<Store>, crews: &Crews, options: &BlobOptions) -> Result<Self> {
        let demands = options.demands.clone();
        let trusted = demands.digest.clone().filter(|_| options.trusted);
        let side_hash = SideHash::new(demands.algorithm()?);
        let crew = crews.crew();
        let (size, out) = match options.compression.0 {
            Method::None => (PIECE, Out::AsGiven(Incoming::new(store, demands)?)),
            Method::Gzip(level) => {
                (gzip::PIECE, Out::Gzip(Gzip::new(level, Hashed::new(store, demands)?)))
            }
            Method::Zstd(level) => {
                let hashed = Hashed::new(store, demands)?;
                (zstd::PIECE, Out::Zstd(Box::new(Zstd::new(level, &crew, hashed)?)))
            }
        };
        let pieces = Pieces::new(crew, size);
        Ok(Self { blank: pieces.blank(), pieces, side_hash, out, trusted, stored: false })
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let taken = self.blank.copy(bytes)?;
            self.pass_on_what_is_whole()?;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    fn pass_on_what_is_whole(&mut self) -> Result<()> {
        if self.blank.is_overfull() { self.pass_on() } else { Ok(()) }
    }

    fn pass_on(&mut self) -> Result<()> {
        let piece = self.pieces.begin(&mut self.blank)?;
        if let Out::Gzip(gzip) = &self.out {
            gzip.add(&self.pieces, &piece);
        }
        if self.trusted.is_none() {
            self.side_hash.add(&self.pieces, &piece);
        }
        match &mut self.out {
            Out::AsGiven(_) if self.stored => Ok(()),
            Out::AsGiven(incoming) => incoming.write(&piece),
            Out::Gzip(_) => Ok(()),
            Out::Zstd(zstd) => zstd.add(&piece, self.pieces.are_ending()),
        }
    }

    fn share(&mut self, file: BorrowedFd<'_>) -> Result<Option<Box<dyn Read>>> {
        let Out::AsGiven(incoming) = &mut self.out else { return Ok(None) };
        if !incoming.share(file)? {
            return Ok(None);
        }
        self.stored = true;
        Ok(Some(match self.trusted {
            Some(_) => Box::new(io::empty()),
            None => Box::new(incoming.reader()?),
        }))
    }

    fn copy(&mut self, file: BorrowedFd<'_>, most: usize) -> Result<Option<u64>> {
        match (&mut self.out, &self.trusted) {
            (Out::AsGiven(incoming), Some(_)) => incoming.copy(file, most),
            _ => Ok(None),
        }
    }

    /// The digest, the size and, if it was compressed, the diff ID.
    fn finish(mut self) -> Result<(Digest, u64, Option<Digest>)> {
        self.pieces.end();
        self.pass_on()?;
        self.pieces.settle()?;
        let of_input = self.trusted.map_or_else(|| self.side_hash.finish(), Ok)?;
        let (digest, size) = match self.out {
            Out::AsGiven(incoming) => {
                let size = incoming.finish(&of_input)?;
                return Ok((of_input, size, None));
            }
            Out::Gzip(gzip) => gzip.finish()?,
            Out::Zstd(zstd) => zstd.finish()?,
        };
        Ok((digest, size, Some(of_input)))
    }
}

impl BlobWriter {
    pub(crate) fn new(store: &Arc<Store>, crews: &Crews, options: &BlobOptions) -> Result<Self> {
        let media_type = options.stored_media_type();
        if options.compression.contradicts(&media_type) {
            let expected = "one of the compression that is asked for";
            return Err(Error::invalid("media type", expected, media_type.as_str()));
        }
        if options.trusted {
            options.check_trusted()?;
        }
        Ok(Self { media_type, pipeline: Some(Pipeline::new(store, crews, options)?) })
    }

    /// The piece that is being filled, to read into without a copy. It has to be given
    /// back by [`filled`](Self::filled) before anything else is done.
    pub(super) fn blank(&mut self) -> Result<Blank> {
        self.with_pipeline(|pipeline| Ok(mem::take(&mut pipeline.blank)))
    }

    pub(super) fn filled(&mut self, blank: Blank) -> Result<()> {
        self.with_pipeline(|pipeline| {
            pipeline.blank = blank;
            pipeline.pass_on_what_is_whole()
        })
    }

    pub(super) fn share(&mut self, file: BorrowedFd<'_>) -> Result<Option<Box<dyn Read>>> {
        self.with_pipeline(|pipeline| pipeline.share(file))
    }

    pub(super) fn copy(&mut self, file: BorrowedFd<'_>, most: usize) -> Result<Option<u64>> {
        self.with_pipeline(|pipeline| pipeline.copy(file, most))
    }

    fn with_pipeline<T>(&mut self, work: impl FnOnce(&mut Pipeline) -> Result<T>) -> Result<T> {
        let pipeline = self.pipeline.as_mut().ok_or_else(broken)?;
        let done = work(pipeline);
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
        let (digest, size, diff_id) = pipeline.finish()?;
        stored(&self.media_type, digest, size, diff_id)
    }
}

impl BlobOptions {
    fn stored_media_type(&self) -> MediaType {
        self.media_type.clone().unwrap_or_else(|| self.compression.media_type())
    }

    fn check_trusted(&self) -> Result<()> {
        let expected = "trusted with an expected digest and size, and without compression";
        let found = match (&self.demands.digest, self.demands.size) {
            (None, _) => "no digest",
            (_, None) => "no size",
            _ if self.compression != Compression::NONE => "a compression",
            _ => return Ok(()),
        };
        Err(Error::invalid("flags", expected, found))
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
        self.with_pipeline(|pipeline| pipeline.push(bytes))?;
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
