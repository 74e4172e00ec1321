//! Descriptors: what points at a blob.
//!
//! image-spec, descriptor.md.

use super::digest::Digest;
use super::error::{Error, Result};
use super::json::{self, Object, Raw};
use super::media_type::MediaType;
use super::memory::{self, Asking, asking, through_parser};
use super::piece::{Piece, Span, Text};
use super::platform::Platform;
use super::reference::{REF_NAME, check_reference};
use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::ops::Range;
use std::sync::Arc;

/// Names and values of annotations, in the order in which they are written.
pub type Annotations = IndexMap<String, String>;

/// A descriptor: the media type, digest and size of a blob, and what else is
/// said of it.
///
/// It is kept as its JSON text, so that members which this library does not
/// know, their order and their spacing survive being read and written again.
#[derive(Clone, Debug)]
pub struct Descriptor {
    /// Shared, so that a clone takes no memory that might not be there.
    read: Arc<Read>,
    diff_id: Option<Digest>,
}

/// What is said in a text, most of which is left where it stands there.
#[derive(Debug)]
struct Read {
    /// Shared by all descriptors that are read from one document together.
    document: Arc<String>,
    json: Span,
    media_type: MediaType,
    digest: Digest,
    size: u64,
    urls: Box<[Piece]>,
    annotations: Box<[(Piece, Piece)]>,
    platform: Option<Span>,
    artifact_type: Option<MediaType>,
    data: Option<Piece>,
}

/// The members as a parser finds them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    media_type: MediaType,
    digest: Digest,
    size: i64,
    #[serde(borrow, default, deserialize_with = "asking")]
    urls: Option<Vec<Text<'a>>>,
    #[serde(borrow, default, deserialize_with = "asking")]
    annotations: Option<IndexMap<Text<'a>, Text<'a>>>,
    #[serde(borrow)]
    platform: Option<&'a RawValue>,
    artifact_type: Option<MediaType>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Asking<'de> for Members<'a> {}

impl Read {
    fn new(document: &Arc<String>, json: Span) -> serde_json::Result<Self> {
        let text = json.within(document);
        let members: Members = json::object(text)?;
        let size = u64::try_from(members.size).map_err(|_| {
            let found = members.size;
            serde::de::Error::custom(format_args!("size: expected 0 or more, found {found}"))
        })?;
        if let Some(platform) = members.platform {
            Platform::check(platform.get())?;
        }
        Self::keep(document, json, members, size).map_err(through_parser)
    }

    fn keep(document: &Arc<String>, json: Span, members: Members<'_>, size: u64) -> Result<Self> {
        let piece = |text| Piece::new(text, document);
        let urls = members.urls.into_iter().flatten().map(piece);
        let annotations = members.annotations.unwrap_or_default().into_iter();
        let annotations = annotations.map(|(key, value)| Ok((piece(key)?, piece(value)?)));
        let platform = members.platform.map(|platform| Span::of(platform.get(), document));
        Ok(Self {
            document: Arc::clone(document),
            json,
            media_type: members.media_type,
            digest: members.digest,
            size,
            urls: memory::try_list(urls)?.into_boxed_slice(),
            annotations: memory::try_list(annotations)?.into_boxed_slice(),
            platform: platform.transpose()?,
            artifact_type: members.artifact_type,
            data: members.data.map(piece).transpose()?,
        })
    }
}

