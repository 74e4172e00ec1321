//! Blobs: put, checked, healed, read, removed.

use crate::api::{Api, Kind, OPEN, Options, Source};
use crate::both;
use crate::fixture::{ABC, ABC_512, OCTETS, assert_clean, blob_path, layout, options, put};
use crate::fixture::{LAYER, sha256, snapshot};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

both!(
    every_source_stores_the_same,
    expected_digest_and_size_hold,
    wrong_digest_is_refused,
    wrong_size_is_refused,
    larger_than_the_limit_is_refused,
    a_reader_that_fails_leaves_nothing,
    a_blob_that_is_there_is_not_written_again,
    a_known_blob_is_not_even_read,
    a_torn_blob_is_healed,
    a_corrupt_blob_is_healed_when_rehashed,
    sha512_names_a_blob,
    compression_makes_digest_and_diff_id_in_one_pass,
    gzip_has_no_time_and_no_name,
    a_blob_is_checked_while_it_is_read,
    a_blob_is_removed,
    unknown_algorithms_cannot_be_checked,
    a_never_ending_source_stops_at_its_size,
    levels_are_in_range,
);

fn every_source_stores_the_same<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let expected = sha256(&content);

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before").unwrap();
    file.write_all(&content).unwrap();
    file.seek(SeekFrom::Start(6)).unwrap();
    let (mut pipe, mut end) = std::io::pipe().unwrap();
    let piped = content.clone();
    let writer = std::thread::spawn(move || end.write_all(&piped).unwrap());
    let mut rest = content.as_slice();
    let mut one_to_seven = move |buf: &mut [u8]| {
        let n = rest.len().min(1 + rest.len() % 7).min(buf.len());
        let read = rest.read(&mut buf[..n]).unwrap();
        i64::try_from(read).unwrap()
    };

    for source in [
        Source::Memory(&content),
        Source::Callback(&mut one_to_seven),
        Source::File(file),
        Source::File(std::os::fd::OwnedFd::from(pipe.try_clone().unwrap()).into()),
        Source::Push(&content, 1),
        Source::Push(&content, 70_001),
    ] {
        let stored = layout.put(source, &Options::default()).unwrap();
        assert_eq!(stored.descriptor.digest().as_str(), expected);
        assert_eq!(stored.descriptor.size(), content.len() as u64);
        assert_eq!(stored.descriptor.media_type().as_str(), OCTETS);
        assert_eq!(stored.diff_id, None);
        assert_eq!(std::fs::read(blob_path(&path, &expected)).unwrap(), content);
        layout.remove_blob(&expected).unwrap();
    }
    writer.join().unwrap();
    assert_eq!(pipe.read(&mut [0]).unwrap(), 0, "the pipe was read to its end");
    assert_clean(&path);
}

fn expected(digest: &str, size: u64) -> Options {
    Options { digest: Some(digest.to_owned()), size: Some(size), ..Options::default() }
}

fn expected_digest_and_size_hold<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for (digest, size) in [(Some(ABC), Some(3)), (Some(ABC), None), (None, Some(3)), (None, None)] {
        let options = Options { digest: digest.map(str::to_owned), size, ..Options::default() };
        let stored = layout.put(Source::Memory(b"abc"), &options).unwrap();
        assert_eq!(stored.descriptor.digest().as_str(), ABC);
        assert_eq!(layout.blob_size(ABC).unwrap(), 3);
        layout.remove_blob(ABC).unwrap();
    }
    assert_clean(&path);
}

