//! Directories that become layers.

use super::Layout;
use crate::archive::{self, DirectoryOptions};
use crate::layer::{BlobOptions, BlobWriter};
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use std::cell::Cell;
use std::path::Path;

impl Layout {
    /// Stores a directory as a layer: a tar of all that is in it, which depends on
    /// the tree and the options alone.
    ///
    /// Unless `blob` says otherwise the media type is that of a layer. The first
    /// entry is the directory itself, so mode and owner of the root of the image
    /// are those of `path`. Of extended attributes those of `user.` and `trusted.`,
    /// `security.capability` and access lists are told. Sockets are left out. Symbolic links are not followed
    /// but on the way to `path`; other file systems that are mounted below are told
    /// with the rest.
    ///
    /// image-spec, layer.md. If the blob is there already and `blob` knows its
    /// digest and size, the directory is not read.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) when there is no directory,
    /// [`Error::Io`](crate::Error::Io) when something in it cannot be read,
    /// [`Error::Conflict`](crate::Error::Conflict) when something changes while it
    /// is read, [`Error::Unsupported`](crate::Error::Unsupported) when a layer
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
        self.put_layer(blob, |out, entries| {
            archive::write_directory(path.as_ref(), directory, out, entries)
        })
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
        self.put_layer(blob, |out, entries| {
            let (lower, upper) = (lower.as_ref(), upper.as_ref());
            archive::write_difference(lower, upper, directory, out, entries)
        })
    }

    fn put_layer(
        &self,
        options: &BlobOptions,
        write: impl FnOnce(&mut BlobWriter, &Cell<u64>) -> Result<()>,
    ) -> Result<Descriptor> {
        self.check_writable()?;
        let options = options.of_layer();
        if let Some(there) = options.already_in(&self.store)? {
            return Ok(there);
        }
        let mut writer = BlobWriter::new(&self.store, &options)?;
        write(&mut writer, &Cell::new(0))?;
        writer.finish()
    }
}