impl Descriptor {
    /// A descriptor of these three properties and nothing else.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `size` is over 2^63 - 1.
    pub fn new(media_type: &MediaType, digest: &Digest, size: u64) -> Result<Self> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Members<'a> {
            media_type: &'a MediaType,
            digest: &'a Digest,
            size: i64,
        }
        let size = i64::try_from(size).map_err(|_| {
            Error::invalid("size", "at most 9223372036854775807 bytes", &size.to_string())
        })?;
        Self::parse(json::write(&Members { media_type, digest, size })?.as_bytes())
    }

    /// Reads a descriptor from JSON, whose exact text it keeps.
    ///
    /// # Errors
    /// [`Error::Format`] when it is not a descriptor: a property is missing,
    /// twice there or of the wrong type, the digest breaks its grammar, or the
    /// size is negative.
    pub fn parse(json: &[u8]) -> Result<Self> {
        json::parse("descriptor", json)
    }

    /// Reads a descriptor that stands in a document which was checked as a whole.
    pub(crate) fn part(json: &str) -> serde_json::Result<Self> {
        let json = memory::owned(json).map_err(through_parser)?;
        let whole = 0..json.len();
        Self::standing_in(&Arc::new(json), whole)
    }

    /// The same, but it keeps the whole document: for all that stand in it, not for one.
    pub(crate) fn standing_in(
        document: &Arc<String>,
        json: Range<usize>,
    ) -> serde_json::Result<Self> {
        let json = Span::new(json).map_err(through_parser)?;
        Ok(Self { read: Arc::new(Read::new(document, json)?), diff_id: None })
    }

    /// The same by itself, which keeps nothing of what else the document says.
    ///
    /// # Errors
    /// [`Error::Memory`] when there is too little for it.
    pub fn alone(&self) -> Result<Self> {
        if self.json().len() == self.read.document.len() {
            return Ok(self.clone());
        }
        let alone = Self::parse(self.json().as_bytes())?;
        Ok(alone.with_diff_id(self.diff_id.clone()))
    }

    fn text_of<'a>(&'a self, piece: &'a Piece) -> &'a str {
        piece.within(&self.read.document)
    }

    /// The descriptor as JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        self.read.json.within(&self.read.document)
    }

    /// What the blob is.
    #[must_use]
    pub fn media_type(&self) -> &MediaType {
        &self.read.media_type
    }

    /// The digest of the blob.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.read.digest
    }

    /// The size of the blob in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.read.size
    }

    /// Where else the blob can be had from.
    pub fn urls(&self) -> impl ExactSizeIterator<Item = &str> {
        self.read.urls.iter().map(|url| self.text_of(url))
    }

    /// All annotations, in the order in which they are written.
    pub fn annotations(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let annotations = self.read.annotations.iter();
        annotations.map(|(key, value)| (self.text_of(key), self.text_of(value)))
    }

    /// One annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The reference of the entry, when it stands in `index.json`: its name.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.annotation(REF_NAME)
    }

    /// What the image runs on, read from the JSON.
    ///
    /// # Errors
    /// [`Error::Memory`] when there is too little for it.
    pub fn platform(&self) -> Result<Option<Platform>> {
        let Some(platform) = self.read.platform else { return Ok(None) };
        let read = json::object(platform.within(&self.read.document));
        read.map(Some).map_err(|error| Error::json("descriptor: platform", &error))
    }

    /// The type of the artifact, when it points at one.
    #[must_use]
    pub fn artifact_type(&self) -> Option<&MediaType> {
        self.read.artifact_type.as_ref()
    }

    /// The digest of the layer's uncompressed tar, where it is known because
    /// this library stored the layer. It is no part of the JSON.
    ///
    /// image-spec, config.md, "Layer DiffID".
    #[must_use]
    pub fn diff_id(&self) -> Option<&Digest> {
        self.diff_id.as_ref()
    }

    pub(crate) fn with_diff_id(mut self, diff_id: Option<Digest>) -> Self {
        self.diff_id = diff_id;
        self
    }

    /// Calls the blob by another media type.
    pub(crate) fn set_media_type(&mut self, media_type: &MediaType) -> Result<()> {
        self.set("mediaType", Some(media_type))
    }

    /// Sets an annotation, or takes it away when `value` is `None`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `key` is empty.
    pub fn set_annotation(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        let mut annotations = copy_of(self.annotations())?;
        edit_annotation(&mut annotations, key, value)?;
        self.set("annotations", (!annotations.is_empty()).then_some(&annotations))
    }

    /// Names the entry, by the grammar of the image-spec.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it breaks the grammar. References outside of it
    /// can be set as an annotation.
    pub fn set_reference(&mut self, reference: &str) -> Result<()> {
        check_reference(reference)?;
        self.set_annotation(REF_NAME, Some(reference))
    }

    /// Says what the image runs on.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn set_platform(&mut self, platform: &Platform) -> Result<()> {
        self.set("platform", Some(platform))
    }

    /// Says of which type the artifact is.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn set_artifact_type(&mut self, artifact_type: &MediaType) -> Result<()> {
        self.set("artifactType", Some(artifact_type))
    }

    /// Adds a place where the blob can be had from.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `url` is not an absolute URI (RFC 3986).
    pub fn add_url(&mut self, url: &str) -> Result<()> {
        let absolute = url.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                && !rest.is_empty()
        });
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
        if !absolute || !url.bytes().all(allowed) {
            return Err(Error::invalid("url", "an absolute URI, such as https://host/path", url));
        }
        let mut urls = memory::list(self.urls())?;
        memory::push(&mut urls, url)?;
        let urls = Raw::of(&urls)?;
        self.set("urls", Some(&urls))
    }

    fn set<T: Serialize>(&mut self, member: &str, value: Option<&T>) -> Result<()> {
        let mut object: Object = json::parse("descriptor", self.json().as_bytes())?;
        object.set_or_remove(member, value)?;
        *self = Self::parse(json::write(&object)?.as_bytes())?.with_diff_id(self.diff_id.take());
        Ok(())
    }

    /// Checks that content which is embedded is that of the blob.
    pub(crate) fn check_data(&self) -> Result<()> {
        let Some(data) = &self.read.data else { return Ok(()) };
        let data = self.text_of(data);
        let what = "descriptor: data";
        let mut content = memory::bytes(base64::decoded_len_estimate(data.len()))?;
        let length =
            BASE64.decode_slice(data, &mut content).map_err(|error| Error::format(what, error))?;
        content.truncate(length);
        if content.len() as u64 != self.size() {
            let (expected, found) = (self.size(), content.len().to_string());
            return Err(Error::Size { what: what.to_owned(), expected, found });
        }
        match self.digest().check(what, &content) {
            Err(Error::Unsupported(_)) => Ok(()),
            checked => checked,
        }
    }

    /// Whether both say the same, however it is written.
    ///
    /// # Errors
    /// [`Error::Memory`] when there is too little to compare them.
    pub fn says_the_same(&self, other: &Self) -> Result<bool> {
        Ok(self.digest() == other.digest() && json::says_the_same(self.json(), other.json())?)
    }
}

