//! The way of a layer: the same bytes whoever works on it, and nothing of one that fails.

use crate::api::{Api, CREATE, Kind, Options, Outcome, Source, Stored};
use crate::both;
use crate::fixture::{assert_clean, layout, noise, sha256, snapshot, text};
use crate::mounts::Disk;
use crate::support::without_forks;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

both!(
    bytes_depend_on_content_and_options_alone,
    reads_of_one_byte_change_nothing,
    a_source_that_fails_half_way_leaves_nothing,
    what_is_not_as_promised_is_refused_on_all_threads,
    a_disk_that_is_too_small_says_so,
);

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// At the edges of the pieces: 256 KiB as given, 512 KiB for zstd, 1 MiB for gzip.
const SIZES: [usize; 11] = [
    0,
    1,
    256 * KIB,
    256 * KIB + 1,
    512 * KIB - 1,
    512 * KIB,
    512 * KIB + 1,
    MIB - 1,
    MIB,
    MIB + 1,
    5 * MIB,
];

/// What zstd cuts in two. It takes long at a high level.
const TWO_JOBS: usize = 2 * MIB + 5;

fn none() -> Options {
    Options::default()
}

fn gzip(level: i32) -> Options {
    Options { gzip: Some(level), ..Options::default() }
}

fn zstd(level: i32) -> Options {
    Options { zstd: Some(level), ..Options::default() }
}

/// What a callback gives of some bytes, so many at once as `sizes` says, again and again.
fn given(bytes: &[u8], sizes: &'static [usize]) -> impl FnMut(&mut [u8]) -> i64 + Send {
    let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
    move |buf: &mut [u8]| {
        let most = buf.len().min(*sizes.next().unwrap());
        i64::try_from(rest.read(&mut buf[..most]).unwrap()).unwrap()
    }
}

/// A file that has the bytes behind others, and stands at their start.
fn file(folder: &Path, before: &[u8], bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile_in(folder).unwrap();
    file.write_all(before).unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(before.len() as u64)).unwrap();
    file
}

fn put_through_a_pipe<A: Api>(layout: &A, bytes: &[u8], options: &Options) -> Outcome<Stored> {
    let (pipe, mut end) = std::io::pipe().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || end.write_all(bytes).unwrap());
        layout.put(Source::File(std::os::fd::OwnedFd::from(pipe).into()), options)
    })
}

const WAYS: usize = 9;

/// Puts the bytes in one of the ways that there are.
fn put<A: Api>(
    layout: &A,
    scratch: &Path,
    way: usize,
    bytes: &[u8],
    options: &Options,
) -> Outcome<Stored> {
    match way {
        0 => layout.put(Source::Memory(bytes), options),
        1 => layout.put(Source::Push(bytes, 4 * KIB), options),
        2 => layout.put(Source::Push(bytes, MIB), options),
        3 => layout.put(Source::Push(bytes, 70_001), options),
        4 => layout.put(Source::Callback(&mut given(bytes, &[4096, 1, 9973, 65_537])), options),
        5 => layout.put(Source::File(file(scratch, b"", bytes)), options),
        6 => layout.put(Source::File(file(scratch, b"before", bytes)), options),
        7 => put_through_a_pipe(layout, bytes, options),
        _ => {
            let path = scratch.join("file");
            std::fs::write(&path, bytes).unwrap();
            layout.put(Source::Path(&path), options)
        }
    }
}

fn bytes_depend_on_content_and_options_alone<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let all = SIZES.as_slice();
    let few = [MIB - 1, MIB + 1].as_slice();
    let cases = [
        (none(), all),
        (gzip(0), all),
        (gzip(1), all),
        (gzip(6), all),
        (gzip(9), few),
        (zstd(1), all),
        (zstd(3), all),
        (zstd(19), &[TWO_JOBS]),
    ];
    // 9 ways and 4 numbers of threads: each pair has its turn.
    let mut way = (0..WAYS).cycle();
    for size in SIZES.into_iter().chain([TWO_JOBS]) {
        let mut contents =
            vec![("text", text(size)), ("zeros", vec![0; size]), ("noise", noise(size))];
        contents.truncate(if size == TWO_JOBS { 1 } else { 3 });
        for (kind, content) in contents {
            let diff_id = sha256(&content);
            for (options, sizes) in &cases {
                if !sizes.contains(&size) {
                    continue;
                }
                let mut first: Option<Stored> = None;
                for threads in [1, 2, 3, 8] {
                    let way = way.next().unwrap();
                    layout.set_threads(threads);
                    let stored = put(&layout, scratch.path(), way, &content, options).unwrap();
                    let first = first.get_or_insert_with(|| stored.clone());
                    let (digest, expected) =
                        (stored.descriptor.digest(), first.descriptor.digest());
                    let what = format!(
                        "{size} bytes of {kind}, gzip {:?}, zstd {:?}, {threads} threads, way {way}",
                        options.gzip, options.zstd,
                    );
                    assert_eq!(digest, expected, "{what}");
                    assert_eq!(stored.descriptor.size(), first.descriptor.size(), "{what}");
                    match &stored.diff_id {
                        Some(of_source) => assert_eq!(*of_source, diff_id, "{what}"),
                        None => assert_eq!(digest.as_str(), diff_id, "{what}"),
                    }
                }
            }
        }
    }
    assert_clean(&path);
}

