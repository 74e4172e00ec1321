//! Files that the kernel copies, or whose blocks it shares with the blob where it can.

use super::trusted::trusted;
use crate::api::{Api, CREATE, Kind, Options, Source};
use crate::both;
use crate::fixture::{assert_clean, blob_path, noise, sha256, snapshot};
use crate::mounts::Disk;
use crate::support::{compile, have_tools, program, run};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

both!(
    blocks_are_shared_on_btrfs,
    blocks_are_shared_on_xfs,
    ext4_shares_no_blocks_and_stores_the_same,
    the_end_of_a_shared_file_is_told,
);

const MIB: usize = 1 << 20;

fn none() -> Options {
    Options::default()
}

/// Whether the two files have all their blocks in common, as FIEMAP tells it.
fn share_all_blocks(one: &Path, other: &Path) -> bool {
    let blocks = |path: &Path| {
        // With the blocks of what waits to be written.
        run(Command::new("sync").arg(path));
        let said = run(Command::new("filefrag").arg("-v").arg(path));
        let rows =
            said.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        rows.map(|row| {
            let columns: Vec<&str> = row.split(':').map(str::trim).collect();
            (columns[1].to_owned(), columns[2].to_owned(), row.contains("shared"))
        })
        .collect::<Vec<_>>()
    };
    let (one, other) = (blocks(one), blocks(other));
    !one.is_empty() && one == other && one.iter().all(|(.., shared)| *shared)
}

/// What holds on any file system, and whether blocks are shared on this one.
fn stores_files<A: Api>(disk: &Disk, shares: bool) {
    if !have_tools(&["filefrag"]) {
        return;
    }
    let path = disk.path().join("layout");
    let file = disk.path().join("weights.bin");
    let content = noise(5 * MIB + 5);
    fs::write(&file, &content).unwrap();
    let (digest, size) = (sha256(&content), content.len() as u64);
    let layout = A::open(&path, CREATE).unwrap();
    let before = snapshot(&path);
    let known = Options { digest: Some(digest.clone()), size: Some(size), ..none() };
    let open = || {
        let mut file = File::open(&file).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    };
    for options in [none(), known, trusted(&digest, size)] {
        let by_path = layout.put(Source::Path(&file), &options).unwrap();
        assert_eq!(by_path.descriptor.digest().as_str(), digest);
        assert_eq!(by_path.descriptor.size(), size);
        let blob = blob_path(&path, &digest);
        assert!(fs::read(&blob).unwrap() == content);
        assert_eq!(share_all_blocks(&file, &blob), shares);
        assert_ne!(blob.metadata().unwrap().ino(), file.metadata().unwrap().ino());
        layout.remove_blob(&digest).unwrap();

        let opened = open();
        let by_fd = layout.put(Source::File(opened.try_clone().unwrap()), &options).unwrap();
        assert_eq!(by_fd.descriptor.digest().as_str(), digest);
        assert_eq!((&opened).stream_position().unwrap(), size, "it stands at its end");
        assert_eq!(share_all_blocks(&file, &blob), shares);
        layout.remove_blob(&digest).unwrap();
    }

    // From the middle of a file only the rest is stored.
    for start in [1, 4096, MIB as u64, size, size + 5] {
        let mut opened = open();
        opened.seek(SeekFrom::Start(start)).unwrap();
        let rest = content.get(start as usize..).unwrap_or_default();
        for options in [none(), trusted(&sha256(rest), rest.len() as u64)] {
            opened.seek(SeekFrom::Start(start)).unwrap();
            let source = Source::File(opened.try_clone().unwrap());
            let stored = layout.put(source, &options).unwrap();
            assert_eq!(stored.descriptor.digest().as_str(), sha256(rest), "from {start}");
            assert!(fs::read(blob_path(&path, &sha256(rest))).unwrap() == rest);
            layout.remove_blob(&sha256(rest)).unwrap();
        }
    }

    // What is shared is hashed and measured all the same.
    let other = sha256(b"something else");
    for (demand, kind) in [
        (Options { digest: Some(other), ..none() }, Kind::Digest),
        (Options { size: Some(size - 1), ..none() }, Kind::Digest),
        (Options { size: Some(size + 1), ..none() }, Kind::Digest),
        (Options { limit: Some(size - 1), ..none() }, Kind::Limit),
        (trusted(&digest, size - 1), Kind::Digest),
        (trusted(&digest, size + 1), Kind::Digest),
    ] {
        for source in [Source::Path(&file), Source::File(open())] {
            let failure = layout.put(source, &demand).unwrap_err();
            assert_eq!(failure.kind, kind, "{}", failure.message);
            assert_eq!(snapshot(&path), before);
        }
    }

    let stored = layout.put(Source::Path(&file), &Options { gzip: Some(1), ..none() }).unwrap();
    assert_eq!(stored.diff_id, Some(digest));
    let empty = disk.path().join("empty");
    fs::write(&empty, "").unwrap();
    let stored = layout.put(Source::Path(&empty), &none()).unwrap();
    assert_eq!(stored.descriptor.digest().as_str(), sha256(b""));
    assert_clean(&path);
}

