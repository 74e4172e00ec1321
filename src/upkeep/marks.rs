//! Which blobs are pointed at.

use crate::layout::Layout;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::{Error, Result};
use crate::words::json::{self, DOCUMENT_LIMIT};
use crate::words::media_type::Kind;
use crate::words::memory::{self, Asking, asking};
use crate::words::watch::Watch;
use serde::Deserialize;
use std::collections::HashSet;

/// Documents are looked into up to this size, where nothing says what they are.
const UNKNOWN_DOCUMENT_LIMIT: u64 = 16 << 20;

/// The digests that are pointed at from the entries that were followed.
#[derive(Default)]
pub(super) struct Marks {
    found: HashSet<Digest>,
    /// One digest may be named as an index here and as plain content there.
    looked_into: HashSet<(Digest, Kind)>,
}

impl Marks {
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.found.contains(digest)
    }

    /// Follows these down to the last blob. Subjects count as pointed at; what is
    /// missing is passed over. A document that cannot be trusted is an error:
    /// what it points at is then not known.
    pub(super) fn follow(
        &mut self,
        layout: &Layout,
        entries: Vec<Descriptor>,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let mut left = entries;
        while let Some(descriptor) = left.pop() {
            watch.look()?;
            let (digest, kind) = (descriptor.digest().clone(), descriptor.media_type().kind());
            memory::insert(&mut self.found, digest.clone())?;
            if !memory::insert(&mut self.looked_into, (digest, kind))? {
                continue;
            }
            let document = match layout.document(&descriptor) {
                Err(Error::NotFound(_)) => None,
                Err(Error::Unsupported(_)) => believed(layout, &descriptor)?,
                document => document?.inspect(|_| watch.tally().add(descriptor.size(), 0)),
            };
            for named in document.iter().flat_map(Document::everything_named) {
                memory::push(&mut left, named.clone())?;
            }
        }
        Ok(())
    }
}

/// A document that nobody here can check; `None` if it is not there.
fn believed(layout: &Layout, descriptor: &Descriptor) -> Result<Option<Document>> {
    match layout.unchecked(descriptor.digest(), DOCUMENT_LIMIT)? {
        Some(json) => Document::parse(descriptor.media_type(), &json),
        None => Ok(None),
    }
}

/// What a blob names, if it is a document of any kind. It is only ever used to
/// keep more.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(deserialize_with = "asking")]
    manifests: Option<Vec<Reference>>,
    config: Option<Reference>,
    #[serde(deserialize_with = "asking")]
    layers: Option<Vec<Reference>>,
    #[serde(deserialize_with = "asking")]
    blobs: Option<Vec<Reference>>,
    subject: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(deserialize_with = "asking")]
    digest: String,
}

impl Asking<'_> for Named {}

impl Asking<'_> for Reference {}

impl Reference {
    /// The digest, if it is one.
    fn digest(&self) -> Result<Option<Digest>> {
        memory::unless_refused(self.digest.parse())
    }
}

impl Named {
    /// What a blob names; `None` if it is no document, or not there.
    pub(super) fn in_blob(layout: &Layout, digest: &Digest) -> Result<Option<Self>> {
        let Some(json) = layout.perhaps_json(digest, UNKNOWN_DOCUMENT_LIMIT)? else {
            return Ok(None);
        };
        str::from_utf8(&json).map_or(Ok(None), json::perhaps)
    }

    pub(super) fn subject(&self) -> Result<Option<Digest>> {
        self.subject.as_ref().map_or(Ok(None), Reference::digest)
    }

    pub(super) fn everything(&self) -> impl Iterator<Item = Result<Digest>> {
        let lists = [&self.manifests, &self.layers, &self.blobs].into_iter().flatten().flatten();
        let all = lists.chain(&self.config).chain(&self.subject);
        all.filter_map(|reference| reference.digest().transpose())
    }
}