fn reads_of_one_byte_change_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    for size in [1, 256 * KIB + 1, 512 * KIB + 1, MIB + 1] {
        let content = text(size);
        for options in [none(), gzip(1), zstd(1)] {
            let whole = layout.put(Source::Memory(&content), &options).unwrap();
            let pushed = layout.put(Source::Push(&content, 1), &options).unwrap();
            let read = layout.put(Source::Callback(&mut given(&content, &[1])), &options).unwrap();
            for stored in [pushed, read] {
                assert_eq!(stored.descriptor.json(), whole.descriptor.json(), "{size} bytes");
                assert_eq!(stored.diff_id, whole.diff_id, "{size} bytes");
            }
        }
    }
    assert_clean(&path);
}

fn a_source_that_fails_half_way_leaves_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(4);
    let before = snapshot(&path);
    let content = noise(6 * MIB);
    for options in [none(), gzip(1), gzip(9), zstd(3)] {
        for (good, code) in [(0, -1), (700_000, -42), (MIB, i64::MIN), (5 * MIB + 5, -7)] {
            let mut whole = given(&content[..good], &[9973]);
            let mut read = |buf: &mut [u8]| match whole(buf) {
                0 => code,
                n => n,
            };
            let failure = layout.put(Source::Callback(&mut read), &options).unwrap_err();
            assert_eq!((failure.kind, failure.callback_code), (Kind::Callback, code));
            assert!(failure.message.contains(&code.to_string()), "{}", failure.message);
            assert_eq!(snapshot(&path), before, "after {good} bytes");
        }
        layout.put(Source::Memory(&content), &options).expect("the next one");
        let stored = layout.put(Source::Push(&content, MIB), &options).unwrap();
        layout.remove_blob(stored.descriptor.digest().as_str()).unwrap();
    }
    assert_eq!(snapshot(&path), before);
}

fn what_is_not_as_promised_is_refused_on_all_threads<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(4);
    let before = snapshot(&path);
    let content = noise(6 * MIB);
    let wrong = sha256(b"something else");
    for options in [none(), gzip(1), zstd(1)] {
        for (demand, kind) in [
            (Options { limit: Some(2 * MIB as u64), ..options.clone() }, Kind::Limit),
            (Options { size: Some(2 * MIB as u64), ..options.clone() }, Kind::Digest),
            (Options { size: Some(9 * MIB as u64), ..options.clone() }, Kind::Digest),
            (Options { digest: Some(wrong.clone()), ..options.clone() }, Kind::Digest),
        ] {
            for source in [Source::Memory(&content), Source::Push(&content, 70_001)] {
                let failure = layout.put(source, &demand).unwrap_err();
                assert_eq!(failure.kind, kind, "{}", failure.message);
                assert_eq!(snapshot(&path), before, "{}", failure.message);
            }
        }
    }
}

fn a_disk_that_is_too_small_says_so<A: Api>() {
    let Some(disk) = Disk::new("size=4m") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    layout.set_threads(4);
    let content = noise(16 * MIB);
    let alone = without_forks();
    let before = snapshot(&path);
    for options in [none(), gzip(0), gzip(1), zstd(1)] {
        for source in [
            Source::Memory(&content),
            Source::Push(&content, 70_001),
            Source::Callback(&mut given(&content, &[65_537])),
        ] {
            let failure = layout.put(source, &options).unwrap_err();
            assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOSPC));
            assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
            assert_eq!(snapshot(&path), before, "{}", failure.message);
        }
        let small = layout.put(Source::Memory(&content[..2 * MIB]), &options).unwrap();
        layout.remove_blob(small.descriptor.digest().as_str()).unwrap();
    }
    drop(alone);
    assert_clean(&path);
}
