//! The way of a layer into the store.
//!
//! Bytes go one way: decoded, if that is asked for, gathered into pieces, hashed for the
//! diff ID, compressed, hashed for the digest, written. Nothing is read back.

use super::aside::Aside;
use super::compression::{Method, SourceCompression};
use super::crew::Crew;
use super::decoding::{Decoder, Hashing};
use super::gzip::{self, Gzip};
use super::hashing::Hashed;
use super::options::BlobOptions;
use super::pieces::{Blank, Pieces};
use super::zstd::{self, Zstd};
use crate::store::{Incoming, Store};
use crate::words::digest::{Digest, Hasher};
use crate::words::error::Result;
use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A blob that is stored as it is given is hashed and written in pieces of this size.
const PIECE: usize = 256 * 1024;

/// What became of the bytes.
pub(super) struct Stored {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Where it is not the digest.
    pub(super) diff_id: Option<Digest>,
    pub(super) source: SourceCompression,
}

/// What the bytes of a source go through.
pub(super) enum Pipeline {
    Direct(Box<Line>),
    /// With a place to read into.
    Decoding(Decoder<Box<Line>>, Blank),
}

/// What follows once the bytes are those that are stored or compressed.
pub(super) struct Line {
    /// First, so that all work on them has ended before the rest goes.
    pieces: Pieces,
    /// What has come in and was not passed on. The sizes of what is passed on do not
    /// depend on those of the writes, since compressors make other bytes of other
    /// sizes; and it is ours, since a caller's memory may change between the hash and
    /// the write.
    blank: Blank,
    /// The size of all pieces but the first.
    size: usize,
    /// Hashes what comes in: for the digest, or if it is compressed for the diff ID.
    side_hash: Aside<Hasher>,
    /// Finds the diff ID of what is compressed and stored as it is given.
    side_decode: Option<Aside<Decoder<Hashing>>>,
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
    pub(super) fn new(store: &Arc<Store>, crew: &Arc<Crew>, options: &BlobOptions) -> Result<Self> {
        let line = Box::new(Line::new(store, crew, options)?);
        if options.stores_as_given() || options.source == SourceCompression::None {
            return Ok(Self::Direct(line));
        }
        Ok(Self::Decoding(Decoder::new(options.source, line)?, Blank::of(PIECE)))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Direct(line) => line.push(bytes),
            Self::Decoding(decoder, _) => decoder.write(bytes),
        }
    }

    pub(super) fn blank(&mut self) -> Blank {
        match self {
            Self::Direct(line) => mem::take(&mut line.blank),
            Self::Decoding(_, blank) => mem::take(blank),
        }
    }

    pub(super) fn filled(&mut self, mut filled: Blank) -> Result<()> {
        match self {
            Self::Direct(line) => {
                line.blank = filled;
                line.pass_on_what_is_whole()
            }
            Self::Decoding(decoder, blank) => {
                decoder.write(filled.content())?;
                filled.clear();
                *blank = filled;
                Ok(())
            }
        }
    }

    /// Shares the blocks of a file, see [`Call::share`](super::Call::share).
    pub(super) fn share(&mut self, file: BorrowedFd<'_>) -> Result<Option<Box<dyn Read>>> {
        match self {
            Self::Direct(line) => line.share(file),
            Self::Decoding(..) => Ok(None),
        }
    }

    /// Copies from a file, see [`Call::copy`](super::Call::copy).
    pub(super) fn copy(&mut self, file: BorrowedFd<'_>, most: usize) -> Result<Option<u64>> {
        match self {
            Self::Direct(line) => line.copy(file, most),
            Self::Decoding(..) => Ok(None),
        }
    }

    pub(super) fn finish(self, options: &BlobOptions) -> Result<Stored> {
        match self {
            Self::Direct(line) => line.finish(options),
            Self::Decoding(decoder, _) => {
                let (line, source) = decoder.finish()?;
                Ok(Stored { source, ..line.finish(options)? })
            }
        }
    }
}

impl Line {
    fn new(store: &Arc<Store>, crew: &Arc<Crew>, options: &BlobOptions) -> Result<Self> {
        let demands = options.demands.clone();
        let trusted = demands.digest.clone().filter(|_| options.trusted);
        let algorithm = demands.algorithm()?;
        let side_decode = if options.stores_as_given() && options.source != SourceCompression::None
        {
            Some(Aside::new(Decoder::hashing(options.source, algorithm)?))
        } else {
            None
        };
        let (first, size, out) = match options.compression.0 {
            Method::None | Method::Plain => {
                (PIECE, PIECE, Out::AsGiven(Incoming::new(store, demands)?))
            }
            Method::Gzip(level) => {
                let gzip = Gzip::new(level, Hashed::new(store, demands)?);
                (gzip::PIECE, gzip::PIECE, Out::Gzip(gzip))
            }
            Method::Zstd(level) => {
                let zstd = Zstd::new(level, crew, Hashed::new(store, demands)?)?;
                (zstd::FIRST_PIECE, zstd::PIECE, Out::Zstd(Box::new(zstd)))
            }
        };
        Ok(Self {
            pieces: Pieces::new(Arc::clone(crew)),
            blank: Blank::of(first),
            size,
            side_hash: Aside::new(Hasher::new(algorithm)),
            side_decode,
            out,
            trusted,
            stored: false,
        })
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
        let piece = self.pieces.begin(&mut self.blank, self.size)?;
        if let Out::Gzip(gzip) = &self.out {
            gzip.add(&self.pieces, &piece);
        }
        if let Some(decode) = &self.side_decode {
            decode.add(&self.pieces, &piece);
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

    fn finish(mut self, options: &BlobOptions) -> Result<Stored> {
        self.pieces.end();
        self.pass_on()?;
        self.pieces.settle()?;
        let of_input = match self.trusted {
            Some(digest) => digest,
            None => self.side_hash.finish()?.finish(),
        };
        let (digest, size) = match self.out {
            Out::AsGiven(incoming) => {
                let decoded =
                    self.side_decode.map(|decode| decode.finish()?.content()).transpose()?;
                let (diff_id, source) = decoded.unzip();
                let source = source.unwrap_or_default();
                options.media_type_of(source)?;
                let size = incoming.finish(&of_input)?;
                let diff_id = diff_id.filter(|_| source != SourceCompression::None);
                return Ok(Stored { digest: of_input, size, diff_id, source });
            }
            Out::Gzip(gzip) => gzip.finish()?,
            Out::Zstd(zstd) => zstd.finish()?,
        };
        let source = SourceCompression::None;
        Ok(Stored { digest, size, diff_id: Some(of_input), source })
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").finish_non_exhaustive()
    }
}