fn wrong_digest_is_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"before", OCTETS);
    let before = snapshot(&path);
    for source in [Source::Memory(b"evil"), Source::Push(b"evil", 2)] {
        let failure = layout.put(source, &Options { size: None, ..expected(ABC, 0) }).unwrap_err();
        assert_eq!(failure.kind, Kind::Digest);
        assert!(failure.message.contains(ABC), "{}", failure.message);
        assert!(failure.message.contains(&sha256(b"evil")), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
}

fn wrong_size_is_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"before", OCTETS);
    let before = snapshot(&path);
    for size in [0, 2, 4, i64::MAX as u64] {
        let failure = layout.put(Source::Memory(b"abc"), &expected(ABC, size)).unwrap_err();
        assert_eq!(failure.kind, Kind::Digest, "{}", failure.message);
        assert!(failure.message.contains(&format!("expected {size} bytes")), "{}", failure.message);
    }
    let failure = layout.put(Source::Memory(b"abc"), &expected(ABC, u64::MAX)).unwrap_err();
    assert_eq!(failure.kind, Kind::Invalid);
    assert_eq!(snapshot(&path), before);
}

fn larger_than_the_limit_is_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"before", OCTETS);
    let before = snapshot(&path);
    let at_most = |limit| Options { limit: Some(limit), ..Options::default() };
    assert_eq!(layout.put(Source::Memory(b"abc"), &at_most(2)).unwrap_err().kind, Kind::Limit);
    let mut forever = |buf: &mut [u8]| {
        buf.fill(7);
        i64::try_from(buf.len()).unwrap()
    };
    let failure = layout.put(Source::Callback(&mut forever), &at_most(10 << 20)).unwrap_err();
    assert_eq!(failure.kind, Kind::Limit);
    assert_eq!(snapshot(&path), before);
    layout.put(Source::Memory(b"abc"), &at_most(3)).unwrap();
}

fn a_never_ending_source_stops_at_its_size<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let mut given = 0_u64;
    let mut forever = |buf: &mut [u8]| {
        given += buf.len() as u64;
        i64::try_from(buf.len()).unwrap()
    };
    let options = Options { size: Some(1 << 20), ..Options::default() };
    let failure = layout.put(Source::Callback(&mut forever), &options).unwrap_err();
    assert_eq!(failure.kind, Kind::Digest);
    assert!(given < 3 << 20, "{given} bytes were asked for");
    assert_clean(&path);
}

fn a_reader_that_fails_leaves_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"before", OCTETS);
    let before = snapshot(&path);
    for (good, code) in [(0, -1), (1, -42), (200_000, i64::MIN), (3, i64::from(i32::MAX) * 10)] {
        for compressed in [None, Some(6)] {
            let mut left = good;
            let mut read = |buf: &mut [u8]| {
                let n = left.min(buf.len());
                left -= n;
                if n > 0 { i64::try_from(n).unwrap() } else { code }
            };
            let options = Options { gzip: compressed, ..Options::default() };
            let failure = layout.put(Source::Callback(&mut read), &options).unwrap_err();
            assert_eq!((failure.kind, failure.callback_code), (Kind::Callback, code));
            assert_eq!(snapshot(&path), before);
        }
    }
    // What failed can be tried again: nothing of the first try is believed.
    put(&layout, b"good-and-whole", OCTETS);
    assert_clean(&path);
}

fn a_blob_that_is_there_is_not_written_again<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let inode = || blob_path(&path, ABC).metadata().unwrap().ino();
    let before = inode();
    put(&layout, b"abc", OCTETS);
    layout.put(Source::Push(b"abc", 1), &expected(ABC, 3)).unwrap();
    layout.put(Source::Memory(b"abc"), &Options { rehash: true, ..Options::default() }).unwrap();
    assert_eq!(inode(), before);
}

fn a_known_blob_is_not_even_read<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let mut never = |_: &mut [u8]| -> i64 { panic!("the source was read") };
    let options = Options { media_type: Some(LAYER.to_owned()), ..expected(ABC, 3) };
    let stored = layout.put(Source::Callback(&mut never), &options).unwrap();
    assert_eq!(stored.descriptor.media_type().as_str(), LAYER);
    assert_eq!(stored.diff_id.as_deref(), Some(ABC), "a plain tar is its own diff ID");
    let rehashed = Options { rehash: true, ..options };
    layout.put(Source::Callback(&mut never), &rehashed).unwrap();
}

