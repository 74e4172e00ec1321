//! Which version of a file was seen.

use super::directory::{Directory, Links, io_error, stat_of};
use crate::words::error::Result;
use rustix::fs::Stat;
use std::ffi::OsStr;
use std::fs::File;

/// Which file has a name, and in which state: two are equal if nobody has
/// replaced or written it in between. `None` inside where there is none.
#[derive(Debug)]
pub(crate) struct Version(Option<(File, Stat)>);

impl Version {
    pub(crate) fn of(root: &Directory, name: &str) -> Result<Self> {
        match root.open_file(OsStr::new(name), Links::Refused)? {
            Some((file, _)) => Self::of_file(root, name, &file),
            None => Ok(Self(None)),
        }
    }

    /// The file stays open, so that no other gets its number.
    pub(super) fn of_file(root: &Directory, name: &str, file: &File) -> Result<Self> {
        let failed = |error| io_error("look at", &root.path_of(OsStr::new(name)), error);
        let stat = stat_of(file).map_err(failed)?;
        Ok(Self(Some((file.try_clone().map_err(failed)?, stat))))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        let state = |version: &Self| {
            version.0.as_ref().map(|(_, is)| {
                let times = [(is.st_mtime, is.st_mtime_nsec), (is.st_ctime, is.st_ctime_nsec)];
                (is.st_dev, is.st_ino, is.st_size, times)
            })
        };
        state(self) == state(other)
    }
}
