//! A file on its way: written without a name, then published in one step.
//!
//! Where the file system can, the file has no name at all until it is
//! published (`O_TMPFILE`), and nothing is left of it after a crash. Elsewhere,
//! and for the instant of replacing another file, it has a hidden name in the
//! root of the layout, which other tools pass over; never one in `blobs/`.

use super::directory::{Directory, Links, io_error, retry};
use super::durability::Durability;
use crate::words::error::{Error, Result};
use rustix::fs::{Advice, AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

/// The mode of a new file, less the umask.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// What the hidden names in the root of the layout begin with.
pub(super) const HIDDEN_PREFIX: &str = ".ocilayout-";

#[derive(Debug)]
pub(super) struct TempFile {
    file: File,
    /// Device and inode, to see whether the descriptor is still that of the file.
    identity: (u64, u64),
    root: Arc<Directory>,
    /// Its name in the root, where it has one.
    hidden: Option<OsString>,
}

impl TempFile {
    /// Makes a file that is to be published in `target`, whose defaults for new
    /// files (group, access lists, labels) it takes.
    pub(super) fn new(root: &Arc<Directory>, target: &Directory) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match retry(|| rustix::fs::openat(target, ".", flags, FILE_MODE)) {
            Ok(fd) => Self::with_file(root, File::from(fd), None),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOSYS | Errno::INVAL) => {
                Self::with_hidden_name(root)
            }
            Err(error) => Err(io_error("create a file in", target.path(), error)),
        }
    }

    fn with_hidden_name(root: &Arc<Directory>) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let name = hidden_name()?;
            match retry(|| rustix::fs::openat(root, &name, flags, FILE_MODE)) {
                Ok(fd) => {
                    let temp = Self::with_file(root, File::from(fd), Some(name))?;
                    if temp.lock()? {
                        return Ok(temp);
                    }
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(io_error("create a file in", root.path(), error)),
            }
        }
    }

    fn with_file(root: &Arc<Directory>, file: File, hidden: Option<OsString>) -> Result<Self> {
        let mut temp = Self { file, identity: (0, 0), root: Arc::clone(root), hidden };
        temp.identity = temp.stat().map(|(identity, _)| identity)?;
        Ok(temp)
    }

    fn stat(&self) -> Result<((u64, u64), u64)> {
        let failed = |error| io_error("look at a file in", self.root.path(), error);
        let metadata = self.file.metadata().map_err(failed)?;
        Ok(((metadata.dev(), metadata.ino()), metadata.len()))
    }

    /// Checks that the descriptor is still that of our file, and the file of
    /// this size: a host may have closed it and opened another under its number.
    pub(super) fn check_written(&self, expected: u64) -> Result<()> {
        let (identity, size) = self.stat()?;
        if identity == self.identity && size == expected {
            return Ok(());
        }
        let path = self.root.path().display();
        Err(Error::State(format!(
            "{path}: expected {expected} bytes in the file that was written, found another file \
             or {size} bytes: something else used its descriptor"
        )))
    }

    /// Says to a later writer that the hidden name is in use, for as long as it
    /// is. Fails to if that writer has just taken it for one that is not.
    fn lock(&self) -> Result<bool> {
        let failed = |error| io_error("lock a file in", self.root.path(), error);
        match retry(|| rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(error) => return Err(failed(error)),
        }
        let stat = retry(|| rustix::fs::fstat(&self.file)).map_err(failed)?;
        Ok(self.hidden.is_none() || stat.st_nlink > 0)
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Has the kernel begin to write this part to the disk, so that less is left
    /// to wait for at the end. Nothing is promised by it.
    pub(super) fn begin_sync(&self, offset: u64, length: u64) {
        if self.root.durability() != Durability::None {
            // The advice that the part will not be needed soon has it written; it
            // is only dropped from memory once it was, and so not here.
            let _ =
                rustix::fs::fadvise(&self.file, offset, NonZeroU64::new(length), Advice::DontNeed);
        }
    }

    /// Waits until the content is on the disk, if that was promised. An error is
    /// final: what the kernel could not write it may have dropped, so a second
    /// try proves nothing.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.root.durability() {
            Durability::None => Ok(()),
            _ => Ok(retry(|| rustix::fs::fdatasync(&self.file))?),
        }
    }

    /// Gives the file its name, unless that is taken. Says whether it did.
    pub(super) fn publish(&mut self, target: &Directory, name: &OsStr) -> Result<bool> {
        let linked = match &self.hidden {
            Some(hidden) => self.link_hidden(hidden, target, name),
            None => self.link_unnamed(target, name),
        };
        match linked {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // No hard links here. Between the look and the rename another writer
            // may publish the same; its file is then replaced by its equal.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) if self.hidden.is_some() => {
                let free = target.size_of(name, Links::Refused)?.is_none();
                if free {
                    self.rename(target, name)?;
                }
                Ok(free)
            }
            Err(error) => Err(io_error("publish", &target.path_of(name), error)),
        }
    }

    /// Gives the file its name, in the place of whatever had it.
    pub(super) fn replace(&mut self, target: &Directory, name: &OsStr) -> Result<()> {
        if self.hidden.is_none() {
            self.take_hidden_name()?;
        }
        self.rename(target, name)
    }

    fn take_hidden_name(&mut self) -> Result<()> {
        self.lock()?;
        loop {
            let name = hidden_name()?;
            match self.link_unnamed(&self.root, &name) {
                Ok(()) => {
                    self.hidden = Some(name);
                    return Ok(());
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(io_error("create a file in", self.root.path(), error)),
            }
        }
    }

    fn rename(&mut self, target: &Directory, name: &OsStr) -> Result<()> {
        if let Some(hidden) = &self.hidden {
            retry(|| rustix::fs::renameat(&self.root, hidden, target, name))
                .map_err(|error| io_error("replace", &target.path_of(name), error))?;
            self.hidden = None;
        }
        Ok(())
    }

    fn link_hidden(
        &self,
        hidden: &OsStr,
        target: &Directory,
        name: &OsStr,
    ) -> rustix::io::Result<()> {
        retry(|| rustix::fs::linkat(&self.root, hidden, target, name, AtFlags::empty()))
    }

    fn link_unnamed(&self, target: &Directory, name: &OsStr) -> rustix::io::Result<()> {
        let own = format!("/proc/thread-self/fd/{}", self.file.as_raw_fd());
        match retry(|| rustix::fs::linkat(CWD, &own, target, name, AtFlags::SYMLINK_FOLLOW)) {
            // Without /proc; this way asks for a privilege on older kernels.
            Err(Errno::NOENT) => {
                retry(|| rustix::fs::linkat(&self.file, "", target, name, AtFlags::EMPTY_PATH))
            }
            linked => linked,
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(name) = self.hidden.take() {
            // Nobody is left to tell; the name is hidden, and swept up later.
            let _ = self.root.remove(&name);
        }
    }
}

/// Takes away what writers left that were killed: files with a hidden name that
/// nobody holds. What cannot be taken away is left for the next writer.
pub(super) fn sweep(root: &Directory) -> Result<()> {
    for name in root.names()?.iter().filter(|name| is_hidden(name)) {
        let name = OsStr::new(name);
        let Ok(Some((file, _))) = root.open_file(name, Links::Refused) else { continue };
        if retry(|| rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)).is_ok() {
            let _ = root.remove(name);
        }
    }
    Ok(())
}

fn is_hidden(name: &str) -> bool {
    let random = name.strip_prefix(HIDDEN_PREFIX);
    random.is_some_and(|random| random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn hidden_name() -> Result<OsString> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Io {
        action: "draw",
        path: "a random name".to_owned(),
        source: error.into(),
    })?;
    Ok(format!("{HIDDEN_PREFIX}{}", hex::encode(random)).into())
}
