//! Which version of a file was seen.

use super::directory::{Directory, Links, io_error};
use crate::words::error::Result;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;

/// Which file has a name, and in which state: two are equal if nobody has
/// replaced or written it in between. `None` inside where there is none.
#[derive(Debug)]
pub(crate) struct Version(Option<(File, Metadata)>);

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
        let metadata = file.metadata().map_err(failed)?;
        Ok(Self(Some((file.try_clone().map_err(failed)?, metadata))))
    }

    fn state(&self) -> Option<[i64; 7]> {
        let (_, is) = self.0.as_ref()?;
        let numbers = [is.dev(), is.ino(), is.len()].map(u64::cast_signed);
        let [device, inode, size] = numbers;
        let (modified, changed) = ((is.mtime(), is.mtime_nsec()), (is.ctime(), is.ctime_nsec()));
        Some([device, inode, size, modified.0, modified.1, changed.0, changed.1])
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.state() == other.state()
    }
}
