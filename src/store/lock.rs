//! The lock that editors of `index.json` take turns with.

use super::directory::{Directory, io_error, retry};
use crate::words::error::{Error, Result};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Holds a directory for one writer, among threads, handles and processes.
///
/// It is an advisory lock on the directory itself, on a descriptor of its own,
/// so it leaves no file behind and ends with the process at the latest.
#[derive(Debug)]
pub(super) struct Lock {
    held: Directory,
}

impl Lock {
    /// Waits until nobody else holds `directory`, for at most this long.
    pub(super) fn exclusive(directory: &Directory, patience: Option<Duration>) -> Result<Self> {
        let failed = |error| io_error("lock", directory.path(), error);
        let held = Directory::open(directory.as_fd(), Path::new("."))?
            .ok_or_else(|| failed(Errno::NOENT))?;
        let locked = match patience {
            // The kernel lets waiters in by turns, and without asking again.
            None => retry(|| rustix::fs::flock(&held, FlockOperation::LockExclusive)),
            Some(patience) => lock_within(&held, patience),
        };
        match locked {
            Ok(()) => Ok(Self { held }),
            Err(Errno::WOULDBLOCK) => Err(Error::Busy(format!(
                "{}: expected the lock within {} ms, found it held by {}",
                directory.path().display(),
                patience.unwrap_or_default().as_millis(),
                holder(directory).unwrap_or_else(|| "another writer".to_owned())
            ))),
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

impl Drop for Lock {
    fn drop(&mut self) {
        // Not only closed: a child that some thread of the host forked meanwhile
        // has the same lock, and would hold it for as long as it lives.
        let _ = rustix::fs::flock(&self.held, FlockOperation::Unlock);
    }
}

/// No system call waits for a lock and for a time, so it is asked for again and
/// again, less often the longer it takes.
fn lock_within(directory: &Directory, patience: Duration) -> rustix::io::Result<()> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        match retry(|| rustix::fs::flock(directory, FlockOperation::NonBlockingLockExclusive)) {
            Err(Errno::WOULDBLOCK) => {}
            locked => return locked,
        }
        let left = patience.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(Errno::WOULDBLOCK);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Which process may hold a directory, as far as the kernel tells.
fn holder(directory: &Directory) -> Option<String> {
    let stat = rustix::fs::fstat(directory).ok()?;
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
