//! A file on its way: written without a name, then published in one step.
//!
//! Where the file system can, the file has no name at all until it is
//! published (`O_TMPFILE`), and nothing is left of it after a crash. Elsewhere,
//! and for the instant of replacing another file, it has a name in the stage of
//! its writer; never one in `blobs/`.

use super::blobs::Store;
use super::directory::{Directory, io_error, retry, stat_of};
use super::durability::Durability;
use super::file_size;
use super::stage::Stage;
use crate::words::error::{Error, Result};
use rustix::fs::{Advice, AtFlags, CWD};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek};
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct TempFile {
    file: File,
    /// Device and inode, to see whether the descriptor is still that of the file.
    identity: (u64, u64),
    written: u64,
    /// Where it will be, for error messages.
    target: PathBuf,
    durability: Durability,
    /// Its name in the stage, where it has one.
    staged: Option<(Arc<Stage>, OsString)>,
}

impl TempFile {
    /// Makes a file that is to be published in `target`, whose defaults for new
    /// files (group, access lists, labels) it takes.
    pub(super) fn new(store: &Store, target: &Directory) -> Result<Self> {
        let (file, staged) = match target.unnamed_file()? {
            Some(file) => (file, None),
            None => {
                let stage = store.stage()?;
                let name = stage.free_name();
                (stage.directory().new_file(&name)?, Some((stage, name)))
            }
        };
        let durability = target.durability();
        let target = target.path().to_owned();
        let mut temp = Self { file, identity: (0, 0), written: 0, target, durability, staged };
        temp.identity = temp.stat().map(|(identity, _)| identity)?;
        Ok(temp)
    }

    /// The same, of these bytes.
    pub(super) fn holding(store: &Store, target: &Directory, bytes: &[u8]) -> Result<Self> {
        let mut temp = Self::new(store, target)?;
        temp.write(bytes).map_err(|error| io_error("write a blob in", target.path(), error))?;
        temp.check_written()?;
        Ok(temp)
    }

    fn stat(&self) -> Result<((u64, u64), u64)> {
        let stat = stat_of(&self.file)
            .map_err(|error| io_error("look at a file in", &self.target, error))?;
        Ok(((stat.st_dev, stat.st_ino), stat.st_size.unsigned_abs()))
    }

    /// Checks that the descriptor is still that of our file, and the file as large
    /// as what was written: a host may have closed it and opened another under its
    /// number.
    pub(super) fn check_written(&self) -> Result<()> {
        let expected = self.written;
        let (identity, size) = self.stat()?;
        if identity == self.identity && size == expected {
            return Ok(());
        }
        let path = self.target.display();
        Err(Error::State(format!(
            "{path}: expected {expected} bytes in the file that was written, found another file \
             or {size} bytes: something else used its descriptor"
        )))
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        file_size::append(&mut self.file, self.written, bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Shares the blocks of another file of so many bytes, if that can be. Only into an
    /// empty file.
    pub(super) fn share(&mut self, other: BorrowedFd<'_>, size: u64) -> io::Result<bool> {
        file_size::check(size)?;
        if rustix::fs::ioctl_ficlone(&self.file, other).is_err() {
            return Ok(false);
        }
        self.written = stat_of(&self.file)?.st_size.unsigned_abs();
        Ok(true)
    }

    /// Copies up to so many bytes of another file within the kernel. Says how many: none
    /// at its end, and where the kernel cannot do it.
    pub(super) fn copy(&mut self, other: BorrowedFd<'_>, most: usize) -> io::Result<u64> {
        let size = retry(|| rustix::fs::fstat(other))?.st_size.unsigned_abs();
        let left = size.saturating_sub(rustix::fs::tell(other).unwrap_or(size));
        let length = left.min(most as u64);
        if length == 0 {
            // At a limit of the host the kernel would signal even that.
            return Ok(0);
        }
        file_size::check(self.written + length)?;
        let copy = || rustix::fs::copy_file_range(other, None, &self.file, None, length as usize);
        let copied = match retry(copy) {
            Ok(copied) => copied as u64,
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => return Err(error.into()),
            Err(_) => 0,
        };
        self.written += copied;
        Ok(copied)
    }

    /// What was written, from its start.
    pub(super) fn reader(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }

    /// Has the kernel begin to write this part to the disk, so that less is left
    /// to wait for at the end. Nothing is promised by it.
    pub(super) fn begin_sync(&self, offset: u64, length: u64) {
        if self.durability != Durability::None {
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
        match self.durability {
            Durability::None => Ok(()),
            _ => Ok(retry(|| rustix::fs::fdatasync(&self.file))?),
        }
    }

    /// Gives the file its name, unless that is taken. Says whether it did.
    pub(super) fn publish(&self, target: &Directory, name: &OsStr) -> Result<bool> {
        let linked = match &self.staged {
            Some((stage, own)) => {
                retry(|| rustix::fs::linkat(stage.directory(), own, target, name, AtFlags::empty()))
            }
            None => self.link_unnamed(target, name),
        };
        match (linked, &self.staged) {
            (Ok(()), _) => Ok(true),
            (Err(Errno::EXIST), _) => Ok(false),
            (Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS), Some((stage, own))) => {
                stage.directory().move_to_free(own, target, name)
            }
            (Err(error), _) => Err(io_error("publish", &target.path_of(name), error)),
        }
    }

    /// Gives the file its name, in the place of whatever had it.
    pub(super) fn replace(self, store: &Store, target: &Directory, name: &OsStr) -> Result<()> {
        let (stage, own) = match &self.staged {
            Some((stage, own)) => (Arc::clone(stage), own.clone()),
            None => {
                let stage = store.stage()?;
                let own = stage.free_name();
                self.publish(stage.directory(), &own)?;
                (stage, own)
            }
        };
        stage.directory().move_over(&own, target, name).inspect_err(|_| stage.remove(&own))
    }

    /// The file itself, whose name does not matter any more.
    pub(super) fn into_file(self) -> io::Result<File> {
        self.file.try_clone()
    }

    fn link_unnamed(&self, target: &Directory, name: &OsStr) -> rustix::io::Result<()> {
        match retry(|| rustix::fs::linkat(&self.file, "", target, name, AtFlags::EMPTY_PATH)) {
            // Before Linux 6.10 that asks for a privilege.
            Err(Errno::NOENT) => {
                let own = format!("/proc/thread-self/fd/{}", self.file.as_raw_fd());
                retry(|| rustix::fs::linkat(CWD, &own, target, name, AtFlags::SYMLINK_FOLLOW))
            }
            linked => linked,
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some((stage, name)) = self.staged.take() {
            stage.remove(&name);
        }
    }
}
