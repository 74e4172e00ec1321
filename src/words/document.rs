//! Manifests and indexes as they are read: the documents that point at blobs.
//!
//! image-spec, manifest.md and image-index.md.

use super::descriptor::Descriptor;
use super::error::{Error, Result, quoted};
use super::json;
use super::media_type::{Kind, MediaType};
use super::memory::{Asking, asking};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A document that points at other blobs.
#[derive(Clone, Debug)]
pub(crate) enum Document {
    Manifest(Box<Manifest>),
    Index(Box<Index>),
}

/// An image manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    pub(crate) artifact_type: Option<MediaType>,
    subject: Option<Descriptor>,
}

/// An image index, whose entries are read as `E`.
#[derive(Clone, Debug)]
pub(crate) struct Index<E = Descriptor> {
    pub(crate) media_type: Option<MediaType>,
    pub(crate) manifests: Vec<E>,
    pub(crate) artifact_type: Option<MediaType>,
    subject: Option<Descriptor>,
}

/// The members of either, of which one document has only its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "E: Asking<'de>"))]
struct Members<E> {
    schema_version: u64,
    #[serde(default, deserialize_with = "present")]
    media_type: Option<MediaType>,
    artifact_type: Option<MediaType>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "list")]
    manifests: Option<Vec<E>>,
    #[serde(default, deserialize_with = "present")]
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "present")]
    layers: Option<Vec<Descriptor>>,
    fs_layers: Option<IgnoredAny>,
}

impl<'de, E: Asking<'de>> Asking<'de> for Members<E> {}

/// Reads a member that may be absent, but not null.
fn present<'de, D, T>(deserializer: D) -> std::result::Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Asking<'de>,
{
    asking(deserializer).map(Some)
}

/// Reads a list that may be null: some tools write an emptied one so.
fn list<'de, D, T>(deserializer: D) -> std::result::Result<Option<Vec<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Asking<'de>,
{
    let list: Option<Vec<T>> = asking(deserializer)?;
    Ok(Some(list.unwrap_or_default()))
}

impl Document {
    /// Reads what a blob of `media_type` points at; `None` if the type is not
    /// one of a document, whose content is then nobody's business.
    ///
    /// Refuses a document that could be taken for one of the other kind
    /// (CVE-2021-41190).
    pub(crate) fn parse(media_type: &MediaType, json: &[u8]) -> Result<Option<Self>> {
        match media_type.kind() {
            Kind::Opaque => Ok(None),
            Kind::Manifest => {
                Manifest::parse(json).map(|manifest| Some(Self::Manifest(Box::new(manifest))))
            }
            Kind::Index => {
                Index::parse("image index", json).map(|index| Some(Self::Index(Box::new(index))))
            }
        }
    }

    /// What must be there for the document to be whole, in order. A subject is
    /// not among it: it may be absent.
    pub(crate) fn references(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, others) = match self {
            Self::Manifest(manifest) => (Some(&manifest.config), &manifest.layers),
            Self::Index(index) => (None, &index.manifests),
        };
        config.into_iter().chain(others)
    }

    /// What the document is about, which may be absent.
    pub(crate) fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Manifest(manifest) => manifest.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }

    /// All that the document names: its references, and its subject.
    pub(crate) fn everything_named(&self) -> impl Iterator<Item = &Descriptor> {
        self.references().chain(self.subject())
    }

    /// What a descriptor of this document should name as its artifact type.
    pub(crate) fn artifact_type(&self) -> Option<&MediaType> {
        match self {
            Self::Manifest(manifest) => manifest.artifact_type.as_ref().or_else(|| {
                let config = manifest.config.media_type();
                (!config.is_image_config() && !config.is_empty()).then_some(config)
            }),
            Self::Index(index) => index.artifact_type.as_ref(),
        }
    }
}

impl Manifest {
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        const NAME: &str = "image manifest";
        let members = Members::<Descriptor>::parse(NAME, json, Kind::Manifest)?;
        if members.manifests.is_some() {
            return Err(Error::format(NAME, "expected no manifests beside a config, found some"));
        }
        Ok(Self {
            config: members.config.ok_or_else(|| missing(NAME, "config"))?,
            layers: members.layers.ok_or_else(|| missing(NAME, "layers"))?,
            artifact_type: members.artifact_type,
            subject: members.subject,
        })
    }
}

