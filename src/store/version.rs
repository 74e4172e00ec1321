//! Which version of a file was seen.

use super::directory::{Directory, Links, io_error, stat_of};
use crate::words::error::Result;
use rustix::fs::Stat;
use std::ffi::OsStr;
use std::fs::File;
use std::time::{Duration, SystemTime};

/// Which file has a name, and in which state: two are equal if nobody has
/// replaced or written it in between. `None` inside where there is none.
#[derive(Debug)]
pub(crate) struct Version(Option<(File, State)>);

/// What the system says of a file. Whoever writes it changes that, but for the tick
/// of a clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    device: u64,
    inode: u64,
    size: u64,
    /// When it was written, and when it was last changed in any way.
    times: [Duration; 2],
    settled: bool,
}

impl Version {
    pub(crate) fn of(root: &Directory, name: &str) -> Result<Self> {
        match root.open_file(OsStr::new(name), Links::Refused)? {
            Some((file, _)) => Self::of_file(root, name, file),
            None => Ok(Self(None)),
        }
    }

    /// The file stays open, so that no other gets its number.
    pub(super) fn of_file(root: &Directory, name: &str, file: File) -> Result<Self> {
        // Before the look, so that what is written after it is not earlier.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let stat = stat_of(&file)
            .map_err(|error| io_error("look at", &root.path_of(OsStr::new(name)), error))?;
        let state = State::new(&stat, now);
        Ok(Self(Some((file, state))))
    }

    /// The file and its state, where there is one.
    pub(super) fn file(&self) -> Option<&(File, State)> {
        self.0.as_ref()
    }

    /// The state of the file, where there is one.
    pub(crate) fn state(&self) -> Option<State> {
        self.0.as_ref().map(|(_, state)| *state)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.state() == other.state()
    }
}

impl State {
    fn new(stat: &Stat, now: Duration) -> Self {
        let modified = since_epoch(stat.st_mtime, stat.st_mtime_nsec);
        let changed = since_epoch(stat.st_ctime, stat.st_ctime_nsec);
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size.unsigned_abs(),
            times: [modified, changed],
            settled: changed + tick(changed) < now,
        }
    }

    /// The same, for content that was not read since.
    pub(crate) fn unsettled(self) -> Self {
        Self { settled: false, ..self }
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the last change was so long before the look that a later one cannot
    /// have the same time.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let told = |state: &Self| (state.device, state.inode, state.size, state.times);
        told(self) == told(other)
    }
}

/// How coarse the times of a file may be. The kernel's clock, by which they are told,
/// moves on a hundred times a second at least; of file systems that keep less, FAT
/// keeps the least.
fn tick(time: Duration) -> Duration {
    const OF_CLOCK: Duration = Duration::from_millis(10);
    const OF_FAT: Duration = Duration::from_secs(2);
    if time.subsec_nanos().is_multiple_of(10_000_000) { OF_FAT } else { OF_CLOCK }
}

/// Of which types the parts of a time are depends on the processor. A time before the
/// epoch is the epoch.
fn since_epoch(seconds: impl TryInto<u64>, nanoseconds: impl TryInto<u64>) -> Duration {
    let part = |part: Option<u64>| part.unwrap_or_default();
    Duration::from_secs(part(seconds.try_into().ok()))
        + Duration::from_nanos(part(nanoseconds.try_into().ok()))
}
