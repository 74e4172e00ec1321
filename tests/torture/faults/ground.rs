//! Where the layouts stand that are tried.

use crate::support::{have_tools, output, run, skip};
use std::process::Command;
use tempfile::TempDir;

pub struct Ground {
    pub name: &'static str,
    folder: TempDir,
    /// What is mounted on the folder, if something is.
    behind: Option<TempDir>,
}

pub const PLAIN: &str = "plain";
pub const FUSE: &str = "fuse";

impl Ground {
    /// The ground of this name, if it can be had here.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            PLAIN => Some(Self { name: PLAIN, folder: scratch(), behind: None }),
            FUSE => Self::fuse(),
            _ => panic!("expected {PLAIN} or {FUSE}, found {name}"),
        }
    }

    /// A file system that has no files without a name.
    fn fuse() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("only root can mount a file system");
            return None;
        }
        if !have_tools(&["bindfs", "umount"]) {
            return None;
        }
        let (folder, behind) = (scratch(), scratch());
        let mut mount = Command::new("bindfs");
        run(mount.args(["-o", "hard_remove"]).args([behind.path(), folder.path()]));
        Some(Self { name: FUSE, folder, behind: Some(behind) })
    }

    /// A new place, of a path that is as long as that of all others.
    pub fn place(&self) -> TempDir {
        tempfile::tempdir_in(&self.folder).unwrap()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.behind.is_some() {
            output(Command::new("umount").arg("--lazy").arg(self.folder.path()));
        }
    }
}

fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
