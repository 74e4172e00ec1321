//! A directory that is open: every path of the layout starts at one.
//!
//! Names are looked up one at a time and never through a symbolic link, so
//! nothing inside of a layout can lead out of it. Files are opened without
//! blocking, so that a FIFO in the place of a blob is an error and no hang.

use super::durability::Durability;
use crate::words::error::{Error, Result};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The mode of a new directory, less the umask.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    /// For error messages alone.
    path: PathBuf,
    durability: Durability,
}

/// Whether a blob may be a symbolic link to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    Refused,
    Followed,
}

impl Directory {
    /// Opens a directory by a path of the caller's, through any links that he
    /// put on the way; `None` if there is nothing.
    pub(crate) fn open(base: BorrowedFd<'_>, path: &Path) -> Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match retry(|| rustix::fs::openat(base, path, flags, Mode::empty())) {
            Ok(fd) => Ok(Some(Self { fd, path: path.to_owned(), durability: Durability::Full })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io_error("open the directory", path, error)),
        }
    }

    /// Makes a directory by a path of the caller's, with those above it.
    pub(crate) fn create(
        base: BorrowedFd<'_>,
        path: &Path,
        durability: Durability,
    ) -> Result<Self> {
        let mut refused = None;
        let mut above = PathBuf::new();
        for component in path.components() {
            above.push(component);
            match retry(|| rustix::fs::mkdirat(base, &above, DIRECTORY_MODE)) {
                Ok(()) => Self::sync_above(base, &above, durability)?,
                Err(Errno::EXIST) => {}
                // One that may not be written can still be passed through.
                Err(error) => {
                    refused.get_or_insert((above.clone(), error));
                }
            }
        }
        match (Self::open(base, path)?, refused) {
            (Some(directory), _) => Ok(directory),
            (None, Some((above, error))) => Err(io_error("create the directory", &above, error)),
            (None, None) => Err(io_error("open the directory", path, Errno::NOENT)),
        }
    }

    /// Waits until the name of a new directory is on the disk.
    fn sync_above(base: BorrowedFd<'_>, path: &Path, durability: Durability) -> Result<()> {
        let above = match path.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            _ => Path::new("."),
        };
        match Self::open(base, above)? {
            Some(above) => above.with(durability).sync(),
            None => Ok(()),
        }
    }

    /// The same directory, with what is promised of it and of those in it.
    pub(crate) fn with(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in this directory, for error messages.
    pub(crate) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a directory that stands in this one; `None` if there is nothing.
    pub(crate) fn child(&self, name: &OsStr) -> Result<Option<Self>> {
        let path = self.path_of(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match retry(|| rustix::fs::openat(&self.fd, name, flags, Mode::empty())) {
            Ok(fd) => Ok(Some(Self { fd, path, durability: self.durability })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                Err(self.unexpected(name, "a directory").unwrap_or_else(|error| error))
            }
            Err(error) => Err(io_error("open the directory", &path, error)),
        }
    }

    /// Opens a directory that stands in this one, and makes it if need be.
    pub(crate) fn child_or_new(&self, name: &OsStr) -> Result<Self> {
        if let Some(child) = self.child(name)? {
            return Ok(child);
        }
        let path = self.path_of(name);
        match retry(|| rustix::fs::mkdirat(&self.fd, name, DIRECTORY_MODE)) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(io_error("create the directory", &path, error)),
        }
        self.child(name)?.ok_or_else(|| io_error("open the directory", &path, Errno::NOENT))
    }

    /// Whether a symbolic link stands there.
    pub(crate) fn is_link(&self, name: &OsStr) -> Result<bool> {
        match retry(|| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Symlink),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(io_error("look at", &self.path_of(name), error)),
        }
    }

    /// The size of a regular file; `None` if there is nothing.
    pub(crate) fn size_of(&self, name: &OsStr, links: Links) -> Result<Option<u64>> {
        let flags = match links {
            Links::Refused => AtFlags::SYMLINK_NOFOLLOW,
            Links::Followed => AtFlags::empty(),
        };
        match retry(|| rustix::fs::statat(&self.fd, name, flags)) {
            Ok(stat) => self.check_regular(name, &stat).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io_error("look at", &self.path_of(name), error)),
        }
    }

    /// Opens a regular file to read it, with its size; `None` if there is
    /// nothing.
    pub(crate) fn open_file(&self, name: &OsStr, links: Links) -> Result<Option<(File, u64)>> {
        let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        if links == Links::Refused {
            flags |= OFlags::NOFOLLOW;
        }
        let fd = match retry(|| rustix::fs::openat(&self.fd, name, flags, Mode::empty())) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            // A link that was not followed, or a socket.
            Err(Errno::LOOP | Errno::NXIO) => return Err(self.unexpected(name, "a regular file")?),
            Err(error) => return Err(io_error("open", &self.path_of(name), error)),
        };
        let stat = retry(|| rustix::fs::fstat(&fd))
            .map_err(|error| io_error("look at", &self.path_of(name), error))?;
        let size = self.check_regular(name, &stat)?;
        Ok(Some((File::from(fd), size)))
    }

    fn check_regular(&self, name: &OsStr, stat: &Stat) -> Result<u64> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(stat.st_size.unsigned_abs()),
            found => Err(self.wrong_type(name, "a regular file", found)),
        }
    }

    /// The error for something that stands here and is not what it should be.
    fn unexpected(&self, name: &OsStr, expected: &str) -> Result<Error> {
        let stat = retry(|| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW))
            .map_err(|error| io_error("look at", &self.path_of(name), error))?;
        Ok(self.wrong_type(name, expected, FileType::from_raw_mode(stat.st_mode)))
    }

    fn wrong_type(&self, name: &OsStr, expected: &str, found: FileType) -> Error {
        let found = match found {
            FileType::RegularFile => "a regular file",
            FileType::Directory => "a directory",
            FileType::Symlink => "a symbolic link",
            FileType::Fifo => "a FIFO",
            FileType::Socket => "a socket",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            FileType::Unknown => "something else",
        };
        let path = self.path_of(name).display().to_string();
        Error::format(path, format!("expected {expected}, found {found}"))
    }

    /// The names in this directory that are UTF-8, as all of ours are.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let failed = |error| io_error("list the directory", &self.path, error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    /// Takes a file away. Says whether there was one.
    pub(crate) fn remove(&self, name: &OsStr) -> Result<bool> {
        match retry(|| rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(io_error("remove", &self.path_of(name), error)),
        }
    }

    /// Waits until the names in this directory are on the disk, if that was
    /// promised and the file system knows how to.
    pub(crate) fn sync(&self) -> Result<()> {
        if self.durability == Durability::None {
            return Ok(());
        }
        match retry(|| rustix::fs::fsync(&self.fd)) {
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(io_error("sync the directory", &self.path, error)),
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes a system call again when a signal interrupted it.
pub(super) fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(call)
}

pub(super) fn io_error(
    action: &'static str,
    path: &Path,
    error: impl Into<std::io::Error>,
) -> Error {
    Error::Io { action, path: path.display().to_string(), source: error.into() }
}
