//! File systems to test on.

use crate::support::{have_tools, output, run, skip};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A small file system of its own; `None` if it cannot be had here.
pub struct Disk {
    folder: TempDir,
    /// Where the file is that it is in, if it is in one.
    _image: Option<TempDir>,
}

impl Disk {
    /// In memory, with these options.
    pub fn new(options: &str) -> Option<Self> {
        Self::by(Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]))
    }

    /// The file system that a command mounts on the folder that it is given.
    pub fn by(mount: &mut Command) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("only root can mount a small file system");
            return None;
        }
        if !have_tools(&["mount", "umount"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        run(mount.arg(folder.path()));
        Some(Self { folder, _image: None })
    }

    /// A file of this size, made a file system by a command and its options, and
    /// mounted with others.
    pub fn formatted(mkfs: &[&str], size: u64, options: &str) -> Option<Self> {
        if !have_tools(&mkfs[..1]) {
            return None;
        }
        let scratch = tempfile::tempdir().unwrap();
        let image = scratch.path().join("image");
        File::create(&image).unwrap().set_len(size).unwrap();
        run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image));
        let options = format!("loop,{options}");
        let mut disk = Self::by(Command::new("mount").args(["-o", &options]).arg(&image))?;
        disk._image = Some(scratch);
        Some(disk)
    }

    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        run(Command::new("mount").args(["-o", &options]).arg(self.path()));
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        output(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}
