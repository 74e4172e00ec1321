//! Files as sources: by path and by descriptor, shared with the blob where that can be,
//! and believed where that is asked for.

use crate::api::{Among, Api, CREATE, Kind, Options, Source, Verify};
use crate::both;
use crate::fixture::{ABC, OCTETS, assert_clean, blob_path, layout, make_fifo, noise, options};
use crate::fixture::{descriptor, sha256, snapshot, text, write_index};
use crate::mounts::Disk;
use crate::support::{compile, have_tools, program, run};
use ocilayout::FindingKind;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

both!(
    a_file_gets_its_name_as_title,
    what_is_no_file_is_refused_and_not_waited_for,
    a_file_that_changes_while_it_is_read_is_refused,
    blocks_are_shared_on_btrfs,
    blocks_are_shared_on_xfs,
    ext4_shares_no_blocks_and_stores_the_same,
    a_trusted_blob_needs_digest_and_size,
    the_size_of_a_trusted_blob_is_checked,
    a_trusted_blob_that_is_another_is_found_by_verifying,
);

const TITLE: &str = "org.opencontainers.image.title";
const MIB: usize = 1 << 20;

fn none() -> Options {
    Options::default()
}

fn gzip(level: i32) -> Options {
    Options { gzip: Some(level), ..Options::default() }
}

fn trusted(digest: &str, size: u64) -> Options {
    Options { digest: Some(digest.to_owned()), size: Some(size), trusted: true, ..none() }
}

fn a_file_gets_its_name_as_title<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let folder = scratch.path().join("models/large");
    fs::create_dir_all(&folder).unwrap();
    let weights = "application/vnd.example.weights";
    for name in ["weights.bin", "with spaces", "grüß", "\"quoted\"\n", ".hidden", "-"] {
        fs::write(folder.join(name), "abc").unwrap();
        let stored = layout.put(Source::Path(&folder.join(name)), &options(weights)).unwrap();
        assert_eq!(stored.descriptor.annotation(TITLE), Some(name));
        assert_eq!(stored.descriptor.annotations().count(), 1);
        assert_eq!(stored.descriptor.media_type().as_str(), weights);
        assert_eq!(stored.descriptor.digest().as_str(), ABC);
        assert_eq!(stored.diff_id, None);
    }
    // A link is followed, and it is its own name that counts.
    symlink(folder.join("weights.bin"), folder.join("link")).unwrap();
    let stored = layout.put(Source::Path(&folder.join("link")), &gzip(6)).unwrap();
    assert_eq!(stored.descriptor.annotation(TITLE), Some("link"));
    assert_eq!(stored.diff_id.as_deref(), Some(ABC));
    // One that is there and is not read gets it as well.
    let known = Options { digest: Some(ABC.to_owned()), size: Some(3), ..none() };
    let stored = layout.put(Source::Path(&folder.join("weights.bin")), &known).unwrap();
    assert_eq!(stored.descriptor.annotation(TITLE), Some("weights.bin"));
    // An open file has no name.
    let file = File::open(folder.join("weights.bin")).unwrap();
    let stored = layout.put(Source::File(file), &none()).unwrap();
    assert_eq!(stored.descriptor.annotation(TITLE), None);
    assert_clean(&path);
}

