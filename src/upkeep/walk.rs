//! The walk from `index.json` through all documents, down to plain blobs.

use super::cores::Cores;
use super::finding::FindingKind;
use super::record::Record;
use crate::layout::{INDEX, Layout, check_depth};
use crate::store::blob_path;
use crate::words::config::ImageConfig;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::document::{Document, stated_media_type};
use crate::words::error::{Error, Result, quoted};
use crate::words::json::DOCUMENT_LIMIT;
use crate::words::media_type::{Kind, MediaType};
use crate::words::memory;
use crate::words::watch::Watch;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

/// Reads every document once, each level of them on all cores.
struct Walk<'a> {
    layout: &'a Layout,
    record: &'a Record,
    /// The documents of the next level, and how many indexes each stands in.
    next: Mutex<BTreeMap<Page, usize>>,
}

/// A document as somebody points at it: one may be named as several things.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Page {
    digest: Digest,
    media_type: MediaType,
    /// For an image config, how many layers its manifest has.
    layers: Option<usize>,
}

/// What is wrong with a document, if anything is.
type Outcome = std::result::Result<(), Wrong>;
type Wrong = (FindingKind, Error);

/// Records what all documents say, from these entries of `index.json` on.
pub(super) fn walk(
    layout: &Layout,
    entries: &[Descriptor],
    record: &Record,
    cores: Cores,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let walk = Walk { layout, record, next: Mutex::default() };
    let index = Arc::from(INDEX);
    entries.iter().try_for_each(|entry| walk.need(entry, &index, 0))?;
    let mut known = BTreeSet::new();
    loop {
        let next = std::mem::take(&mut *walk.next());
        let is_new = |(page, _): &(Page, usize)| known.insert(page.clone());
        let level = memory::list(next.into_iter().filter(is_new))?;
        if level.is_empty() {
            return Ok(());
        }
        cores.share(&level, watch, |(page, depth), watch| walk.visit(page, *depth, watch))?;
    }
}

impl Walk<'_> {
    fn next(&self) -> MutexGuard<'_, BTreeMap<Page, usize>> {
        self.next.lock()
    }

    /// Takes note of a blob that `from` points at. If it is a manifest or an index,
    /// its turn comes with the next level.
    fn point_at(&self, descriptor: &Descriptor, from: &Arc<str>, depth: usize) -> Result<()> {
        self.record.referenced(descriptor, from)?;
        if let Err(error) = descriptor.check_data() {
            self.wrong(descriptor.digest(), (FindingKind::Contradictory, error))?;
        }
        if descriptor.media_type().kind() != Kind::Opaque {
            self.turn_to(descriptor, None, depth);
        }
        Ok(())
    }

    /// The same for a blob that `from` is not whole without.
    fn need(&self, descriptor: &Descriptor, from: &Arc<str>, depth: usize) -> Result<()> {
        self.record.needed(descriptor.digest());
        self.point_at(descriptor, from, depth)
    }

    fn turn_to(&self, descriptor: &Descriptor, layers: Option<usize>, depth: usize) {
        let (digest, media_type) = (descriptor.digest().clone(), descriptor.media_type().clone());
        let mut next = self.next();
        let known = next.entry(Page { digest, media_type, layers }).or_insert(depth);
        *known = depth.min(*known);
    }

    /// Looks into a document, unless it stands too deep. One that cannot be hashed
    /// here is not believed.
    fn visit(&self, page: &Page, depth: usize, watch: &mut Watch<'_>) -> Result<()> {
        watch.look()?;
        if page.digest.computable().is_err() {
            return Ok(());
        }
        if page.media_type.kind() == Kind::Index
            && let Err(error) = check_depth(depth)
        {
            return self.wrong(&page.digest, malformed(error));
        }
        match self.read(&page.digest, watch) {
            Ok(json) => match Self::check(page, &json) {
                Ok(document) => self.follow(page, document.as_ref(), depth),
                Err(wrong) => self.wrong(&page.digest, wrong),
            },
            Err(error) => {
                self.record.wrong(&page.digest, FindingKind::of(error)?);
                Ok(())
            }
        }
    }

    fn read(&self, digest: &Digest, watch: &Watch<'_>) -> Result<Vec<u8>> {
        let mut reader = self.layout.open_found(digest)?;
        if reader.size() > DOCUMENT_LIMIT {
            let what = self.layout.path_to(&blob_path(digest));
            return Err(Error::Limit { what, limit: DOCUMENT_LIMIT });
        }
        if self.record.found(digest, reader.size()) {
            watch.tally().add(reader.size(), 1);
        }
        let mut json = memory::room(usize::try_from(reader.size()).unwrap_or_default())?;
        reader.read_to_end(&mut json).map_err(Error::from_source)?;
        Ok(json)
    }

    /// What a page says, if it points at anything.
    fn check(page: &Page, json: &[u8]) -> std::result::Result<Option<Document>, Wrong> {
        if let Some(layers) = page.layers {
            check_config(json, layers)?;
            return Ok(None);
        }
        check_media_type(json, &page.media_type)?;
        Document::parse(&page.media_type, json).map_err(malformed)
    }

    /// Takes note of all that a document points at.
    fn follow(&self, page: &Page, document: Option<&Document>, depth: usize) -> Result<()> {
        let from = Arc::from(page.digest.as_str());
        match document {
            Some(Document::Index(index)) => {
                index.manifests.iter().try_for_each(|entry| self.need(entry, &from, depth + 1))?;
            }
            Some(Document::Manifest(manifest)) => {
                self.need(&manifest.config, &from, depth + 1)?;
                if manifest.config.media_type().is_image_config() {
                    self.turn_to(&manifest.config, Some(manifest.layers.len()), depth + 1);
                }
                manifest.layers.iter().try_for_each(|layer| self.need(layer, &from, depth + 1))?;
            }
            None => {}
        }
        if let Some(subject) = document.and_then(Document::subject) {
            // It does not stand in this document, however deep that stands.
            self.point_at(subject, &from, 0)?;
        }
        Ok(())
    }

    /// That there was no memory to look is nothing that is wrong.
    fn wrong(&self, digest: &Digest, (kind, error): Wrong) -> Result<()> {
        if matches!(error, Error::Memory) {
            return Err(error);
        }
        let path = self.layout.path_to(&blob_path(digest));
        self.record.wrong(digest, (kind, format!("{path}: {error}")));
        Ok(())
    }
}

/// Checks that a document is what it is said to be where it is pointed at.
fn check_media_type(json: &[u8], said: &MediaType) -> Outcome {
    match stated_media_type(json).map_err(malformed)? {
        Some(stated) if stated != *said => {
            let (said, stated) = (quoted(said.as_str()), quoted(stated.as_str()));
            let problem = format!("expected mediaType {said}, found {stated}");
            Err((FindingKind::Contradictory, Error::format("document", problem)))
        }
        _ => Ok(()),
    }
}

fn check_config(json: &[u8], layers: usize) -> Outcome {
    let found = ImageConfig::parse(json).map_err(malformed)?.layers();
    if found == layers {
        return Ok(());
    }
    let problem = format!("expected a diff ID for each of {layers} layers, found {found}");
    Err((FindingKind::Contradictory, Error::format("image config", problem)))
}

fn malformed(error: Error) -> Wrong {
    (FindingKind::Malformed, error)
}
