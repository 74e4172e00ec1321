//! Which blobs are pointed at.

use crate::layout::Layout;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::media_type::Kind;
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
    pub(super) fn follow(&mut self, layout: &Layout, entries: Vec<Descriptor>) -> Result<()> {
        let mut left = entries;
        while let Some(descriptor) = left.pop() {
            let (digest, kind) = (descriptor.digest().clone(), descriptor.media_type().kind());
            self.found.insert(digest.clone());
            if !self.looked_into.insert((digest, kind)) {
                continue;
            }
            match layout.document(&descriptor) {
                Ok(Some(document)) => left.extend(document.everything_named()),
                Ok(None) | Err(Error::NotFound(_)) => {}
                // Nobody here can check it, so that it is believed.
                Err(Error::Unsupported(_)) => {
                    let named = Named::in_blob(layout, descriptor.digest())?;
                    self.found.extend(named.iter().flat_map(Named::everything));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What a blob names, if it is a document of any kind. It is only ever used to
/// keep more.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    manifests: Option<Vec<Reference>>,
    config: Option<Reference>,
    layers: Option<Vec<Reference>>,
    blobs: Option<Vec<Reference>>,
    subject: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    digest: String,
}

impl Named {
    /// What a blob names; `None` if it is no document, or not there.
    pub(super) fn in_blob(layout: &Layout, digest: &Digest) -> Result<Option<Self>> {
        let json = layout.perhaps_json(digest, UNKNOWN_DOCUMENT_LIMIT)?;
        Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
    }

    pub(super) fn subject(&self) -> Option<Digest> {
        self.subject.as_ref()?.digest.parse().ok()
    }

    pub(super) fn everything(&self) -> Vec<Digest> {
        let lists = [&self.manifests, &self.layers, &self.blobs].into_iter().flatten().flatten();
        let all = lists.chain(&self.config).chain(&self.subject);
        all.filter_map(|reference| reference.digest.parse().ok()).collect()
    }
}
