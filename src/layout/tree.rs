//! Whole trees: an image or an index with all that it points at.

use super::Layout;
use crate::layer::BlobOptions;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::document::{Document, media_type_of};
use crate::words::error::{Error, Result};
use crate::words::json::DOCUMENT_LIMIT;
use crate::words::media_type::{Kind, MediaType};
use crate::words::memory;
use crate::words::watch::Watch;
use std::collections::HashSet;
use std::io::{BufReader, Read};

/// Indexes may stand in each other this deep.
const DEPTH_LIMIT: usize = 32;

/// A document is read from its source in pieces of this many bytes.
const READ_AT_ONCE: usize = 128 * 1024;

/// Where blobs are read from.
pub trait BlobSource {
    /// Opens the blob that `descriptor` points at. What it gives is checked.
    ///
    /// # Errors
    /// Any; it stops the call that asked.
    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + '_>>;
}

/// Another layout gives its blobs.
impl BlobSource for Layout {
    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.open_blob(descriptor)?))
    }
}

/// What to do about blobs that are pointed at and not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Refuse what points at them; a verification finds them.
    #[default]
    Refused,
    /// Let it be: the layout is sparse.
    Allowed,
}

impl Layout {
    /// Stores what `descriptor` points at, down the whole tree: the config and
    /// layers of an image, the children of an index, each before what points
    /// at it. Children that are neither image nor index are stored as blobs.
    /// `index.json` is not touched.
    ///
    /// Blobs that are there already are not read from the source.
    ///
    /// # Errors
    /// Those of the source, [`Error::Digest`] and [`Error::Size`] when it gives
    /// something else, [`Error::Format`] when a document is malformed or
    /// indexes nest more than 32 deep.
    pub fn write(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        self.write_watched(descriptor, source, &mut Watch::none())
    }

    /// The same, and tells `watch` how far it has come: the bytes that were read from the
    /// source, and the blobs that are here. How many there are is known at the end, when
    /// all documents have been read.
    ///
    /// # Errors
    /// As for [`write`](Self::write); [`Error::Cancelled`] when `watch` stops it. Blobs
    /// that were complete by then stay, named by nothing, until they are collected.
    pub fn write_watched(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        self.check_writable()?;
        self.heed(watch)?;
        self.write_trees([descriptor], source, watch)?;
        watch.end();
        Ok(())
    }

    /// Stores all that these point at, each blob once.
    pub(super) fn write_trees<'a>(
        &self,
        roots: impl IntoIterator<Item = &'a Descriptor>,
        source: &dyn BlobSource,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let mut writing = Writing { layout: self, source, watch, written: HashSet::new() };
        roots.into_iter().try_for_each(|root| writing.tree(root, 0))?;
        watch.tally().expect_more(0, 0);
        Ok(())
    }

    /// Stores an image manifest or an image index byte for byte, and says what
    /// points at it.
    ///
    /// `media_type` is what it is; `None` takes what it says of itself.
    ///
    /// # Errors
    /// [`Error::Format`] when it is malformed, could be taken for a document of
    /// the other kind, or contradicts `media_type`; [`Error::Invalid`] when
    /// that is neither of an image manifest nor of an index;
    /// [`Error::NotFound`] when it points at what is not there and `missing`
    /// does not allow it.
    pub fn put_manifest(
        &self,
        json: &[u8],
        media_type: Option<&MediaType>,
        missing: Missing,
    ) -> Result<Descriptor> {
        self.check_writable()?;
        let given = media_type.is_some();
        let media_type = media_type_of(json, media_type)?;
        let document = Document::parse(&media_type, json)?.ok_or_else(|| {
            let expected = "that of an image manifest or of an image index";
            match Error::invalid("media type", expected, media_type.as_str()) {
                error if given => error,
                error => Error::format("manifest", error),
            }
        })?;
        for blob in document.references() {
            self.keep(blob, missing)?;
        }
        let options = BlobOptions::new().media_type(media_type).rehash();
        let mut descriptor = self.put(json, &options)?;
        if let Some(artifact_type) = document.artifact_type() {
            descriptor.set_artifact_type(artifact_type)?;
        }
        Ok(descriptor)
    }
}