/// Annotations of our own.
fn copy_of<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Annotations> {
    let mut copy = Annotations::new();
    for (key, value) in annotations {
        memory::set(&mut copy, memory::owned(key)?, memory::owned(value)?)?;
    }
    Ok(copy)
}

/// Sets or takes away one annotation, or refuses it.
pub(crate) fn edit_annotation(
    annotations: &mut Annotations,
    key: &str,
    value: Option<&str>,
) -> Result<()> {
    if key.is_empty() {
        return Err(Error::invalid("annotation key", "at least one character", key));
    }
    match value {
        Some(value) => {
            memory::set(annotations, memory::owned(key)?, memory::owned(value)?)?;
        }
        None => {
            annotations.shift_remove(key);
        }
    }
    Ok(())
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(self.json()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        Self::part(json.get()).map_err(serde::de::Error::custom)
    }
}

impl Asking<'_> for Descriptor {}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    #[test]
    fn an_edit_keeps_unknown_members_and_their_order() {
        let json = format!(
            r#"{{"x-first": 1.0,"size":2, "digest":"sha256:{HEX}","mediaType":"a/b","platform":{{"os":"o","architecture":"a","features":["f"]}},"data":"e30="}}"#
        );
        let mut descriptor = Descriptor::parse(json.as_bytes()).unwrap();
        assert_eq!(descriptor.json(), json);
        descriptor.set_annotation("k", Some("v")).unwrap();
        assert_eq!(
            descriptor.json(),
            json.replace(", \"", ",\"").replace("\": ", "\":").trim_end_matches('}').to_owned()
                + r#","annotations":{"k":"v"}}"#
        );
        descriptor.set_annotation("k", None).unwrap();
        assert!(!descriptor.json().contains("annotations"));
    }

    #[test]
    fn malformed() {
        let with = |digest: &str, size: &str| {
            Descriptor::parse(
                format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":{size}}}"#).as_bytes(),
            )
        };
        let digest = format!("sha256:{HEX}");
        assert!(with(&digest, "9223372036854775807").is_ok());
        for size in ["-1", "1.0", "1e3", "9223372036854775808", "\"12\"", "null"] {
            assert!(with(&digest, size).is_err(), "{size}");
        }
        assert!(with("sha256:../../etc/passwd", "1").is_err());
        let twice = format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1,"size":2}}"#);
        assert!(Descriptor::parse(twice.as_bytes()).is_err());
    }
}
