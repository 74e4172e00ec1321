//! A directory that is open: every path of the layout starts at one.
//!
//! Names are looked up one at a time and never through a symbolic link, so
//! nothing inside of a layout can lead out of it. Files are opened without
//! blocking, so that a FIFO in the place of a blob is an error and no hang.

use super::durability::Durability;
use super::file_size;
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The mode of a new directory, less the umask.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// The mode of a new file, less the umask.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// Device and inode: what something is, whatever its name.
pub(super) type Identity = (u64, u64);

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

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in this directory, for error messages.
    pub(crate) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the directory was not removed since it was opened.
    pub(super) fn exists(&self) -> Result<bool> {
        let stat = retry(|| rustix::fs::fstat(&self.fd))
            .map_err(|error| io_error("look at", &self.path, error))?;
        Ok(stat.st_nlink > 0)
    }

    /// Checks that the root of a layout was not removed.
    pub(super) fn check_exists(&self) -> Result<()> {
        if self.exists()? {
            return Ok(());
        }
        let path = self.path.display();
        Err(Error::NotFound(format!("{path}: expected the layout, found that it was removed")))
    }

    /// Another descriptor of this directory, that shares nothing with its own.
    pub(super) fn another_descriptor(&self) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        retry(|| rustix::fs::openat(&self.fd, ".", flags, Mode::empty()))
    }

    /// The descriptor, and the path for error messages.
    pub(super) fn into_parts(self) -> (OwnedFd, PathBuf) {
        (self.fd, self.path)
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

    /// Makes a directory in this one that need not survive when the power goes;
    /// `None` if the name is taken.
    pub(super) fn new_child(&self, name: &OsStr) -> Result<Option<Self>> {
        match retry(|| rustix::fs::mkdirat(&self.fd, name, DIRECTORY_MODE)) {
            Ok(()) => self.child(name),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(io_error("create the directory", &self.path_of(name), error)),
        }
    }

    /// What this directory is.
    pub(super) fn identity(&self) -> Result<Identity> {
        identity_of(&self.fd).map_err(|error| io_error("look at", &self.path, error))
    }

    /// What has this name; `None` if there is nothing.
    pub(super) fn identity_of(&self, name: &OsStr) -> Result<Option<Identity>> {
        match retry(|| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some((stat.st_dev, stat.st_ino))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io_error("look at", &self.path_of(name), error)),
        }
    }

    /// Whether this name stands for what is open under this descriptor.
    pub(super) fn is_named(&self, open: impl AsFd, name: &OsStr) -> Result<bool> {
        let own =
            identity_of(open).map_err(|error| io_error("look at", &self.path_of(name), error))?;
        Ok(self.identity_of(name)? == Some(own))
    }

    /// Takes a directory away that is empty.
    pub(super) fn remove_child(&self, name: &OsStr) -> Result<()> {
        retry(|| rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR))
            .map_err(|error| io_error("remove", &self.path_of(name), error))
    }

    /// Adds to the end of a file, in one step; it is made if need be.
    pub(super) fn append(&self, name: &OsStr, bytes: &[u8]) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
        let failed = |error: io::Error| io_error("write", &self.path_of(name), error);
        let fd = retry(|| rustix::fs::openat(&self.fd, name, flags, FILE_MODE))
            .map_err(|error| failed(error.into()))?;
        let mut file = File::from(fd);
        let size = stat_of(&file).map_err(failed)?.st_size.unsigned_abs();
        file_size::append(&mut file, size, bytes).map_err(failed)
    }

    /// Makes a file in this directory, to read and write it.
    pub(super) fn new_file(&self, name: &OsStr) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        match retry(|| rustix::fs::openat(&self.fd, name, flags, FILE_MODE)) {
            Ok(fd) => Ok(File::from(fd)),
            Err(error) => Err(io_error("create", &self.path_of(name), error)),
        }
    }

    /// Makes a file that has no name yet; `None` if the file system has no such
    /// files.
    pub(super) fn unnamed_file(&self) -> Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match retry(|| rustix::fs::openat(&self.fd, ".", flags, FILE_MODE)) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOSYS | Errno::INVAL) => Ok(None),
            Err(error) => Err(io_error("create a file in", &self.path, error)),
        }
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

    /// When a file was last changed in any way; `None` if there is nothing.
    pub(super) fn changed(&self, name: &OsStr) -> Result<Option<SystemTime>> {
        match retry(|| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => {
                let since = Duration::from_secs(stat.st_ctime.unsigned_abs());
                Ok(Some(SystemTime::UNIX_EPOCH + since))
            }
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
        let names = self.all_names()?.into_iter().filter_map(|name| name.into_string().ok());
        memory::list(names)
    }

    /// All names in this directory, in whatever encoding.
    pub(super) fn all_names(&self) -> Result<Vec<OsString>> {
        let failed = |error| io_error("list the directory", &self.path, error);
        let mut names = Vec::new();
        for entry in retry(|| rustix::fs::Dir::read_from(&self.fd)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                memory::push(&mut names, name.to_owned())?;
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

    /// Gives a file of this directory a name in another one, unless that is taken.
    /// Says whether it did.
    pub(super) fn move_to_free(&self, own: &OsStr, target: &Self, name: &OsStr) -> Result<bool> {
        let flags = RenameFlags::NOREPLACE;
        match retry(|| rustix::fs::renameat_with(&self.fd, own, &target.fd, name, flags)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // Between the look and the rename another writer may publish the same;
            // its file is then replaced by its equal.
            Err(Errno::INVAL | Errno::NOSYS) => {
                let free = target.size_of(name, Links::Refused)?.is_none();
                if free {
                    self.move_over(own, target, name)?;
                }
                Ok(free)
            }
            Err(error) => Err(io_error("publish", &target.path_of(name), error)),
        }
    }

    /// Gives a file of this directory a name in another one, in the place of
    /// whatever had it.
    pub(super) fn move_over(&self, own: &OsStr, target: &Self, name: &OsStr) -> Result<()> {
        retry(|| rustix::fs::renameat(&self.fd, own, &target.fd, name))
            .map_err(|error| io_error("replace", &target.path_of(name), error))
    }

    /// The same, in two steps, which other threads do not wait for as they do for a move
    /// from one directory to another.
    pub(super) fn link_over(&self, own: &OsStr, target: &Self, name: &OsStr) -> Result<()> {
        let link = || rustix::fs::linkat(&self.fd, own, &target.fd, name, AtFlags::empty());
        match retry(link) {
            Ok(()) => self.remove(own).map(drop),
            // The name is taken, or the file system has no links.
            Err(_) => self.move_over(own, target, name),
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

fn identity_of(open: impl AsFd) -> rustix::io::Result<Identity> {
    let stat = retry(|| rustix::fs::fstat(&open))?;
    Ok((stat.st_dev, stat.st_ino))
}

pub(super) fn stat_of(file: &File) -> io::Result<Stat> {
    Ok(retry(|| rustix::fs::fstat(file))?)
}

pub(super) fn io_error(
    action: &'static str,
    path: &Path,
    error: impl Into<std::io::Error>,
) -> Error {
    let source = error.into();
    if memory::was_refused(&source) {
        return Error::Memory;
    }
    Error::Io { action, path: path.display().to_string(), source }
}
