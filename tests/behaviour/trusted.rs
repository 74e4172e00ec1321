//! Blobs whose digest and size are believed.

use crate::api::{Among, Api, Kind, Options, Source, Verify};
use crate::both;
use crate::fixture::{ABC, OCTETS, assert_clean, blob_path, descriptor, layout, noise, sha256};
use crate::fixture::{snapshot, write_index};
use ocilayout::FindingKind;
use std::fs::{self, File};

both!(
    a_trusted_blob_needs_digest_and_size,
    the_size_of_a_trusted_blob_is_checked,
    a_trusted_blob_that_is_another_is_found_by_verifying,
);

const MIB: usize = 1 << 20;

pub fn trusted(digest: &str, size: u64) -> Options {
    Options {
        digest: Some(digest.to_owned()),
        size: Some(size),
        trusted: true,
        ..Options::default()
    }
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
