//! Sources that are compressed already.

use super::compression::SourceCompression;
use super::lane::Stage;
use super::pieces::Piece;
use crate::words::digest::{Algorithm, Digest, Hasher};
use crate::words::error::{Error, Result};
use crate::words::memory;
use flate2::write::MultiGzDecoder;
use std::io::{self, Write};
use std::mem;
use zstd::stream::raw;
use zstd::stream::zio::Writer;

const GZIP_MAGIC: &[u8] = b"\x1f\x8b\x08";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// What errors call the source, until someone knows its name.
pub(crate) const SOURCE: &str = "the source";

/// What is written to it comes out decoded.
pub(super) enum Decoder<W: Write> {
    /// Nothing is known but these first bytes.
    Unknown(Vec<u8>, W),
    Plain(W),
    Gzip(Box<MultiGzDecoder<W>>),
    Zstd(Writer<W, raw::Decoder<'static>>),
    /// After an error.
    Broken,
}

impl<W: Write> Decoder<W> {
    pub(super) fn new(compression: SourceCompression, out: W) -> Result<Self> {
        Ok(match compression {
            SourceCompression::Detect => Self::Unknown(Vec::new(), out),
            SourceCompression::None => Self::Plain(out),
            SourceCompression::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(out))),
            SourceCompression::Zstd => {
                let decoder = raw::Decoder::new().map_err(|_| Error::Memory)?;
                Self::Zstd(Writer::new(out, decoder))
            }
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Self::Unknown(first, _) = self {
            let room = ZSTD_MAGIC.len() - first.len();
            let (head, rest) = bytes.split_at(bytes.len().min(room));
            first.extend_from_slice(head);
            if first.len() < ZSTD_MAGIC.len() {
                return Ok(());
            }
            self.detect()?;
            return self.write(rest);
        }
        match self {
            Self::Plain(out) => out.write_all(bytes).map_err(Error::from_writer),
            Self::Gzip(decoder) => decoder.write_all(bytes).map_err(|error| not("gzip", error)),
            Self::Zstd(decoder) => decoder.write_all(bytes).map_err(|error| not("zstd", error)),
            Self::Unknown(..) | Self::Broken => Err(broken()),
        }
    }

    /// Goes on with what the first bytes tell.
    fn detect(&mut self) -> Result<()> {
        let (first, out) = match mem::replace(self, Self::Broken) {
            Self::Unknown(first, out) => (first, out),
            known => {
                *self = known;
                return Ok(());
            }
        };
        let found = if first.starts_with(GZIP_MAGIC) {
            SourceCompression::Gzip
        } else if first.starts_with(ZSTD_MAGIC) {
            SourceCompression::Zstd
        } else {
            SourceCompression::None
        };
        *self = Self::new(found, out)?;
        self.write(&first)
    }

    /// Checks that the source has come to its end. Says what it was.
    pub(super) fn finish(mut self) -> Result<(W, SourceCompression)> {
        self.detect()?;
        match self {
            Self::Plain(out) => Ok((out, SourceCompression::None)),
            Self::Gzip(decoder) => {
                let out = decoder.finish().map_err(|error| not("gzip", error))?;
                Ok((out, SourceCompression::Gzip))
            }
            Self::Zstd(mut decoder) => {
                decoder.finish().map_err(|error| not("zstd", error))?;
                Ok((decoder.into_inner().0, SourceCompression::Zstd))
            }
            Self::Unknown(..) | Self::Broken => Err(broken()),
        }
    }
}

/// What a decoder says of its source, unless it is an error of what it writes to.
fn not(kind: &str, error: io::Error) -> Error {
    if memory::was_refused(&error) {
        return Error::Memory;
    }
    error.downcast::<Error>().unwrap_or_else(|error| {
        Error::format(SOURCE, format!("expected whole and sound {kind} data, found: {error}"))
    })
}

fn broken() -> Error {
    Error::State("the decoder failed before".to_owned())
}

/// Hashes what comes out.
pub(super) struct Hashing(Hasher);

impl Decoder<Hashing> {
    pub(super) fn hashing(compression: SourceCompression, algorithm: Algorithm) -> Result<Self> {
        Self::new(compression, Hashing(Hasher::new(algorithm)))
    }

    /// The digest of the content, and what the source was.
    pub(super) fn content(self) -> Result<(Digest, SourceCompression)> {
        let (Hashing(hasher), found) = self.finish()?;
        Ok((hasher.finish(), found))
    }
}

impl Stage for Decoder<Hashing> {
    type Piece = Piece;

    fn take(&mut self, piece: Piece) -> Result<()> {
        self.write(&piece)
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
