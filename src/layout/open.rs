//! An open layout: what it is opened with, and its blobs and files.
//!
//! image-spec, image-layout.md.

use super::tree::{BlobSource, Written};
use crate::layer::{BlobOptions, BlobWriter, InProgress};
use crate::store::files;
use crate::store::{BlobReader, Directory, Links, Store};
use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result, quoted};
use crate::words::index_text::IndexText;
use crate::words::json;
use serde::Deserialize;
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that says that a directory is a layout, and of which version.
const MARKER: &str = "oci-layout";
const MARKER_OF_1_0_0: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The file that names what is in the layout.
pub(super) const INDEX: &str = "index.json";

/// A caller's reader is asked for this many bytes at a time.
const PIECE: usize = 128 * 1024;

/// How a layout is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    create: bool,
    exclusive: bool,
    read_only: bool,
    symlinked_blobs: bool,
}

impl OpenOptions {
    /// Opens a layout that is there, to read and write it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the layout if it is not there, with the directories above it.
    #[must_use]
    pub fn create(mut self) -> Self {
        self.create = true;
        self
    }

    /// Makes the layout, and fails if it is there.
    #[must_use]
    pub fn create_new(mut self) -> Self {
        self.create = true;
        self.exclusive = true;
        self
    }

    /// Refuses every call that would write.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Reads blobs that are symbolic links, as the rules of Bazel make them.
    #[must_use]
    pub fn symlinked_blobs(mut self) -> Self {
        self.symlinked_blobs = true;
        self
    }

    /// Opens the layout in the directory `path`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such directory, [`Error::Exists`]
    /// when there is a layout that should not be, [`Error::Format`] when the
    /// directory is not a layout, [`Error::Unsupported`] when it is one of
    /// another version, [`Error::Io`] when the system refuses.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Layout> {
        self.open_at(rustix::fs::CWD, path)
    }

    /// The same, with `path` taken from the directory `base`.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_at(self, base: impl AsFd, path: impl AsRef<Path>) -> Result<Layout> {
        let layout = self.directory(base.as_fd(), path.as_ref())?;
        match layout.file(MARKER)? {
            Some(_) if self.exclusive => return Err(layout.exists()),
            Some(marker) => check_version(layout.path_of(MARKER), &marker)?,
            None if self.create => layout.make(&IndexText::empty()?, self.exclusive)?,
            None => {
                let problem = "expected the file oci-layout of an image layout, found none";
                return Err(Error::format(layout.path().display().to_string(), problem));
            }
        }
        layout.check_index_is_there()?;
        Ok(layout)
    }

    /// Makes a layout whose `index.json` is `index`, as it is given; only a media
    /// type is added if it has none.
    ///
    /// What the index names is first read from `source` and checked, down the
    /// whole tree. Without a source it must be put later, and entries of the
    /// index are allowed to have no blob.
    ///
    /// # Errors
    /// As for [`open`](Self::open) and [`Layout::write`], and [`Error::Exists`]
    /// when there is a layout. A call that failed leaves no layout, and can be
    /// made again with the same index.
    pub fn create_with_index(
        self,
        path: impl AsRef<Path>,
        index: &[u8],
        source: Option<&dyn BlobSource>,
    ) -> Result<Layout> {
        let index = IndexText::given("index", index)?;
        let layout = Self { create: true, ..self }.directory(rustix::fs::CWD, path.as_ref())?;
        if layout.file(MARKER)?.is_some() {
            return Err(layout.exists());
        }
        if let Some(source) = source {
            let mut written = Written::new();
            for entry in index.descriptors() {
                layout.write_tree(entry, source, &mut written, 0)?;
            }
        }
        layout.make(&index, true)?;
        Ok(layout)
    }

    fn directory(self, base: BorrowedFd<'_>, path: &Path) -> Result<Layout> {
        if self.create && self.read_only {
            let found = "both create and read-only";
            return Err(Error::invalid("flags", "either create or read-only", found));
        }
        let root = match Directory::open(base, path)? {
            Some(root) => root,
            None if self.create => Directory::create(base, path)?,
            None => {
                let path = path.display();
                return Err(Error::NotFound(format!(
                    "{path}: expected an image layout, found no such directory"
                )));
            }
        };
        Ok(Layout {
            store: Arc::new(Store::new(root, self.symlinked_blobs)),
            in_progress: Arc::default(),
            read_only: self.read_only,
        })
    }
}

/// An open image layout.
///
/// It can be used from any number of threads at once, and a clone is the same
/// open layout. All paths start at the directory that was opened, wherever that
/// is moved to.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(super) store: Arc<Store>,
    in_progress: Arc<InProgress>,
    read_only: bool,
}