fn a_torn_blob_is_healed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    for torn in ["", "ab", "abcd"] {
        for options in [Options::default(), expected(ABC, 3)] {
            std::fs::write(blob_path(&path, ABC), torn).unwrap();
            layout.put(Source::Memory(b"abc"), &options).unwrap();
            assert_eq!(std::fs::read(blob_path(&path, ABC)).unwrap(), b"abc");
            assert_clean(&path);
        }
    }
}

fn a_corrupt_blob_is_healed_when_rehashed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    for options in [Options::default(), expected(ABC, 3)] {
        std::fs::write(blob_path(&path, ABC), "xyz").unwrap();
        layout.put(Source::Memory(b"abc"), &options).unwrap();
        assert_eq!(std::fs::read(blob_path(&path, ABC)).unwrap(), b"xyz", "it was trusted");
        layout.put(Source::Memory(b"abc"), &Options { rehash: true, ..options }).unwrap();
        assert_eq!(std::fs::read(blob_path(&path, ABC)).unwrap(), b"abc");
    }
    assert_clean(&path);
}

fn sha512_names_a_blob<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let by =
        |algorithm: &str| Options { algorithm: Some(algorithm.to_owned()), ..Options::default() };
    let stored = layout.put(Source::Memory(b"abc"), &by("sha512")).unwrap();
    assert_eq!(stored.descriptor.digest().as_str(), ABC_512);
    assert_eq!(std::fs::read(blob_path(&path, ABC_512)).unwrap(), b"abc");
    assert_eq!(layout.read_blob(&stored.descriptor, 3).unwrap(), b"abc");
    layout.put(Source::Memory(b"abc"), &expected(ABC_512, 3)).unwrap();
    let failure =
        layout.put(Source::Memory(b"abd"), &Options { size: None, ..expected(ABC_512, 0) });
    assert_eq!(failure.unwrap_err().kind, Kind::Digest);
    for unknown in ["md5", "blake3", "SHA256", ""] {
        let failure = layout.put(Source::Memory(b"abc"), &by(unknown)).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid);
    }
}

/// Decompresses by a tool that is not ours.
pub fn decompressed(tool: &str, path: &std::path::Path) -> Vec<u8> {
    let file = std::fs::File::open(path).unwrap();
    let mut command = std::process::Command::new(tool);
    command.arg("-dc").stdin(file).stdout(std::process::Stdio::piped());
    let output = crate::support::spawn(&mut command).wait_with_output().unwrap();
    assert!(output.status.success(), "{tool}: {}", output.status);
    output.stdout
}