/// A disk that can share blocks.
fn btrfs() -> Option<Disk> {
    Disk::formatted(&["mkfs.btrfs", "-q"], 128 << 20, "noatime")
}

fn ext4() -> Option<Disk> {
    Disk::formatted(&["mkfs.ext4", "-q"], 64 << 20, "noatime")
}

fn blocks_are_shared_on_btrfs<A: Api>() {
    if let Some(disk) = btrfs() {
        stores_files::<A>(&disk, true);
    }
}

fn blocks_are_shared_on_xfs<A: Api>() {
    let mkfs = ["mkfs.xfs", "-q", "-m", "reflink=1"];
    if let Some(disk) = Disk::formatted(&mkfs, 320 << 20, "noatime") {
        stores_files::<A>(&disk, true);
    }
}

fn ext4_shares_no_blocks_and_stores_the_same<A: Api>() {
    if let Some(disk) = ext4() {
        stores_files::<A>(&disk, false);
    }
}

/// Though nobody had to read it.
fn the_end_of_a_shared_file_is_told<A: Api>() {
    let Some(disk) = btrfs() else { return };
    let file = disk.path().join("weights.bin");
    let content = noise(5 * MIB);
    fs::write(&file, &content).unwrap();
    let (digest, size) = (sha256(&content), content.len() as u64);
    let layout = A::open(&disk.path().join("layout"), CREATE).unwrap();
    for options in [none(), trusted(&digest, size)] {
        let mut last = None;
        let mut watch = |told| {
            last = Some(told);
            true
        };
        layout.put_watched(Source::Path(&file), &options, &mut watch).unwrap();
        let last = last.unwrap();
        assert_eq!((last.bytes, last.bytes_total), (size, Some(size)), "{last:?}");
        layout.remove_blob(&digest).unwrap();
    }
}

/// How many bytes the calls with these names in theirs have moved, when a program stored a
/// file whose digest is believed.
fn moved_for_a_trusted_file(disk: &Disk, names: [&str; 2]) -> Option<[u64; 2]> {
    if !have_tools(&["gcc", "strace"]) {
        return None;
    }
    let scratch = tempfile::tempdir().unwrap();
    let (out, trace) = (scratch.path().join("trusted"), scratch.path().join("trace"));
    compile("gcc", &["-std=c11"], "tests/c/trusted.c", &out);
    let file = disk.path().join("weights.bin");
    fs::write(&file, noise(TRUSTED)).unwrap();
    let digest = sha256(&noise(TRUSTED));
    let layout = disk.path().join("layout");
    let mut strace = program("strace", scratch.path());
    strace.args(["-f", "-P"]).arg(&file).arg("-o").arg(&trace).arg(&out).arg(&layout).arg(&file);
    run(strace.args([&digest, &TRUSTED.to_string()]));
    assert!(fs::read(blob_path(&layout, &digest)).unwrap() == noise(TRUSTED));
    let trace = fs::read_to_string(&trace).unwrap();
    let calls = trace.lines().map(|line| line.split_once(' ').unwrap().1.trim());
    let results = calls.filter_map(|call| {
        let (call, result) = call.rsplit_once(" = ")?;
        Some((call, result.parse::<u64>().ok()?))
    });
    let results: Vec<_> = results.collect();
    Some(names.map(|name| {
        let called = |call: &str| call.split('(').next().unwrap_or_default().contains(name);
        results.iter().filter(|(call, _)| called(call)).map(|(_, moved)| moved).sum()
    }))
}

const TRUSTED: usize = 5 * MIB;

#[test]
fn a_trusted_file_is_shared_and_not_read() {
    let Some(disk) = btrfs() else { return };
    let Some(moved) = moved_for_a_trusted_file(&disk, ["read", "copy_file_range"]) else { return };
    assert_eq!(moved, [0, 0]);
    let blob = blob_path(&disk.path().join("layout"), &sha256(&noise(TRUSTED)));
    assert!(share_all_blocks(&disk.path().join("weights.bin"), &blob));
}

#[test]
fn a_trusted_file_is_copied_by_the_kernel_and_not_read() {
    let Some(disk) = ext4() else { return };
    let Some(moved) = moved_for_a_trusted_file(&disk, ["read", "copy_file_range"]) else { return };
    assert_eq!(moved, [0, TRUSTED as u64]);
}

/// The limit of a process for its files holds where the kernel shares blocks, too.
#[test]
fn limits_hold_where_blocks_are_shared() {
    if !have_tools(&["gcc"]) {
        return;
    }
    let Some(disk) = btrfs() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("files");
    compile("gcc", &["-std=c11"], "tests/c/files.c", &out);
    run(program(&out, scratch.path()).arg(disk.path()));
}
