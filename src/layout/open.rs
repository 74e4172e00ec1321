//! Opening a layout, and making one.

use super::Layout;
use super::files::{INDEX, MARKER, MARKER_OF_1_0_0, check_version};
use crate::store::{Directory, Durability, Links, Store, files};
use crate::words::error::{Error, Result};
use crate::words::index_text::IndexText;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

/// How a layout is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    create: bool,
    exclusive: bool,
    read_only: bool,
    symlinked_blobs: bool,
    durability: Durability,
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

    /// What is promised for the case that the power goes.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens the layout in the directory `path`.
    ///
    /// Once `index.json` was asked for, what is known of it is kept, in less than twice
    /// its size, and it is read again only when somebody has changed it. So to resolve
    /// one more name takes no longer among many entries than among few.
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
            Some(marker) => {
                check_version(layout.path_of(MARKER), &marker)?;
                layout.check_index_is_there()?;
            }
            None if self.create => layout.make(&IndexText::empty()?, self.exclusive)?,
            None => {
                let problem = "expected the file oci-layout of an image layout, found none";
                return Err(Error::format(layout.path().display().to_string(), problem));
            }
        }
        Ok(layout)
    }

    pub(super) fn directory(self, base: BorrowedFd<'_>, path: &Path) -> Result<Layout> {
        if self.create && self.read_only {
            let found = "both create and read-only";
            return Err(Error::invalid("flags", "either create or read-only", found));
        }
        let root = match Directory::open(base, path)? {
            Some(root) => root,
            None if self.create => Directory::create(base, path, self.durability)?,
            None => {
                let path = path.display();
                return Err(Error::NotFound(format!(
                    "{path}: expected an image layout, found no such directory"
                )));
            }
        };
        Ok(Layout {
            store: Arc::new(Store::new(root.with(self.durability), self.symlinked_blobs)),
            in_progress: Arc::default(),
            crews: Arc::default(),
            read_only: self.read_only,
            index: Arc::default(),
            staged: None,
        })
    }
}

impl Layout {
    /// Opens a layout that is there, to read and write it.
    ///
    /// # Errors
    /// As for [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    pub(super) fn exists(&self) -> Error {
        let path = self.path().display();
        Error::Exists(format!("{path}: expected no image layout, found one"))
    }

    fn check_index_is_there(&self) -> Result<()> {
        match self.store.root().size_of(OsStr::new(INDEX), Links::Refused)? {
            Some(_) => Ok(()),
            None => Err(self.no_index()),
        }
    }

    /// Makes this directory a layout. The marker comes last: what is there
    /// before it is not yet a layout.
    pub(super) fn make(&self, index: &IndexText, exclusive: bool) -> Result<()> {
        files::locked(&self.store, || {
            if self.file(MARKER)?.is_some() {
                return if exclusive { Err(self.exists()) } else { Ok(()) };
            }
            self.store.create_blobs()?;
            let root = self.store.root();
            let made = files::create(&self.store, INDEX, index.text().as_bytes())?;
            root.sync()?;
            // What an earlier call, or another tool, did not finish.
            if !made && self.stored_index()?.text() != index.text() && exclusive {
                return Err(self.exists());
            }
            files::create(&self.store, MARKER, MARKER_OF_1_0_0)?;
            files::sync_change(root, MARKER)
        })
    }
}
