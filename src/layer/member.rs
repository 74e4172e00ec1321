//! One member of gzip: made by libdeflate, or at level 1 by ISA-L where that is built in.

use crate::words::error::{Error, Result};
use libdeflater::CompressionLvl;

/// Makes members, one after another.
pub(super) enum Compressor {
    Libdeflate(libdeflater::Compressor),
    #[cfg(feature = "isal")]
    Isal,
}

impl Compressor {
    pub(super) fn new(level: u32) -> Result<Self> {
        #[cfg(feature = "isal")]
        if level == 1 {
            return Ok(Self::Isal);
        }
        let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
        let level = level.ok_or_else(|| Error::Internal("a level of gzip".to_owned()))?;
        Ok(Self::Libdeflate(libdeflater::Compressor::new(level)))
    }

    /// How large a member of so many bytes may become.
    pub(super) fn bound(&mut self, size: usize) -> usize {
        match self {
            Self::Libdeflate(compressor) => compressor.gzip_compress_bound(size),
            // Stored blocks of 64 KiB, and what stands around them.
            #[cfg(feature = "isal")]
            Self::Isal => size + size / 1024 + 1024,
        }
    }

    /// Makes a member of `content` at the start of `member`, and says how large it is.
    pub(super) fn compress(&mut self, content: &[u8], member: &mut [u8]) -> Result<usize> {
        let made = match self {
            Self::Libdeflate(compressor) => {
                compressor.gzip_compress(content, member).map_err(|error| error.to_string())
            }
            #[cfg(feature = "isal")]
            Self::Isal => {
                let (level, codec) = (isal::CompressionLevel::One, isal::Codec::Gzip);
                isal::compress_into(content, member, level, codec).map_err(|e| e.to_string())
            }
        };
        made.map_err(Error::Internal)
    }
}