impl<'a, E: Asking<'a>> Index<E> {
    pub(crate) fn parse(name: &str, json: &'a [u8]) -> Result<Self> {
        let members = Members::parse(name, json, Kind::Index)?;
        if members.config.is_some() || members.layers.is_some() || members.fs_layers.is_some() {
            let problem = "expected no config or layers beside manifests, found some";
            return Err(Error::format(name, problem));
        }
        Ok(Self {
            media_type: members.media_type,
            manifests: members.manifests.ok_or_else(|| missing(name, "manifests"))?,
            artifact_type: members.artifact_type,
            subject: members.subject,
        })
    }
}

impl<'a, E: Asking<'a>> Members<E> {
    fn parse(name: &str, json: &'a [u8], kind: Kind) -> Result<Self> {
        let members: Self = json::parse(name, json)?;
        if members.schema_version != 2 {
            let found = members.schema_version;
            return Err(Error::format(name, format!("expected schemaVersion 2, found {found}")));
        }
        match &members.media_type {
            Some(stated) if stated.kind() != kind => {
                let found = quoted(stated.as_str());
                Err(Error::format(name, format!("expected its own mediaType, found {found}")))
            }
            _ => Ok(members),
        }
    }
}

fn missing(name: &str, member: &str) -> Error {
    Error::format(name, format!("expected the member {member}, found none"))
}

/// The media type of a new document: what the caller gives, what it says of
/// itself, else what its members say. The first two must not contradict each
/// other.
pub(crate) fn media_type_of(json: &[u8], given: Option<&MediaType>) -> Result<MediaType> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sketch<'a> {
        media_type: Option<MediaType>,
        #[serde(borrow, default, deserialize_with = "present")]
        manifests: Option<&'a RawValue>,
        config: Option<IgnoredAny>,
    }
    impl<'a> Asking<'a> for Sketch<'a> {}
    const NAME: &str = "manifest";
    let sketch: Sketch = json::parse(NAME, json)?;
    if sketch.manifests.is_some_and(|manifests| manifests.get() == "null") {
        return Err(Error::format(NAME, "expected a list of manifests, found null"));
    }
    match (given, sketch.media_type) {
        (Some(given), Some(stated)) if *given != stated => {
            let (given, stated) = (quoted(given.as_str()), quoted(stated.as_str()));
            Err(Error::format(NAME, format!("expected mediaType {given}, found {stated}")))
        }
        (Some(media_type), _) => Ok(media_type.clone()),
        (None, Some(stated)) => Ok(stated),
        (None, None) => match (sketch.manifests, sketch.config) {
            (Some(_), None) => Ok(MediaType::known(MediaType::IMAGE_INDEX)),
            (None, Some(_)) => Ok(MediaType::known(MediaType::IMAGE_MANIFEST)),
            _ => Err(Error::format(NAME, "expected either a config or manifests")),
        },
    }
}

/// What a document says that it is, if it says so.
pub(crate) fn stated_media_type(json: &[u8]) -> Result<Option<MediaType>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sketch {
        media_type: Option<MediaType>,
    }
    impl Asking<'_> for Sketch {}
    Ok(json::parse::<Sketch>("document", json)?.media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = r#"{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    fn manifest(json: &str) -> Result<Manifest> {
        Manifest::parse(json.replace('@', BLOB).as_bytes())
    }

    fn index(json: &str) -> Result<Index> {
        Index::parse("test", json.replace('@', BLOB).as_bytes())
    }

    #[test]
    fn either_kind_is_only_itself() {
        assert!(manifest(r#"{"schemaVersion":2,"config":@,"layers":[@]}"#).is_ok());
        assert!(index(r#"{"schemaVersion":2,"manifests":[@]}"#).is_ok());
        assert!(index(r#"{"schemaVersion":2,"manifests":null}"#).is_ok());
        for bad in [
            r#"{"schemaVersion":2,"config":@,"layers":[],"manifests":[]}"#,
            r#"{"schemaVersion":1,"config":@,"layers":[]}"#,
            r#"{"schemaVersion":2,"layers":[]}"#,
            r#"{"schemaVersion":2,"config":@}"#,
            r#"{"schemaVersion":2,"config":@,"layers":null}"#,
            r#"{"schemaVersion":2,"config":@,"layers":[],"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
        ] {
            assert!(manifest(bad).is_err(), "{bad}");
        }
        for bad in [
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"manifests":{}}"#,
            r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
            r#"{"schemaVersion":2,"manifests":[],"config":@}"#,
            r#"{"schemaVersion":2,"manifests":[],"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#,
            r#"{"schemaVersion":2,"manifests":[{}]}"#,
        ] {
            assert!(index(bad).is_err(), "{bad}");
        }
    }
}
