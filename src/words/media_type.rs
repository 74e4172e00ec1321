//! Media types: what a blob is.
//!
//! image-spec, media-types.md; the grammar is that of RFC 6838, section 4.2.

use super::error::{Error, Result};
use super::memory::{self, Asking, through_parser};
use super::piece::Text;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The media type of a descriptor.
///
/// One given by a caller is checked against the grammar; one that is read from
/// a document is carried as it stands, since an unknown type is never an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

/// What a media type says about the shape of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Manifest,
    Index,
    Opaque,
}

impl MediaType {
    /// An image index.
    pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image manifest.
    pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An image config.
    pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer that is a plain tar.
    pub const IMAGE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A layer that is a tar compressed with gzip.
    pub const IMAGE_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer that is a tar compressed with zstd.
    pub const IMAGE_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// Bytes of no declared meaning.
    pub const OCTET_STREAM: &str = "application/octet-stream";

    const COMMON: [&str; 6] = [
        Self::IMAGE_MANIFEST,
        Self::IMAGE_INDEX,
        Self::IMAGE_CONFIG,
        Self::IMAGE_LAYER,
        Self::IMAGE_LAYER_GZIP,
        Self::IMAGE_LAYER_ZSTD,
    ];

    const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
    const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

    /// The type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Takes no memory for the types that nearly every document has.
    fn of(text: &str) -> Result<Self> {
        let known = Self::COMMON.into_iter().find(|common| *common == text);
        known.map_or_else(
            || Ok(Self(Cow::Owned(memory::owned(text)?))),
            |text| Ok(Self::known(text)),
        )
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.as_str() {
            Self::IMAGE_INDEX | Self::DOCKER_LIST => Kind::Index,
            Self::IMAGE_MANIFEST | Self::DOCKER_MANIFEST => Kind::Manifest,
            _ => Kind::Opaque,
        }
    }

    /// Whether this is the type of content that has nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.as_str() == "application/vnd.oci.empty.v1+json"
    }

    pub(crate) fn is_image_config(&self) -> bool {
        matches!(self.as_str(), Self::IMAGE_CONFIG | Self::DOCKER_CONFIG)
    }

    /// The type by which OCI images call a layer of this type of Docker's.
    pub(crate) fn oci_layer(&self) -> Option<Self> {
        match self.as_str() {
            Self::DOCKER_LAYER => Some(Self::known(Self::IMAGE_LAYER)),
            Self::DOCKER_LAYER_GZIP => Some(Self::known(Self::IMAGE_LAYER_GZIP)),
            _ => None,
        }
    }

    /// Whether a layer of this type is its own uncompressed tar, so that its
    /// digest is its diff ID.
    pub(crate) fn is_plain_tar(&self) -> bool {
        matches!(
            self.as_str(),
            Self::IMAGE_LAYER
                | "application/vnd.oci.image.layer.nondistributable.v1.tar"
                | Self::DOCKER_LAYER
        )
    }
}

impl FromStr for MediaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('/') {
            Some((kind, subtype)) if is_name(kind) && is_name(subtype) => Self::of(text),
            _ => Err(Error::invalid(
                "media type",
                "type/subtype by RFC 6838, such as application/octet-stream",
                text,
            )),
        }
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 127
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Self::of(text.as_str()).map_err(through_parser)
    }
}

impl Asking<'_> for MediaType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in [MediaType::IMAGE_INDEX, "a/b", "x-custom/vnd.foo!#$&^_+json"] {
            assert!(good.parse::<MediaType>().is_ok(), "{good}");
        }
        let long = format!("a/{}", "b".repeat(128));
        for bad in ["", "a", "/b", "a/", "a/b/c", "a /b", "a/b;c=d", "a/+b", "é/b", &long] {
            assert!(bad.parse::<MediaType>().is_err(), "{bad}");
        }
    }
}
