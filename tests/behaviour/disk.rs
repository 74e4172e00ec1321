//! Disks that are full or read-only, and modes.

use crate::api::{Api, Append, CREATE, Kind, OPEN, Options, Source};
use crate::both;
use crate::fixture::{ABC, assert_clean, blob_path, image, names, snapshot};
use crate::mounts::Disk;
use crate::support::{compile, have_tools, program, run, without_forks};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

both!(a_full_disk_loses_nothing, a_read_only_disk_is_refused, a_disk_without_unnamed_files_will_do);

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

/// The calls that name something or wait for the disk, of a program that makes a
/// layout with one image.
fn calls_with(durability: &str) -> Option<Vec<String>> {
    if !have_tools(&["gcc", "strace"]) {
        return None;
    }
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("durability");
    compile("gcc", &["-std=c11"], "tests/c/durability.c", &out);
    let trace = scratch.path().join("trace");
    let calls = "trace=linkat,renameat,fsync,fdatasync,syncfs,sync";
    let mut strace = program("strace", scratch.path());
    strace.args(["-f", "-y", "-e", calls, "-o"]).arg(&trace).arg(&out);
    run(strace.arg(scratch.path().join("layout")).arg(durability));
    let trace = std::fs::read_to_string(&trace).unwrap();
    let done = trace.lines().filter(|line| line.contains("= 0"));
    Some(done.map(|line| line.split_once(' ').unwrap().1.trim().to_owned()).collect())
}

fn is_blob(call: &str) -> bool {
    call.starts_with("linkat") && call.contains("blobs/sha256>")
}

fn is_index(call: &str) -> bool {
    call.starts_with("renameat") && call.contains("\"index.json\"")
}

/// Content is on the disk before its name is, and blobs before what names them.
fn assert_ordered(calls: &[String]) {
    let all = calls.join("\n");
    let index = calls.iter().position(|call| is_index(call)).expect(&all);
    let blobs: Vec<usize> = (0..calls.len()).filter(|n| is_blob(&calls[*n])).collect();
    assert_eq!(blobs.len(), 3, "{all}");
    for blob in blobs {
        assert!(blob < index, "{all}");
        assert!(calls[blob - 1].starts_with("fdatasync"), "{all}");
        assert!(calls[blob + 1].starts_with("fsync"), "{all}");
    }
    // A name for the new index.json, to be renamed over the old one.
    assert!(calls[index - 1].starts_with("linkat"), "{all}");
    assert!(calls[index - 2].starts_with("fdatasync"), "{all}");
}

#[test]
fn full_durability_waits_for_everything() {
    let Some(calls) = calls_with("full") else { return };
    assert_ordered(&calls);
    let index = calls.iter().position(|call| is_index(call)).unwrap();
    assert!(calls[index + 1].starts_with("fsync"), "{calls:#?}");
}

#[test]
fn ordered_durability_does_not_wait_for_the_last_name() {
    let Some(calls) = calls_with("ordered") else { return };
    assert_ordered(&calls);
    assert!(is_index(calls.last().unwrap()), "{calls:#?}");
}

#[test]
fn no_durability_waits_for_nothing() {
    let Some(calls) = calls_with("none") else { return };
    assert!(!calls.iter().any(|call| call.contains("sync(")), "{calls:#?}");
    assert_eq!(calls.iter().filter(|call| is_blob(call)).count(), 3, "{calls:#?}");
}

/// A blob that is there already may not be on the disk yet.
#[test]
fn a_blob_that_is_there_is_waited_for() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("durability");
    compile("gcc", &["-std=c11"], "tests/c/durability.c", &out);
    let layout = scratch.path().join("layout");
    run(program(&out, scratch.path()).arg(&layout).arg("none"));
    let trace = scratch.path().join("trace");
    let mut strace = program("strace", scratch.path());
    strace.args(["-f", "-y", "-e", "trace=fsync,fdatasync", "-o"]).arg(&trace).arg(&out);
    run(strace.arg(&layout).arg("full"));
    let trace = std::fs::read_to_string(&trace).unwrap();
    let blobs = trace.lines().filter(|line| line.contains("fdatasync") && line.contains("blobs/"));
    assert_eq!(blobs.count(), 3, "{trace}");
}

/// Reads and waits that a signal interrupts are made again.
#[test]
fn interrupted_calls_are_made_again() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let layout = scratch.path().join("layout");
    let interrupted = |source: &str, calls: &str, more: &str| {
        let out = scratch.path().join("program");
        compile("gcc", &["-std=c11"], source, &out);
        let trace = scratch.path().join("trace");
        let mut strace = program("strace", scratch.path());
        // The loader and libc make calls of their own, on other files.
        for path in ["", "blobs", "blobs/sha256", "index.json", "oci-layout"] {
            strace.arg("-P").arg(layout.join(path));
        }
        if let Ok(blobs) = std::fs::read_dir(layout.join("blobs/sha256")) {
            for blob in blobs {
                strace.arg("-P").arg(blob.unwrap().path());
            }
        }
        let inject = format!("inject={calls}:error=EINTR:when=1+2");
        strace.args(["-e", &inject, "-o"]).arg(&trace).arg(&out).arg(&layout);
        if !more.is_empty() {
            strace.arg(more);
        }
        run(&mut strace);
        let trace = std::fs::read_to_string(&trace).unwrap();
        assert!(trace.contains("(INJECTED)"), "{trace}");
    };
    let calls = "openat,linkat,renameat,fsync,fdatasync,flock,newfstatat,fstat,mkdirat,unlinkat";
    interrupted("tests/c/durability.c", calls, "full");
    interrupted("examples-c/list.c", "read", "");
}
