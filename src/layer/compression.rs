//! How a layer is compressed.

use super::options::BlobOptions;
use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;

/// What the bytes of a source are when they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceCompression {
    /// Content; or whatever it is, it is not looked at.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// gzip or zstd as the first bytes tell, or neither.
    Detect,
}

/// How a blob is compressed on its way into the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression(pub(super) Method);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Method {
    #[default]
    None,
    Plain,
    Gzip(u32),
    Zstd(i32),
}

impl Compression {
    /// Stores the bytes as they are given.
    pub const NONE: Self = Self(Method::None);

    /// Stores the content, decoded if the source is compressed.
    pub const PLAIN: Self = Self(Method::Plain);

    /// Compresses with gzip at `level` 0 to 9; `None` is 1, the fastest.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the level is another.
    pub fn gzip(level: Option<i32>) -> Result<Self> {
        let level = level.unwrap_or(1);
        match u32::try_from(level) {
            Ok(valid @ 0..=9) => Ok(Self(Method::Gzip(valid))),
            _ => Err(Error::invalid("level", "0 to 9 for gzip", &level.to_string())),
        }
    }

    /// Compresses with zstd at `level` 1 to 19; `None` is 3.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the level is another.
    pub fn zstd(level: Option<i32>) -> Result<Self> {
        match level.unwrap_or(3) {
            valid @ 1..=19 => Ok(Self(Method::Zstd(valid))),
            level => Err(Error::invalid("level", "1 to 19 for zstd", &level.to_string())),
        }
    }

    /// What comes out if that comes in; `None` where it could be anything.
    fn of(self, source: SourceCompression) -> Option<&'static str> {
        match (self.0, source) {
            (Method::None, SourceCompression::None | SourceCompression::Detect) => None,
            (Method::Plain, _) => Some(MediaType::IMAGE_LAYER),
            (Method::None, SourceCompression::Gzip) | (Method::Gzip(_), _) => {
                Some(MediaType::IMAGE_LAYER_GZIP)
            }
            (Method::None, SourceCompression::Zstd) | (Method::Zstd(_), _) => {
                Some(MediaType::IMAGE_LAYER_ZSTD)
            }
        }
    }
}

impl BlobOptions {
    pub(super) fn stores_as_given(&self) -> bool {
        self.compression == Compression::NONE
    }

    /// The media type of what is stored, if that was the source. Where the caller names
    /// none it is that of a layer, if its compression is known.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the one that he names is of a layer of another compression.
    pub(super) fn media_type_of(&self, source: SourceCompression) -> Result<MediaType> {
        let layer = self.compression.of(source);
        let Some(given) = &self.media_type else {
            return Ok(MediaType::known(layer.unwrap_or(MediaType::OCTET_STREAM)));
        };
        let contradicts = layer.is_some_and(|layer| {
            let others = [MediaType::IMAGE_LAYER_GZIP, MediaType::IMAGE_LAYER_ZSTD];
            let other = others.iter().find(|other| **other == given.as_str()).copied();
            let plain = given.is_plain_tar().then_some(MediaType::IMAGE_LAYER);
            other.or(plain).is_some_and(|of_given| of_given != layer)
        });
        if contradicts {
            let expected = "one of the compression that is stored";
            return Err(Error::invalid("media type", expected, given.as_str()));
        }
        Ok(given.clone())
    }
}
