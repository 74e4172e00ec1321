//! The locks by which writers take turns.

use super::directory::{Directory, Links, io_error, retry};
use crate::words::error::{Error, Result};
use crate::words::interrupt::Interrupt;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Holds a directory or a file, among threads, handles and processes.
///
/// It is an advisory lock on a descriptor of its own. On a directory it leaves no
/// file behind, and it ends with the process at the latest.
#[derive(Debug)]
pub(super) struct Lock {
    held: OwnedFd,
    /// A forked child has the lock in its memory, but it is not the child's.
    process: u32,
}

/// How long to wait for a lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    /// `None` is for as long as it takes.
    pub(super) limit: Option<Duration>,
    /// What ends it before that.
    pub(super) interrupt: Interrupt,
}

#[derive(Clone, Copy)]
enum Kind {
    Exclusive,
    Shared,
}

impl Lock {
    fn of(held: OwnedFd) -> Self {
        Self { held, process: std::process::id() }
    }

    /// Whether this process took it, and not one that it was forked from.
    pub(super) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Waits until nobody else holds `directory`, for at most this long.
    pub(super) fn exclusive(directory: &Directory, patience: &Patience) -> Result<Self> {
        Self::wait(opened(directory)?, directory.path(), Kind::Exclusive, patience)
    }

    /// Waits until nobody holds `directory` exclusively, for at most this long.
    pub(super) fn shared(directory: &Directory, patience: &Patience) -> Result<Self> {
        Self::wait(opened(directory)?, directory.path(), Kind::Shared, patience)
    }

    /// The same for a directory that was opened for this alone.
    pub(super) fn shared_by(directory: Directory, patience: &Patience) -> Result<Self> {
        let (held, path) = directory.into_parts();
        Self::wait(held, &path, Kind::Shared, patience)
    }

    /// Holds `directory` alone, if nobody else holds it.
    pub(super) fn attempt(directory: &Directory) -> Result<Option<Self>> {
        let held = opened(directory)?;
        match retry(|| rustix::fs::flock(&held, Kind::Exclusive.at_once())) {
            Ok(()) => Ok(Some(Self::of(held))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(refused(directory.path(), error)),
        }
    }

    /// Waits until nobody else holds a file, for at most this long; `None` if there
    /// is no such file.
    pub(super) fn on_file(
        directory: &Directory,
        name: &OsStr,
        patience: &Patience,
    ) -> Result<Option<Self>> {
        let path = directory.path_of(name);
        while let Some((file, _)) = directory.open_file(name, Links::Refused)? {
            let lock = Self::wait(file.into(), &path, Kind::Exclusive, patience)?;
            // Who held it may have taken it away, and another made a new one.
            if directory.is_named(&lock.held, name)? {
                return Ok(Some(lock));
            }
        }
        Ok(None)
    }

    fn wait(held: OwnedFd, path: &Path, kind: Kind, patience: &Patience) -> Result<Self> {
        if patience.limit.is_some() || patience.interrupt.is_possible() {
            lock_within(&held, path, kind, patience)?;
        } else {
            // The kernel lets waiters in by turns, and without asking again.
            retry(|| rustix::fs::flock(&held, kind.waiting()))
                .map_err(|error| refused(path, error))?;
        }
        Ok(Self::of(held))
    }
}

impl Kind {
    fn waiting(self) -> FlockOperation {
        match self {
            Self::Exclusive => FlockOperation::LockExclusive,
            Self::Shared => FlockOperation::LockShared,
        }
    }

    fn at_once(self) -> FlockOperation {
        match self {
            Self::Exclusive => FlockOperation::NonBlockingLockExclusive,
            Self::Shared => FlockOperation::NonBlockingLockShared,
        }
    }
}

/// A lock belongs to the descriptor that it was taken by.
fn opened(directory: &Directory) -> Result<OwnedFd> {
    directory.another_descriptor().map_err(|error| refused(directory.path(), error))
}

fn refused(path: &Path, error: Errno) -> Error {
    match error {
        Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS => Error::Unsupported(format!(
            "{}: expected a file system with locks, so that no writer's edit is lost",
            path.display()
        )),
        error => io_error("lock", path, error),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not only closed: a child that some thread of the host forked meanwhile
        // has the same lock, and would hold it for as long as it lives.
        if self.is_ours() {
            let _ = rustix::fs::flock(&self.held, FlockOperation::Unlock);
        }
    }
}

/// No system call waits for a lock and for something else, so it is asked for again and
/// again, less often the longer it takes.
fn lock_within(held: &OwnedFd, path: &Path, kind: Kind, patience: &Patience) -> Result<()> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        patience.interrupt.check()?;
        match retry(|| rustix::fs::flock(held, kind.at_once())) {
            Err(Errno::WOULDBLOCK) => {}
            locked => return locked.map_err(|error| refused(path, error)),
        }
        let left = patience.limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(busy(held, path, patience.limit.unwrap_or_default()));
        }
        std::thread::sleep(left.map_or(pause, |left| pause.min(left)));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn busy(held: &OwnedFd, path: &Path, limit: Duration) -> Error {
    Error::Busy(format!(
        "{}: expected the lock within {} ms, found it held by {}",
        path.display(),
        limit.as_millis(),
        holder(held).unwrap_or_else(|| "another writer".to_owned())
    ))
}

/// Which process may hold this, as far as the kernel tells.
fn holder(wanted: &OwnedFd) -> Option<String> {
    let stat = rustix::fs::fstat(wanted).ok()?;
    let (major, minor) = (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let place = format!("{major:02x}:{minor:02x}:{}", stat.st_ino);
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let line = locks.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.nth(1) == Some("FLOCK") && words.nth(3) == Some(&place)
    })?;
    let process = line.split_whitespace().nth(4)?;
    match std::fs::read_to_string(format!("/proc/{process}/comm")) {
        Ok(name) => Some(format!("process {process} ({})", name.trim_end())),
        Err(_) => Some(format!("process {process}")),
    }
}
