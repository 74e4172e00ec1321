//! Disks whose writes are logged, and file systems on disks.

use super::log::copy;
use crate::support::{output, run, spawn};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub const FILESYSTEMS: [&str; 3] = ["ext4", "xfs", "btrfs"];

/// XFS wants no less than 300 MiB.
const SIZE: u64 = 320 << 20;

const PATIENCE: Duration = Duration::from_secs(30);

const A_MOMENT: Duration = Duration::from_millis(5);

/// Makes an image with an empty file system.
pub fn make_filesystem(filesystem: &str, image: &Path) {
    File::create(image).unwrap().set_len(SIZE).unwrap();
    run(Command::new(format!("mkfs.{filesystem}")).arg("-q").arg(image));
}

/// A file system that is mounted for as long as this lives.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts an image. What the file system does not like of it is said.
    pub fn image(filesystem: &str, image: &Path, at: &Path) -> Result<Self, String> {
        let mut mount = Command::new("mount");
        mount.args(["-t", filesystem, "-o", "loop"]).arg(image).arg(at);
        let output = output(&mut mount);
        if output.status.success() {
            return Ok(Self(at.to_owned()));
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Mounts memory.
    pub fn memory(at: &Path) -> Self {
        run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(at));
        Self(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What another thread has just forked may hold our files for a moment.
        let begun = Instant::now();
        let mut unmounted = output(Command::new("umount").arg(&self.0));
        while !unmounted.status.success() && begun.elapsed() < PATIENCE {
            std::thread::sleep(A_MOMENT);
            unmounted = output(Command::new("umount").arg(&self.0));
        }
        assert!(unmounted.status.success() || std::thread::panicking(), "{unmounted:?}");
    }
}

/// A disk that logs what is written: `logdisk.c`, as a file that can be mounted.
pub struct LoggedDisk {
    pub device: PathBuf,
    pub log: PathBuf,
    server: Child,
}

impl LoggedDisk {
    /// Starts a disk with the content of `base`, all of it in `folder`.
    pub fn start(base: &Path, folder: &Path) -> Self {
        let plugin = compile_plugin(folder);
        let (content, log, device) = (folder.join("disk"), folder.join("log"), folder.join("dev"));
        copy(base, &content);
        File::create(&log).unwrap();
        File::create(&device).unwrap();
        let mut nbdfuse = Command::new("nbdfuse");
        nbdfuse.arg(&device).args(["[", "nbdkit", "--exit-with-parent"]).arg(plugin);
        nbdfuse.arg(format!("disk={}", content.display()));
        nbdfuse.arg(format!("log={}", log.display())).arg("]");
        let disk = Self { server: spawn(&mut nbdfuse), device, log };
        let begun = Instant::now();
        while disk.device.metadata().unwrap().len() != SIZE {
            assert!(begun.elapsed() < PATIENCE, "{nbdfuse:?} serves no disk");
            std::thread::sleep(A_MOMENT);
        }
        disk
    }

    /// How long the log is by now.
    pub fn logged(&self) -> u64 {
        self.log.metadata().unwrap().len()
    }
}

impl Drop for LoggedDisk {
    fn drop(&mut self) {
        // The kernel may let go of the device a moment after its last use.
        let unmounted = output(Command::new("umount").arg("--lazy").arg(&self.device));
        // Where something went wrong it may never do so.
        if std::thread::panicking() || !unmounted.status.success() {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

fn compile_plugin(folder: &Path) -> PathBuf {
    let plugin = folder.join("logdisk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/power/logdisk.c");
    let flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
    run(Command::new("gcc").args(flags).args(["-shared", "-fPIC", source, "-o"]).arg(&plugin));
    plugin
}