fn compression_makes_digest_and_diff_id_in_one_pass<A: Api>() {
    if !crate::support::have_tools(&["gzip", "zstd"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    // Neither random nor repetitive: what compressors make of it depends on
    // where they are given a break.
    let content: Vec<u8> = (0..1_000_000_u64)
        .map(|n| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 33) as u8 & 0x3f)
        .collect();
    for (gzip, zstd, tool, media_type) in [
        (Some(0), None, "gzip", format!("{LAYER}+gzip")),
        (Some(1), None, "gzip", format!("{LAYER}+gzip")),
        (Some(5), None, "gzip", format!("{LAYER}+gzip")),
        (Some(6), None, "gzip", format!("{LAYER}+gzip")),
        (Some(9), None, "gzip", format!("{LAYER}+gzip")),
        (None, Some(1), "zstd", format!("{LAYER}+zstd")),
        (None, Some(19), "zstd", format!("{LAYER}+zstd")),
    ] {
        let options = Options { gzip, zstd, ..Options::default() };
        let mut before = None;
        for source in [
            Source::Memory(&content),
            Source::Push(&content, 37),
            Source::Push(&content, 4096),
            Source::Push(&content, 1 << 20),
        ] {
            let stored = layout.put(source, &options).unwrap();
            let digest = stored.descriptor.digest().to_string();
            let blob = std::fs::read(blob_path(&path, &digest)).unwrap();
            assert_eq!(sha256(&blob), digest);
            assert_eq!(stored.descriptor.size(), blob.len() as u64);
            assert_eq!(stored.diff_id, Some(sha256(&content)));
            assert_eq!(stored.descriptor.media_type().as_str(), media_type);
            assert!(decompressed(tool, &blob_path(&path, &digest)) == content);
            assert_eq!(*before.get_or_insert(digest.clone()), digest, "however it was read");
        }
    }
}

fn gzip_has_no_time_and_no_name<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let options = Options { gzip: Some(6), ..Options::default() };
    let stored = layout.put(Source::Memory(b"abc"), &options).unwrap();
    let blob = std::fs::read(blob_path(&path, stored.descriptor.digest().as_str())).unwrap();
    // RFC 1952: magic, deflate, no flags, no time.
    assert_eq!(&blob[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
}

fn a_blob_is_checked_while_it_is_read<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let content = vec![5; 300_000];
    let stored = put(&layout, &content, OCTETS).descriptor;
    let blob = blob_path(&path, stored.digest().as_str());
    for piece in [1000, 300_000, 500_000] {
        assert!(layout.stream_blob(&stored, piece).unwrap() == content);
    }
    assert!(layout.read_blob(&stored, 300_000).unwrap() == content);
    assert_eq!(layout.read_blob(&stored, 299_999).unwrap_err().kind, Kind::Limit);

    let mut corrupt = content.clone();
    corrupt[299_999] = 6;
    for bad in [&content[1..], &[content.as_slice(), b"x"].concat(), &corrupt, b""] {
        std::fs::write(&blob, bad).unwrap();
        assert_eq!(layout.read_blob(&stored, 300_000).unwrap_err().kind, Kind::Digest);
        let failure = layout.stream_blob(&stored, 1000).unwrap_err();
        assert_eq!(failure.kind, Kind::Digest);
        assert!(failure.message.contains(blob.to_str().unwrap()), "{}", failure.message);
    }
    std::fs::remove_file(&blob).unwrap();
    assert_eq!(layout.read_blob(&stored, 300_000).unwrap_err().kind, Kind::NotFound);
    assert_eq!(layout.stream_blob(&stored, 1000).unwrap_err().kind, Kind::NotFound);
}

fn a_blob_is_removed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    layout.remove_blob(ABC).unwrap();
    assert!(!blob_path(&path, ABC).exists());
    assert_eq!(layout.remove_blob(ABC).unwrap_err().kind, Kind::NotFound);
    assert_eq!(layout.blob_size(ABC).unwrap_err().kind, Kind::NotFound);
    assert_eq!(layout.remove_blob(ABC_512).unwrap_err().kind, Kind::NotFound);
    // Another handle sees the same.
    assert_eq!(A::open(&path, OPEN).unwrap().blob_size(ABC).unwrap_err().kind, Kind::NotFound);
}

fn unknown_algorithms_cannot_be_checked<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let blake3 = format!("blake3:{}", "ab".repeat(32));
    let failure = layout.put(Source::Memory(b"abc"), &expected(&blake3, 3)).unwrap_err();
    assert_eq!(failure.kind, Kind::Unsupported);
    assert!(failure.message.contains("blake3"), "{}", failure.message);
    assert_eq!(layout.blob_size(&blake3).unwrap_err().kind, Kind::NotFound);
}

fn levels_are_in_range<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    for (gzip, zstd) in [(Some(10), None), (Some(-2), None), (None, Some(0)), (None, Some(20))] {
        let options = Options { gzip, zstd, ..options(LAYER) };
        let failure = layout.put(Source::Memory(b"abc"), &options).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid);
        assert!(failure.message.starts_with("level: expected"), "{}", failure.message);
    }
}