impl Layout {
    /// Opens a layout that is there, to read and write it.
    ///
    /// # Errors
    /// As for [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// The directory, as it was named when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.store.root().path()
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        let path: PathBuf = self.store.root().path_of(OsStr::new(name));
        path.display().to_string()
    }

    pub(super) fn check_writable(&self) -> Result<()> {
        if self.read_only {
            let path = self.path().display();
            return Err(Error::State(format!(
                "{path}: expected a layout that is open to write, found it open read-only"
            )));
        }
        Ok(())
    }

    fn exists(&self) -> Error {
        let path = self.path().display();
        Error::Exists(format!("{path}: expected no image layout, found one"))
    }

    fn check_index_is_there(&self) -> Result<()> {
        match self.store.root().size_of(OsStr::new(INDEX), Links::Refused)? {
            Some(_) => Ok(()),
            None => Err(self.no_index()),
        }
    }

    /// Reads `index.json` as it is now.
    pub(super) fn read_index(&self) -> Result<IndexText> {
        let content = self.file(INDEX)?.ok_or_else(|| self.no_index())?;
        IndexText::stored(&self.path_of(INDEX), content)
    }

    fn no_index(&self) -> Error {
        Error::format(self.path_of(INDEX), "expected an image index, found no such file")
    }

    /// Makes this directory a layout. The marker comes last: what is there
    /// before it is not yet a layout.
    fn make(&self, index: &IndexText, exclusive: bool) -> Result<()> {
        let root = self.store.root();
        files::locked(root, || {
            if self.file(MARKER)?.is_some() {
                return if exclusive { Err(self.exists()) } else { Ok(()) };
            }
            self.store.create_blobs()?;
            let made = files::create(root, INDEX, index.text().as_bytes())?;
            // What an earlier call, or another tool, did not finish.
            if !made && self.read_index()?.text() != index.text() && exclusive {
                return Err(self.exists());
            }
            files::create(root, MARKER, MARKER_OF_1_0_0).map(drop)
        })
    }

    /// Stores what `source` gives until its end.
    ///
    /// If the blob is there already and `options` know its digest and size, the
    /// source is not read.
    ///
    /// # Errors
    /// Those of [`BlobWriter::finish`], and [`Error::Source`] when the source
    /// fails, unless its error carries an [`Error`], which is then returned.
    pub fn put(&self, mut source: impl Read, options: &BlobOptions) -> Result<Descriptor> {
        self.check_writable()?;
        if let Some(there) = options.already_in(&self.store)? {
            return Ok(there);
        }
        let call = self.in_progress.begin(BlobWriter::new(&self.store, options)?);
        let mut piece = vec![0; PIECE];
        loop {
            match source.read(&mut piece) {
                Ok(0) => return call.finish(),
                Ok(n) => call.write(piece.get(..n).ok_or_else(|| overfull(n))?)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_source(error)),
            }
        }
    }

    /// Begins a blob whose bytes are pushed.
    ///
    /// # Errors
    /// [`Error::State`] when the layout is open read-only, [`Error::Io`] when
    /// no file can be made.
    pub fn writer(&self, options: &BlobOptions) -> Result<BlobWriter> {
        self.check_writable()?;
        BlobWriter::new(&self.store, options)
    }

    /// The size of a blob in bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::Format`] when
    /// something other than a file stands there.
    pub fn blob_size(&self, digest: &Digest) -> Result<u64> {
        self.store.size_of(digest)?.ok_or_else(|| self.store.missing(digest))
    }

    /// The digest and the size of every blob that is here, in no order.
    pub(crate) fn blobs(&self) -> Result<Vec<(Digest, u64)>> {
        self.store.all()
    }

    /// Opens a blob to read it; its content is checked at its end.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::Size`] when it is not
    /// as long as the descriptor says, [`Error::Unsupported`] when its digest
    /// cannot be computed.
    pub fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader> {
        self.store.open(descriptor)
    }

    /// Reads a whole blob of at most `limit` bytes, and checks it.
    ///
    /// # Errors
    /// Those of [`open_blob`](Self::open_blob), [`Error::Digest`] when the
    /// content is not that of its digest, [`Error::Limit`] when it is larger.
    pub fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        self.store.read(descriptor, limit)
    }

    /// Takes a blob away, whatever points at it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there, [`Error::State`] when the
    /// layout is open read-only, [`Error::Io`] when the system refuses.
    pub fn remove_blob(&self, digest: &Digest) -> Result<()> {
        self.check_writable()?;
        self.store.remove(digest)
    }

    /// Reads a file beside `blobs`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `name` is not that of a file beside `blobs`,
    /// [`Error::NotFound`] when there is none, [`Error::Format`] when it is no
    /// regular file, [`Error::Limit`] when it is over 64 MiB.
    pub fn read_file(&self, name: &str) -> Result<Vec<u8>> {
        files::check_name(name)?;
        self.file(name)?.ok_or_else(|| {
            Error::NotFound(format!("{}: expected a file, found none", self.path_of(name)))
        })
    }

    fn file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        files::read(self.store.root(), name)
    }

    /// Writes a file beside `blobs`, in one step: whoever reads it sees the old
    /// content or the new. `oci-layout` and `index.json` are checked first.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `name` is not that of a file beside `blobs`,
    /// [`Error::Format`] or [`Error::Unsupported`] when `content` is not what
    /// such a file holds.
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<()> {
        self.check_writable()?;
        files::check_name(name)?;
        match name {
            MARKER => check_version(MARKER.to_owned(), content)?,
            INDEX => {
                let index = IndexText::given(INDEX, content)?;
                return self.replace_file(INDEX, index.text().as_bytes());
            }
            _ => {}
        }
        self.replace_file(name, content)
    }

    fn replace_file(&self, name: &str, content: &[u8]) -> Result<()> {
        let root = self.store.root();
        files::locked(root, || files::replace(root, name, content))
    }
}

fn overfull(n: usize) -> Error {
    Error::Source(std::io::Error::other(format!("expected at most {PIECE} bytes, found {n}")))
}

fn check_version(path: String, marker: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let found = json::parse::<Marker>(&path, marker)?.image_layout_version;
    if found == "1.0.0" {
        return Ok(());
    }
    let found = quoted(&found);
    Err(Error::Unsupported(format!("{path}: expected image layout version 1.0.0, found {found}")))
}
