//! Finding things: entries, children, the image for a platform.

use super::Layout;
use super::matcher::Matcher;
use super::tree::check_depth;
use crate::words::config::ImageConfig;
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::document::{Document, Manifest};
use crate::words::error::{Error, Result, quoted};
use crate::words::json::DOCUMENT_LIMIT;
use crate::words::media_type::Kind;
use crate::words::memory;
use crate::words::platform::Platform;
use std::collections::HashSet;

impl Layout {
    /// The entries of `index.json` that match, in order. They may share its text, which
    /// stays for as long as one of them does: [`Descriptor::alone`] is of one by itself.
    ///
    /// # Errors
    /// [`Error::Format`] when `index.json` is not an image index, and those of
    /// a custom matcher.
    pub fn list(&self, matcher: &Matcher<'_>) -> Result<Vec<Descriptor>> {
        let mut list = self.candidates(&matcher.hint())?;
        let mut stopped = Ok(());
        list.retain(|entry| {
            if stopped.is_err() {
                return false;
            }
            matcher.matches(entry).unwrap_or_else(|error| {
                stopped = Err(error);
                false
            })
        });
        stopped.map(|()| list)
    }

    /// What a document points at, in order: the manifests of an index, the
    /// config and then the layers of an image. Nothing for any other blob.
    ///
    /// # Errors
    /// Those of [`read_blob`](Self::read_blob), [`Error::Format`] when the
    /// document is malformed.
    pub fn children(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        let document = self.document(descriptor)?;
        memory::list(document.iter().flat_map(Document::references).cloned())
    }

    /// The document that a descriptor points at; `None` for any other blob.
    pub(crate) fn document(&self, descriptor: &Descriptor) -> Result<Option<Document>> {
        if descriptor.media_type().kind() == Kind::Opaque {
            return Ok(None);
        }
        let json = self.read_blob(descriptor, DOCUMENT_LIMIT)?;
        Document::parse(descriptor.media_type(), &json)
    }

    /// The entry of this reference; with a platform, the first image for it among
    /// the entries of this reference and, through nested indexes, their children.
    ///
    /// An image whose descriptor tells no platform is asked for its config. What
    /// is not here is passed over. The image-spec has clients take the first
    /// that matches.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Format`] when indexes
    /// nest more than 32 deep, and those of [`read_blob`](Self::read_blob) for
    /// the documents on the way.
    pub fn resolve(&self, reference: &str, platform: Option<&Platform>) -> Result<Descriptor> {
        let named = self.list(&Matcher::reference(reference))?;
        let not_found = |what: String| {
            let path = self.path().display();
            Error::NotFound(format!("{path}: expected {what}, found none"))
        };
        let Some(platform) = platform else {
            let first = named.into_iter().next();
            return first.ok_or_else(|| not_found(format!("an entry named {}", quoted(reference))));
        };
        let found = self.find(&named, platform, &mut HashSet::new(), 0)?;
        found.ok_or_else(|| {
            not_found(format!("an image for {platform} named {}", quoted(reference)))
        })
    }

    /// The first image for `platform` among these and what stands under them.
    fn find(
        &self,
        candidates: &[Descriptor],
        platform: &Platform,
        seen: &mut HashSet<(Digest, Kind)>,
        depth: usize,
    ) -> Result<Option<Descriptor>> {
        for candidate in candidates {
            let kind = candidate.media_type().kind();
            let mut is_new = || memory::insert(seen, (candidate.digest().clone(), kind));
            if kind == Kind::Index {
                check_depth(depth)?;
                if is_new()? {
                    let children = or_absent(self.children(candidate))?.unwrap_or_default();
                    let found = self.find(&children, platform, seen, depth + 1)?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                continue;
            }
            let own = match candidate.platform()? {
                None if is_new()? => self.platform_of(candidate)?,
                stated => stated,
            };
            if own.is_some_and(|own| own.satisfies(platform)) {
                return Ok(Some(candidate.clone()));
            }
        }
        Ok(None)
    }

    /// The platform of an image: what its descriptor says, else its config. An
    /// image that is not there has none.
    pub(super) fn platform_of(&self, descriptor: &Descriptor) -> Result<Option<Platform>> {
        if let Some(platform) = descriptor.platform()? {
            return Ok(Some(platform));
        }
        match or_absent(self.document(descriptor))?.flatten() {
            Some(Document::Manifest(manifest)) => self.platform_of_config(&manifest),
            _ => Ok(None),
        }
    }

    fn platform_of_config(&self, manifest: &Manifest) -> Result<Option<Platform>> {
        if !manifest.config.media_type().is_image_config() {
            return Ok(None);
        }
        match or_absent(self.read_blob(&manifest.config, DOCUMENT_LIMIT))? {
            Some(json) => ImageConfig::parse(&json)?.platform(),
            None => Ok(None),
        }
    }
}

/// Passes over a blob that is not here, or that nobody here can check.
fn or_absent<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Error::NotFound(_) | Error::Unsupported(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