fn what_is_no_file_is_refused_and_not_waited_for<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    let at = |name: &str| scratch.path().join(name);
    make_fifo(&at("fifo"));
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("file"), "abc").unwrap();
    symlink(at("absent"), at("dangling")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let not_text = scratch.path().join(std::ffi::OsStr::from_bytes(b"not \xff text"));
    fs::write(&not_text, "abc").unwrap();
    let begun = Instant::now();
    for (file, kind, errno) in [
        (at("fifo"), Kind::Format, 0),
        (at("folder"), Kind::Format, 0),
        (at("socket"), Kind::Format, 0),
        ("/dev/zero".into(), Kind::Format, 0),
        (at("absent"), Kind::NotFound, 0),
        (at("dangling"), Kind::NotFound, 0),
        (at("folder/absent"), Kind::NotFound, 0),
        (at("loop"), Kind::Io, libc::ELOOP),
        (at("file/below"), Kind::Io, libc::ENOTDIR),
        // A regular file whose first page cannot be read, whoever asks.
        ("/proc/self/mem".into(), Kind::Io, libc::EIO),
        (at("a").join("n".repeat(256)), Kind::NotFound, 0),
        (at(&"n".repeat(256)), Kind::Io, libc::ENAMETOOLONG),
        (not_text, Kind::Invalid, 0),
        (at("folder/.."), Kind::Invalid, 0),
        ("/".into(), Kind::Invalid, 0),
        ("".into(), Kind::Invalid, 0),
    ] {
        for options in [none(), gzip(1), trusted(ABC, 3)] {
            let single = layout.put(Source::Path(&file), &options).unwrap_err();
            let sources = vec![(Among::Path(file.clone()), options)];
            let all = layout.put_all(sources, 0, None).unwrap_err();
            for failure in [&single, &all] {
                let what = format!("{}: {}", file.display(), failure.message);
                assert_eq!((failure.kind, failure.errno), (kind, errno), "{what}");
                let named = if kind == Kind::Invalid {
                    failure.message.contains("path: ")
                } else {
                    failure.message.contains(file.to_str().unwrap())
                };
                assert!(named, "{what}");
            }
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "something was waited for");
    assert_eq!(snapshot(&path), before);
}

/// What happens to a file of so many bytes.
type Change = (&'static str, fn(&File, u64));

/// The first call of the watch changes the file: a slow way leaves enough of it by then.
fn a_file_that_changes_while_it_is_read_is_refused<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    layout.set_threads(1);
    let file = scratch.path().join("changing");
    let changes: [Change; 4] = [
        ("cut to nothing", |file, _| file.set_len(0).unwrap()),
        ("written to", |file, _| file.write_all_at(b"x", 5).unwrap()),
        ("cut by a byte", |file, size| file.set_len(size - 1).unwrap()),
        ("longer by a byte", |file, size| file.set_len(size + 1).unwrap()),
    ];
    let by_sha512 = Options { algorithm: Some("sha512".to_owned()), ..none() };
    layout.put(Source::Memory(b"first of its algorithm"), &by_sha512).unwrap();
    for (options, mebibytes, changes) in
        [(by_sha512, 256, &changes[..2]), (gzip(9), 32, changes.as_slice())]
    {
        let before = snapshot(&path);
        let content = if options.gzip.is_some() { text(MIB) } else { vec![0; MIB] };
        for (what, change) in changes {
            let changing = File::create(&file).unwrap();
            (0..mebibytes).for_each(|_| (&changing).write_all(&content).unwrap());
            let size = changing.metadata().unwrap().len();
            let mut changed = false;
            let outcome = layout.put_watched(Source::Path(&file), &options, &mut |told| {
                if !changed && told.bytes < size {
                    change(&changing, size);
                    changed = true;
                    // Until the clock of the file system has gone on.
                    std::thread::sleep(Duration::from_millis(20));
                }
                true
            });
            assert!(changed, "{what}: {size} bytes were read too fast");
            let failure = outcome.expect_err(what);
            assert_eq!(failure.kind, Kind::Conflict, "{what}: {}", failure.message);
            assert!(failure.message.contains(file.to_str().unwrap()), "{}", failure.message);
            assert!(failure.message.contains("changed"), "{}", failure.message);
            assert_eq!(snapshot(&path), before, "{what}");
        }
    }
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
    for options in [none(), known.clone(), trusted(&digest, size)] {
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

    // The end is told of a file that nobody had to read, too.
    for options in [none(), known, trusted(&digest, size)] {
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

    let stored = layout.put(Source::Path(&file), &gzip(1)).unwrap();
    assert_eq!(stored.diff_id, Some(digest));
    let empty = disk.path().join("empty");
    fs::write(&empty, "").unwrap();
    let stored = layout.put(Source::Path(&empty), &none()).unwrap();
    assert_eq!(stored.descriptor.digest().as_str(), sha256(b""));
    assert_clean(&path);
}

fn blocks_are_shared_on_btrfs<A: Api>() {
    if !have_tools(&["filefrag"]) {
        return;
    }
    let mkfs = ["mkfs.btrfs", "-q"];
    let Some(disk) = Disk::formatted(&mkfs, 128 << 20, "noatime") else { return };
    stores_files::<A>(&disk, true);
}

fn blocks_are_shared_on_xfs<A: Api>() {
    if !have_tools(&["filefrag"]) {
        return;
    }
    let mkfs = ["mkfs.xfs", "-q", "-m", "reflink=1"];
    let Some(disk) = Disk::formatted(&mkfs, 320 << 20, "noatime") else { return };
    stores_files::<A>(&disk, true);
}

fn ext4_shares_no_blocks_and_stores_the_same<A: Api>() {
    if !have_tools(&["filefrag"]) {
        return;
    }
    let Some(disk) = Disk::formatted(&["mkfs.ext4", "-q"], 64 << 20, "noatime") else { return };
    stores_files::<A>(&disk, false);
}

fn a_trusted_blob_needs_digest_and_size<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let file = scratch.path().join("file");
    fs::write(&file, "abc").unwrap();
    let before = snapshot(&path);
    for options in [
        Options { digest: None, ..trusted(ABC, 3) },
        Options { size: None, ..trusted(ABC, 3) },
        Options { digest: None, size: None, ..trusted(ABC, 3) },
        Options { gzip: Some(1), ..trusted(ABC, 3) },
        Options { zstd: Some(1), ..trusted(ABC, 3) },
    ] {
        for failure in [
            layout.put(Source::Memory(b"abc"), &options).unwrap_err(),
            layout.put(Source::Push(b"abc", 1), &options).unwrap_err(),
            layout.put(Source::Path(&file), &options).unwrap_err(),
            layout.put_all(vec![(Among::Memory(b"abc"), options)], 0, None).unwrap_err(),
        ] {
            assert_eq!(failure.kind, Kind::Invalid, "{}", failure.message);
            assert!(failure.message.contains("flags: expected trusted"), "{}", failure.message);
        }
    }
    assert_eq!(snapshot(&path), before);
}

fn the_size_of_a_trusted_blob_is_checked<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let file = scratch.path().join("file");
    let before = snapshot(&path);
    for content in [b"abc".to_vec(), noise(3 * MIB)] {
        fs::write(&file, &content).unwrap();
        let (digest, size) = (sha256(&content), content.len() as u64);
        let sources = || {
            [
                Source::Memory(&content),
                Source::Push(&content, 70_001),
                Source::Path(&file),
                Source::File(File::open(&file).unwrap()),
            ]
        };
        for wrong in [0, size - 1, size + 1, i64::MAX as u64] {
            for source in sources() {
                let failure = layout.put(source, &trusted(&digest, wrong)).unwrap_err();
                assert_eq!(failure.kind, Kind::Digest, "{}", failure.message);
                assert!(failure.message.contains(&digest), "{}", failure.message);
                assert_eq!(snapshot(&path), before);
            }
        }
        for source in sources() {
            let stored = layout.put(source, &trusted(&digest, size)).unwrap();
            assert_eq!(stored.descriptor.digest().as_str(), digest);
            assert!(fs::read(blob_path(&path, &digest)).unwrap() == content);
            layout.remove_blob(&digest).unwrap();
        }
    }
    assert_clean(&path);
}

fn a_trusted_blob_that_is_another_is_found_by_verifying<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let file = scratch.path().join("file");
    fs::write(&file, "evil").unwrap();
    let digest = sha256(b"good");
    for source in [Source::Path(&file), Source::Memory(b"evil"), Source::Push(b"evil", 1)] {
        let stored = layout.put(source, &trusted(&digest, 4)).unwrap();
        assert_eq!(fs::read(blob_path(&path, &digest)).unwrap(), b"evil");
        write_index(&path, &[&descriptor(OCTETS, &digest, 4)]);
        let found = layout.verify(Verify::default()).unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.kind, one.digest.as_deref())).collect();
        assert_eq!(found, [(FindingKind::Digest, Some(digest.as_str()))]);
        // Hashed again, it is mended.
        let rehashed = Options { rehash: true, trusted: false, ..trusted(&digest, 4) };
        layout.put(Source::Memory(b"good"), &rehashed).unwrap();
        assert!(layout.verify(Verify::default()).unwrap().is_empty());
        layout.remove_blob(stored.descriptor.digest().as_str()).unwrap();
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
    let mkfs = ["mkfs.btrfs", "-q"];
    let Some(disk) = Disk::formatted(&mkfs, 128 << 20, "noatime") else { return };
    let Some(moved) = moved_for_a_trusted_file(&disk, ["read", "copy_file_range"]) else { return };
    assert_eq!(moved, [0, 0]);
    let blob = blob_path(&disk.path().join("layout"), &sha256(&noise(TRUSTED)));
    assert!(share_all_blocks(&disk.path().join("weights.bin"), &blob));
}

#[test]
fn a_trusted_file_is_copied_by_the_kernel_and_not_read() {
    let Some(disk) = Disk::formatted(&["mkfs.ext4", "-q"], 64 << 20, "noatime") else { return };
    let Some(moved) = moved_for_a_trusted_file(&disk, ["read", "copy_file_range"]) else { return };
    assert_eq!(moved, [0, TRUSTED as u64]);
}

/// The limit of a process for its files holds where the kernel shares blocks, too.
#[test]
fn limits_hold_where_blocks_are_shared() {
    if !have_tools(&["gcc"]) {
        return;
    }
    let mkfs = ["mkfs.btrfs", "-q"];
    let Some(disk) = Disk::formatted(&mkfs, 128 << 20, "noatime") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("files");
    compile("gcc", &["-std=c11"], "tests/c/files.c", &out);
    run(program(&out, scratch.path()).arg(disk.path()));
}
