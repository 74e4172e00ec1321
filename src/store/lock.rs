//! The lock that editors of `index.json` take turns with.

use super::directory::{Directory, io_error, retry};
use crate::words::error::{Error, Result};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::path::Path;

/// Holds a directory for one writer, among threads, handles and processes.
///
/// It is an advisory lock on the directory itself, on a descriptor of its own,
/// so it leaves no file behind and ends with the process at the latest.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Directory,
}

impl Lock {
    /// Waits until nobody else holds `directory`.
    pub(super) fn exclusive(directory: &Directory) -> Result<Self> {
        let failed = |error| io_error("lock", directory.path(), error);
        let held = Directory::open(directory.as_fd(), Path::new("."))?
            .ok_or_else(|| failed(Errno::NOENT))?;
        match retry(|| rustix::fs::flock(&held, FlockOperation::LockExclusive)) {
            Ok(()) => Ok(Self { _held: held }),
            Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => {
                Err(Error::Unsupported(format!(
                    "{}: expected a file system with locks, so that no writer's edit is lost",
                    directory.path().display()
                )))
            }
            Err(error) => Err(failed(error)),
        }
    }
}
