//! How a layer is compressed.

use crate::words::error::{Error, Result};
use crate::words::media_type::MediaType;

/// How a blob is compressed on its way into the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression(pub(super) Method);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Method {
    #[default]
    None,
    Gzip(u32),
    Zstd(i32),
}

impl Compression {
    /// Stores the bytes as they are given.
    pub const NONE: Self = Self(Method::None);

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

    /// Whether what comes out is surely not of this type.
    pub(super) fn contradicts(self, media_type: &MediaType) -> bool {
        match self.0 {
            Method::None => false,
            Method::Gzip(_) => {
                media_type.is_plain_tar() || media_type.as_str() == MediaType::IMAGE_LAYER_ZSTD
            }
            Method::Zstd(_) => {
                media_type.is_plain_tar() || media_type.as_str() == MediaType::IMAGE_LAYER_GZIP
            }
        }
    }

    /// The media type of what comes out, where the caller names none: that of a
    /// layer if it is compressed here.
    pub(super) fn media_type(self) -> MediaType {
        MediaType::known(match self.0 {
            Method::None => MediaType::OCTET_STREAM,
            Method::Gzip(_) => MediaType::IMAGE_LAYER_GZIP,
            Method::Zstd(_) => MediaType::IMAGE_LAYER_ZSTD,
        })
    }
}
