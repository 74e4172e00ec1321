//! Disks that are full or read-only, and modes.

use crate::api::{Api, Append, CREATE, Kind, OPEN, Options, Source};
use crate::both;
use crate::fixture::{ABC, assert_clean, blob_path, image, names, snapshot};
use crate::support::{compile, have_tools, output, program, run, skip, without_forks};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

both!(a_full_disk_loses_nothing, a_read_only_disk_is_refused, a_disk_without_unnamed_files_will_do);

/// A small file system of its own; `None` if it cannot be had here.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(options: &str) -> Option<Self> {
        Self::by(Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]))
    }

    /// The file system that a command mounts on the folder that it is given.
    fn by(mount: &mut Command) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("only root can mount a small file system");
            return None;
        }
        if !have_tools(&["mount", "umount"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        run(mount.arg(folder.path()));
        Some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A file system that has no files without a name: the way in FUSE.
fn disk_without_unnamed_files() -> Option<(tempfile::TempDir, Disk)> {
    if !have_tools(&["bindfs"]) {
        return None;
    }
    let behind = tempfile::tempdir().unwrap();
    let disk = Disk::by(Command::new("bindfs").args(["-o", "hard_remove"]).arg(behind.path()))?;
    Some((behind, disk))
}

fn a_disk_without_unnamed_files_will_do<A: Api>() {
    let Some((_behind, disk)) = disk_without_unnamed_files() else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    for torn in [None, Some("torn"), Some("abc")] {
        if let Some(torn) = torn {
            std::fs::write(blob_path(&path, ABC), torn).unwrap();
        }
        for source in [Source::Memory(b"abc"), Source::Push(b"abc", 1)] {
            layout.put(source, &Options::default()).unwrap();
            assert_clean(&path);
        }
    }
    let options = Options { digest: Some(ABC.to_owned()), ..Options::default() };
    layout.put(Source::Memory(b"evil"), &options).unwrap_err();
    assert_eq!(names(&path), ["x"]);
    assert_clean(&path);
}

#[test]
fn a_disk_without_links_will_do() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let Some((_behind, disk)) = disk_without_unnamed_files() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let stream = scratch.path().join("stream");
    compile("gcc", &["-std=c11"], "examples-c/stream.c", &stream);
    let path = disk.path().join("layout");
    for (content, is_new) in [("one", true), ("two", true), ("two", false)] {
        let script = r#"printf "$1" | strace -o "$4" -e inject=linkat:error=EPERM "$2" "$3""#;
        let trace = scratch.path().join("trace");
        let mut shell = program("sh", scratch.path());
        shell.args(["-c", script, "sh", content]).arg(&stream).arg(&path).arg(&trace);
        run(&mut shell);
        let trace = std::fs::read_to_string(&trace).unwrap();
        assert_eq!(trace.contains("(INJECTED)"), is_new, "{trace}");
        assert_clean(&path);
    }
    assert_eq!(snapshot(&path.join("blobs/sha256")).len(), 2);
}

impl Drop for Disk {
    fn drop(&mut self) {
        output(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn a_full_disk_loses_nothing<A: Api>() {
    let Some(disk) = Disk::new("size=1m") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    let entry = image(&layout, "y");
    let large = vec![7; 2 << 20];
    let alone = without_forks();
    let before = snapshot(&path);
    for source in [Source::Memory(&large), Source::Push(&large, 5000)] {
        let failure = layout.put(source, &Options::default()).unwrap_err();
        assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOSPC));
        assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);

    // With a full disk no edit goes half way, however little is missing.
    let filler = disk.path().join("filler");
    std::fs::write(&filler, &large).unwrap_err();
    let before = snapshot(&path);
    let failure = layout.append(&entry, Some("y"), Append::default()).unwrap_err();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOSPC));
    let failure = layout.write_file("notes", b"x").unwrap_err();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOSPC));
    assert!(A::open(&disk.path().join("another"), CREATE).is_err());
    assert_eq!(snapshot(&path), before);
    assert_eq!(layout.resolve("x", None).unwrap().reference(), Some("x"));

    std::fs::remove_file(&filler).unwrap();
    layout.append(&entry, Some("y"), Append::default()).unwrap();
    A::open(&disk.path().join("another"), CREATE).unwrap();
    drop(alone);
    assert_eq!(names(&path), ["x", "y"]);
    assert_clean(&path);
}

