//! Disks that fail, and layouts that go away, while they are open.

use crate::api::{Api, Append, CREATE, Kind, Options, Outcome, Source, Stored};
use crate::both;
use crate::fixture::{ABC, assert_clean, blob_path, image, layout, names, snapshot};
use crate::mounts::Disk;
use crate::support::{have_tools, run};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

both!(
    a_disk_that_is_read_only_for_a_while,
    a_disk_that_fails_while_a_blob_is_put,
    a_layout_that_is_removed,
    a_layout_that_is_removed_while_a_blob_is_put,
    a_layout_that_is_moved_while_a_blob_is_put,
    blobs_that_are_moved,
);

fn a_disk_that_is_read_only_for_a_while<A: Api>() {
    let Some(disk) = Disk::new("size=1m") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    let entry = image(&layout, "x");
    let transaction = layout.begin().unwrap();
    transaction.append(&entry, Some("staged"), Append::default()).unwrap();
    disk.remount("ro");
    let before = snapshot(&path);
    for failure in [
        layout.append(&entry, Some("x"), Append::default()).unwrap_err(),
        layout.put(Source::Push(b"abc", 1), &Options::default()).unwrap_err(),
        transaction.commit().unwrap_err(),
    ] {
        assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::EROFS), "{}", failure.message);
        assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
    disk.remount("rw");
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    layout.put(Source::Push(b"abc", 1), &Options::default()).unwrap();
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["x", "staged"]);
    assert_clean(&path);
}

/// Puts "abc", byte by byte, and does something after the first.
fn put_while<A: Api>(layout: &A, meanwhile: impl Fn() + Sync) -> Outcome<Stored> {
    let mut rest: &[u8] = b"abc";
    layout.put(
        Source::Callback(&mut |buf| {
            if rest.len() == 2 {
                meanwhile();
            }
            let Some((first, others)) = rest.split_first() else { return 0 };
            buf[0] = *first;
            rest = others;
            1
        }),
        &Options::default(),
    )
}

/// ext4 makes itself read-only when it finds an error.
fn a_disk_that_fails_while_a_blob_is_put<A: Api>() {
    if !have_tools(&["findmnt"]) {
        return;
    }
    let mkfs = ["mkfs.ext4", "-q"];
    let Some(disk) = Disk::formatted(&mkfs, 16 << 20, "errors=remount-ro") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    let entry = image(&layout, "x");
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    let before = snapshot(&path);
    let device = run(Command::new("findmnt").args(["-n", "-o", "SOURCE"]).arg(disk.path()));
    let device = Path::new(device.trim()).file_name().unwrap().to_str().unwrap().to_owned();
    let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
    let failure = put_while(&layout, || std::fs::write(&trigger, "a test").unwrap()).unwrap_err();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::EROFS), "{}", failure.message);
    assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    let failure = layout.append(&entry, Some("y"), Append::default()).unwrap_err();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::EROFS), "{}", failure.message);
    assert_eq!(snapshot(&path), before);
    assert_eq!(layout.resolve("x", Some("linux/amd64")).unwrap().digest(), entry.digest());
}

fn a_layout_that_is_removed<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    std::fs::remove_dir_all(&path).unwrap();
    for there_is_another in [false, true] {
        if there_is_another {
            A::open(&path, CREATE).unwrap();
        }
        let before = snapshot(scratch.path());
        for failure in [
            layout.put(Source::Memory(b"abc"), &Options::default()).unwrap_err(),
            layout.put(Source::Push(b"abc", 1), &Options::default()).unwrap_err(),
            layout.append(&entry, Some("y"), Append::default()).unwrap_err(),
            layout.write_file("notes", b"x").unwrap_err(),
            layout.list(None).unwrap_err(),
            layout.begin().err().unwrap(),
        ] {
            assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
            assert!(matches!(failure.errno, 0 | libc::ENOENT), "{}", failure.message);
        }
        assert_eq!(snapshot(scratch.path()), before, "nothing is made elsewhere");
    }
}

fn a_layout_that_is_removed_while_a_blob_is_put<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let failure = put_while(&layout, || std::fs::remove_dir_all(&path).unwrap()).unwrap_err();
    assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    assert!(snapshot(scratch.path()).is_empty());
}

fn a_layout_that_is_moved_while_a_blob_is_put<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let moved = scratch.path().join("moved");
    let stored = put_while(&layout, || std::fs::rename(&path, &moved).unwrap()).unwrap();
    assert_eq!(stored.descriptor.digest().as_str(), ABC);
    layout.append(&stored.descriptor, Some("abc"), Append::default()).unwrap();
    assert_eq!(names(&moved), ["abc"]);
    assert!(!path.exists());
    assert_clean(&moved);
}

/// What is moved away is no part of the layout any more, whatever stands in its place.
fn blobs_that_are_moved<A: Api>() {
    for moved in ["blobs", "blobs/sha256"] {
        for what_comes in ["nothing", "another", "a link"] {
            let (scratch, path, layout) = layout::<A>();
            let before = layout.put(Source::Memory(b"before"), &Options::default()).unwrap();
            let (place, elsewhere) = (path.join(moved), scratch.path().join("elsewhere"));
            let stayed = snapshot(&place);
            let move_it = || {
                std::fs::rename(&place, &elsewhere).unwrap();
                match what_comes {
                    "another" => std::fs::create_dir(&place).unwrap(),
                    "a link" => symlink(&elsewhere, &place).unwrap(),
                    _ => {}
                }
            };
            let outcome = put_while(&layout, move_it);
            for outcome in [outcome, layout.put(Source::Memory(b"after"), &Options::default())] {
                if what_comes == "a link" {
                    let failure = outcome.unwrap_err();
                    assert_eq!(failure.kind, Kind::Format, "{moved}: {}", failure.message);
                } else {
                    let stored = outcome.unwrap().descriptor;
                    assert!(blob_path(&path, stored.digest().as_str()).exists(), "{moved}");
                }
            }
            let gone = layout.append(&before.descriptor, None, Append::default()).unwrap_err();
            let expected = if what_comes == "a link" { Kind::Format } else { Kind::NotFound };
            assert_eq!(gone.kind, expected, "{moved}, {what_comes}: {}", gone.message);
            assert_eq!(snapshot(&elsewhere), stayed, "{moved}, {what_comes}");
        }
    }
}
