//! Directories that become layers.

use super::Layout;
use super::sources::Source;
use crate::archive::DirectoryOptions;
use crate::layer::{BlobOptions, Call};
use crate::words::descriptor::Descriptor;
#[cfg(doc)]
use crate::words::error::Error;
use crate::words::error::Result;
use crate::words::watch::Watch;
use std::cell::Cell;
use std::io::{self, Write};
use std::path::Path;

impl Layout {
    /// Stores a directory as a layer: a tar of all that is in it, which depends on
    /// the tree and the options alone.
    ///
    /// Unless `blob` says otherwise the media type is that of a layer. The first entry is
    /// the directory itself, so mode and owner of the root of the image are those of
    /// `path`. Of extended attributes those of `user.` and `trusted.`,
    /// `security.capability` and access lists are told. Sockets are left out. Symbolic
    /// links are not followed but on the way to `path`; other file systems that are mounted
    /// below are told with the rest.
    ///
    /// image-spec, layer.md. If the blob is there already and `blob` knows its
    /// digest and size, the directory is not read.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no directory,
    /// [`Error::Io`] when something in it cannot be read,
    /// [`Error::Conflict`] when something changes while it
    /// is read, [`Error::Unsupported`] when a layer
    /// cannot tell it: a name that begins with `.wh.`, an owner that is not mapped,
    /// an access list with users or groups while owners are changed, an attribute
    /// whose name is not UTF-8 or has an equals sign, those of links and devices
    /// where `/proc` is not mounted. Each names the file. Besides
    /// those of [`put`](Self::put). Nothing is left of the blob then.
    pub fn put_directory(
        &self,
        path: impl AsRef<Path>,
        directory: &DirectoryOptions,
        blob: &BlobOptions,
    ) -> Result<Descriptor> {
        let (path, options) = (path.as_ref().to_owned(), directory.clone());
        self.put_from(Source::Directory { path, options }, blob, &mut Watch::none())
    }

    /// Stores as a layer what makes `upper` of `lower`: what was added or changed,
    /// in full, and a whiteout for what is gone.
    ///
    /// What is the same is told by content, not by times. A file is changed as
    /// well if its mode, owner, time, attributes or links are others; the
    /// directories above a change are always told. Otherwise as
    /// [`put_directory`](Self::put_directory).
    ///
    /// image-spec, layer.md, Representing Changes.
    ///
    /// # Errors
    /// Those of [`put_directory`](Self::put_directory), for both directories.
    pub fn put_difference(
        &self,
        lower: impl AsRef<Path>,
        upper: impl AsRef<Path>,
        directory: &DirectoryOptions,
        blob: &BlobOptions,
    ) -> Result<Descriptor> {
        let (lower, upper) = (lower.as_ref().to_owned(), upper.as_ref().to_owned());
        let source = Source::Difference { lower, upper, options: directory.clone() };
        self.put_from(source, blob, &mut Watch::none())
    }

    /// Stores what `write` writes; what it counts are the files that it has told.
    pub(super) fn put_archive(
        &self,
        options: &BlobOptions,
        watch: &mut Watch<'_>,
        write: impl FnOnce(&mut Counted<'_, '_>, &Cell<u64>) -> Result<()>,
    ) -> Result<Descriptor> {
        self.put_by(&options.of_layer(), |call| {
            let entries = Cell::new(0);
            write(&mut Counted { call, watch, entries: &entries, told: 0 }, &entries)
        })
    }
}

/// What an archive is written to, and how far it has come.
pub(super) struct Counted<'a, 'w> {
    call: &'a Call<'a>,
    watch: &'a mut Watch<'w>,
    entries: &'a Cell<u64>,
    told: u64,
}

impl Write for Counted<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call.push(bytes)?;
        let more = self.entries.get() - self.told;
        self.told += more;
        self.watch.advance(bytes.len() as u64, more)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