fn a_read_only_disk_is_refused<A: Api>() {
    let Some(disk) = Disk::new("size=1m") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    let entry = image(&layout, "x");
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    let before = snapshot(&path);
    run(Command::new("mount").args(["-o", "remount,ro"]).arg(disk.path()));
    let fresh = A::open(&path, OPEN).expect("a layout can be read from a read-only disk");
    for layout in [&layout, &fresh] {
        for failure in [
            layout.put(Source::Memory(b"new"), &Options::default()).unwrap_err(),
            layout.append(&entry, Some("y"), Append::default()).unwrap_err(),
            layout.remove_blob(entry.digest().as_str()).unwrap_err(),
            layout.write_file("notes", b"x").unwrap_err(),
        ] {
            assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::EROFS));
        }
        assert_eq!(layout.children(&layout.resolve("x", None).unwrap()).unwrap().len(), 2);
    }
    let failure = A::open(&disk.path().join("new"), CREATE).err().unwrap();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::EROFS));
    assert_eq!(snapshot(&path), before);
}

/// The umask belongs to the whole process, so a process of its own has each.
#[test]
fn files_have_the_modes_that_the_umask_gives() {
    if !have_tools(&["gcc", "sh"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let stream = scratch.path().join("stream");
    compile("gcc", &["-std=c11"], "examples-c/stream.c", &stream);
    for (umask, file, folder) in
        [("022", 0o644, 0o755), ("027", 0o640, 0o750), ("077", 0o600, 0o700), ("000", 0o644, 0o755)]
    {
        let path = scratch.path().join(format!("layout{umask}"));
        let script = r#"umask "$1"; printf abc | "$2" "$3""#;
        let mut shell = program("sh", scratch.path());
        run(shell.args(["-c", script, "sh", umask]).arg(&stream).arg(&path));
        let root_mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(root_mode, folder, "umask {umask}");
        for name in snapshot(&path).keys() {
            let metadata = path.join(name).metadata().unwrap();
            let expected = if metadata.is_dir() { folder } else { file };
            let mode = metadata.permissions().mode() & 0o7777;
            assert_eq!(mode, expected, "{name:?} with umask {umask}");
        }
    }
}

/// Content is on the disk before its name is, and names are before the call
/// returns.
#[test]
fn blobs_are_durable_before_the_index_that_names_them() {
    if !have_tools(&["gcc", "strace", "tar"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let pack = scratch.path().join("pack");
    compile("gcc", &["-std=c11"], "examples-c/pack.c", &pack);
    let tar = scratch.path().join("layer.tar");
    run(Command::new("tar").arg("-cf").arg(&tar).args(["-C", "/etc", "hostname"]));
    let trace = scratch.path().join("trace");
    let mut strace = program("strace", scratch.path());
    strace.arg("-y").arg("-o").arg(&trace).args(["-e", "trace=linkat,renameat,fsync,fdatasync"]);
    run(strace.arg(&pack).arg(scratch.path().join("layout")).arg("x").arg(&tar));
    let trace = std::fs::read_to_string(&trace).unwrap();
    let calls: Vec<&str> = trace.lines().filter(|line| line.contains("= 0")).collect();
    let index = calls.iter().rposition(|call| call.starts_with("renameat")).unwrap();
    let is_blob = |call: &str| call.starts_with("linkat") && call.contains("blobs/sha256>");
    let last_blob = calls.iter().rposition(|call| is_blob(call)).unwrap();
    assert!(last_blob < index, "{trace}");
    for (position, call) in calls.iter().enumerate().filter(|(_, call)| is_blob(call)) {
        assert!(calls[position - 1].starts_with("fdatasync"), "{call} in {trace}");
        assert!(calls[position + 1].starts_with("fsync"), "{call} in {trace}");
    }
    assert!(calls[..index].iter().rev().any(|call| call.starts_with("fdatasync")), "{trace}");
    assert!(calls[index + 1].starts_with("fsync"), "{trace}");
    assert_eq!(calls.iter().filter(|call| is_blob(call)).count(), 3, "{trace}");
}