/// Trees that are being written.
struct Writing<'a, 'w> {
    layout: &'a Layout,
    source: &'a dyn BlobSource,
    watch: &'a mut Watch<'w>,
    /// What was written so far: a digest may be named as one kind of thing in one
    /// place and as another in the next.
    written: HashSet<(Digest, u64, Kind)>,
}

impl Writing<'_, '_> {
    /// Writes what was not yet written.
    fn tree(&mut self, descriptor: &Descriptor, depth: usize) -> Result<()> {
        let kind = descriptor.media_type().kind();
        let new = (descriptor.digest().clone(), descriptor.size(), kind);
        if !memory::insert(&mut self.written, new)? {
            return Ok(());
        }
        if kind == Kind::Opaque {
            self.content(descriptor)?;
        } else {
            self.document(descriptor, depth)?;
        }
        self.watch.advance(0, 1)
    }

    fn document(&mut self, descriptor: &Descriptor, depth: usize) -> Result<()> {
        let is_index = descriptor.media_type().kind() == Kind::Index;
        // The image under the last index that may be there is one level deeper.
        check_depth(if is_index { depth } else { depth.saturating_sub(1) })?;
        let json = match self.layout.read_blob(descriptor, DOCUMENT_LIMIT) {
            Err(Error::NotFound(_) | Error::Digest { .. } | Error::Size { .. }) => {
                read_document(self.source, descriptor)?
            }
            read => read?,
        };
        let document = Document::parse(descriptor.media_type(), &json)?;
        for child in document.iter().flat_map(Document::references) {
            self.tree(child, depth + 1)?;
        }
        self.put(json.as_slice(), &promised(descriptor)?.rehash())
    }

    fn content(&mut self, descriptor: &Descriptor) -> Result<()> {
        // What all else hangs on is small enough to be hashed before it is trusted.
        let rehash = descriptor.media_type().is_image_config();
        if self.layout.store.keep(descriptor.digest(), descriptor.size(), rehash)? {
            return Ok(());
        }
        let options = promised(descriptor)?;
        let options = if rehash { options.rehash() } else { options };
        self.put(self.source.open(descriptor)?, &options)
    }

    fn put(&mut self, content: impl Read, options: &BlobOptions) -> Result<()> {
        self.layout.put_read(content, options, self.watch).map(drop)
    }
}

pub(crate) fn check_depth(depth: usize) -> Result<()> {
    if depth < DEPTH_LIMIT {
        return Ok(());
    }
    let problem = format!("expected at most {DEPTH_LIMIT} levels of nesting, found more");
    Err(Error::format("image index", problem))
}

fn promised(descriptor: &Descriptor) -> Result<BlobOptions> {
    BlobOptions::new()
        .media_type(descriptor.media_type().clone())
        .expected_size(descriptor.size())?
        .expected_digest(descriptor.digest())
}

/// Reads a document into memory; it is checked before it is believed.
fn read_document(source: &dyn BlobSource, descriptor: &Descriptor) -> Result<Vec<u8>> {
    let (digest, expected) = (descriptor.digest(), descriptor.size());
    let what = || format!("blob {digest}");
    if expected > DOCUMENT_LIMIT {
        return Err(Error::Limit { what: what(), limit: DOCUMENT_LIMIT });
    }
    let mut json = Vec::new();
    // A caller's reader is never asked for a few bytes only.
    let opened = BufReader::with_capacity(READ_AT_ONCE, source.open(descriptor)?);
    opened.take(expected + 1).read_to_end(&mut json).map_err(Error::from_source)?;
    if json.len() as u64 != expected {
        let found =
            if json.len() as u64 > expected { "more".into() } else { json.len().to_string() };
        return Err(Error::Size { what: what(), expected, found });
    }
    digest.check(&what(), &json)?;
    Ok(json)
}
