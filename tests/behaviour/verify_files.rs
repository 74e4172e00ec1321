//! Verifying: what is wrong with the files of a layout beside blobs, and what does
//! not belong there.

use crate::api::{Api, Append};
use crate::both;
use crate::fixture::{ABC, OCTETS, blob_path, held, layout, put};
use crate::hostile::for_each_kind;
use crate::verify::{FULL, QUICK, kinds, named_image, place, verify};
use ocilayout::FindingKind::{Digest, Leftover, Malformed, Missing, Unreadable};
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

both!(
    names_that_no_blob_has_are_found,
    something_else_in_the_place_of_blobs_is_found,
    what_writers_left_is_found,
    broken_files_are_found,
);

fn names_that_no_blob_has_are_found<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    fs::create_dir_all(path.join("blobs/.tmp/sha256")).unwrap();
    fs::create_dir_all(path.join("blobs/blake3")).unwrap();
    for name in ["tmp-1", "sha256/.tmp-1", "sha256/zz", "sha256/new\nline", ".tmp/sha256/inside"] {
        fs::write(path.join("blobs").join(name), "").unwrap();
    }
    fs::write(path.join("blobs/sha256").join(ABC[7..].to_uppercase()), "abc").unwrap();
    fs::create_dir(path.join("blobs/sha256/folder")).unwrap();
    fs::write(path.join("blobs/sha256").join(OsStr::from_bytes(b"\xff")), "").unwrap();
    for how in [FULL, QUICK] {
        let found = verify::<A>(&path, how);
        let names: Vec<_> =
            found.iter().map(|finding| finding.path.as_os_str().as_bytes()).collect();
        let upper = format!("blobs/sha256/{}", ABC[7..].to_uppercase());
        let mut expected: Vec<&[u8]> = vec![
            b"blobs/.tmp",
            b"blobs/sha256/.tmp-1",
            b"blobs/sha256/folder",
            b"blobs/sha256/new\nline",
            b"blobs/sha256/zz",
            b"blobs/sha256/\xff",
            b"blobs/tmp-1",
            upper.as_bytes(),
        ];
        expected.sort_unstable();
        assert_eq!(names, expected);
        for finding in &found {
            assert_eq!((finding.kind, &finding.digest), (Leftover, &None));
            assert!(!finding.message.contains('\n') && finding.referenced_from.is_empty());
        }
    }
}

fn something_else_in_the_place_of_blobs_is_found<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let stored = put(&layout, b"abc", OCTETS).descriptor;
    layout.append(&stored, Some("x"), Append::default()).unwrap();
    let outside = scratch.path().join("outside");
    fs::rename(path.join("blobs"), &outside).unwrap();
    fs::write(outside.join("sha256/stray"), "not looked at").unwrap();
    for (name, target) in [("blobs", outside.clone()), ("blobs/sha256", outside.join("sha256"))] {
        if name != "blobs" {
            fs::remove_file(path.join("blobs")).unwrap();
            fs::create_dir(path.join("blobs")).unwrap();
        }
        symlink(target, path.join(name)).unwrap();
        let found = verify::<A>(&path, FULL);
        let blob = place(ABC);
        assert_eq!(kinds(&found), [(Unreadable, Path::new(name)), (Unreadable, blob.as_path())]);
        for finding in found {
            let says = format!("{name}: expected a directory, found a symbolic link");
            assert!(finding.message.ends_with(&says), "{}", finding.message);
        }
    }
}

fn what_writers_left_is_found<A: Api>() {
    let (_scratch, path, _layout) = layout::<A>();
    let stage = ".ocilayout-fedcba9876543210";
    fs::create_dir(path.join(stage)).unwrap();
    assert_eq!(verify::<A>(&path, FULL), [], "a writer may just have made it");
    fs::write(path.join(stage).join("1"), "half a file").unwrap();
    fs::write(path.join(".ocilayout-notes"), "no name that a writer gives").unwrap();
    fs::write(path.join(".ocilayout-0123456789abcdef"), "no folder").unwrap();
    symlink("/etc", path.join(".ocilayout-000000000000000a")).unwrap();
    let found = verify::<A>(&path, QUICK);
    assert_eq!(kinds(&found), [(Leftover, Path::new(stage))]);
    let lock = held(&path.join(stage));
    assert_eq!(verify::<A>(&path, FULL), [], "a living writer holds it");
    drop(lock);
    assert_eq!(verify::<A>(&path, FULL), found);
}

fn broken_files_are_found<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (_, _, layer) = named_image(&layout, "x");
    // Open before: a layout whose files are broken cannot be opened.
    let one = |name: &str, kind, says: &str| {
        let found = layout.verify(FULL).unwrap();
        assert_eq!(kinds(&found), [(kind, Path::new(name))], "{found:?}");
        assert!(found[0].digest.is_none() && found[0].referenced_from.is_empty());
        assert!(found[0].message.contains(says), "{}", found[0].message);
        assert!(found[0].message.starts_with(path.join(name).to_str().unwrap()));
    };
    for name in ["index.json", "oci-layout"] {
        let sound = fs::read(path.join(name)).unwrap();
        for bad in ["", "null", "{}", "{", r#"{"imageLayoutVersion":"2.0.0","schemaVersion":1}"#] {
            fs::write(path.join(name), bad).unwrap();
            one(name, Malformed, "");
        }
        OpenOptions::new().append(true).open(path.join(name)).unwrap().set_len(1 << 27).unwrap();
        one(name, Malformed, "expected at most 67108864 bytes");
        for_each_kind(&path.join(name), |kind| one(name, Unreadable, kind));
        one(name, Missing, "expected a file, found none");
        fs::write(path.join(name), sound).unwrap();
        assert_eq!(layout.verify(FULL).unwrap(), []);
    }
    // What an index that cannot be read has named is hashed all the same.
    fs::write(path.join("index.json"), "").unwrap();
    fs::write(blob_path(&path, layer.digest().as_str()), "Layer x").unwrap();
    let found = layout.verify(FULL).unwrap();
    let on = place(layer.digest().as_str());
    assert_eq!(kinds(&found), [(Digest, on.as_path()), (Malformed, Path::new("index.json"))]);
    // As umoci and go-containerregistry write an index without entries.
    fs::remove_file(path.join(on)).unwrap();
    fs::write(path.join("index.json"), r#"{"schemaVersion":2,"manifests":null}"#).unwrap();
    assert_eq!(layout.verify(FULL).unwrap(), []);
    fs::remove_dir_all(path.join("blobs")).unwrap();
    assert_eq!(layout.verify(FULL).unwrap(), []);
}
