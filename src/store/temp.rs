//! A file on its way: written without a name, then published in one step.
//!
//! Where the file system can, the file has no name at all until it is
//! published (`O_TMPFILE`), and nothing is left of it after a crash. Elsewhere,
//! and for the instant of replacing another file, it has a hidden name in the
//! root of the layout, which other tools pass over; never one in `blobs/`.

use super::directory::{Directory, io_error, retry};
use crate::words::error::{Error, Result};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// The mode of a new file, less the umask.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// What the hidden names in the root of the layout begin with.
pub(super) const HIDDEN_PREFIX: &str = ".ocilayout-";

#[derive(Debug)]
pub(super) struct TempFile {
    file: File,
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
            Ok(fd) => Ok(Self { file: File::from(fd), root: Arc::clone(root), hidden: None }),
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
                    let file = File::from(fd);
                    return Ok(Self { file, root: Arc::clone(root), hidden: Some(name) });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(io_error("create a file in", root.path(), error)),
            }
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Waits until the content is on the disk. An error is final: what the
    /// kernel could not write it may have dropped, so a second try proves
    /// nothing.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(retry(|| rustix::fs::fdatasync(&self.file))?)
    }

    /// Gives the file its name, unless that is taken. Says whether it did.
    pub(super) fn publish(&self, target: &Directory, name: &OsStr) -> Result<bool> {
        let linked = match &self.hidden {
            Some(hidden) => {
                retry(|| rustix::fs::linkat(&self.root, hidden, target, name, AtFlags::empty()))
            }
            None => self.link_unnamed(target, name),
        };
        match linked {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(io_error("publish", &target.path_of(name), error)),
        }
    }

    /// Gives the file its name, in the place of whatever had it.
    pub(super) fn replace(mut self, target: &Directory, name: &OsStr) -> Result<()> {
        let hidden = match self.hidden.clone() {
            Some(hidden) => hidden,
            None => self.take_hidden_name()?,
        };
        retry(|| rustix::fs::renameat(&self.root, &hidden, target, name))
            .map_err(|error| io_error("replace", &target.path_of(name), error))?;
        self.hidden = None;
        Ok(())
    }

    fn take_hidden_name(&mut self) -> Result<OsString> {
        // Says to a later writer that the name is in use, for as long as it is.
        retry(|| rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive))
            .map_err(|error| io_error("lock a file in", self.root.path(), error))?;
        loop {
            let name = hidden_name()?;
            match self.link_unnamed(&self.root, &name) {
                Ok(()) => {
                    self.hidden = Some(name.clone());
                    return Ok(name);
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(io_error("create a file in", self.root.path(), error)),
            }
        }
    }

    fn link_unnamed(&self, target: &Directory, name: &OsStr) -> rustix::io::Result<()> {
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
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

fn hidden_name() -> Result<OsString> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Io {
        action: "draw",
        path: "a random name".to_owned(),
        source: error.into(),
    })?;
    Ok(format!("{HIDDEN_PREFIX}{}", hex::encode(random)).into())
}
