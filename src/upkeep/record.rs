//! What a verification learns of each blob: what points at it, and what is there.

use super::finding::{Finding, FindingKind, Problem};
use crate::layout::{Layout, Missing};
use crate::store::blob_path;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::media_type::{Kind, MediaType};
use crate::words::memory;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All blobs that are pointed at or there. Any number of threads may add to it,
/// and what it says does not depend on their order.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<BTreeMap<Digest, Blob>>);

#[derive(Debug, Default)]
struct Blob {
    referenced_from: Vec<Arc<str>>,
    /// What is said of it there.
    sizes: Vec<u64>,
    media_types: Vec<MediaType>,
    needed: bool,
    /// Its size, once it was read.
    size: Option<u64>,
    problems: BTreeSet<Problem>,
}

impl Record {
    fn blobs(&self) -> MutexGuard<'_, BTreeMap<Digest, Blob>> {
        self.0.lock()
    }

    /// A place points at a blob.
    pub(super) fn referenced(&self, descriptor: &Descriptor, from: &Arc<str>) -> Result<()> {
        let mut blobs = self.blobs();
        let blob = blobs.entry(descriptor.digest().clone()).or_default();
        memory::push(&mut blob.referenced_from, Arc::clone(from))?;
        if !blob.sizes.contains(&descriptor.size()) {
            memory::push(&mut blob.sizes, descriptor.size())?;
        }
        if !blob.media_types.contains(descriptor.media_type()) {
            memory::push(&mut blob.media_types, descriptor.media_type().clone())?;
        }
        Ok(())
    }

    /// A blob must be there: it is more than a subject.
    pub(super) fn needed(&self, digest: &Digest) {
        self.blobs().entry(digest.clone()).or_default().needed = true;
    }

    /// A blob is there, of this size, and is looked at. Says whether that is news.
    pub(super) fn found(&self, digest: &Digest, size: u64) -> bool {
        self.blobs().entry(digest.clone()).or_default().size.replace(size).is_none()
    }

    /// Something is wrong with a blob.
    pub(super) fn wrong(&self, digest: &Digest, problem: Problem) {
        self.blobs().entry(digest.clone()).or_default().problems.insert(problem);
    }

    /// The blobs that nobody has looked at, of these and of those that are pointed
    /// at, and how large they seem to be. The largest come first, so that no core has
    /// to finish one alone.
    pub(super) fn left(
        &self,
        there: Vec<(Digest, u64)>,
        layout: &Layout,
    ) -> Result<Vec<(u64, Digest)>> {
        let mut blobs = self.blobs();
        for (digest, _) in &there {
            blobs.entry(digest.clone()).or_default();
        }
        let sizes: BTreeMap<_, _> = there.into_iter().collect();
        let size_of = |digest: &Digest| match sizes.get(digest) {
            // A link, or what a transaction has not published yet, may be larger.
            Some(0) | None => layout.blob_size(digest).unwrap_or_default(),
            Some(size) => *size,
        };
        let left = blobs.iter().filter(|(_, blob)| blob.size.is_none());
        let mut left = memory::list(left.map(|(digest, _)| (size_of(digest), digest.clone())))?;
        left.sort_unstable_by(|one, other| other.cmp(one));
        Ok(left)
    }

    /// All that is wrong.
    pub(super) fn findings(self, layout: &Layout, missing: Missing) -> Result<Vec<Finding>> {
        let blobs = self.0.into_inner();
        let mut findings = Vec::new();
        for (digest, mut blob) in blobs {
            let path = blob_path(&digest);
            blob.compare(&layout.path_to(&path));
            if !blob.needed || missing == Missing::Allowed {
                blob.problems.retain(|(kind, _)| *kind != FindingKind::Missing);
            }
            blob.referenced_from.sort_unstable();
            blob.referenced_from.dedup();
            for problem in &blob.problems {
                let finding = Finding::new(&path, problem);
                memory::push(&mut findings, finding.of_blob(&digest, &blob.referenced_from)?)?;
            }
        }
        Ok(findings)
    }
}

impl Blob {
    /// Compares what is said of the blob with what it is, and with itself.
    fn compare(&mut self, path: &str) {
        self.sizes.sort_unstable();
        self.media_types.sort_unstable();
        if let Some(found) = self.size
            && !self.sizes.is_empty()
            && !self.sizes.contains(&found)
        {
            let message = format!("{path}: expected {} bytes, found {found}", list(&self.sizes));
            self.problems.insert((FindingKind::Size, message));
        }
        let mut contradictory = |what, said: String| {
            let message = format!("{path}: expected one {what} wherever it is named, found {said}");
            self.problems.insert((FindingKind::Contradictory, message));
        };
        if self.sizes.len() > 1 {
            contradictory("size", list(&self.sizes));
        }
        // Plain content may be called by many names, but a document is only itself.
        let is_document = |media_type: &MediaType| media_type.kind() != Kind::Opaque;
        if self.media_types.len() > 1 && self.media_types.iter().any(is_document) {
            contradictory("media type", list(&self.media_types));
        }
    }
}

fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" and ")
}
